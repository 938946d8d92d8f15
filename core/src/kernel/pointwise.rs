//! Pointwise convolutions: the layout of their rows, and the portable primitives.
//!
//! The ring buffer holds one row, as words `[tile][plane][pixel]` for tiles of 4 pixels. A plane is a
//! pair of input channels, as in a [`Window`]. The words of a tile follow each other, so that one
//! pointer walks through a row. Flat convolutions have this layout as well: their planes are those of
//! all slots of the ring buffer, so a row begins at any slot.

use super::finish::{Finish, FinishKind, PairRow};
use super::halves::sxtb16;
use super::micro::MicroKernel;
use super::window::{Sums, TILE_PIXELS, Window};

/// Widens a row: the pixels of `source`, `words` words each, into the tiles of `out`. Tiles that `out`
/// does not hold are left out.
pub(super) fn widen(source: &[u32], words: usize, out: &mut [u32]) {
    let tiles = out.chunks_exact_mut((words * 2 * TILE_PIXELS).max(1));
    let pixels = source.chunks((words * TILE_PIXELS).max(1));
    for (tile, pixels) in tiles.zip(pixels) {
        for (x, pixel) in pixels.chunks_exact(words.max(1)).enumerate() {
            let quads = tile.chunks_exact_mut(2 * TILE_PIXELS);
            for (&word, quad) in pixel.iter().zip(quads) {
                if let (Some(low), true) = (quad.get_mut(x), x < TILE_PIXELS) {
                    *low = sxtb16(word);
                }
                if let Some(high) = quad.get_mut(TILE_PIXELS + x) {
                    *high = sxtb16(word.rotate_right(8));
                }
            }
        }
    }
}

/// A row of a pointwise convolution, or of a flat one, whose planes are those of all kernel rows.
#[derive(Clone, Copy, Debug)]
pub struct PointwiseRow<'a> {
    /// The ring buffer.
    pub inputs: &'a [u32],
    /// Planes of a tile, a multiple of 2.
    pub planes: usize,
    /// The plane of the first weight, a multiple of 2; the others follow it cyclically.
    pub top: usize,
    /// Packed weights: `planes` words for each pair of output channels.
    pub weights: &'a [u32],
    /// Bias of each output channel, whose number is rounded up to even in all parameters.
    pub bias: &'a [i32],
    /// K of each output channel; any values as many without a residual.
    pub residual: &'a [i32],
    /// Multiplier of each output channel, Q0.32.
    pub positive: &'a [i32],
    /// Multiplier of each output channel for sums below 0; any values as many without PReLU.
    pub negative: &'a [i32],
    /// Zero point of the output.
    pub zero: i32,
    /// Form of the requantisation.
    pub kind: FinishKind,
    /// Pairs of output channels.
    pub pairs: usize,
    /// Pixels of the row.
    pub pixels: usize,
    /// Bytes from a pixel of the outputs to the next.
    pub pitch: usize,
}

impl PointwiseRow<'_> {
    /// True if all slices are as long as pixels and channels need, and `out` holds every output. An
    /// implementation with raw pointers relies on it.
    pub fn fits(&self, out: &[i8]) -> bool {
        let numbers = |row: &[i32]| row.len() / 2 >= self.pairs;
        let tile = self.planes.saturating_mul(TILE_PIXELS);
        let tiles = self.pixels.div_ceil(TILE_PIXELS);
        let last = self.pixels.saturating_sub(1).checked_mul(self.pitch);
        let end = last.and_then(|at| at.checked_add(2 * self.pairs));
        self.top < self.planes
            && (self.planes | self.top).is_multiple_of(2)
            && tiles.checked_mul(tile).is_some_and(|n| n <= self.inputs.len())
            && self.pairs.checked_mul(self.planes).is_some_and(|n| n <= self.weights.len())
            && [self.bias, self.residual, self.positive, self.negative].into_iter().all(numbers)
            && end.is_some_and(|end| end <= out.len())
    }

    fn finish(&self, o: usize) -> Finish {
        let two = |row: &[i32]| {
            row.get(2 * o..).and_then(|pair| pair.first_chunk()).copied().unwrap_or([0; 2])
        };
        Finish {
            bias: two(self.bias),
            residual: two(self.residual),
            positive: two(self.positive),
            negative: two(self.negative),
            zero: self.zero,
            kind: self.kind,
        }
    }
}

/// Computes a row over the tiles of a [`MicroKernel`].
pub(super) fn row<M: MicroKernel + ?Sized>(micro: &M, row: &PointwiseRow<'_>, out: &mut [i8]) {
    if !row.fits(out) {
        return;
    }
    for (o, weights) in row.weights.chunks_exact(row.planes).take(row.pairs).enumerate() {
        let finish = row.finish(o);
        let bytes = out.get_mut(2 * o..).unwrap_or_default();
        let Some(mut place) = PairRow::new(bytes, row.pitch, row.pixels) else { return };
        let tiles = row.inputs.chunks_exact(row.planes * TILE_PIXELS);
        for (tile, x) in tiles.zip((0..row.pixels).step_by(TILE_PIXELS)) {
            let mut sums: Sums = finish.bias.map(|b| [b; TILE_PIXELS]);
            let (second, first) = tile.split_at_checked(row.top * TILE_PIXELS).unwrap_or_default();
            if let Some(window) = Window::new([first, second], TILE_PIXELS, 1, 1) {
                let pixels = row.pixels - x;
                if pixels < TILE_PIXELS && row.kind == FinishKind::Plain {
                    micro.part(&window, pixels, weights, &mut sums);
                } else {
                    micro.tile(&window, 0, weights, &mut sums);
                }
            }
            finish.tile(micro, &sums, &mut place, x);
        }
    }
}
