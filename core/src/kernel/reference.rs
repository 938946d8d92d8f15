//! The obvious loops: what every other kernel is compared with.

use super::{ClassifierTask, ConvTask, Kernels};
use crate::graph::padded;
use crate::quant;
use crate::space::Shape;

/// One value at a time, straight from `core/docs/quantization.md`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

/// Index of a value, in bytes from the tensor's start.
const fn index(shape: Shape, y: usize, x: usize, channel: usize) -> usize {
    (y * shape.width as usize + x) * padded(shape.channels) + channel
}

impl Kernels for Reference {
    const OVERLAP: bool = false;

    fn conv(&self, task: &ConvTask<'_>, arena: &mut [u32]) {
        let bytes: &mut [i8] = bytemuck::cast_slice_mut(arena);
        let weights: &[i8] = bytemuck::cast_slice(task.weights);
        let shape = task.weight_shape();
        let (height, width) = (usize::from(task.input.height), usize::from(task.input.width));
        let pad = task.kernel / 2;
        for y in 0..usize::from(task.output.height) {
            for x in 0..usize::from(task.output.width) {
                for o in 0..usize::from(task.output.channels) {
                    let mut sum = task.bias[o];
                    for ky in 0..task.kernel {
                        for kx in 0..task.kernel {
                            for c in 0..usize::from(task.input.channels) {
                                let (py, px) = (y * task.stride + ky, x * task.stride + kx);
                                let inside = (pad..pad + height).contains(&py)
                                    && (pad..pad + width).contains(&px);
                                let q = if inside {
                                    bytes[task.input_at * 4
                                        + index(task.input, py - pad, px - pad, c)]
                                } else {
                                    task.input_zero
                                };
                                sum += i32::from(q) * i32::from(weights[shape.index(o, ky, kx, c)]);
                            }
                        }
                    }
                    let at = index(task.output, y, x, o);
                    if let Some(residual) = task.residual_at {
                        sum += i32::from(bytes[residual * 4 + at]) * task.residual_multiplier[o];
                    }
                    bytes[task.output_at * 4 + at] = quant::requantise(
                        sum,
                        task.positive[o],
                        task.negative[o],
                        task.output_zero,
                    );
                }
            }
        }
    }

    fn classifier(&self, task: &ClassifierTask<'_>, arena: &mut [u32], logits: &mut [i32]) {
        let bytes: &[i8] = bytemuck::cast_slice(arena);
        let weights: &[i8] = bytemuck::cast_slice(task.weights);
        let stride = padded(task.input.channels);
        let shift = quant::pool_shift(task.input.pixels());
        for (class, logit) in logits.iter_mut().enumerate() {
            let mut sum = task.bias[class];
            for c in 0..usize::from(task.input.channels) {
                let mut total = 0;
                for pixel in 0..task.input.pixels() {
                    total += i32::from(bytes[task.input_at * 4 + pixel * stride + c]);
                }
                let pooled = i32::from(quant::pooled(total, shift));
                sum += pooled * i32::from(weights[class * stride + c]);
            }
            *logit = quant::mulr(sum, task.multiplier[class]);
        }
    }
}
