//! The seam between the portable loops and a processor: a tile of 4 pixels x 2 outputs.

use super::finish::{Finish, PairRow};
use super::set::KernelSet;
use super::winograd;
use crate::quant;

/// Pixels of a tile.
pub const TILE_PIXELS: usize = 4;
/// Output channels of a tile.
pub const TILE_OUTPUTS: usize = 2;

/// Sums of a tile, `[output][pixel]`.
pub type Sums = [[i32; TILE_PIXELS]; TILE_OUTPUTS];

/// The widened rows under one row of outputs.
///
/// A row is a sequence of planes, one for each pair of input channels; a plane is `stride`
/// phases of `phase` words; a word is the pair's two channels (i16, the first in the low half)
/// of one pixel. Pixel `p` of the row, padding included, is word `p / stride` of phase
/// `p % stride`. Kernel rows follow each other without a gap, except that the ring cuts them in
/// two runs: all planes of the first run, then all planes of the second, are the planes of
/// kernel row 0, 1, ... in order.
///
/// The fields are private and checked, so that an implementation with raw pointers may rely on
/// [`Window::holds`].
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    runs: [&'a [u32]; 2],
    planes: [usize; 2],
    phase: usize,
    kernel: usize,
    stride: usize,
}

impl<'a> Window<'a> {
    /// `None` where the runs are no whole planes, a phase is too short for one tile, or the
    /// kernel or stride is none that networks have (1, 3, 5, 7; 1, 2).
    pub fn new(runs: [&'a [u32]; 2], phase: usize, kernel: usize, stride: usize) -> Option<Self> {
        let fits = matches!(stride, 1 | 2)
            && matches!(kernel, 1 | 3 | 5 | 7)
            && phase >= TILE_PIXELS + (kernel - 1) / stride;
        let step = phase.checked_mul(stride).filter(|&step| fits && step > 0)?;
        let whole = runs.iter().all(|r| r.len().is_multiple_of(step));
        let planes = [runs[0].len() / step, runs[1].len() / step];
        whole.then_some(Self { runs, planes, phase, kernel, stride })
    }

    /// The planes of both runs, in words.
    #[inline(always)]
    pub fn runs(&self) -> [&'a [u32]; 2] {
        self.runs
    }

    /// Planes in each run; a plane is [`Self::step`] words and has `kernel` words of weights.
    #[inline(always)]
    pub fn planes(&self) -> [usize; 2] {
        self.planes
    }

    /// Words from a plane to the next.
    #[inline(always)]
    pub fn step(&self) -> usize {
        self.phase * self.stride
    }

    /// Words from a phase to the next.
    #[inline(always)]
    pub fn phase(&self) -> usize {
        self.phase
    }

    /// Kernel columns.
    #[inline(always)]
    pub fn kernel(&self) -> usize {
        self.kernel
    }

    /// 1 or 2.
    #[inline(always)]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Words of weights of one output pair.
    #[inline(always)]
    pub fn weight_words(&self) -> usize {
        (self.planes[0] + self.planes[1]) * self.kernel
    }

    /// True where a tile of outputs `x .. x + 4` with this many words of weights reads inside
    /// the runs: column `kx` of a plane is words `x .. x + 4` from
    /// `(kx % stride) phase + kx / stride` on.
    #[inline(always)]
    pub fn holds(&self, x: usize, weights: usize) -> bool {
        weights == self.weight_words()
            && x <= self.phase - TILE_PIXELS - ((self.kernel - 1) >> (self.stride - 1))
    }
}

/// First word of kernel column `kx` in a plane; `stride` is 1 or 2.
#[inline(always)]
pub(crate) const fn column(kx: usize, stride: usize, phase: usize) -> usize {
    (kx & (stride - 1)) * phase + (kx >> (stride - 1))
}

/// What a processor contributes. All arithmetic is exact (no sum leaves 32 bits in a checked
/// network), so every implementation gives the same integers.
pub trait MicroKernel {
    /// Kernels that are asked for: what else there is may be left out.
    const KERNELS: KernelSet = KernelSet::ALL;

    /// Adds to `sums` the products of output pixels `x .. x + 4` and two output channels.
    ///
    /// `weights` are the pair's packed words, [`Window::weight_words`] of them: `kernel` for each
    /// plane. A word's bytes are `[o0 a, o1 a, o0 b, o1 b]` for the pair (a, b) of its plane.
    ///
    /// Where [`Window::holds`] is false, the sums are any.
    fn tile(&self, window: &Window<'_>, x: usize, weights: &[u32], sums: &mut Sums);

    /// A row of a direct convolution for one output pair: for every pixel of `out` the sums as
    /// [`Self::tile`] has them, requantised.
    ///
    /// Where [`Window::holds`] is false for a tile of the row, its pixels are any.
    #[inline]
    fn row(&self, window: &Window<'_>, weights: &[u32], finish: &Finish, out: &mut PairRow<'_>) {
        let mut x = 0;
        while x < out.pixels() {
            let mut sums: Sums = finish.bias.map(|b| [b; TILE_PIXELS]);
            self.tile(window, x, weights, &mut sums);
            finish.tile(self, &sums, out, x);
            x += TILE_PIXELS;
        }
    }

    /// Transforms the inputs of a block (see [`winograd`](super::winograd)) to
    /// `v[position][pair][tile]`, i16 pairs; [`winograd::input_words`] of them.
    ///
    /// `rows` are four widened rows of a stride-1 window, `[pair][phase]`; the block reads words
    /// `x .. x + 10` of each phase.
    #[inline]
    fn winograd_input(&self, rows: [&[u32]; 4], phase: usize, x: usize, v: &mut [u32]) {
        winograd::input(rows, phase, x, v);
    }

    /// Transforms the packed 3x3 weights of an output pair ([`winograd::packed_words`]) to
    /// `u[position][pair][output]`, i16 pairs, scaled by 4; [`winograd::weight_words`] of them.
    #[inline]
    fn winograd_weights(&self, packed: &[u32], pairs: usize, u: &mut [u32]) {
        winograd::weights(packed, pairs, u);
    }

    /// The outputs of blocks next to each other for one output pair, from what
    /// [`Self::winograd_input`] made, one block after the other, and
    /// [`Self::winograd_weights`]: 8 pixels a block of two rows. At the edges of a map the rows
    /// have fewer pixels, the second perhaps none. `u` has its exact length, by which the pairs
    /// are known.
    #[inline]
    fn winograd_block(
        &self,
        v: &[u32],
        u: &[u32],
        sums: &mut [u32; winograd::SUM_WORDS],
        finish: &Finish,
        out: &mut [PairRow<'_>; winograd::BLOCK_ROWS],
    ) {
        winograd::block(self, v, u, sums, finish, out);
    }

    /// Widens every `step`-th word (four channels of a pixel) to `low` = channels (0, 2) and
    /// `high` = channels (1, 3), i16 each, as many as `low` and `high` hold.
    #[inline]
    fn widen(&self, source: &[u32], step: usize, low: &mut [u32], high: &mut [u32]) {
        for ((&word, low), high) in source.iter().step_by(step.max(1)).zip(low).zip(high) {
            *low = sxtb16(word);
            *high = sxtb16(word.rotate_right(8));
        }
    }

    /// `sum` plus the products of i16 pairs with i8 weights: two words of `pairs`, channels
    /// (0, 2) and (1, 3), for each word of `weights`.
    #[inline]
    fn dot(&self, pairs: &[u32], weights: &[u32], mut sum: i32) -> i32 {
        for (x, &w) in pairs.chunks_exact(2).zip(weights) {
            sum = smlad(x[0], sxtb16(w), sum);
            sum = smlad(x[1], sxtb16(w.rotate_right(8)), sum);
        }
        sum
    }

    /// Sums of the four channels of every `step`-th word, as many as there are.
    #[inline]
    fn pool(&self, source: &[u32], step: usize) -> [i32; 4] {
        let mut sums = [0; 4];
        for word in source.iter().step_by(step.max(1)) {
            for (sum, byte) in sums.iter_mut().zip(word.to_le_bytes()) {
                *sum += i32::from(byte as i8);
            }
        }
        sums
    }

    /// [`quant::mulr`].
    #[inline(always)]
    fn mulr(&self, a: i32, m: i32) -> i32 {
        quant::mulr(a, m)
    }

    /// [`quant::sat8`].
    #[inline(always)]
    fn sat8(&self, v: i32) -> i8 {
        quant::sat8(v)
    }
}

/// Bytes 0 and 2, sign-extended to the two halves.
#[inline(always)]
pub(crate) const fn sxtb16(word: u32) -> u32 {
    (word as i8 as i16 as u16 as u32) | ((((word >> 16) as i8 as i16 as u16) as u32) << 16)
}

/// `sum` plus the products of both halves.
#[inline(always)]
pub(crate) const fn smlad(a: u32, b: u32, sum: i32) -> i32 {
    let low = a as i16 as i32 * b as i16 as i32;
    let high = (a >> 16) as i16 as i32 * (b >> 16) as i16 as i32;
    sum.wrapping_add(low).wrapping_add(high)
}
