//! The test suite for implementations of [`MicroKernel`], which runs on hosts and on devices.
//!
//! [`check`] compares every method with [`Scalar`]. A firmware runs it for the request `SelfTest`.

mod bytes;
mod columns;
mod depthwise;
mod pointwise;
mod rows;

use super::finish::{FinishKind, Requantise};
use super::micro::MicroKernel;
use super::scalar::Scalar;
use super::window::{Sums, Window};
use crate::graph::Tiling;

/// The first case in which an implementation differs from [`Scalar`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Mismatch {
    /// [`MicroKernel::tile`].
    Tile {
        /// Kernel size.
        kernel: u8,
        /// Stride, 1 or 2.
        stride: u8,
        /// Number of planes in each run.
        planes: (u8, u8),
        /// First pixel of the tile.
        x: u8,
    },
    /// [`MicroKernel::row`].
    Row {
        /// Kernel size.
        kernel: u8,
        /// Stride, 1 or 2.
        stride: u8,
        /// Number of planes in each run.
        planes: (u8, u8),
        /// Pixels of the row.
        pixels: u8,
        /// Form of the requantisation.
        kind: FinishKind,
    },
    /// [`MicroKernel::winograd_input`].
    WinogradInput {
        /// Tiles of outputs.
        tiling: Tiling,
        /// Pairs of input channels.
        pairs: u8,
    },
    /// [`MicroKernel::winograd_weights`].
    WinogradWeights {
        /// Tiles of outputs.
        tiling: Tiling,
        /// Pairs of input channels.
        pairs: u8,
    },
    /// [`MicroKernel::winograd_block`], which is also compared with the direct convolution.
    WinogradBlock {
        /// Tiles of outputs.
        tiling: Tiling,
        /// Pairs of input channels.
        pairs: u8,
        /// Pixels of a row.
        pixels: u8,
        /// Form of the requantisation.
        kind: FinishKind,
    },
    /// [`MicroKernel::widen`].
    Widen {
        /// Number of words.
        count: u8,
        /// Distance between words.
        step: u8,
    },
    /// [`MicroKernel::depthwise_widen`].
    DepthwiseWiden {
        /// Pixels of the row.
        width: u8,
        /// Pixels of padding on the left.
        left: u8,
        /// Rows of the ring buffer.
        rows: u8,
    },
    /// [`MicroKernel::depthwise_row`].
    Depthwise {
        /// Rows and columns of the kernel.
        kernel: (u8, u8),
        /// Stride in columns, 1 or 2.
        stride: u8,
        /// Pixels of the row of outputs.
        pixels: u8,
        /// Slot of the kernel's first row.
        top: u8,
    },
    /// [`MicroKernel::pointwise_widen`].
    PointwiseWiden {
        /// Words of a pixel.
        words: u8,
        /// Pixels of the row.
        pixels: u8,
    },
    /// [`MicroKernel::pointwise`].
    Pointwise {
        /// Planes of a tile.
        planes: u8,
        /// Pixels of the row.
        pixels: u8,
        /// Form of the requantisation.
        kind: FinishKind,
    },
    /// [`MicroKernel::byte_order`].
    ByteOrder {
        /// Number of words.
        count: u8,
    },
    /// [`MicroKernel::byte_row`].
    ByteRow {
        /// Kernel size.
        kernel: u8,
        /// Stride, 1 or 2.
        stride: u8,
        /// Input channels.
        channels: u8,
        /// Output channels.
        outputs: u8,
        /// Pixels of the row.
        pixels: u8,
        /// Form of the requantisation.
        kind: FinishKind,
    },
    /// [`MicroKernel::columns_widen`].
    ColumnsWiden {
        /// Pixels of the row.
        width: u8,
        /// Pixels of padding on the left.
        left: u8,
        /// Words of a pixel.
        quads: u8,
    },
    /// [`MicroKernel::columns_row`].
    Columns {
        /// Stride in columns, 1 or 2.
        stride: u8,
        /// Channels.
        channels: u8,
        /// Pixels of the row of outputs.
        pixels: u8,
    },
    /// [`MicroKernel::flat_row`].
    FlatRow {
        /// Rows of the kernel.
        rows: u8,
        /// Output channels.
        outputs: u8,
        /// Pixels of the row.
        pixels: u8,
        /// Form of the requantisation.
        kind: FinishKind,
    },
    /// [`MicroKernel::image_bytes`], [`MicroKernel::maximum`] or [`MicroKernel::add_pixels`].
    Bytes {
        /// Number of bytes of an image or a maximum.
        count: u8,
        /// Channels of an image, or pixels of sums.
        channels: u8,
    },
    /// [`MicroKernel::image_words`].
    ImageWords {
        /// Number of words.
        count: u8,
        /// Bytes from a word to the next.
        step: u8,
    },
    /// [`MicroKernel::dot`].
    Dot {
        /// Words of weights.
        words: u8,
    },
    /// [`MicroKernel::pool`].
    Pool {
        /// Number of words.
        count: u16,
        /// Distance between words.
        step: u8,
    },
    /// [`Requantise::mulr`].
    Mulr {
        /// First factor.
        a: i32,
        /// Second factor.
        m: i32,
    },
    /// [`Requantise::sat8`].
    Sat8 {
        /// The value.
        value: i32,
    },
}

/// Words of the largest buffer.
const WORDS: usize = 640;
/// Maximum number of words of weights.
const WEIGHTS: usize = 128;

/// The random number generator SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as u32
    }

    /// A pair of i16 with values of 8 bits: random, or at either end of the range.
    fn pair(&mut self, style: u32) -> u32 {
        let byte = |b: u32| match style {
            0 => b as u8 as i8,
            1 => i8::MIN,
            _ => i8::MAX,
        };
        let bits = self.next();
        let (low, high) = (byte(bits) as i16 as u16, byte(bits >> 8) as i16 as u16);
        u32::from(low) | (u32::from(high) << 16)
    }

    fn weights(&mut self, style: u32) -> u32 {
        match style {
            0 => self.next(),
            1 => 0x8181_8181,
            2 => 0x7f7f_7f7f,
            _ => 0x8080_8080,
        }
    }

    fn bytes(&mut self, style: u32) -> u32 {
        self.weights(if style == 1 { 3 } else { style })
    }
}

/// Compares an implementation with [`Scalar`] by `==`, over all kernel sizes, strides, splits of
/// the ring buffer, remainder lengths 0 to 8 and extreme values. Returns the number of cases.
///
/// # Errors
/// The first mismatch.
pub fn check<M: MicroKernel>(micro: &M) -> Result<u32, Mismatch> {
    let mut random = Random(1);
    Ok(tiles(micro, &mut random)?
        + widening(micro, &mut random)?
        + dots(micro, &mut random)?
        + pools(micro, &mut random)?
        + depthwise::widening(micro, &mut random)?
        + depthwise::rows(micro, &mut random)?
        + pointwise::widening(micro, &mut random)?
        + pointwise::rows(micro, &mut random)?
        + pointwise::image(micro, &mut random)?
        + rows::rows(micro, &mut random)?
        + rows::winograd(micro, &mut random)?
        + bytes::rows(micro, &mut random)?
        + columns::all(micro, &mut random)?
        + numbers(micro, &mut random)?)
}

fn tiles<M: MicroKernel>(micro: &M, random: &mut Random) -> Result<u32, Mismatch> {
    let mut cases = 0;
    let mut words = [0; WORDS];
    let mut weights = [0; WEIGHTS];
    for (kernel, stride) in [(1, 1), (3, 1), (3, 2), (5, 1), (5, 2), (7, 1), (7, 2)] {
        for (first, second) in [(2, 0), (2, 2), (4, 2), (2, 4), (6, 0), (4, 6), (0, 2)] {
            for style in 0..3 {
                let phase = 8 + (kernel - 1) / stride;
                let step = phase * stride;
                words.fill_with(|| random.pair(style));
                weights.fill_with(|| random.weights(style));
                let (a, b) = words.split_at(first * step);
                let window = Window::new([a, &b[..second * step]], phase, kernel, stride);
                let Some(window) = window else { continue };
                let weights = &weights[..window.weight_words()];
                for x in 0..=4 {
                    let start = [[random.next() as i32 >> 4; 4], [random.next() as i32 >> 4; 4]];
                    let (mut expected, mut found): (Sums, Sums) = (start, start);
                    Scalar.tile(&window, x, weights, &mut expected);
                    micro.tile(&window, x, weights, &mut found);
                    if expected != found {
                        return Err(Mismatch::Tile {
                            kernel: kernel as u8,
                            stride: stride as u8,
                            planes: (first as u8, second as u8),
                            x: x as u8,
                        });
                    }
                    cases += 1;
                }
            }
        }
    }
    Ok(cases)
}

fn widening<M: MicroKernel>(micro: &M, random: &mut Random) -> Result<u32, Mismatch> {
    let mut cases = 0;
    let mut source = [0; 64];
    for count in 0..=8 {
        for step in 1..=6 {
            source.fill_with(|| random.next());
            let last = count * step;
            let (mut expected, mut found) = ([[7; 8]; 2], [[7; 8]; 2]);
            let [low, high] = &mut expected;
            Scalar.widen(&source[..last], step, &mut low[..count], &mut high[..count]);
            let [low, high] = &mut found;
            micro.widen(&source[..last], step, &mut low[..count], &mut high[..count]);
            if expected != found {
                return Err(Mismatch::Widen { count: count as u8, step: step as u8 });
            }
            cases += 1;
        }
    }
    Ok(cases)
}

fn dots<M: MicroKernel>(micro: &M, random: &mut Random) -> Result<u32, Mismatch> {
    let mut cases = 0;
    for words in 0..=8 {
        for style in 0..3 {
            let (mut pairs, mut weights) = ([0; 16], [0; 8]);
            pairs.fill_with(|| random.next());
            weights.fill_with(|| random.weights(style));
            let (pairs, weights) = (&pairs[..2 * words], &weights[..words]);
            let start = random.next() as i32 >> 4;
            if Scalar.dot(pairs, weights, start) != micro.dot(pairs, weights, start) {
                return Err(Mismatch::Dot { words: words as u8 });
            }
            cases += 1;
        }
    }
    Ok(cases)
}

fn pools<M: MicroKernel>(micro: &M, random: &mut Random) -> Result<u32, Mismatch> {
    let mut cases = 0;
    let mut source = [0; WORDS];
    for step in [1, 2, 5] {
        for count in [0, 1, 2, 3, 8, 127, 255, 256, 257, 600] {
            let count = count / step;
            for style in 0..4 {
                source.fill_with(|| random.bytes(style));
                let source = &source[..count * step];
                if Scalar.pool(source, step) != micro.pool(source, step) {
                    return Err(Mismatch::Pool { count: count as u16, step: step as u8 });
                }
                cases += 1;
            }
        }
    }
    Ok(cases)
}

fn numbers<M: MicroKernel>(micro: &M, random: &mut Random) -> Result<u32, Mismatch> {
    let mut cases = 0;
    let ends = [i32::MIN, i32::MIN + 1, -129, -128, -1, 0, 1, 127, 128, 1 << 30, i32::MAX];
    let mut one = |a: i32, m: i32| {
        cases += 1;
        if micro.mulr(a, m) != Scalar.mulr(a, m) {
            return Err(Mismatch::Mulr { a, m });
        }
        if micro.sat8(a) != Scalar.sat8(a) {
            return Err(Mismatch::Sat8 { value: a });
        }
        Ok(())
    };
    for a in ends {
        for m in ends {
            one(a, m)?;
        }
    }
    for _ in 0..200 {
        one(random.next() as i32, random.next() as i32)?;
        one((random.next() % 512) as i32 - 256, random.next() as i32)?;
    }
    Ok(cases)
}
