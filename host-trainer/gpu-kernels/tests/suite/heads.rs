//! Losses of classes, labels and values with a teacher, and their gradients, with paths of different widths.

use super::*;
use supernano_gpu_kernels::head::{Head, HeadBuffers, HeadRows, Loss, Outputs};

const HEAD: Head =
    Head { paths: 4, images: 3, pixels: 5, channels: 6, classes: 70, outputs: Outputs::Classes };
/// Channels of the paths, the second of which this update does not have.
const WIDTHS: [u32; 4] = [6, 0, 2, 5];
const ALPHA: f64 = 0.75;
const TEMPERATURE: f64 = 2.0;

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// The logarithms of the probabilities of classes.
fn log_softmax(logits: &[f64]) -> Vec<f64> {
    let most = logits.iter().fold(f64::MIN, |most, &z| most.max(z));
    let sum: f64 = logits.iter().map(|z| (z - most).exp()).sum();
    logits.iter().map(|z| z - most - sum.ln()).collect()
}

/// The loss of the outputs of an image and its gradient.
fn loss(outputs: Outputs, z: &[f64], targets: &[f64]) -> (f64, Vec<f64>) {
    let n = z.len() as f64;
    let pairs = || z.iter().zip(targets);
    match outputs {
        Outputs::Classes => {
            let logs = log_softmax(z);
            let weight: f64 = targets.iter().sum();
            let loss = logs.iter().zip(targets).map(|(log, t)| -log * t).sum();
            (loss, logs.iter().zip(targets).map(|(log, t)| weight * log.exp() - t).collect())
        }
        Outputs::Labels => {
            let loss = |(&z, t): (&f64, &f64)| z.max(0.0) - z * t + (-z.abs()).exp().ln_1p();
            let gradient = pairs().map(|(&z, t)| (sigmoid(z) - t) / n);
            (pairs().map(loss).sum::<f64>() / n, gradient.collect())
        }
        Outputs::Values => {
            let gradient = pairs().map(|(z, t)| 2.0 * (z - t) / n);
            (pairs().map(|(z, t)| (z - t).powi(2)).sum::<f64>() / n, gradient.collect())
        }
    }
}

/// [`loss`] of a path that learns from a teacher, or from the targets alone.
fn distilled(
    outputs: Outputs,
    z: &[f64],
    targets: &[f64],
    teacher: Option<&[f64]>,
) -> (f64, Vec<f64>) {
    let (own, own_gradient) = loss(outputs, z, targets);
    let Some(teacher) = teacher else { return (own, own_gradient) };
    let t = if outputs == Outputs::Values { 1.0 } else { TEMPERATURE };
    let [z, teacher] = [z, teacher].map(|z| z.iter().map(|z| z / t).collect::<Vec<_>>());
    let weight: f64 = targets.iter().sum();
    let soft: Vec<f64> = match outputs {
        Outputs::Classes => log_softmax(&teacher).iter().map(|log| weight * log.exp()).collect(),
        Outputs::Labels => teacher.iter().map(|z| sigmoid(*z)).collect(),
        Outputs::Values => teacher,
    };
    let (other, gradient) = loss(outputs, &z, &soft);
    let blend = |(own, other): (&f64, &f64)| (1.0 - ALPHA) * own + ALPHA * other / t;
    let gradient = own_gradient.iter().zip(&gradient).map(blend).collect();
    ((1.0 - ALPHA) * own + ALPHA * other, gradient)
}

fn check(client: &Client, outputs: Outputs) {
    let head = Head { outputs, ..HEAD };
    let [paths, images, pixels, channels, classes] =
        [head.paths, head.images, head.pixels, head.channels, head.classes].map(|n| n as usize);
    let x = noise(1, paths * images * pixels * channels);
    // Some logits are large.
    let parameters: Vec<f32> =
        noise(2, classes * (channels + 1)).iter().map(|v| 60.0 * v).collect();
    let bias = classes * channels;
    let table = [&WIDTHS[..], &[0; 4], &[bias as u32; 4]].concat();
    let targets: Vec<f32> = noise(3, images * classes).iter().map(|v| v.abs()).collect();
    let floats = |values: usize| Buffer::new(client, &vec![0.0f32; values]);
    let rows = paths * images;
    let logits = floats(rows * classes);
    let buffers = HeadBuffers::<f32> {
        x: Buffer::new(client, &x),
        parameters: Buffer::new(client, &parameters),
        table: Buffer::new(client, &table),
        pooled: floats(rows * channels),
        targets: Buffer::new(client, &targets),
        teacher: logits.clone(),
        logits,
        dlogits: floats(rows * classes),
        dpixels: floats(rows * channels),
        losses: floats(rows),
        total: floats(2),
        gradient: floats(parameters.len()),
    };
    let head_rows = HeadRows { width: 0, weights: 1, bias: 2 };
    head.logits(client, &buffers, head_rows);
    let [alpha, temperature] = [ALPHA, TEMPERATURE].map(|v| v as f32);
    let numbers = Loss { largest: 1, alpha, temperature, students: 3 };
    head.gradients(client, &buffers, head_rows, numbers);

    let numbers = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
    let (x, parameters, targets) = (numbers(&x), numbers(&parameters), numbers(&targets));
    let mut first = Vec::new();
    let mut total = [0.0; 2];
    let mut gradient = vec![0.0; parameters.len()];
    let mut dpixels = vec![f64::NAN; rows * channels];
    for row in (0..rows).filter(|row| WIDTHS[row / images] > 0) {
        let (path, image) = (row / images, row % images);
        let width = WIDTHS[path] as usize;
        let value = |pixel: usize, c: usize| x[(row * pixels + pixel) * channels + c];
        let means: Vec<f64> = (0..width)
            .map(|c| (0..pixels).map(|pixel| value(pixel, c)).sum::<f64>() / pixels as f64)
            .collect();
        let weight = |class: usize, c: usize| parameters[class * channels + c];
        let logit = |class: usize| {
            parameters[bias + class]
                + means.iter().enumerate().map(|(c, mean)| mean * weight(class, c)).sum::<f64>()
        };
        let z: Vec<f64> = (0..classes).map(logit).collect();
        if path == 0 {
            first.extend_from_slice(&z);
        }
        let own = image * classes..(image + 1) * classes;
        let teacher = (path > 0).then(|| &first[own.clone()]);
        let (loss, d) = distilled(outputs, &z, &targets[own], teacher);
        total[usize::from(path > 0)] += loss / images as f64 / if path > 0 { 3.0 } else { 1.0 };
        for (class, d) in d.iter().map(|d| d / images as f64).enumerate() {
            gradient[bias + class] += d;
            for (c, mean) in means.iter().enumerate() {
                gradient[class * channels + c] += d * mean;
                let to = &mut dpixels[row * channels + c];
                *to = if to.is_nan() { 0.0 } else { *to } + d * weight(class, c) / pixels as f64;
            }
        }
    }
    let what = |part: &str| format!("{part} of {outputs:?}");
    let read = |buffer: &Buffer<f32>| buffer.read(client).unwrap();
    assert_close(&read(&buffers.total), &total, TOLERANCE, &what("losses"));
    assert_close(&read(&buffers.dpixels), &dpixels, TOLERANCE, &what("pixel gradients"));
    assert_close(&read(&buffers.gradient), &gradient, TOLERANCE, &what("gradients"));
}

#[test]
fn losses_and_their_gradients_agree_with_plain_loops() {
    let client = client();
    for outputs in [Outputs::Classes, Outputs::Labels, Outputs::Values] {
        check(&client, outputs);
    }
}
