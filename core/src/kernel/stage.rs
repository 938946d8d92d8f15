//! A layer at work: rows of the input go into a ring buffer, rows of the output come out.
//!
//! [`Packed`](super::Packed) rolls one stage through a layer, two through a residual block, and
//! several through a rolled unit. This file holds the direct convolutions; [`depthwise`], [`flat`],
//! [`pointwise`], [`pool`] and [`winograd`] hold what differs for the other layers and algorithms. Slices that a checked
//! network guarantees are taken with `get`, so that no panic is linked.

mod depthwise;
mod flat;
mod pointwise;
mod pool;
mod winograd;

use super::bytes::{self, ByteRows};
use super::finish::PairRow;
use super::flat as flat_rows;
use super::micro::MicroKernel;
use super::shape::{ConvShape, Ring};
use super::task::ConvTask;
use super::window::Window;
use crate::graph::{Form, KernelKind, padded};

/// A word with the value in both halves.
const fn pair(value: i8) -> u32 {
    let half = value as i16 as u16 as u32;
    half | (half << 16)
}

/// A word with the value in all four bytes.
const fn bytes_of(value: i8) -> u32 {
    u32::from_ne_bytes([value as u8; 4])
}

/// True if the rows of a convolution are rows of bytes ([`ByteRows`]).
const fn byte_rows<M: MicroKernel>(task: &ConvTask<'_>) -> bool {
    let shape = &task.shape;
    let kind = match (shape.form, shape.kind) {
        (Form::Full, KernelKind::Direct) => true,
        (Form::Full, KernelKind::Pointwise) => M::KERNELS.pointwise(),
        _ => false,
    };
    M::BYTE_ROWS && kind && matches!(shape.geometry.square(), Some((1 | 3 | 5 | 7, 1 | 2)))
}

/// Layout of the rows of bytes of a flat convolution, if it has such rows.
const fn flat_ring<M: MicroKernel>(task: &ConvTask<'_>) -> Option<Ring> {
    if M::BYTE_ROWS && M::KERNELS.flat() { flat_rows::ring(&task.shape) } else { None }
}

/// A word of padding in the ring buffer.
fn padding<M: MicroKernel>(task: &ConvTask<'_>) -> u32 {
    let bytes = byte_rows::<M>(task) || flat_ring::<M>(task).is_some();
    if bytes || depthwise::has_columns::<M>(task) {
        bytes_of(task.input_zero)
    } else {
        pair(task.input_zero)
    }
}

/// Chunk `i` of a slice that is cut into chunks of `size`. Unlike the standard library's chunks, it
/// has no panic for a size of 0.
pub(super) fn part<T>(slice: &[T], size: usize, i: usize) -> Option<&[T]> {
    slice.get(i * size..)?.get(..size)
}

/// Mutable version of [`part`].
pub(super) fn part_mut<T>(slice: &mut [T], size: usize, i: usize) -> Option<&mut [T]> {
    slice.get_mut(i * size..)?.get_mut(..size)
}

/// A layer at work. It takes the rows of its input in order, each once. When it has taken the
/// rows that a step reads, it can make the step's rows of outputs. A row of the input is free once
/// it is widened.
pub(super) struct Stage<'a, 't, 'm> {
    /// The layer.
    pub(super) task: &'t ConvTask<'a>,
    ring: Ring,
    /// The ring buffer, and behind it the words that a projection of the last row may read.
    rows: &'m mut [u32],
    /// Rows taken so far, the padding above included.
    taken: usize,
}

/// Splits the first words off a buffer.
pub(super) fn take<'m>(words: &mut &'m mut [u32], count: usize) -> Option<&'m mut [u32]> {
    let (head, tail) = core::mem::take(words).split_at_mut_checked(count)?;
    *words = tail;
    Some(head)
}

impl<'a, 't, 'm> Stage<'a, 't, 'm> {
    /// Takes a row of a layer that is no convolution over all channels.
    #[inline(never)]
    fn other_row<M: MicroKernel>(&mut self, micro: &M, source: &[u32]) {
        match self.task.shape.form {
            Form::Depthwise if M::KERNELS.depthwise() => self.depthwise_row(micro, source),
            Form::Maximum | Form::Average => self.pool_row(micro, source),
            _ => {}
        }
    }

    /// Takes a row of padding for such a layer.
    #[inline(never)]
    fn other_padding<M: MicroKernel>(&mut self) {
        match self.task.shape.form {
            Form::Depthwise if M::KERNELS.depthwise() => self.depthwise_padding::<M>(),
            Form::Maximum | Form::Average => self.pool_padding(),
            _ => {}
        }
    }

    /// Makes row `y` of such a layer.
    #[inline(never)]
    fn make_other<M: MicroKernel>(&self, micro: &M, y: usize, out: &mut [i8]) {
        match self.task.shape.form {
            Form::Depthwise if M::KERNELS.depthwise() => self.make_depthwise(micro, y, out),
            Form::Maximum if M::KERNELS.maximum() => self.make_maximum(micro, y, out),
            Form::Average if M::KERNELS.average() => self.make_average(micro, y, out),
            _ => {}
        }
    }

    /// Starts above the first row. `rows` has [`ConvShape::ring_words`] words or more.
    #[inline(never)]
    pub(super) fn new<M: MicroKernel>(task: &'t ConvTask<'a>, rows: &'m mut [u32]) -> Self {
        let bytes = byte_rows::<M>(task).then(|| bytes::ring(&task.shape));
        let ring = bytes.or(flat_ring::<M>(task)).unwrap_or_else(|| task.shape.ring());
        // The columns beside the input are never written and keep the zero point. Sums start at 0.
        let sums_up = M::KERNELS.average() && task.shape.sums_up();
        rows.fill(if sums_up { 0 } else { padding::<M>(task) });
        Self { task, ring, rows, taken: 0 }
    }

    pub(super) fn shape(&self) -> &'t ConvShape {
        &self.task.shape
    }

    /// The next row that the step at output row `y` still needs.
    pub(super) fn missing(&self, y: usize) -> Option<Needed> {
        let shape = self.shape();
        if self.taken >= y * shape.stride() + self.ring.rows {
            return None;
        }
        let row = self.taken.wrapping_sub(shape.above());
        let inside = row < usize::from(shape.input.height);
        Some(if inside { Needed::Row(row) } else { Needed::Padding })
    }

    /// The slot of the next row in the ring buffer.
    fn next(&mut self) -> &mut [u32] {
        let slot = self.taken % self.ring.rows.max(1);
        self.taken += 1;
        part_mut(self.rows, self.ring.row, slot).unwrap_or_default()
    }

    /// Takes a row of padding.
    #[inline(never)]
    pub(super) fn padding<M: MicroKernel>(&mut self) {
        if M::KERNELS.other() && self.task.shape.form != Form::Full {
            return self.other_padding::<M>();
        }
        if M::KERNELS.flat() && self.task.shape.kind == KernelKind::Flat {
            let zero = self.task.input_zero;
            return match flat_ring::<M>(self.task) {
                Some(_) => self.next().fill(bytes_of(zero)),
                None => self.flat_padding(pair(zero)),
            };
        }
        let value = padding::<M>(self.task);
        self.next().fill(value);
    }

    /// Takes a row of a tensor.
    pub(super) fn row<M: MicroKernel>(&mut self, micro: &M, source: &[u32]) {
        if M::KERNELS.other() && self.task.shape.form != Form::Full {
            return self.other_row(micro, source);
        }
        let bytes = byte_rows::<M>(self.task);
        if M::KERNELS.pointwise() && !bytes && self.task.shape.kind == KernelKind::Pointwise {
            return self.pointwise_row(micro, source);
        }
        let (ring, pad) = (self.ring, self.shape().left());
        let (width, stride) = (usize::from(self.shape().input.width), self.shape().across());
        let words = padded(self.shape().input.channels) / 4;
        if bytes {
            let pixels = self.next().get_mut(pad * words..).unwrap_or_default();
            let pixels = pixels.get_mut(..width * words).unwrap_or_default();
            return micro.byte_order(source, pixels);
        }
        let step = stride * words;
        let plane = ring.phases * ring.phase;
        let slot = self.next();
        for j in 0..words {
            let planes = part_mut(slot, 2 * plane, j).unwrap_or_default();
            let Some((low, high)) = planes.split_at_mut_checked(plane) else { return };
            for parity in 0..ring.phases.min(width) {
                let (start, count) = ring.columns(pad, stride, width, parity);
                let (Some(source), Some(low), Some(high)) = (
                    source.get(parity * words + j..),
                    low.get_mut(start..start + count),
                    high.get_mut(start..start + count),
                ) else {
                    return;
                };
                micro.widen(source, step, low, high);
            }
        }
    }

    /// Takes a row of the image, through the input table.
    pub(super) fn image_row<M: MicroKernel>(&mut self, micro: &M, source: &[u8], table: &[i8]) {
        if M::KERNELS.flat() && self.task.shape.kind == KernelKind::Flat {
            return match flat_ring::<M>(self.task) {
                Some(_) => self.flat_bytes(micro, source, table),
                None => self.flat_row(micro, source, table),
            };
        }
        if !byte_rows::<M>(self.task) {
            return self.image_pairs(source, table);
        }
        let (pad, channels) = (self.shape().left(), self.shape().input.channels);
        let row = self.next().get_mut(pad * padded(channels) / 4..).unwrap_or_default();
        bytes::image_row(source, usize::from(channels), table, row);
    }

    /// Takes a row of the image as pairs.
    // Out of line, to leave the registers to the loop that takes other rows.
    #[expect(
        clippy::indexing_slicing,
        reason = "four tables of 256 values, and a byte is the index"
    )]
    #[inline(never)]
    fn image_pairs(&mut self, source: &[u8], table: &[i8]) {
        let (ring, pad) = (self.ring, self.shape().left());
        let (width, stride) = (usize::from(self.shape().input.width), self.shape().across());
        let channels = usize::from(self.shape().input.channels);
        let plane = ring.phases * ring.phase;
        let slot = self.next();
        for j in 0..channels.div_ceil(4) {
            let planes = part_mut(slot, 2 * plane, j).unwrap_or_default();
            let Some((low, high)) = planes.split_at_mut_checked(plane) else { return };
            let Some(first) = table.first_chunk::<256>() else { return };
            // A channel that does not exist has weights of 0, so any table serves.
            let tables: [&[i8; 256]; 4] = core::array::from_fn(|k| {
                let own = table.get((4 * j + k) * 256..).and_then(|t| t.first_chunk());
                own.unwrap_or(first)
            });
            let look = |bytes: [u8; 4]| {
                let [a, b, c, d] = core::array::from_fn(|k| {
                    u32::from(tables[k][usize::from(bytes[k])] as i16 as u16)
                });
                (a | (c << 16), b | (d << 16))
            };
            for parity in 0..ring.phases.min(width) {
                let (start, count) = ring.columns(pad, stride, width, parity);
                let words = low.iter_mut().zip(high.iter_mut()).skip(start).take(count);
                let mut at = parity * channels + 4 * j;
                for (low, high) in words {
                    let pixel = source.get(at..).unwrap_or_default();
                    let bytes = match *pixel {
                        // With fewer than four channels, the other bytes are those of the next
                        // pixel.
                        [a, b, c, d, ..] => [a, b, c, d],
                        [a, b, c] => [a, b, c, 0],
                        [a, b] => [a, b, 0, 0],
                        [a] => [a, 0, 0, 0],
                        [] => [0; 4],
                    };
                    (*low, *high) = look(bytes);
                    at += stride * channels;
                }
            }
        }
    }

    /// Makes the rows of outputs from `y` on, one, two or four, as many as `out` holds. With a residual,
    /// `out` holds it on entry. `work` has [`ConvShape::work_words`] words or more.
    #[inline]
    pub(super) fn make<M: MicroKernel>(
        &mut self,
        micro: &M,
        y: usize,
        work: &mut [u32],
        out: &mut [u32],
    ) {
        let out = bytemuck::cast_slice_mut(out);
        if M::KERNELS.other() && self.task.shape.form != Form::Full {
            return self.make_other(micro, y, out);
        }
        let bytes = byte_rows::<M>(self.task);
        if M::KERNELS.pointwise() && !bytes && self.task.shape.kind == KernelKind::Pointwise {
            return self.make_pointwise(micro, 0, out);
        }
        if M::KERNELS.tiles() && self.task.shape.kind.winograd() {
            self.make_tiles(micro, y, work, out);
        } else if bytes {
            self.make_bytes(micro, y, out);
        } else if flat_ring::<M>(self.task).is_some() {
            self.make_flat(micro, y, out);
        } else if M::KERNELS.flat() && self.task.shape.kind == KernelKind::Flat {
            self.make_words(micro, y, out);
        } else {
            self.make_direct(micro, y, out);
        }
    }

    #[inline(never)]
    fn make_direct<M: MicroKernel>(&self, micro: &M, y: usize, out: &mut [i8]) {
        let (ring, shape) = (self.ring, self.shape());
        let top = y * shape.stride() % ring.rows.max(1) * ring.row;
        let rows = self.rows.get(..ring.rows * ring.row).unwrap_or_default();
        let Some((second, first)) = rows.split_at_checked(top) else { return };
        if let Some(window) = Window::new([first, second], ring.phase, shape.columns(), ring.phases)
        {
            direct_row(micro, self.task, &window, out);
        }
    }

    fn make_bytes<M: MicroKernel>(&mut self, micro: &M, y: usize, out: &mut [i8]) {
        let (ring, shape) = (self.ring, self.shape());
        let (kernel, stride) = (shape.kernel_rows(), shape.stride());
        let pixel = padded(shape.input.channels);
        let split = self.rows.split_at_mut_checked(ring.rows * ring.row);
        let Some((rows, columns)) = split else { return };
        let place = [ring.row * 4, y * stride % ring.rows.max(1)];
        let rows = ByteRows::new(bytemuck::cast_slice(rows), place, [kernel, stride], pixel);
        if let Some(rows) = rows {
            micro.byte_row(self.task, &rows, columns, out);
        }
    }

    /// Makes row `y` of a projection of this convolution's input. The ring buffer holds the input's
    /// row while the convolution makes its own row `y`.
    pub(super) fn project<M: MicroKernel>(
        &self,
        micro: &M,
        task: &ConvTask<'_>,
        y: usize,
        out: &mut [u32],
    ) {
        let (ring, shape) = (self.ring, self.shape());
        let centre = y * shape.stride() + shape.above();
        if byte_rows::<M>(self.task) {
            let row = part(self.rows, ring.row, centre % ring.rows.max(1)).unwrap_or_default();
            let pixel = padded(shape.input.channels);
            let row: &[i8] = bytemuck::cast_slice(row);
            let row = row.get(shape.left() * pixel..).unwrap_or_default();
            if let Some(rows) = ByteRows::new(row, [row.len(), 0], [1, shape.across()], pixel) {
                micro.byte_row(task, &rows, &mut [], bytemuck::cast_slice_mut(out));
            }
            return;
        }
        let start = centre % ring.rows.max(1) * ring.row + shape.first_pixel();
        let Some(row) = self.rows.get(start..).and_then(|r| r.get(..ring.row)) else { return };
        if let Some(window) = Window::new([row, &[]], ring.phases * ring.phase, 1, 1) {
            direct_row(micro, task, &window, bytemuck::cast_slice_mut(out));
        }
    }
}

/// The next row that a stage needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needed {
    /// A row of the input.
    Row(usize),
    /// A row of padding.
    Padding,
}

impl Ring {
    /// The place of the columns `parity`, `parity + stride`, ... of a row in a plane: index of the
    /// first word, and number of words.
    /// Columns that no output reads are left out.
    fn columns(&self, pad: usize, stride: usize, width: usize, parity: usize) -> (usize, usize) {
        let at = parity + pad;
        let (start, end) = if self.phases == 2 {
            let end = (at % 2 + 1) * self.phase;
            (at % 2 * self.phase + at / 2, end)
        } else {
            (at, self.phase)
        };
        let left = width - parity;
        let count = if stride == 2 { left.div_ceil(2) } else { left };
        (start, count.min(end.saturating_sub(start)))
    }
}

/// Makes a row of outputs of a direct convolution.
fn direct_row<M: MicroKernel>(micro: &M, task: &ConvTask<'_>, window: &Window<'_>, out: &mut [i8]) {
    let output = &task.shape.output;
    let (pitch, width) = (padded(output.channels), usize::from(output.width));
    for o in 0..task.weight_shape().output_pairs() {
        let weights = part(task.weights, window.weight_words(), o).unwrap_or_default();
        let bytes = out.get_mut(2 * o..).unwrap_or_default();
        let Some(mut row) = PairRow::new(bytes, pitch, width) else { return };
        micro.row(window, weights, &task.finish(o), &mut row);
    }
}
