//! The reference kernels: plain loops, which every other kernel is compared with.

use core::ops::Range;

use super::shape::ConvShape;
use super::task::{ClassifierTask, ConvTask, Kernels};
use super::weights::weight;
use crate::graph::{Observer, padded};
use crate::quant;
use crate::space::Shape;

/// Kernels that compute one value at a time, as `core/docs/quantization.md` writes it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

/// Byte index of a value in a tensor.
const fn index(shape: Shape, y: usize, x: usize, channel: usize) -> usize {
    (y * shape.width as usize + x) * padded(shape.channels) + channel
}

/// A value of a convolution's input.
fn value(task: &ConvTask<'_>, arena: &[u32], y: usize, x: usize, channel: usize) -> i8 {
    let bytes: &[i8] = bytemuck::cast_slice(arena);
    let input = task.shape.input;
    if task.table.is_empty() {
        return bytes[task.input_at * 4 + index(input, y, x, channel)];
    }
    let pixel = y * usize::from(input.width) + x;
    let byte = bytes[task.input_at * 4 + pixel * usize::from(input.channels) + channel] as u8;
    task.table[channel * 256 + usize::from(byte)]
}

impl Kernels for Reference {
    const ROLLED: bool = false;

    fn conv<O: Observer + ?Sized>(
        &self,
        task: &ConvTask<'_>,
        _: Range<usize>,
        arena: &mut [u32],
        observer: &mut O,
    ) {
        observer.enter(task.op);
        let ConvShape { input, output, kernel, stride, kind } = task.shape;
        let (kernel, stride) = (usize::from(kernel), usize::from(stride));
        let (height, width) = (usize::from(input.height), usize::from(input.width));
        let pad = kernel / 2;
        for y in 0..usize::from(output.height) {
            for x in 0..usize::from(output.width) {
                for o in 0..usize::from(output.channels) {
                    let (finish, half) = (task.finish(o / 2), o % 2);
                    let mut sum = finish.bias[half];
                    for ky in 0..kernel {
                        for kx in 0..kernel {
                            for c in 0..usize::from(input.channels) {
                                let (py, px) = (y * stride + ky, x * stride + kx);
                                let inside = (pad..pad + height).contains(&py)
                                    && (pad..pad + width).contains(&px);
                                let q = if inside {
                                    value(task, arena, py - pad, px - pad, c)
                                } else {
                                    task.input_zero
                                };
                                let at = [o, ky, kx, c];
                                sum += i32::from(q)
                                    * weight(kind, task.weight_shape(), task.weights, at);
                            }
                        }
                    }
                    let bytes: &mut [i8] = bytemuck::cast_slice_mut(arena);
                    let at = index(output, y, x, o);
                    if let Some(residual) = task.residual_at {
                        sum += i32::from(bytes[residual * 4 + at]) * finish.residual[half];
                    }
                    bytes[task.output_at * 4 + at] = quant::requantise(
                        sum,
                        finish.positive[half],
                        if finish.kind.prelu() { finish.negative } else { finish.positive }[half],
                        task.output_zero,
                    );
                }
            }
            let row = task.shape.out_row();
            let start = task.output_at + y * row;
            observer.row(task.op, y, &arena[start..start + row]);
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
