//! The cases of pointwise convolutions, and of the image of flat ones.

use super::rows::KINDS;
use super::{Mismatch, Random, WORDS};
use crate::kernel::flat::ImageWords;
use crate::kernel::micro::MicroKernel;
use crate::kernel::pointwise::PointwiseRow;
use crate::kernel::scalar::Scalar;

/// Pairs of output channels.
const PAIRS: usize = 3;
/// Bytes of a row of outputs.
const ROW: usize = 96;

/// Compares [`MicroKernel::pointwise_widen`]. The pixels behind the row may have any value.
pub(super) fn widening<M: MicroKernel>(micro: &M, random: &mut Random) -> Result<u32, Mismatch> {
    let mut cases = 0;
    for words in 1..=5usize {
        for pixels in 0..=9usize {
            let mut source = [0; 64];
            source.fill_with(|| random.next());
            // Every fourth case has no room for the last tile.
            let tiles = pixels.div_ceil(4).saturating_sub(usize::from(cases % 4 == 3));
            let (mut expected, mut found) = ([7; 5 * 8 * 3], [7; 5 * 8 * 3]);
            let source = &source[..words * pixels];
            Scalar.pointwise_widen(source, words, &mut expected[..tiles * words * 8]);
            micro.pointwise_widen(source, words, &mut found[..tiles * words * 8]);
            let words_of = |row: &[u32]| -> u32 {
                let pixels = row.iter().enumerate().filter(|(i, _)| {
                    let (tile, x) = (i / (words * 8), i % 4);
                    4 * tile + x < pixels || tile >= tiles
                });
                pixels.fold(0, |sum: u32, (_, &w)| sum.rotate_left(5).wrapping_add(w))
            };
            if words_of(&expected) != words_of(&found) {
                let (words, pixels) = (words as u8, pixels as u8);
                return Err(Mismatch::PointwiseWiden { words, pixels });
            }
            cases += 1;
        }
    }
    Ok(cases)
}

/// Compares [`MicroKernel::pointwise`].
pub(super) fn rows<M: MicroKernel>(micro: &M, random: &mut Random) -> Result<u32, Mismatch> {
    let mut cases = 0;
    let (mut words, mut weights) = ([0; WORDS], [0; PAIRS * 12]);
    for planes in [2, 4, 6, 8, 10, 12] {
        for pixels in 0..=9usize {
            for kind in KINDS {
                let style = cases / 4 % 4;
                words.fill_with(|| random.pair(style));
                weights.fill_with(|| random.weights(style));
                let mut numbers = |shift: u32| {
                    let mut row = [0; 2 * PAIRS];
                    row.fill_with(|| random.next() as i32 >> shift);
                    row
                };
                let (bias, residual) = (numbers(14), numbers(20));
                let (positive, negative, zero) = (numbers(6), numbers(5), numbers(24));
                let row = PointwiseRow {
                    inputs: &words,
                    planes,
                    top: random.next() as usize % planes / 2 * 2,
                    weights: &weights[..planes * PAIRS],
                    bias: &bias,
                    residual: &residual,
                    positive: &positive,
                    negative: &negative,
                    zero: zero[0],
                    kind,
                    pairs: 1 + cases as usize % PAIRS,
                    pixels,
                    pitch: [6, 8, 10][cases as usize % 3],
                };
                let mut expected = [0; ROW];
                expected.fill_with(|| random.next() as i8);
                let mut found = expected;
                // Aligned as tensors are.
                let start = expected.as_ptr().align_offset(4).min(3);
                let other = found.as_ptr().align_offset(4).min(3);
                let (a, b) = (&mut expected[start..start + 90], &mut found[other..other + 90]);
                b.copy_from_slice(a);
                Scalar.pointwise(&row, a);
                micro.pointwise(&row, b);
                if a != b {
                    let (planes, pixels) = (planes as u8, pixels as u8);
                    return Err(Mismatch::Pointwise { planes, pixels, kind });
                }
                cases += 1;
            }
        }
    }
    Ok(cases)
}

/// Compares [`MicroKernel::image_words`].
pub(super) fn image<M: MicroKernel>(micro: &M, random: &mut Random) -> Result<u32, Mismatch> {
    let mut cases = 0;
    let (mut source, mut tables) = ([0; 80], [[0; 256]; 2]);
    tables.iter_mut().for_each(|table| table.fill_with(|| random.next() as i8));
    for count in 0..=11usize {
        for step in 1..=6usize {
            for delta in [0, 1, 3] {
                source.fill_with(|| random.next() as u8);
                // Some cases have too few bytes, others too few words.
                let bytes =
                    (count * step + delta).saturating_sub(usize::from(cases % 7 == 0) * step);
                let (first, pitch) = (random.next() as usize % 6, 4 + random.next() as usize % 5);
                let room = (first + count) / 4 * pitch + (first + count) % 4;
                let room = room.saturating_sub(cases as usize % 5 / 4 * 5);
                let [low, high] = tables.each_ref();
                let tables = [low, high];
                let source = &source[..bytes];
                let words = ImageWords { source, step, delta, tables, pitch, first, count };
                let (mut expected, mut found) = ([7; 40], [7; 40]);
                Scalar.image_words(&words, &mut expected[..room]);
                micro.image_words(&words, &mut found[..room]);
                if expected != found {
                    return Err(Mismatch::ImageWords { count: count as u8, step: step as u8 });
                }
                cases += 1;
            }
        }
    }
    Ok(cases)
}
