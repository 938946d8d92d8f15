//! The fast path: widened rows in a ring, packed weights, tiles of a [`MicroKernel`].

use super::finish::{Finish, FinishKind, PairRow};
use super::micro::{MicroKernel, TILE_PIXELS, Window};
use super::{ClassifierTask, ConvTask, Kernels};
use crate::graph::padded;
use crate::quant;
use crate::space::Shape;

/// Kernels over the primitives `M`.
///
/// Each input row is widened once into a ring of `kernel` rows; from then on the row is free, so
/// that an output may be written over its input.
#[derive(Clone, Copy, Debug, Default)]
pub struct Packed<M>(pub M);

/// Layout of the ring, in words.
#[derive(Clone, Copy, Debug)]
struct Ring {
    /// Phases of a plane: a 1x1 kernel never reads the skipped pixels, so they are left out.
    phases: usize,
    /// Words of a phase.
    phase: usize,
    /// Words of a row.
    row: usize,
}

const fn ring(channels: u16, out_width: u16, kernel: usize, stride: usize) -> Ring {
    let phases = if kernel == 1 { 1 } else { stride };
    let phase = (out_width as usize).next_multiple_of(TILE_PIXELS) + (kernel - 1) / phases;
    Ring { phases, phase, row: padded(channels) / 2 * phases * phase }
}

/// Words of one widened row; the packed path needs `kernel` of them as scratch.
pub const fn row_words(input: Shape, output: Shape, kernel: usize, stride: usize) -> usize {
    ring(input.channels, output.width, kernel, stride).row
}

impl<M: MicroKernel> Kernels for Packed<M> {
    const OVERLAP: bool = true;

    fn conv(&self, task: &ConvTask<'_>, arena: &mut [u32]) {
        conv(&self.0, task, arena);
    }

    fn classifier(&self, task: &ClassifierTask<'_>, arena: &mut [u32], logits: &mut [i32]) {
        let words = task.pixel_words();
        let input = task.input_at..task.input_at + task.input.pixels() * words;
        let Ok([input, pairs]) = arena.get_disjoint_mut([input, task.scratch.clone()]) else {
            return;
        };
        let shift = quant::pool_shift(task.input.pixels());
        for (j, pair) in pairs.chunks_exact_mut(2).enumerate() {
            let sums = self.0.pool(input.get(j..).unwrap_or_default(), words);
            let [c0, c1, c2, c3] = sums.map(|s| u32::from(quant::pooled(s, shift) as u16));
            pair[0] = c0 | (c2 << 16);
            pair[1] = c1 | (c3 << 16);
        }
        let rows = task.weights.chunks_exact(words);
        let numbers = task.bias.iter().zip(task.multiplier);
        for ((logit, row), (&bias, &multiplier)) in logits.iter_mut().zip(rows).zip(numbers) {
            *logit = self.0.mulr(self.0.dot(pairs, row, bias), multiplier);
        }
    }
}

fn conv<M: MicroKernel>(micro: &M, task: &ConvTask<'_>, arena: &mut [u32]) {
    let ring = ring(task.input.channels, task.output.width, task.kernel, task.stride);
    let out_row = usize::from(task.output.width) * padded(task.output.channels) / 4;
    let outside = u32::from(task.input_zero as i16 as u16);
    arena[task.scratch.clone()].fill(outside | (outside << 16));

    let mut widened = 0;
    for y in 0..usize::from(task.output.height) {
        let top = y * task.stride;
        for row in widened.max(top)..top + task.kernel {
            widen(micro, task, ring, row, arena);
        }
        widened = top + task.kernel;

        let output = task.output_at + y * out_row;
        if let Some(residual) = task.residual_at
            && residual != task.output_at
        {
            let residual = residual + y * out_row;
            arena.copy_within(residual..residual + out_row, output);
        }
        let places = [task.scratch.clone(), output..output + out_row];
        let Ok([rows, output]) = arena.get_disjoint_mut(places) else { return };
        let (second, first) = rows.split_at(top % task.kernel * ring.row);
        let Some(window) = Window::new([first, second], ring.phase, task.kernel, ring.phases)
        else {
            return;
        };
        finish_row(micro, task, &window, bytemuck::cast_slice_mut(output));
    }
}

/// Widens a row into its slot of the ring; `row` counts the padding above the image.
fn widen<M: MicroKernel>(
    micro: &M,
    task: &ConvTask<'_>,
    ring: Ring,
    row: usize,
    arena: &mut [u32],
) {
    let pad = task.kernel / 2;
    let slot = task.scratch.start + row % task.kernel * ring.row;
    let slot = slot..slot + ring.row;
    let y = row.wrapping_sub(pad);
    if y >= usize::from(task.input.height) {
        let outside = u32::from(task.input_zero as i16 as u16);
        arena[slot].fill(outside | (outside << 16));
        return;
    }
    let (width, words) = (usize::from(task.input.width), padded(task.input.channels) / 4);
    let source = task.input_at + y * width * words;
    let places = [source..source + width * words, slot];
    let Ok([source, slot]) = arena.get_disjoint_mut(places) else { return };
    for (j, planes) in slot.chunks_exact_mut(2 * ring.phases * ring.phase).enumerate() {
        let (low, high) = planes.split_at_mut(ring.phases * ring.phase);
        // The padding at both sides is never written and keeps the zero point.
        for parity in 0..ring.phases.min(width) {
            let count = (width - parity).div_ceil(task.stride);
            let start = (parity + pad) % ring.phases * ring.phase + (parity + pad) / ring.phases;
            micro.widen(
                &source[parity * words + j..],
                task.stride * words,
                &mut low[start..start + count],
                &mut high[start..start + count],
            );
        }
    }
}

/// One row of outputs; with a residual it holds that on entry.
fn finish_row<M: MicroKernel>(
    micro: &M,
    task: &ConvTask<'_>,
    window: &Window<'_>,
    output: &mut [i8],
) {
    let pitch = padded(task.output.channels);
    for (o, weights) in task.weights.chunks_exact(window.weight_words()).enumerate() {
        let two = |values: &[i32]| {
            values.get(2 * o..).and_then(|v| v.first_chunk()).copied().unwrap_or([0; 2])
        };
        let finish = Finish {
            bias: two(task.bias),
            residual: two(task.residual_multiplier),
            positive: two(task.positive),
            negative: two(task.negative),
            zero: i32::from(task.output_zero),
            kind: FinishKind::of(task.residual_at.is_some(), task.activation),
        };
        let bytes = output.get_mut(2 * o..).unwrap_or_default();
        let row = PairRow::new(bytes, pitch, usize::from(task.output.width));
        let Some(mut row) = row else { return };
        micro.row(window, weights, &finish, &mut row);
    }
}
