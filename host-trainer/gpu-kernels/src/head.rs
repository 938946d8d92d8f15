//! The end of a network: global average, classifier, losses, and their gradients.
//!
//! A cube handles an image of a path, except in the weight gradient and the total of the losses.

mod loss;

use cubecl::prelude::*;

use self::loss::head_gradients;
use crate::buffer::Buffer;

const UNITS: u32 = 64;

/// What the outputs are, which decides on the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outputs {
    /// Logits of classes: cross-entropy with targets whose sum is the weight of an image.
    Classes,
    /// A logit for each label: mean binary cross-entropy.
    Labels,
    /// Values: mean squared error. A teacher has no temperature.
    Values,
}

/// Constants of the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Head {
    /// Number of paths.
    pub paths: u32,
    /// Images of a path.
    pub images: u32,
    /// Pixels of an image.
    pub pixels: u32,
    /// Channels of the last map.
    pub channels: u32,
    /// Number of outputs.
    pub classes: u32,
    /// Kind of the outputs.
    pub outputs: Outputs,
}

/// Rows of the table that the head reads.
#[derive(Clone, Copy, Debug)]
pub struct HeadRows {
    /// Widths of the last map.
    pub width: u32,
    /// Offsets of the classifier's weights, `[classes, channels]`.
    pub weights: u32,
    /// Offsets of its bias.
    pub bias: u32,
}

/// Losses of an update: Eq. 1 and 2 of arXiv 2108.05866.
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    /// Number of leading paths that learn from the targets alone: 1 with the largest network, else 0.
    pub largest: u32,
    /// Share of the teacher in the loss of the other paths; 0 without a teacher.
    pub alpha: f32,
    /// Temperature of teacher and student.
    pub temperature: f32,
    /// Number of other paths of the update, over which their losses are averaged; at least 1.
    pub students: u32,
}

/// Buffers of the head.
#[derive(Clone, Debug)]
pub struct HeadBuffers<M> {
    /// Last map, `[paths, images, pixels, channels]`.
    pub x: Buffer<M>,
    /// Parameters.
    pub parameters: Buffer<f32>,
    /// Table of the update.
    pub table: Buffer<u32>,
    /// Means of the last map, `[paths, images, channels]`.
    pub pooled: Buffer<f32>,
    /// Logits, `[paths, images, classes]`.
    pub logits: Buffer<f32>,
    /// Targets, `[images, classes]`.
    pub targets: Buffer<f32>,
    /// Logits of the teacher, `[images, classes]`, at the start of the buffer.
    pub teacher: Buffer<f32>,
    /// Gradient of the logits.
    pub dlogits: Buffer<f32>,
    /// Gradient of the pixels, the same for all pixels of an image: `[paths, images, channels]`.
    pub dpixels: Buffer<M>,
    /// Loss of each image of each path, divided by the number of images.
    pub losses: Buffer<f32>,
    /// Sums over updates: the loss of the largest network, and the mean loss of the others.
    pub total: Buffer<f32>,
    /// Gradient of the parameters, to which the sums are added.
    pub gradient: Buffer<f32>,
}

#[cube(launch)]
#[allow(clippy::too_many_arguments)]
fn head_logits<M: Float>(
    x: &Array<M>,
    parameters: &Array<f32>,
    table: &Array<u32>,
    pooled: &mut Array<f32>,
    logits: &mut Array<f32>,
    row_width: u32,
    row_weights: u32,
    row_bias: u32,
    #[comptime] h: Head,
) {
    let path = CUBE_POS_Y;
    let image = path * h.images + CUBE_POS_X;
    let width = table[(row_width * h.paths + path) as usize];
    // A path that this update does not have.
    if width == 0 {
        terminate!();
    }
    let weights = table[(row_weights * h.paths + path) as usize];
    let bias = table[(row_bias * h.paths + path) as usize];
    let mut means = SharedMemory::<f32>::new(comptime!(h.channels as usize));
    for channel in range_stepped(UNIT_POS, width, UNITS) {
        let mut sum = 0.0f32;
        for pixel in 0..h.pixels {
            sum += f32::cast_from(x[((image * h.pixels + pixel) * h.channels + channel) as usize]);
        }
        let mean = sum / comptime!(h.pixels as f32);
        means[channel as usize] = mean;
        pooled[(image * h.channels + channel) as usize] = mean;
    }
    sync_cube();
    for class in range_stepped(UNIT_POS, h.classes, UNITS) {
        let mut sum = parameters[(bias + class) as usize];
        for channel in 0..width {
            sum += means[channel as usize]
                * parameters[(weights + class * h.channels + channel) as usize];
        }
        logits[(image * h.classes + class) as usize] = sum;
    }
}

#[cube(launch)]
#[allow(clippy::too_many_arguments)]
fn head_weights(
    pooled: &Array<f32>,
    dlogits: &Array<f32>,
    table: &Array<u32>,
    gradient: &mut Array<f32>,
    row_width: u32,
    row_weights: u32,
    row_bias: u32,
    #[comptime] h: Head,
) {
    // A cube handles a class; the unit after the last channel handles the bias.
    let class = CUBE_POS_X;
    for channel in range_stepped(UNIT_POS, comptime!(h.channels + 1), UNITS) {
        for path in 0..h.paths {
            let bias = channel == h.channels;
            let width = table[(row_width * h.paths + path) as usize];
            if (bias && width > 0) || channel < width {
                let mut sum = 0.0f32;
                for i in 0..h.images {
                    let image = path * h.images + i;
                    let d = dlogits[(image * h.classes + class) as usize];
                    let mut value = d;
                    if !bias {
                        value = d * pooled[(image * h.channels + channel) as usize];
                    }
                    sum += value;
                }
                let mut to =
                    table[(row_weights * h.paths + path) as usize] + class * h.channels + channel;
                if bias {
                    to = table[(row_bias * h.paths + path) as usize] + class;
                }
                gradient[to as usize] += sum;
            }
        }
    }
}

#[cube(launch)]
fn head_total(
    losses: &Array<f32>,
    total: &mut Array<f32>,
    largest: u32,
    students: u32,
    #[comptime] h: Head,
) {
    let mut sums = SharedMemory::<f32>::new(comptime!((2 * UNITS) as usize));
    let mut own = 0.0f32;
    let mut others = 0.0f32;
    for i in range_stepped(UNIT_POS, comptime!(h.paths * h.images), UNITS) {
        let loss = losses[i as usize];
        if i / h.images < largest {
            own += loss;
        } else {
            others += loss;
        }
    }
    sums[UNIT_POS as usize] = own;
    sums[(UNITS + UNIT_POS) as usize] = others;
    sync_cube();
    if UNIT_POS < 2 {
        let mut sum = 0.0f32;
        for i in 0..UNITS {
            sum += sums[(UNIT_POS * UNITS + i) as usize];
        }
        if UNIT_POS == 1 {
            sum /= f32::cast_from(students);
        }
        total[UNIT_POS as usize] += sum;
    }
}

impl Head {
    /// Computes means and logits.
    pub fn logits<M: Float + CubeElement, R: Runtime>(
        &self,
        client: &ComputeClient<R>,
        buffers: &HeadBuffers<M>,
        rows: HeadRows,
    ) {
        head_logits::launch::<M, R>(
            client,
            CubeCount::Static(self.images, self.paths, 1),
            CubeDim::new_1d(UNITS),
            buffers.x.arg(),
            buffers.parameters.arg(),
            buffers.table.arg(),
            buffers.pooled.arg(),
            buffers.logits.arg(),
            rows.width,
            rows.weights,
            rows.bias,
            *self,
        );
    }

    /// Computes the losses and the gradients of everything in the head.
    pub fn gradients<M: Float + CubeElement, R: Runtime>(
        &self,
        client: &ComputeClient<R>,
        buffers: &HeadBuffers<M>,
        rows: HeadRows,
        loss: Loss,
    ) {
        head_gradients::launch::<M, R>(
            client,
            CubeCount::Static(self.images, self.paths, 1),
            CubeDim::new_1d(UNITS),
            buffers.logits.arg(),
            buffers.teacher.arg(),
            buffers.targets.arg(),
            buffers.parameters.arg(),
            buffers.table.arg(),
            buffers.dlogits.arg(),
            buffers.dpixels.arg(),
            buffers.losses.arg(),
            rows.width,
            rows.weights,
            loss.largest,
            loss.alpha,
            loss.temperature,
            *self,
        );
        head_weights::launch::<R>(
            client,
            CubeCount::Static(self.classes, 1, 1),
            CubeDim::new_1d(UNITS),
            buffers.pooled.arg(),
            buffers.dlogits.arg(),
            buffers.table.arg(),
            buffers.gradient.arg(),
            rows.width,
            rows.weights,
            rows.bias,
            *self,
        );
        head_total::launch::<R>(
            client,
            CubeCount::Static(1, 1, 1),
            CubeDim::new_1d(UNITS),
            buffers.losses.arg(),
            buffers.total.arg(),
            loss.largest,
            loss.students,
            *self,
        );
    }
}
