//! Flat convolutions over rows of bytes, for processors that multiply vectors of bytes.
//!
//! With `BYTE_ROWS`, the ring buffer of a flat convolution starts with its rows, `[pixel][channel]`
//! without padding channels. The inputs that a kernel row of a pixel reads are a *run* of bytes; a run
//! is padded to a multiple of four, and its weights of 0 are behind its end. Behind the rows there is
//! room for the *columns* of two pixels: all runs of a pixel, in the order of its weights.

use super::shape::{ConvShape, Ring};
use super::task::ConvTask;
use super::window::TILE_PIXELS;
use crate::graph::{KernelKind, padded};
use crate::quant;

/// Rows of bytes under a row of outputs of a flat convolution.
#[derive(Clone, Copy, Debug)]
pub struct FlatRows<'a> {
    bytes: &'a [i8],
    row: usize,
    top: usize,
    kernel_rows: usize,
    step: usize,
    run: usize,
}

impl<'a> FlatRows<'a> {
    /// `bytes` are `kernel_rows` rows of `row` bytes. Row `top` is the first kernel row; the others
    /// follow it cyclically. The run of pixel `x` starts at byte `x step` and has `run` bytes.
    ///
    /// `None` if there are other numbers of bytes, or a number is 0.
    pub fn new(
        bytes: &'a [i8],
        [row, top]: [usize; 2],
        kernel_rows: usize,
        [step, run]: [usize; 2],
    ) -> Option<Self> {
        let fits = top < kernel_rows && row > 0 && run > 0 && step > 0;
        let whole = bytes.len() == kernel_rows.checked_mul(row)?;
        (fits && whole).then_some(Self { bytes, row, top, kernel_rows, step, run })
    }

    /// All rows.
    #[inline(always)]
    pub fn bytes(&self) -> &'a [i8] {
        self.bytes
    }

    /// Index of the first byte of kernel row `ky`, which is below [`Self::kernel_rows`].
    #[inline(always)]
    pub fn start(&self, ky: usize) -> usize {
        let row = self.top + ky;
        (if row >= self.kernel_rows { row - self.kernel_rows } else { row }) * self.row
    }

    /// Bytes of a row, 1 or more.
    #[inline(always)]
    pub fn row(&self) -> usize {
        self.row
    }

    /// Rows of the kernel, 1 or more.
    #[inline(always)]
    pub fn kernel_rows(&self) -> usize {
        self.kernel_rows
    }

    /// Bytes from the run of a pixel to that of the next.
    #[inline(always)]
    pub fn step(&self) -> usize {
        self.step
    }

    /// Bytes of a run, 1 or more.
    #[inline(always)]
    pub fn run(&self) -> usize {
        self.run
    }

    /// True if the runs of this many pixels lie inside each row.
    #[inline(always)]
    pub fn holds(&self, pixels: usize) -> bool {
        pixels.saturating_sub(1).saturating_mul(self.step).saturating_add(self.run) <= self.row
    }
}

/// Words of two image bytes each, in tiles of 4: word `first + i` has bytes `i step` and `i step + delta`
/// of the source, through their tables, in its low and its high half.
#[derive(Clone, Copy, Debug)]
pub struct ImageWords<'a> {
    /// The bytes of the first word, and those behind it.
    pub source: &'a [u8],
    /// Bytes from a word's first byte to that of the next word.
    pub step: usize,
    /// Bytes from a word's first byte to its second.
    pub delta: usize,
    /// The tables of the two bytes.
    pub tables: [&'a [i8; 256]; 2],
    /// Words from a tile to the next, 4 or more.
    pub pitch: usize,
    /// The first word that is written.
    pub first: usize,
    /// Words that are written.
    pub count: usize,
}

impl ImageWords<'_> {
    /// True if there is a word, `source` holds the bytes of every word, and `out` every word. An
    /// implementation with raw pointers relies on it.
    pub fn fits(&self, out: &[u32]) -> bool {
        let Some(more) = self.count.checked_sub(1) else { return false };
        let byte = more.checked_mul(self.step).and_then(|at| at.checked_add(self.delta));
        let last = self.first.saturating_add(more);
        let tile = (last / TILE_PIXELS).checked_mul(self.pitch);
        let word = tile.and_then(|at| at.checked_add(last % TILE_PIXELS));
        self.pitch >= TILE_PIXELS
            && byte.is_some_and(|at| at < self.source.len())
            && word.is_some_and(|at| at < out.len())
    }
}

/// The default of `MicroKernel::image_words`.
#[expect(clippy::indexing_slicing, reason = "the tables have 256 values, and a byte is the index")]
pub(super) fn image_words(words: &ImageWords<'_>, out: &mut [u32]) {
    if !words.fits(out) {
        return;
    }
    let [low, high] = words.tables;
    let half = |table: &[i8; 256], at: usize| {
        words.source.get(at).map_or(0, |&byte| u32::from(table[usize::from(byte)] as i16 as u16))
    };
    let (mut x, mut from, mut left) = (words.first % TILE_PIXELS, 0, words.count);
    let tiles = out.get_mut(words.first / TILE_PIXELS * words.pitch..).unwrap_or_default();
    for tile in tiles.chunks_mut(words.pitch.max(1)) {
        let count = left.min(TILE_PIXELS - x);
        for word in tile.get_mut(x..x + count).unwrap_or_default() {
            *word = half(low, from) | (half(high, from + words.delta) << 16);
            from += words.step;
        }
        (x, left) = (0, left - count);
        if left == 0 {
            return;
        }
    }
}

/// Layout of the rows in the ring buffer. `None` for another kind of convolution, and if the ring buffer
/// has no room for them and the columns of two pixels.
pub(super) const fn ring(shape: &ConvShape) -> Option<Ring> {
    if !matches!(shape.kind, KernelKind::Flat) {
        return None;
    }
    let channels = shape.input.channels as usize;
    let inside = (shape.left() + shape.input.width as usize) * channels;
    let last = (shape.output.width as usize).saturating_sub(1) * shape.across() * channels;
    let read = last + 2 * shape.pairs();
    let row = (if inside > read { inside } else { read }).div_ceil(4);
    let rows = shape.kernel_rows();
    let fits = rows * row + rows * shape.pairs() <= shape.ring_words();
    if fits { Some(Ring { phases: 1, phase: row, row, rows }) } else { None }
}

/// The default of `MicroKernel::image_bytes`.
pub(super) fn image_bytes(source: &[u8], channels: usize, table: &[i8], out: &mut [i8]) {
    let mut channel = 0;
    for (to, &byte) in out.iter_mut().zip(source) {
        *to = table.get(channel * 256 + usize::from(byte)).copied().unwrap_or(0);
        channel = if channel + 1 >= channels { 0 } else { channel + 1 };
    }
}

/// The default of `MicroKernel::flat_row`: value by value.
#[expect(clippy::indexing_slicing, reason = "a pair of outputs has two numbers of each kind")]
pub(super) fn row(task: &ConvTask<'_>, rows: &FlatRows<'_>, out: &mut [i8]) {
    let output = task.shape.output;
    let (shape, weights) =
        (task.weight_shape().flat(), bytemuck::cast_slice::<_, i8>(task.weights));
    for x in 0..usize::from(output.width) {
        for o in 0..usize::from(output.channels) {
            let (finish, half) = (task.finish(o / 2), o % 2);
            let mut sum = finish.bias[half];
            for ky in 0..rows.kernel_rows() {
                let at = rows.start(ky) + x * rows.step();
                for i in 0..rows.run() {
                    let q = rows.bytes().get(at + i).copied().unwrap_or(0);
                    let w = weights.get(shape.flat_index(o, ky, i)).copied().unwrap_or(0);
                    sum = sum.wrapping_add(i32::from(q) * i32::from(w));
                }
            }
            let Some(q) = out.get_mut(x * padded(output.channels) + o) else { return };
            if finish.kind.residual() {
                sum = sum.wrapping_add(i32::from(*q).wrapping_mul(finish.residual[half]));
            }
            let positive = finish.positive[half];
            let negative = if finish.kind.prelu() { finish.negative[half] } else { positive };
            *q = quant::requantise(sum, positive, negative, task.output_zero);
        }
    }
}
