//! Rows of a pointwise convolution.

use super::{Stage, part};
use crate::graph::padded;
use crate::kernel::finish::FinishKind;
use crate::kernel::micro::MicroKernel;
use crate::kernel::pointwise::PointwiseRow;

impl Stage<'_, '_, '_> {
    /// Takes a row of a tensor.
    #[inline(never)]
    pub(super) fn pointwise_row<M: MicroKernel>(&mut self, micro: &M, source: &[u32]) {
        let shape = self.shape();
        let (width, words) = (usize::from(shape.input.width), padded(shape.input.channels) / 4);
        self.taken += 1;
        let source = part(source, width * words, 0).unwrap_or_default();
        micro.pointwise_widen(source, words, self.rows);
    }

    /// Makes a row of outputs from the planes of one row, or of all rows of a flat convolution, whose
    /// first weight belongs to plane `top`.
    #[inline(never)]
    pub(super) fn make_pointwise<M: MicroKernel>(&self, micro: &M, top: usize, out: &mut [i8]) {
        let (task, shape) = (self.task, self.shape());
        let kind = FinishKind::of(task.residual_at.is_some(), task.activation);
        let positive = 1 + usize::from(kind.residual());
        let row = PointwiseRow {
            inputs: self.rows,
            planes: shape.pairs() * self.ring.rows,
            top,
            weights: task.weights,
            bias: task.numbers(0),
            residual: task.numbers(1),
            positive: task.numbers(positive),
            negative: task.numbers(if kind.prelu() { positive + 1 } else { positive }),
            zero: i32::from(task.output_zero),
            kind,
            pairs: task.weight_shape().output_pairs(),
            pixels: usize::from(shape.output.width),
            pitch: padded(shape.output.channels),
        };
        micro.pointwise(&row, out);
    }
}
