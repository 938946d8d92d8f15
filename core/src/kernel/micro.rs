//! The interface between the portable loops and a processor: the primitives of a convolution.
//!
//! [`MicroKernel`] is small, so that only primitives are written per processor; loops, padding and
//! residual blocks exist once, in [`Packed`](super::Packed). All methods but one have a portable
//! default.

use super::bytes::{self, ByteRows};
use super::columns;
use super::depthwise::{self, DepthwiseRow, Widening};
use super::finish::{BlockRows, Finish, PairRow, Requantise};
use super::flat::{self, FlatRows, ImageWords};
use super::halves::{smlad, sxtb16};
use super::pointwise::{self, PointwiseRow};
use super::task::ConvTask;
use super::window::{Sums, TILE_PIXELS, Window};
use super::winograd::{self, INPUT_ROWS};
use crate::graph::{KernelSet, Tiling};

/// The primitives of a processor.
///
/// All arithmetic is exact: in a checked network no sum exceeds 32 bits. Every implementation
/// therefore computes the same integers, and [`check`](super::check()) compares them with `==`. All
/// methods are safe: an implementation with raw pointers must check the lengths that it relies on.
pub trait MicroKernel: Requantise {
    /// The kernels that are linked. An implementation may leave out all others.
    const KERNELS: KernelSet = KernelSet::ALL;

    /// True if vectors of bytes are multiplied: direct and pointwise convolutions read rows of bytes
    /// ([`ByteRows`]) through [`Self::byte_row`], flat ones [`FlatRows`] through [`Self::flat_row`], and
    /// depthwise ones of 3 x 3 columns of bytes through [`Self::columns_row`].
    const BYTE_ROWS: bool = false;

    /// Adds the products of output pixels `x .. x + 4` and two output channels to `sums`.
    ///
    /// `weights` are the packed words of the output pair, [`Window::weight_words`] of them:
    /// `kernel` for each plane. The bytes of a word are `[o0 a, o1 a, o0 b, o1 b]` for the input
    /// pair (a, b) of its plane.
    ///
    /// If [`Window::holds`] is false, the sums are unspecified.
    fn tile(&self, window: &Window<'_>, x: usize, weights: &[u32], sums: &mut Sums);

    /// As [`Self::tile`] for the first pixel of a kernel of one column. The sums of all pixels but the
    /// first `pixels` are unspecified.
    #[inline]
    fn part(&self, window: &Window<'_>, pixels: usize, weights: &[u32], sums: &mut Sums) {
        let _ = pixels;
        self.tile(window, 0, weights, sums);
    }

    /// Computes a row of a direct convolution for one output pair: the sums of [`Self::tile`] for
    /// every pixel of `out`, requantised.
    ///
    /// If [`Window::holds`] is false for a tile of the row, its pixels are unspecified.
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

    /// Transforms the inputs of a block ([`winograd`](super::winograd)) to
    /// `v[position][pair][tile]`, i16 pairs, [`Tiling::input_words`] of them.
    ///
    /// `rows` are widened rows of a stride-1 window, `[pair][phase]`; a square tile reads the first four.
    /// The block reads words `x .. x + 10` of each phase.
    #[inline]
    fn winograd_input(
        &self,
        tiling: Tiling,
        rows: &[&[u32]; INPUT_ROWS],
        phase: usize,
        x: usize,
        v: &mut [u32],
    ) {
        winograd::input(tiling, rows, phase, x, v);
    }

    /// Transforms the packed 3x3 weights of an output pair, [`winograd::packed_words`] of them, to
    /// `u[position][pair][output]`, i16 pairs, [`Tiling::weight_words`] of them.
    #[inline]
    fn winograd_weights(&self, tiling: Tiling, packed: &[u32], pairs: usize, u: &mut [u32]) {
        winograd::weights(tiling, packed, pairs, u);
    }

    /// Computes the outputs of adjacent blocks for one output pair, 8 columns per block.
    ///
    /// `v` holds the results of [`Self::winograd_input`] for each block, `u` that of
    /// [`Self::winograd_weights`]. The length of `u` must be exact: it tells the number of pairs. `sums`
    /// has room for [`Tiling::sum_words`] words. At the edges of a tensor the rows have fewer pixels, or
    /// there are fewer rows.
    #[inline]
    fn winograd_block(
        &self,
        tiling: Tiling,
        v: &[u32],
        u: &[u32],
        sums: &mut [u32],
        finish: &Finish,
        out: &mut BlockRows<'_>,
    ) {
        winograd::block(self, tiling, v, u, sums, finish, out);
    }

    /// Widens every `step`-th word, which holds four channels of a pixel: channels (0, 2) to `low`
    /// and (1, 3) to `high`, i16 each. Fills `low` and `high` as far as `source` reaches.
    #[inline]
    fn widen(&self, source: &[u32], step: usize, low: &mut [u32], high: &mut [u32]) {
        for ((&word, low), high) in source.iter().step_by(step.max(1)).zip(low).zip(high) {
            *low = sxtb16(word);
            *high = sxtb16(word.rotate_right(8));
        }
    }

    /// Widens a row of a pointwise convolution: the pixels of `source`, `words` words each, into the
    /// tiles of `out`, `[tile][plane][pixel]`. Tiles that `out` does not hold are left out, and pixels
    /// of the last tile that `source` does not hold have any value.
    #[inline]
    fn pointwise_widen(&self, source: &[u32], words: usize, out: &mut [u32]) {
        pointwise::widen(source, words, out);
    }

    /// Computes a row of a pointwise or a flat convolution: the outputs of pair `o` of pixel `x` are bytes `x
    /// pitch + 2 o` and the next of `out`. With a residual, they hold it on entry. Does nothing if
    /// [`PointwiseRow::fits`] is false.
    #[inline]
    fn pointwise(&self, row: &PointwiseRow<'_>, out: &mut [i8]) {
        pointwise::row(self, row, out);
    }

    /// Writes words of two image bytes for a flat convolution. Does nothing if [`ImageWords::fits`] is
    /// false.
    #[inline]
    fn image_words(&self, words: &ImageWords<'_>, out: &mut [u32]) {
        flat::image_words(words, out);
    }

    /// Widens a row of a depthwise convolution: the pixels of `source` into `planes`,
    /// `[channel][group][slot]`. Does nothing if [`Widening::fits`] is false.
    #[inline]
    fn depthwise_widen(&self, source: &[u32], widening: &Widening, planes: &mut [u32]) {
        depthwise::widen(source, widening, planes);
    }

    /// Computes a row of a depthwise convolution: output `c` of pixel `x` is byte `x pitch + c` of
    /// `out`. Does nothing if the row does not fit into `out`.
    #[inline]
    fn depthwise_row(&self, row: &DepthwiseRow<'_>, out: &mut [i8]) {
        depthwise::row(self, row, out);
    }

    /// Copies words of four channels and exchanges their two middle bytes.
    #[inline]
    fn byte_order(&self, source: &[u32], row: &mut [u32]) {
        bytes::order(source, row);
    }

    /// Computes a row of a direct convolution for all outputs. `out` has a row of the output, and
    /// holds the residual on entry if there is one. `columns` is free for the inputs of a pixel; it
    /// has the size of a column or more ([`ByteRows::column`]). It may write the padding channels of
    /// the output.
    ///
    /// If [`ByteRows::holds`] is false for the width of the output, the outputs are unspecified.
    #[inline]
    fn byte_row(
        &self,
        task: &ConvTask<'_>,
        rows: &ByteRows<'_>,
        columns: &mut [u32],
        out: &mut [i8],
    ) {
        let _ = columns;
        bytes::row(task, rows, out);
    }

    /// Copies bytes of an image, whose `channels` take turns, through the tables of their channels, i8
    /// `[channels][256]`. Fills `out` as far as `source` reaches.
    #[inline]
    fn image_bytes(&self, source: &[u8], channels: usize, table: &[i8], out: &mut [i8]) {
        flat::image_bytes(source, channels, table, out);
    }

    /// As [`Self::byte_row`], for a flat convolution. `columns` has room for the runs of a pixel or
    /// more.
    ///
    /// If [`FlatRows::holds`] is false for the width of the output, the outputs are unspecified.
    #[inline]
    fn flat_row(
        &self,
        task: &ConvTask<'_>,
        rows: &FlatRows<'_>,
        columns: &mut [u32],
        out: &mut [i8],
    ) {
        let _ = columns;
        flat::row(task, rows, out);
    }

    /// Copies a row of a depthwise convolution of 3 x 3 to a slot of all columns, words
    /// `[channel][column]` ([`ColumnsRow`](super::ColumnsRow)). Does nothing if [`Widening::fits`] is
    /// false.
    #[inline]
    fn columns_widen(&self, source: &[u32], widening: &Widening, columns: &mut [u32]) {
        columns::widen(source, widening, columns);
    }

    /// As [`Self::depthwise_row`], for a ring buffer of columns. It may write the padding channels of
    /// the output.
    #[inline]
    fn columns_row(&self, row: &DepthwiseRow<'_>, out: &mut [i8]) {
        columns::row(self, row, out);
    }

    /// Adds the bytes of all pixels, which have as many as there are sums, to the sums of their
    /// channels. The number of sums is a multiple of 4.
    #[inline]
    fn add_pixels(&self, source: &[u32], sums: &mut [u32]) {
        columns::add_pixels(source, sums);
    }

    /// Replaces every byte of `out` by the larger of it and that of `source`.
    #[inline]
    fn maximum(&self, source: &[i8], out: &mut [i8]) {
        columns::maximum(source, out);
    }

    /// Adds a dot product of i16 pairs and i8 weights to `sum`. For each word of `weights` there
    /// are two words of `pairs`: channels (0, 2) and (1, 3).
    #[expect(clippy::indexing_slicing, reason = "the chunks have two words")]
    #[inline]
    fn dot(&self, pairs: &[u32], weights: &[u32], mut sum: i32) -> i32 {
        for (x, &w) in pairs.chunks_exact(2).zip(weights) {
            sum = smlad(x[0], sxtb16(w), sum);
            sum = smlad(x[1], sxtb16(w.rotate_right(8)), sum);
        }
        sum
    }

    /// Sums of each of the four channels over every `step`-th word.
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
