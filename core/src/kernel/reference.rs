//! The reference kernels: plain loops, which every other kernel is compared with.

use core::ops::Range;

use super::task::{ClassifierTask, ConvTask, Kernels};
use super::weights::{depthwise_row_words, depthwise_weight, weight};
use crate::graph::{Form, Observer, padded};
use crate::quant;
use crate::shape::Shape;

/// Kernels that compute one value at a time, as `core/docs/quantization.md` writes it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

/// Byte index of a value in a tensor.
const fn index(shape: Shape, y: usize, x: usize, channel: usize) -> usize {
    (y * shape.width as usize + x) * padded(shape.channels) + channel
}

/// A value of a layer's input.
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

/// The value of channel `c` under row `ky` and column `kx` of the window of output (y, x); `None`
/// outside the input.
fn under(
    task: &ConvTask<'_>,
    arena: &[u32],
    at: [usize; 2],
    [ky, kx]: [usize; 2],
    c: usize,
) -> Option<i8> {
    let shape = &task.shape;
    let row = (at[0] * shape.stride() + ky).checked_sub(shape.above())?;
    let column = (at[1] * shape.across() + kx).checked_sub(shape.left())?;
    let inside = row < usize::from(shape.input.height) && column < usize::from(shape.input.width);
    inside.then(|| value(task, arena, row, column, c))
}

/// The sum of the products or values of output `[y, x, o]`, without bias.
fn sum(task: &ConvTask<'_>, arena: &[u32], [y, x, o]: [usize; 3]) -> i32 {
    let shape = &task.shape;
    let [rows, columns] = shape.geometry.kernel.map(usize::from);
    let input = |ky, kx, c| {
        let value = under(task, arena, [y, x], [ky, kx], c);
        i32::from(value.unwrap_or(task.input_zero))
    };
    let mut sum = 0;
    for ky in 0..rows {
        for kx in 0..columns {
            match shape.form {
                Form::Depthwise => {
                    let words = depthwise_row_words(shape.geometry.kernel[1]);
                    let start = (o * rows + ky) * words;
                    let row = &task.weights[start..start + words];
                    sum += input(ky, kx, o) * depthwise_weight(row, kx);
                }
                Form::Full => {
                    for c in 0..usize::from(shape.input.channels) {
                        let at = [o, ky, kx, c];
                        let w = weight(shape.kind, task.weight_shape(), task.weights, at);
                        sum += input(ky, kx, c) * w;
                    }
                }
                _ => sum += input(ky, kx, o),
            }
        }
    }
    sum
}

/// The sum of all products of a dense layer's output, without bias.
fn dense(task: &ConvTask<'_>, arena: &[u32], o: usize) -> i32 {
    let input = task.shape.input;
    let weights: &[i8] = bytemuck::cast_slice(task.weights);
    let weights = &weights[o * task.shape.in_words() * 4..];
    let mut sum = 0;
    for y in 0..usize::from(input.height) {
        for x in 0..usize::from(input.width) {
            for c in 0..usize::from(input.channels) {
                let pixel = y * usize::from(input.width) + x;
                let at = if task.table.is_empty() {
                    index(input, y, x, c)
                } else {
                    pixel * usize::from(input.channels) + c
                };
                sum += i32::from(value(task, arena, y, x, c)) * i32::from(weights[at]);
            }
        }
    }
    sum
}

fn output_value(task: &ConvTask<'_>, arena: &[u32], [y, x, o]: [usize; 3]) -> i8 {
    let shape = &task.shape;
    let [rows, columns] = shape.geometry.kernel.map(usize::from);
    let half = o % 2;
    if shape.form == Form::Maximum {
        let windows = (0..rows).flat_map(|ky| (0..columns).map(move |kx| [ky, kx]));
        let values = windows.filter_map(|at| under(task, arena, [y, x], at, o));
        return values.max().unwrap_or(i8::MIN);
    }
    let total = match shape.form {
        Form::Dense => dense(task, arena, o),
        _ => sum(task, arena, [y, x, o]),
    };
    let (scale, finish) = if shape.form.scaled() {
        let (scale, finish) = task.scaled(o / 2);
        (scale[half], finish)
    } else {
        (1, task.finish(o / 2))
    };
    let mut acc = finish.bias[half] + scale * total;
    if let Some(residual) = task.residual_at {
        let bytes: &[i8] = bytemuck::cast_slice(arena);
        let added = bytes[residual * 4 + index(shape.output, y, x, o)];
        acc += i32::from(added) * finish.residual[half];
    }
    let negative = if finish.kind.prelu() { finish.negative } else { finish.positive };
    quant::requantise(acc, finish.positive[half], negative[half], task.output_zero)
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
        let output = task.shape.output;
        for y in 0..usize::from(output.height) {
            for x in 0..usize::from(output.width) {
                for o in 0..usize::from(output.channels) {
                    let value = output_value(task, arena, [y, x, o]);
                    let bytes: &mut [i8] = bytemuck::cast_slice_mut(arena);
                    bytes[task.output_at * 4 + index(output, y, x, o)] = value;
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
