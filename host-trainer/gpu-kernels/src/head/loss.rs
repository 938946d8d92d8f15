//! Losses of the outputs of an image, and their gradients.

use cubecl::prelude::*;

use super::{Head, Outputs, UNITS};

/// Reads logits `[classes]` from `first` on into shared memory, divided by a temperature, and returns
/// their maximum and the logarithm of the sum of their exponentials.
#[cube]
fn log_sum(
    logits: &Array<f32>,
    first: u32,
    temperature: f32,
    shared: &mut SharedMemory<f32>,
    #[comptime] classes: u32,
) -> f32 {
    sync_cube();
    for class in range_stepped(UNIT_POS, classes, UNITS) {
        shared[class as usize] = logits[(first + class) as usize] / temperature;
    }
    sync_cube();
    let mut most = shared[0];
    for class in 1..classes {
        most = max(most, shared[class as usize]);
    }
    let mut sum = 0.0f32;
    for class in 0..classes {
        sum += f32::exp(shared[class as usize] - most);
    }
    most + f32::ln(sum)
}

/// What the losses of an image are computed from.
#[derive(CubeType, Clone, Copy)]
struct Place {
    /// First logit of the image in its path.
    logit: u32,
    /// First target of the image, and first logit of its teacher.
    target: u32,
    /// Share of the teacher.
    share: f32,
    temperature: f32,
}

/// Writes the gradient of the cross-entropy of an image, and returns the unit's part of the loss.
#[cube]
fn of_classes(
    logits: &Array<f32>,
    teacher: &Array<f32>,
    targets: &Array<f32>,
    place: Place,
    gradient: &mut SharedMemory<f32>,
    #[comptime] classes: u32,
) -> f32 {
    let mut cold = SharedMemory::<f32>::new(comptime!(classes as usize));
    let mut warm = SharedMemory::<f32>::new(comptime!(classes as usize));
    let mut soft = SharedMemory::<f32>::new(comptime!(classes as usize));
    let share = place.share;
    let temperature = place.temperature;
    let log_cold = log_sum(logits, place.logit, 1.0f32, &mut cold, classes);
    let log_warm = log_sum(logits, place.logit, temperature, &mut warm, classes);
    let log_soft = log_sum(teacher, place.target, temperature, &mut soft, classes);
    let mut weight = 0.0f32;
    for class in 0..classes {
        weight += targets[(place.target + class) as usize];
    }
    let mut loss = 0.0f32;
    for class in range_stepped(UNIT_POS, classes, UNITS) {
        let target = targets[(place.target + class) as usize];
        let probability = f32::exp(cold[class as usize] - log_cold);
        let mut d = (1.0f32 - share) * (weight * probability - target);
        loss += (1.0f32 - share) * target * (log_cold - cold[class as usize]);
        if share > 0.0f32 {
            let student = f32::exp(warm[class as usize] - log_warm);
            let teacher = f32::exp(soft[class as usize] - log_soft);
            d += share * weight / temperature * (student - teacher);
            loss += share * weight * teacher * (log_warm - warm[class as usize]);
        }
        gradient[class as usize] = d;
    }
    loss
}

/// The loss of an output against a target.
#[cube]
fn loss_of(output: f32, target: f32, #[comptime] outputs: Outputs) -> f32 {
    let mut loss = (output - target) * (output - target);
    if comptime!(outputs == Outputs::Labels) {
        let size = max(output, -output);
        loss = max(output, 0.0f32) - output * target + f32::log1p(f32::exp(-size));
    }
    loss
}

/// Its derivative by the output.
#[cube]
fn derivative_of(output: f32, target: f32, #[comptime] outputs: Outputs) -> f32 {
    let mut derivative = 2.0f32 * (output - target);
    if comptime!(outputs == Outputs::Labels) {
        derivative = sigmoid(output) - target;
    }
    derivative
}

#[cube]
fn sigmoid(value: f32) -> f32 {
    1.0f32 / (1.0f32 + f32::exp(-value))
}

/// Writes the gradient of the mean loss of the outputs of an image, and returns the unit's part of the
/// loss.
#[cube]
fn of_outputs(
    logits: &Array<f32>,
    teacher: &Array<f32>,
    targets: &Array<f32>,
    place: Place,
    gradient: &mut SharedMemory<f32>,
    #[comptime] h: Head,
) -> f32 {
    let n = comptime!(h.classes as f32);
    let share = place.share;
    let mut loss = 0.0f32;
    for output in range_stepped(UNIT_POS, h.classes, UNITS) {
        let z = logits[(place.logit + output) as usize];
        let target = targets[(place.target + output) as usize];
        let mut d = (1.0f32 - share) * derivative_of(z, target, h.outputs);
        loss += (1.0f32 - share) * loss_of(z, target, h.outputs) / n;
        if share > 0.0f32 {
            let mut temperature = 1.0f32.runtime();
            let mut soft = teacher[(place.target + output) as usize];
            if comptime!(h.outputs == Outputs::Labels) {
                temperature = place.temperature;
                soft = sigmoid(soft / temperature);
            }
            let z = z / temperature;
            d += share / temperature * derivative_of(z, soft, h.outputs);
            loss += share * loss_of(z, soft, h.outputs) / n;
        }
        gradient[output as usize] = d / n;
    }
    loss
}

#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn head_gradients<M: Float>(
    logits: &Array<f32>,
    teacher: &Array<f32>,
    targets: &Array<f32>,
    parameters: &Array<f32>,
    table: &Array<u32>,
    dlogits: &mut Array<f32>,
    dpixels: &mut Array<M>,
    losses: &mut Array<f32>,
    row_width: u32,
    row_weights: u32,
    largest: u32,
    alpha: f32,
    temperature: f32,
    #[comptime] h: Head,
) {
    let path = CUBE_POS_Y;
    let at = path * h.images + CUBE_POS_X;
    let width = table[(row_width * h.paths + path) as usize];
    if width == 0 {
        if UNIT_POS == 0 {
            losses[at as usize] = 0.0f32;
        }
        terminate!();
    }
    let mut gradient = SharedMemory::<f32>::new(comptime!(h.classes as usize));
    let mut parts = SharedMemory::<f32>::new(comptime!(UNITS as usize));
    let place = Place {
        logit: at * h.classes,
        target: CUBE_POS_X * h.classes,
        share: select(path < largest, 0.0f32, alpha),
        temperature,
    };
    if comptime!(h.outputs == Outputs::Classes) {
        parts[UNIT_POS as usize] =
            of_classes(logits, teacher, targets, place, &mut gradient, h.classes);
    } else {
        parts[UNIT_POS as usize] = of_outputs(logits, teacher, targets, place, &mut gradient, h);
    }
    let n = comptime!(h.images as f32);
    for class in range_stepped(UNIT_POS, h.classes, UNITS) {
        let d = gradient[class as usize] / n;
        gradient[class as usize] = d;
        dlogits[(at * h.classes + class) as usize] = d;
    }
    sync_cube();
    if UNIT_POS == 0 {
        let mut loss = 0.0f32;
        for i in 0..UNITS {
            loss += parts[i as usize];
        }
        losses[at as usize] = loss / n;
    }
    let weights = table[(row_weights * h.paths + path) as usize];
    for channel in range_stepped(UNIT_POS, width, UNITS) {
        let mut sum = 0.0f32;
        for class in 0..h.classes {
            sum += gradient[class as usize]
                * parameters[(weights + class * h.channels + channel) as usize];
        }
        dpixels[(at * h.channels + channel) as usize] =
            M::cast_from(sum / comptime!(h.pixels as f32));
    }
}
