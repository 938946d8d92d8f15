//! The seam between the portable loops and a processor: a tile of 4 pixels x 2 outputs.

use super::finish::{Finish, PairRow, Requantise};
use super::halves::{smlad, sxtb16};
use super::window::{Sums, TILE_PIXELS, Window};
use super::winograd;
use crate::graph::KernelSet;

/// What a processor contributes. All arithmetic is exact (no sum leaves 32 bits in a checked
/// network), so every implementation gives the same integers.
pub trait MicroKernel: Requantise {
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
}
