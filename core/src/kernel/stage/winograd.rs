//! Rows of outputs with Winograd's algorithm: blocks of two rows.

use super::{Stage, part, part_mut, take};
use crate::graph::{KernelKind, padded};
use crate::kernel::finish::PairRow;
use crate::kernel::micro::MicroKernel;
use crate::kernel::task::ConvTask;
use crate::kernel::winograd::{self, BLOCK_COLUMNS, BLOCK_ROWS, SUM_WORDS};

impl Stage<'_, '_, '_> {
    /// Makes rows `y` and `y + 1` of the outputs.
    #[inline(never)]
    pub(super) fn make_tiles<M: MicroKernel>(
        &self,
        micro: &M,
        y: usize,
        mut work: &mut [u32],
        out: &mut [i8],
    ) {
        let (ring, task, shape) = (self.ring, self.task, self.shape());
        let rows: [&[u32]; 4] = core::array::from_fn(|i| {
            part(self.rows, ring.row, (y + i) % ring.rows.max(1)).unwrap_or_default()
        });
        let pairs = shape.pairs();
        let (Some(sums), Some(inputs)) =
            (take(&mut work, SUM_WORDS), take(&mut work, shape.transformed_words()))
        else {
            return;
        };
        let Some(sums) = sums.first_chunk_mut() else { return };
        let row_bytes = shape.out_row() * 4;
        let (first, second) = out.split_at_mut_checked(row_bytes).unwrap_or_default();
        let mut tiles = Tiles { task, sums, out: [first, second] };
        let outputs = task.weight_shape().output_pairs();
        let online = match shape.kind {
            KernelKind::WinogradOnline => M::KERNELS.online(),
            _ => !M::KERNELS.winograd(),
        };
        if !online {
            for block in 0..shape.blocks() {
                let x = block * BLOCK_COLUMNS;
                micro.winograd_input(rows, ring.phase, x, inputs);
                for o in 0..outputs {
                    let weights = part(task.weights, winograd::weight_words(pairs), o);
                    let weights = weights.unwrap_or_default();
                    tiles.make(micro, o, x, BLOCK_COLUMNS, inputs, weights);
                }
            }
        } else {
            for block in 0..shape.blocks() {
                let inputs = part_mut(inputs, winograd::input_words(pairs), block);
                let inputs = inputs.unwrap_or_default();
                micro.winograd_input(rows, ring.phase, block * BLOCK_COLUMNS, inputs);
            }
            let Some(weights) = take(&mut work, winograd::weight_words(pairs)) else { return };
            for o in 0..outputs {
                let packed = part(task.weights, winograd::packed_words(pairs), o);
                let packed = packed.unwrap_or_default();
                micro.winograd_weights(packed, pairs, weights);
                tiles.make(micro, o, 0, usize::MAX, inputs, weights);
            }
        }
    }
}

/// Two rows of outputs, and the sums that their blocks share.
struct Tiles<'a, 't, 'm> {
    task: &'t ConvTask<'a>,
    sums: &'m mut [u32; SUM_WORDS],
    out: [&'m mut [i8]; BLOCK_ROWS],
}

impl Tiles<'_, '_, '_> {
    /// Makes at most `columns` columns of outputs from column `x` on, for one output pair.
    #[inline]
    fn make<M: MicroKernel>(
        &mut self,
        micro: &M,
        o: usize,
        x: usize,
        columns: usize,
        inputs: &[u32],
        weights: &[u32],
    ) {
        let output = &self.task.shape.output;
        let pitch = padded(output.channels);
        let pixels = usize::from(output.width).saturating_sub(x).min(columns);
        let [first, second] = &mut self.out;
        let start = x * pitch + 2 * o;
        let first = PairRow::new(first.get_mut(start..).unwrap_or_default(), pitch, pixels);
        // With an odd height, the last step has no second row.
        let below = if second.is_empty() { 0 } else { pixels };
        let second = PairRow::new(second.get_mut(start..).unwrap_or_default(), pitch, below);
        if let (Some(first), Some(second)) = (first, second) {
            let finish = self.task.finish(o);
            micro.winograd_block(inputs, weights, self.sums, &finish, &mut [first, second]);
        }
    }
}
