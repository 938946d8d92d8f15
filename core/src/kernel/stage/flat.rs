//! Rows of the image for a flat convolution: each word holds two neighbouring values of the run of
//! columns and channels under a pixel, or the rows are rows of bytes.
//!
//! The ring buffer of words is `[tile][slot][plane][pixel]`, that of a pointwise convolution whose
//! planes are those of all slots.

use super::{Stage, pair, part_mut};
use crate::kernel::flat::{FlatRows, ImageWords};
use crate::kernel::micro::MicroKernel;
use crate::kernel::window::TILE_PIXELS;

impl Stage<'_, '_, '_> {
    /// Takes a row of the image, through the input table, as bytes.
    #[inline(never)]
    pub(super) fn flat_bytes<M: MicroKernel>(&mut self, micro: &M, source: &[u8], table: &[i8]) {
        let channels = usize::from(self.shape().input.channels);
        let start = self.shape().left() * channels;
        let row: &mut [i8] = bytemuck::cast_slice_mut(self.next());
        micro.image_bytes(source, channels, table, row.get_mut(start..).unwrap_or_default());
    }

    /// Makes row `y` of the outputs from rows of bytes.
    #[inline(never)]
    pub(super) fn make_flat<M: MicroKernel>(&mut self, micro: &M, y: usize, out: &mut [i8]) {
        let (ring, shape) = (self.ring, self.shape());
        let split = self.rows.split_at_mut_checked(ring.rows * ring.row);
        let Some((rows, columns)) = split else { return };
        let place = [ring.row * 4, y * shape.stride() % ring.rows.max(1)];
        let step = shape.across() * usize::from(shape.input.channels);
        let run = 2 * shape.pairs();
        if let Some(rows) = FlatRows::new(bytemuck::cast_slice(rows), place, ring.rows, [step, run])
        {
            micro.flat_row(self.task, &rows, columns, out);
        }
    }

    /// Makes row `y` of the outputs from words.
    #[inline(never)]
    pub(super) fn make_words<M: MicroKernel>(&self, micro: &M, y: usize, out: &mut [i8]) {
        let shape = self.shape();
        let top = y * shape.stride() % self.ring.rows.max(1) * shape.pairs();
        self.make_pointwise(micro, top, out);
    }

    /// The words from a tile of the ring buffer to the next, and the ring buffer from the slot of the
    /// next row on.
    fn next_tiles(&mut self) -> (usize, &mut [u32]) {
        let (rows, row) = (self.ring.rows, self.shape().pairs() * TILE_PIXELS);
        let slot = self.taken % rows.max(1);
        self.taken += 1;
        (rows * row, self.rows.get_mut(slot * row..).unwrap_or_default())
    }

    /// Takes a row of padding.
    pub(super) fn flat_padding(&mut self, value: u32) {
        let row = self.shape().pairs() * TILE_PIXELS;
        let (tile, tiles) = self.next_tiles();
        tiles
            .chunks_mut(tile.max(1))
            .filter_map(|t| part_mut(t, row, 0))
            .for_each(|r| r.fill(value));
    }

    /// Takes a row of the image, through the input table.
    #[expect(
        clippy::indexing_slicing,
        reason = "the tables have 256 values, and a byte is the index"
    )]
    #[inline(never)]
    pub(super) fn flat_row<M: MicroKernel>(&mut self, micro: &M, source: &[u8], table: &[i8]) {
        let shape = self.shape();
        let (left, across) = (shape.left(), shape.across());
        let channels = usize::from(shape.input.channels).max(1);
        let (width, pixels) = (usize::from(shape.input.width), usize::from(shape.output.width));
        let run = channels * usize::from(shape.geometry.kernel[1]);
        let zero = pair(self.task.input_zero);
        let (pitch, tiles) = self.next_tiles();
        let Some(first) = table.first_chunk::<256>() else { return };
        // The kernel column and the channel of the plane's two values. A value behind the run has a
        // weight of 0, so any value serves.
        let (mut column, mut channel) = (0, 0);
        let mut next = |at: usize| {
            let own = table.get(channel * 256..).and_then(|t| t.first_chunk()).unwrap_or(first);
            let place = (column, channel, if at < run { own } else { first });
            channel += 1;
            if channel == channels {
                (column, channel) = (column + 1, 0);
            }
            place
        };
        for j in 0..run.div_ceil(2) {
            let (low, high) = (next(2 * j), next(2 * j + 1));
            let plane = tiles.get_mut(j * TILE_PIXELS..).unwrap_or_default();
            let value = |x: usize,
                         (column, channel, own): (usize, usize, &[i8; 256]),
                         zero: u32| {
                // Pixels before the first have large numbers.
                let pixel = (x * across + column).wrapping_sub(left);
                match source.get(pixel.wrapping_mul(channels).wrapping_add(channel)) {
                    Some(&byte) if pixel < width => u32::from(own[usize::from(byte)] as i16 as u16),
                    _ => zero,
                }
            };
            let mut edge = |x: usize| {
                if let Some(word) = plane.get_mut(x / TILE_PIXELS * pitch + x % TILE_PIXELS) {
                    let (low, high) = (value(x, low, zero & 0xffff), value(x, high, zero & 0xffff));
                    *word = low | (high << 16);
                }
            };
            // Both columns of the words from `first` on are pixels, as far as the row reaches.
            let first = left.saturating_sub(low.0).div_ceil(across.max(1)).min(pixels);
            let inside = (width + left).saturating_sub(high.0).div_ceil(across.max(1));
            let end = inside.clamp(first, pixels);
            (0..first).chain(end..pixels).for_each(&mut edge);
            let at = (first * across + low.0 - left.min(first * across + low.0)) * channels + low.1;
            let delta = (high.0 * channels + high.1).saturating_sub(low.0 * channels + low.1);
            let words = ImageWords {
                source: source.get(at..).unwrap_or_default(),
                step: across * channels,
                delta,
                tables: [low.2, high.2],
                pitch,
                first,
                count: end - first,
            };
            micro.image_words(&words, plane);
        }
    }
}
