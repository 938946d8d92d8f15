//! Layers that take no rows: a dense layer reads its whole input, an addition reads each value once.

use core::ops::Range;

use super::super::halves::sxtb16;
use super::super::micro::MicroKernel;
use super::super::stage::part;
use super::super::task::ConvTask;
use super::Sides;
use crate::graph::Observer;

/// Executes a dense layer.
#[expect(clippy::indexing_slicing, reason = "constant arrays, and indices modulo their lengths")]
#[inline(never)]
pub(super) fn dense<M: MicroKernel, O: Observer + ?Sized>(
    micro: &M,
    task: &ConvTask<'_>,
    scratch: Range<usize>,
    arena: &mut [u32],
    observer: &mut O,
) -> Option<()> {
    let (mut sides, pairs) = Sides::new(arena, scratch)?;
    let words = task.shape.in_words();
    let input = sides.words(task.input_at, words);
    let channels = usize::from(task.shape.input.channels).max(1);
    let mut channel = 0;
    for (&word, pair) in input.iter().zip(pairs.chunks_exact_mut(2)) {
        let word = if task.table.is_empty() {
            word
        } else {
            // Bytes behind the image have weights of 0.
            u32::from_le_bytes(word.to_le_bytes().map(|byte| {
                let value = task.table.get(channel * 256 + usize::from(byte));
                channel = if channel + 1 == channels { 0 } else { channel + 1 };
                value.copied().unwrap_or(0) as u8
            }))
        };
        if let [first, second] = pair {
            (*first, *second) = (sxtb16(word), sxtb16(word.rotate_right(8)));
        }
    }
    let out: &mut [i8] = bytemuck::cast_slice_mut(sides.rows(task, 0..1));
    for (o, value) in out.iter_mut().take(usize::from(task.shape.output.channels)).enumerate() {
        let finish = task.finish(o / 2);
        let weights = part(task.weights, words, o).unwrap_or_default();
        let sum = micro.dot(pairs, weights, finish.bias[o % 2]);
        let negative = finish.kind.prelu() && sum < 0;
        let factor = if negative { finish.negative } else { finish.positive }[o % 2];
        *value = micro.sat8(finish.zero.wrapping_add(micro.mulr(sum, factor)));
    }
    sides.tell(task.op, task, 0..1, observer);
    Some(())
}

/// Executes an addition.
#[expect(clippy::indexing_slicing, reason = "constant arrays, and indices modulo their lengths")]
#[inline(never)]
pub(super) fn addition<M: MicroKernel, O: Observer + ?Sized>(
    micro: &M,
    task: &ConvTask<'_>,
    scratch: Range<usize>,
    arena: &mut [u32],
    observer: &mut O,
) -> Option<()> {
    let residual_at = task.residual_at?;
    let (mut sides, _) = Sides::new(arena, scratch)?;
    let row = task.shape.out_row();
    let channels = usize::from(task.shape.output.channels);
    let pixel = row / usize::from(task.shape.output.width).max(1);
    for y in 0..usize::from(task.shape.output.height) {
        for at in 0..row {
            let word = |start: usize| {
                let word = sides.words(start + y * row + at, 1).first().copied().unwrap_or(0);
                word.to_le_bytes().map(|byte| i32::from(byte as i8))
            };
            let (a, b) = (word(task.input_at), word(residual_at));
            let first = at % pixel.max(1) * 4;
            let mut sums = [0; 4];
            for (c, sum) in sums.iter_mut().enumerate() {
                let half = c % 2;
                if first + c >= channels {
                    continue;
                }
                let (scale, finish) = task.scaled((first + c) / 2);
                let acc = finish.bias[half]
                    .wrapping_add(a[c].wrapping_mul(scale[half]))
                    .wrapping_add(b[c].wrapping_mul(finish.residual[half]));
                let negative = finish.kind.prelu() && acc < 0;
                let factor = if negative { finish.negative } else { finish.positive }[half];
                *sum = micro.sat8(finish.zero.wrapping_add(micro.mulr(acc, factor))) as u8;
            }
            if let [word] = sides.words_mut(task.output_at + y * row + at, 1) {
                *word = u32::from_le_bytes(sums);
            }
        }
        sides.tell(task.op, task, y..y + 1, observer);
    }
    Some(())
}
