//! Rows of a depthwise convolution.

use super::{Stage, pair, part};
use crate::graph::{Activation, Form, padded};
use crate::kernel::columns;
use crate::kernel::depthwise::{DepthwiseRow, Widening};
use crate::kernel::micro::MicroKernel;
use crate::kernel::task::ConvTask;
use crate::kernel::weights::depthwise_row_words;

/// True if the ring buffer of a depthwise convolution holds columns of bytes.
pub(super) fn has_columns<M: MicroKernel>(task: &ConvTask<'_>) -> bool {
    let shape = &task.shape;
    let three = shape.form == Form::Depthwise && shape.geometry.kernel == [3, 3];
    M::BYTE_ROWS && M::KERNELS.depthwise() && three && task.activation != Activation::Prelu
}

impl Stage<'_, '_, '_> {
    /// Takes a row of a tensor.
    pub(super) fn depthwise_row<M: MicroKernel>(&mut self, micro: &M, source: &[u32]) {
        let shape = self.shape();
        let rows = shape.kernel_rows().max(1);
        let words = padded(shape.input.channels) / 4;
        let zero = u32::from_le_bytes([self.task.input_zero as u8; 4]);
        let widening = Widening {
            quads: words,
            width: usize::from(shape.input.width),
            left: shape.left(),
            groups: shape.groups(),
            rows,
            slot: self.taken % rows,
            zero,
        };
        self.taken += 1;
        if has_columns::<M>(self.task) {
            micro.columns_widen(source, &widening, self.rows);
        } else {
            micro.depthwise_widen(source, &widening, self.rows);
        }
    }

    /// Takes a row of padding.
    pub(super) fn depthwise_padding<M: MicroKernel>(&mut self) {
        let rows = self.shape().kernel_rows().max(1);
        let (slot, value) = (self.taken % rows, pair(self.task.input_zero));
        self.taken += 1;
        if has_columns::<M>(self.task) {
            return columns::padding(self.rows, slot, self.task.input_zero as u8);
        }
        for word in self.rows.iter_mut().skip(slot).step_by(rows) {
            *word = value;
        }
    }

    /// Makes row `y` of the outputs.
    pub(super) fn make_depthwise<M: MicroKernel>(&self, micro: &M, y: usize, out: &mut [i8]) {
        let (task, shape) = (self.task, self.shape());
        let rows = shape.kernel_rows().max(1);
        let prelu = task.activation == Activation::Prelu;
        let channels = usize::from(shape.output.channels);
        let words = rows * depthwise_row_words(shape.geometry.kernel[1]);
        let row = DepthwiseRow::new(DepthwiseRow {
            ring: self.rows,
            groups: shape.groups(),
            rows,
            top: y * shape.stride() % rows,
            weights: part(task.weights, channels * words, 0).unwrap_or_default(),
            columns: shape.geometry.kernel[1],
            stride: shape.across(),
            channels,
            bias: task.numbers(0),
            positive: task.numbers(1),
            negative: if prelu { task.numbers(2) } else { &[] },
            zero: i32::from(task.output_zero),
            pixels: usize::from(shape.output.width),
            pitch: padded(shape.output.channels),
        });
        let Some(row) = row else { return };
        if has_columns::<M>(task) {
            micro.columns_row(&row, out);
        } else {
            micro.depthwise_row(&row, out);
        }
    }
}
