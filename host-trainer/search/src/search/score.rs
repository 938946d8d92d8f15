//! Scores that the search can take apart: what each block adds, and two logarithms.

use supernano_core::arch::Arch;
use supernano_core::plan::{self, BranchScheme, Enhancement};
use supernano_core::space::{Block, PlacedBlock, Shortcut, Space};

use crate::surrogate::Surrogate;

/// The nominal multiply-accumulates and parameters that a block adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Multiply-accumulates.
    pub macs: u64,
    /// Parameters, as [`plan::cost`] counts them.
    pub params: u64,
}

/// A score of sub-networks, higher is better:
/// `link(constant + sum of the blocks' terms + logs[0] ln MACs + logs[1] ln parameters)`
/// with the nominal MACs and parameters. All of it must be finite.
pub trait ScoreModel: Sync {
    /// The part that no width changes.
    fn constant(&self) -> f64 {
        0.0
    }

    /// What `block` adds where it reads option `input` of the layer before it (`None`: the image)
    /// and its layers have these options.
    fn term(&self, space: &Space<'_>, block: PlacedBlock, input: Option<u8>, options: &[u8])
    -> f64;

    /// Coefficients of ln MACs and ln parameters.
    fn logs(&self) -> [f64; 2] {
        [0.0; 2]
    }

    /// From the linear scale to that of the scores; increasing.
    fn link(&self, linear: f64) -> f64 {
        linear
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
}

/// Linear score of a sub-network, summed in the order of its blocks.
pub fn linear(space: &Space<'_>, model: &dyn ScoreModel, arch: &Arch) -> f64 {
    let options = arch.options();
    let terms: f64 = space
        .placed_blocks()
        .map(|b| {
            let input = b.first.checked_sub(1).map(|i| options[i]);
            model.term(space, b, input, &options[b.first..=b.last()])
        })
        .fold(0.0, |sum, term| sum + term);
    let size =
        plan::cost(space, &plan::resolve(space, arch, Enhancement::NONE, BranchScheme::Shared));
    combine(model, terms, size.macs, size.params)
}

/// Linear score from the sum of the terms and the sizes.
pub(super) fn combine(model: &dyn ScoreModel, terms: f64, macs: u64, params: u64) -> f64 {
    let [m, p] = model.logs();
    let log = |coefficient: f64, amount: u64| {
        if coefficient == 0.0 { 0.0 } else { coefficient * (amount as f64).ln() }
    };
    model.constant() + terms + log(m, macs) + log(p, params)
}

/// Nominal size that a block adds; the last block's holds the classifier.
pub fn size(space: &Space<'_>, block: PlacedBlock, input: Option<u8>, options: &[u8]) -> Size {
    let width =
        |layer: usize, option: u8| u64::from(space.layers[layer].widths[usize::from(option)]);
    let entry = input.map_or(u64::from(space.input.channels), |o| width(block.first - 1, o));
    let mut size = Size::default();
    let mut conv = |kernel: u8, read: u64, written: u64, pixels: u64| {
        let weights = u64::from(kernel).pow(2) * read * written;
        size.macs += weights * pixels;
        size.params += weights + 2 * written;
    };
    let mut read = entry;
    for (layer, &option) in (block.first..).zip(options) {
        let described = &space.layers[layer];
        let pixels = space.input_of(layer).convolved(described.stride, 0).pixels() as u64;
        let written = width(layer, option);
        conv(described.kernel, read, written, pixels);
        if layer == block.last() && block.block == Block::Residual(Shortcut::Projection) {
            conv(1, entry, written, pixels);
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
