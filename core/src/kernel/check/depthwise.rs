//! The cases of depthwise convolutions.

use super::{Mismatch, Random, WORDS};
use crate::kernel::depthwise::{DepthwiseRow, Widening};
use crate::kernel::micro::MicroKernel;
use crate::kernel::scalar::Scalar;
use crate::kernel::weights::{depthwise_row_words, depthwise_words, pack_depthwise};

/// Maximum number of channels of a row.
const CHANNELS: usize = 5;
/// Bytes of a row of outputs.
const ROW: usize = 96;

/// Compares [`MicroKernel::depthwise_widen`].
pub(super) fn widening<M: MicroKernel>(micro: &M, random: &mut Random) -> Result<u32, Mismatch> {
    let mut cases = 0;
    let mut source = [0; 64];
    for rows in [1, 3, 5] {
        for width in 1..=9usize {
            for left in 0..=3usize {
                source.fill_with(|| random.next());
                // Every fourth case has no group for the last pixels.
                let groups = (left + width).div_ceil(2) + 1 - (cases as usize % 4).min(2);
                let slot = random.next() as usize % rows;
                let quads = 1 + cases as usize % 3;
                let zero = random.bytes(0);
                let widening = Widening { quads, width, left, groups, rows, slot, zero };
                let length = 4 * quads * groups * rows;
                let (mut expected, mut found) = ([7; 3 * 4 * 7 * 5], [7; 3 * 4 * 7 * 5]);
                Scalar.depthwise_widen(&source, &widening, &mut expected[..length]);
                micro.depthwise_widen(&source, &widening, &mut found[..length]);
                if expected != found {
                    let (width, left, rows) = (width as u8, left as u8, rows as u8);
                    return Err(Mismatch::DepthwiseWiden { width, left, rows });
                }
                cases += 1;
            }
        }
    }
    Ok(cases)
}

/// Compares [`MicroKernel::depthwise_row`].
pub(super) fn rows<M: MicroKernel>(micro: &M, random: &mut Random) -> Result<u32, Mismatch> {
    let mut cases = 0;
    let (mut words, mut numbers) = ([0; WORDS], [0; 3 * CHANNELS]);
    for kernel in [[3, 3], [1, 1], [5, 5], [3, 2], [2, 7]] {
        for stride in 1..=2 {
            for pixels in 1..=9 {
                let (channels, style) = (1 + cases as usize % CHANNELS, cases / 5 % 4);
                let rows = usize::from(kernel[0]);
                let taps = rows * usize::from(kernel[1]);
                let top = random.next() as usize % rows;
                words.fill_with(|| random.pair(style));
                numbers.fill_with(|| random.next() as i32 >> 12);
                let mut weights = [0; CHANNELS * 25];
                for (weight, word) in weights.chunks_mut(4).zip(0..) {
                    let bytes = random.weights((style + word % 2) % 4).to_le_bytes();
                    weight.iter_mut().zip(bytes).for_each(|(w, byte)| *w = byte as i8);
                }
                let mut packed = [0; CHANNELS * 10];
                let bytes = bytemuck::cast_slice_mut(&mut packed);
                let _ = pack_depthwise(kernel, &weights[..channels * taps], bytes);
                let (bias, rest) = numbers.split_at(CHANNELS);
                let (positive, negative) = rest.split_at(CHANNELS);
                let last = (pixels - 1) * stride / 2;
                let row = DepthwiseRow {
                    ring: &words,
                    groups: last + depthwise_row_words(kernel[1]) + 1,
                    rows,
                    top,
                    weights: &packed[..channels * depthwise_words(kernel)],
                    columns: kernel[1],
                    stride,
                    channels,
                    bias,
                    positive,
                    negative: if cases % 5 == 4 { negative } else { &[] },
                    zero: random.next() as i32 >> 24,
                    pixels,
                    pitch: channels + cases as usize % 3,
                };
                let (mut expected, mut found) = ([7; ROW], [7; ROW]);
                Scalar.depthwise_row(&row, &mut expected);
                micro.depthwise_row(&row, &mut found);
                if expected != found {
                    return Err(Mismatch::Depthwise {
                        kernel: (kernel[0], kernel[1]),
                        stride: stride as u8,
                        pixels: pixels as u8,
                        top: top as u8,
                    });
                }
                cases += 1;
            }
        }
    }
    Ok(cases)
}
