//! Rows of pools: copies of the input's rows, or the sums of all rows for a global average.

use super::{Stage, part_mut};
use crate::graph::{Form, padded};
use crate::kernel::micro::MicroKernel;

impl Stage<'_, '_, '_> {
    /// Takes a row of a tensor.
    pub(super) fn pool_row<M: MicroKernel>(&mut self, micro: &M, source: &[u32]) {
        let shape = self.shape();
        if !shape.sums_up() {
            for (to, from) in self.pool_slot().iter_mut().zip(source) {
                *to = *from;
            }
            return;
        }
        self.taken += 1;
        if !M::KERNELS.average() {
            return;
        }
        let pixel = padded(shape.input.channels);
        if M::BYTE_ROWS {
            let sums = self.rows.get_mut(..pixel).unwrap_or_default();
            return micro.add_pixels(source.get(..shape.in_row()).unwrap_or_default(), sums);
        }
        let bytes: &[i8] = bytemuck::cast_slice(source);
        for x in 0..usize::from(shape.input.width) {
            let values = bytes.get(x * pixel..).unwrap_or_default();
            for (sum, &value) in self.rows.iter_mut().zip(values).take(pixel) {
                *sum = sum.wrapping_add_signed(i32::from(value));
            }
        }
    }

    /// Takes a row of padding.
    pub(super) fn pool_padding(&mut self) {
        let value = match self.task.shape.form {
            Form::Maximum => i8::MIN,
            _ => self.task.input_zero,
        };
        self.pool_slot().fill(u32::from_le_bytes([value as u8; 4]));
    }

    /// The slot of the next row.
    fn pool_slot(&mut self) -> &mut [u32] {
        let (rows, row) = (self.shape().kernel_rows().max(1), self.shape().in_row());
        let slot = self.taken % rows;
        self.taken += 1;
        part_mut(self.rows, row, slot).unwrap_or_default()
    }

    /// Calls `visit` with each value of channel `c` under pixel `x` of a row of outputs, and returns
    /// the number of values outside the input's columns.
    fn window(&self, x: usize, c: usize, mut visit: impl FnMut(i8)) -> usize {
        let shape = self.shape();
        let bytes: &[i8] = bytemuck::cast_slice(self.rows);
        let (row, pixel) = (shape.in_row() * 4, padded(shape.input.channels));
        let [rows, columns] = shape.geometry.kernel.map(usize::from);
        let mut outside = 0;
        for kx in 0..columns {
            let column = (x * shape.across() + kx).wrapping_sub(shape.left());
            if column >= usize::from(shape.input.width) {
                outside += rows;
                continue;
            }
            for slot in 0..rows {
                visit(bytes.get(slot * row + column * pixel + c).copied().unwrap_or(i8::MIN));
            }
        }
        outside
    }

    /// Makes a row of a maximum pool. The order of the ring's rows does not matter.
    pub(super) fn make_maximum<M: MicroKernel>(&self, micro: &M, _: usize, out: &mut [i8]) {
        let pixel = padded(self.shape().output.channels);
        if M::BYTE_ROWS {
            return self.vector_maximum(micro, out);
        }
        for (x, values) in out.chunks_exact_mut(pixel.max(1)).enumerate() {
            for (c, value) in values.iter_mut().enumerate() {
                let mut most = i8::MIN;
                self.window(x, c, |q| most = most.max(q));
                *value = most;
            }
        }
    }

    /// Makes a row of a maximum pool, all channels of a pixel at once.
    fn vector_maximum<M: MicroKernel>(&self, micro: &M, out: &mut [i8]) {
        let shape = self.shape();
        let bytes: &[i8] = bytemuck::cast_slice(self.rows);
        let (row, pixel) = (shape.in_row() * 4, padded(shape.input.channels));
        let [rows, columns] = shape.geometry.kernel.map(usize::from);
        out.fill(i8::MIN);
        for (x, values) in out.chunks_exact_mut(pixel.max(1)).enumerate() {
            for kx in 0..columns {
                let column = (x * shape.across() + kx).wrapping_sub(shape.left());
                for slot in 0..if column < usize::from(shape.input.width) { rows } else { 0 } {
                    let source = bytes.get(slot * row + column * pixel..).unwrap_or_default();
                    micro.maximum(source, values);
                }
            }
        }
    }

    /// Makes a row of an average pool.
    #[expect(
        clippy::indexing_slicing,
        reason = "the arrays have two elements, and the index is modulo 2"
    )]
    pub(super) fn make_average<M: MicroKernel>(&self, micro: &M, _: usize, out: &mut [i8]) {
        let (task, shape) = (self.task, self.shape());
        let pixel = padded(shape.output.channels);
        let channels = usize::from(shape.output.channels);
        for (x, values) in out.chunks_exact_mut(pixel.max(1)).enumerate() {
            for (c, value) in values.iter_mut().take(channels).enumerate() {
                let mut sum = 0;
                if shape.sums_up() {
                    sum = self.rows.get(c).map_or(0, |&sum| sum as i32);
                } else {
                    let outside = self.window(x, c, |q| sum += i32::from(q));
                    sum += outside as i32 * i32::from(task.input_zero);
                }
                let (scale, finish) = task.scaled(c / 2);
                let acc = finish.bias[c % 2].wrapping_add(sum.wrapping_mul(scale[c % 2]));
                let factor = micro.mulr(acc, finish.positive[c % 2]);
                *value = micro.sat8(finish.zero.wrapping_add(factor));
            }
        }
    }
}
