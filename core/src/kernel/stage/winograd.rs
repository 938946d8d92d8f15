//! Rows of outputs with Winograd's algorithm: blocks of two or four rows.

use super::{Stage, part, part_mut, take};
use crate::graph::{KernelSet, Tiling, padded};
use crate::kernel::finish::BlockRows;
use crate::kernel::micro::MicroKernel;
use crate::kernel::task::ConvTask;
use crate::kernel::winograd::{self, BLOCK_COLUMNS, INPUT_ROWS};

impl Stage<'_, '_, '_> {
    /// Makes the rows of outputs from `y` on, as many as `out` holds.
    #[inline(never)]
    pub(super) fn make_tiles<M: MicroKernel>(
        &self,
        micro: &M,
        y: usize,
        mut work: &mut [u32],
        out: &mut [i8],
    ) {
        let (ring, task, shape) = (self.ring, self.task, self.shape());
        let Some((tiling, online)) = choice(M::KERNELS, task) else { return };
        // The last two rows are those of a tall tile.
        let read: [&[u32]; INPUT_ROWS] = core::array::from_fn(|i| {
            part(self.rows, ring.row, (y + i) % ring.rows.max(1)).unwrap_or_default()
        });
        let pairs = shape.pairs();
        let (Some(sums), Some(inputs)) =
            (take(&mut work, tiling.sum_words()), take(&mut work, shape.transformed_words()))
        else {
            return;
        };
        // The last step may have fewer rows than a tile.
        let rows = usize::from(shape.output.height).saturating_sub(y).min(tiling.rows());
        let mut tiles = Tiles { task, tiling, rows, sums, out };
        let outputs = task.weight_shape().output_pairs();
        let (input_words, weight_words) = (tiling.input_words(pairs), tiling.weight_words(pairs));
        if !online {
            for block in 0..shape.blocks() {
                let x = block * BLOCK_COLUMNS;
                micro.winograd_input(tiling, &read, ring.phase, x, inputs);
                for o in 0..outputs {
                    let weights = part(task.weights, weight_words, o).unwrap_or_default();
                    tiles.make(micro, o, x, BLOCK_COLUMNS, inputs, weights);
                }
            }
        } else {
            for block in 0..shape.blocks() {
                let inputs = part_mut(inputs, input_words, block).unwrap_or_default();
                micro.winograd_input(tiling, &read, ring.phase, block * BLOCK_COLUMNS, inputs);
            }
            let Some(weights) = take(&mut work, weight_words) else { return };
            for o in 0..outputs {
                let packed = part(task.weights, winograd::packed_words(pairs), o);
                micro.winograd_weights(tiling, packed.unwrap_or_default(), pairs, weights);
                tiles.make(micro, o, 0, usize::MAX, inputs, weights);
            }
        }
    }
}

/// The tiles of a layer, and whether its weights are transformed during execution. What the set of
/// kernels decides is a constant.
#[inline(always)]
fn choice(set: KernelSet, task: &ConvTask<'_>) -> Option<(Tiling, bool)> {
    let kind = task.shape.kind;
    let tiling = match (set.square(), set.tall()) {
        (true, true) => kind.tiling()?,
        (false, true) => Tiling::Tall,
        _ => Tiling::Square,
    };
    let online = match (set.winograd(), set.online()) {
        (true, true) => !kind.transformed(),
        (transformed, _) => !transformed,
    };
    Some((tiling, online))
}

/// Rows of outputs, and the sums that their blocks share.
struct Tiles<'a, 't, 'm> {
    task: &'t ConvTask<'a>,
    tiling: Tiling,
    rows: usize,
    sums: &'m mut [u32],
    out: &'m mut [i8],
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
        let shape = &self.task.shape;
        let pitch = padded(shape.output.channels);
        let pixels = usize::from(shape.output.width).saturating_sub(x).min(columns);
        let row = shape.out_row() * 4;
        let out = self.out.get_mut(x * pitch + 2 * o..).unwrap_or_default();
        if let Some(mut out) = BlockRows::new(out, [pitch, row], [pixels, self.rows]) {
            let finish = self.task.finish(o);
            micro.winograd_block(self.tiling, inputs, weights, self.sums, &finish, &mut out);
        }
    }
}
