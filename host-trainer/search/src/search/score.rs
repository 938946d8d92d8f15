//! The interface to a score model that is additive over blocks, plus two logarithms.
//!
//! The search needs an additive score to bound it. [`Surrogate`] implements [`ScoreModel`] with all
//! of its terms if it was fitted with [`Terms::Additive`](crate::surrogate::Terms::Additive); terms
//! of pairs of distant layers have no place in the tables of blocks.

use supernano_core::arch::Arch;
use supernano_core::plan::{self, BranchScheme, Cost, Enhancement};
use supernano_core::space::{Block, PlacedBlock, Shortcut, Space};

use crate::surrogate::Surrogate;

/// A score of sub-networks, higher is better:
/// `link(constant + sum of block terms + logs[0] ln MACs + logs[1] ln parameters)`, with the MACs
/// and parameters of the nominal widths. Every value must be finite.
pub trait ScoreModel: Sync {
    /// The constant on the linear scale.
    fn constant(&self) -> f64 {
        0.0
    }

    /// The term of `block`. `input` is the option of the layer before the block (`None` for the
    /// image), `options` those of the block's layers.
    fn term(&self, space: &Space<'_>, block: PlacedBlock, input: Option<u8>, options: &[u8])
    -> f64;

    /// Coefficients of ln MACs and ln parameters.
    fn logs(&self) -> [f64; 2] {
        [0.0; 2]
    }

    /// Converts a linear score to a score. Strictly increasing.
    fn link(&self, linear: f64) -> f64 {
        linear
    }

    /// The linear score of a whole sub-network. Spaces with other choices than widths have no other
    /// score; in all others it is that of the formula above.
    fn whole(&self, space: &Space<'_>, arch: &Arch) -> f64 {
        linear(space, self, arch)
    }

    /// An upper bound of the score of every sub-network. Infinite if none is known.
    fn most(&self, _space: &Space<'_>) -> f64 {
        f64::INFINITY
    }
}

impl ScoreModel for Surrogate {
    fn constant(&self) -> f64 {
        self.intercept()
    }

    fn term(&self, space: &Space<'_>, block: PlacedBlock, _: Option<u8>, options: &[u8]) -> f64 {
        self.block_term(space, block, options)
    }

    fn logs(&self) -> [f64; 2] {
        self.log_coefficients()
    }

    fn link(&self, linear: f64) -> f64 {
        self.from_linear(linear)
    }

    fn whole(&self, space: &Space<'_>, arch: &Arch) -> f64 {
        match space.is_residual() {
            true => linear(space, self, arch),
            false => self.linear(space, arch),
        }
    }

    fn most(&self, space: &Space<'_>) -> f64 {
        // No effect is negative.
        self.score(space, &Arch::largest(space))
    }
}

/// Linear score of a sub-network. Terms are summed in the order of the blocks.
pub fn linear<M: ScoreModel + ?Sized>(space: &Space<'_>, model: &M, arch: &Arch) -> f64 {
    let options = arch.options();
    let mut terms = 0.0;
    for block in space.placed_blocks() {
        let input = block.first.checked_sub(1).map(|i| options[i]);
        terms += model.term(space, block, input, &options[block.first..=block.last()]);
    }
    let plan = plan::resolve(space, arch, Enhancement::NONE, BranchScheme::Shared);
    let Cost { macs, params } = plan::cost(space, &plan);
    combine(model, terms, macs, params)
}

/// Linear score from the sum of the terms and the nominal MACs and parameters.
pub(super) fn combine<M: ScoreModel + ?Sized>(
    model: &M,
    terms: f64,
    macs: u64,
    params: u64,
) -> f64 {
    let [m, p] = model.logs();
    model.constant() + terms + weighted_ln(m, macs) + weighted_ln(p, params)
}

/// `coefficient ln(amount)`, and 0 for a coefficient of 0.
#[inline]
pub(super) fn weighted_ln(coefficient: f64, amount: u64) -> f64 {
    if coefficient == 0.0 { 0.0 } else { coefficient * (amount as f64).ln() }
}

/// Nominal MACs and parameters of a block. The last block includes the classifier. Arguments are
/// those of [`ScoreModel::term`].
pub fn block_size(
    space: &Space<'_>,
    block: PlacedBlock,
    input: Option<u8>,
    options: &[u8],
) -> Cost {
    let width =
        |layer: usize, option: u8| u64::from(space.layers[layer].widths[usize::from(option)]);
    let entry = input.map_or(u64::from(space.input.channels), |o| width(block.first - 1, o));
    let mut size = Cost { macs: 0, params: 0 };
    let mut add_conv = |kernel: u8, read: u64, written: u64, pixels: u64| {
        let weights = u64::from(kernel).pow(2) * read * written;
        size.macs += weights * pixels;
        size.params += weights + 2 * written;
    };
    let mut read = entry;
    for (layer, &option) in (block.first..).zip(options) {
        let described = &space.layers[layer];
        let pixels = space.output_of(layer).pixels() as u64;
        let written = width(layer, option);
        add_conv(described.kernel()[0], read, written, pixels);
        if layer == block.last() && block.block == Block::Residual(Shortcut::Projection) {
            add_conv(1, entry, written, pixels);
        }
        read = written;
    }
    if block.last() + 1 == space.layers.len() {
        let classes = u64::from(space.classes);
        size.macs += read * classes;
        size.params += read * classes + classes;
    }
    size
}
