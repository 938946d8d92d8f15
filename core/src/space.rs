//! Search spaces: backbones whose layers leave choices open (`core/docs/spaces.md`).
//!
//! A [`Space`] is borrowed data, either a constant of this crate or built from a user's file.
//! [`Space::validate`] checks it once; everything else in the crate relies on a validated space.
//!
//! - [`Space::choices`] lists what a code decides: widths, expansions, kernels, depths and the
//!   resolution. [`Arch`](crate::arch::Arch) holds an option for each.
//! - [`Space::convs`] yields the operations of the whole network, and
//!   [`Plan::nodes`](crate::plan::Plan::nodes) those of a sub-network, with form, geometry, channels,
//!   activation, added tensor, and the [`Site`] of the weights.
//! - [`Extents`](crate::plan::Extents) has the shape of the weights that the largest network needs
//!   at each site, and the number of branches.

mod builtin;
mod choice;
mod layer;
mod shapes;
mod validate;
mod walk;
mod widest;

pub use crate::shape::Shape;
pub use builtin::{
    AUTOENCODER, BUILTIN, CONV1D, DS_CNN, MOBILENET_V1_025, MOBILENET_V2_TINY, RESNET8, RESNET20,
};
pub use choice::{Choice, Slot};
pub use layer::{Activation, GLOBAL, Layer, Padding};
pub use walk::{ConvNode, Part, Site, walk, wire};

/// Maximum number of layers, those of a blob. The projections of residual blocks count as layers.
pub const MAX_LAYERS: usize = crate::graph::MAX_OPS - 1;

/// Maximum number of stages.
pub const MAX_STAGES: usize = 16;

/// The paper's enhancement (section 2.2): 4 channels are computed as 5, and 8 as 9.
pub const PAPER: &[[u16; 2]] = &[[4, 5], [8, 9]];

/// The operand that is added to the second convolution of a residual block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shortcut {
    /// The block's input.
    Identity,
    /// A 1x1 convolution of the block's input, with batch norm and the block's stride.
    Projection,
}

/// The shortcut of an inverted residual block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Skip {
    /// None.
    None,
    /// The block's input in sub-networks where the stride is 1 and the effective widths are equal.
    WhereItFits,
    /// The block's input in every sub-network.
    Identity,
}

/// The connection of consecutive layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// A convolution.
    Conv,
    /// Two convolutions and a shortcut. The second activation follows the addition.
    Residual(Shortcut),
    /// A depthwise convolution and a pointwise convolution.
    Separable,
    /// A pointwise convolution that expands, a depthwise convolution, and a pointwise convolution
    /// that adds the block's input. An expansion of 1 leaves out the first.
    Inverted(Skip),
    /// A maximum or average pool.
    Pool,
    /// A fully connected layer over all values of its input.
    Dense,
}

impl Block {
    /// Number of layers that the block consumes.
    pub const fn layers(self) -> usize {
        match self {
            Self::Conv | Self::Pool | Self::Dense => 1,
            Self::Residual(_) | Self::Separable => 2,
            Self::Inverted(_) => 3,
        }
    }
}

/// Consecutive blocks, of which a sub-network keeps the first ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage<'a> {
    /// Index of the first block.
    pub first: u8,
    /// Numbers of blocks to choose from, ascending. The stage has as many blocks as the last.
    pub depths: &'a [u8],
}

impl Stage<'_> {
    /// Number of blocks.
    pub fn blocks(&self) -> usize {
        self.depths.last().copied().map_or(0, usize::from)
    }

    /// True if the block of this index belongs to the stage.
    pub fn contains(&self, block: usize) -> bool {
        let first = usize::from(self.first);
        (first..first + self.blocks()).contains(&block)
    }
}

/// The meaning of a network's outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Head {
    /// One of several classes (cross-entropy).
    #[default]
    Classes,
    /// Several labels at once (binary cross-entropy for each).
    Labels,
    /// Real values (mean squared error).
    Values,
}

/// A search space: a backbone, then global average pooling and a fully connected classifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space<'a> {
    /// Name in configurations and blobs.
    pub name: &'a str,
    /// Shape of an image at the largest resolution.
    pub input: Shape,
    /// Sides of the square images to choose from, ascending, the last being that of `input`. Empty
    /// if the resolution is fixed.
    pub resolutions: &'a [u16],
    /// Number of outputs: classes, labels or values.
    pub classes: u16,
    /// Meaning of the outputs.
    pub head: Head,
    /// Layers in the order of execution.
    pub layers: &'a [Layer<'a>],
    /// Blocks in order. Together they consume all layers.
    pub blocks: &'a [Block],
    /// Stages in order. Blocks of no stage are in every sub-network.
    pub stages: &'a [Stage<'a>],
    /// The enhancement of widths: nominal width and effective width, ascending.
    pub enhanced: &'a [[u16; 2]],
    /// Trailing numbers of a written code that are accepted and ignored.
    pub ignored_digits: u8,
}

/// A block and its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedBlock {
    /// The block.
    pub block: Block,
    /// Index of the block.
    pub index: usize,
    /// Index of its first layer.
    pub first: usize,
}

impl PlacedBlock {
    /// Index of its last layer.
    pub const fn last(self) -> usize {
        self.first + self.block.layers() - 1
    }
}

/// Places blocks one after the other.
pub(crate) fn place(blocks: impl IntoIterator<Item = Block>) -> impl Iterator<Item = PlacedBlock> {
    let mut next = 0;
    blocks.into_iter().enumerate().map(move |(index, block)| {
        let first = next;
        next += block.layers();
        PlacedBlock { block, index, first }
    })
}

impl<'a> Space<'a> {
    /// An image space without layers, with the paper's enhancement; a start for struct updates.
    pub const EMPTY: Self = Self {
        name: "",
        input: Shape { height: 0, width: 0, channels: 0 },
        resolutions: &[],
        classes: 0,
        head: Head::Classes,
        layers: &[],
        blocks: &[],
        stages: &[],
        enhanced: PAPER,
        ignored_digits: 0,
    };

    /// The layer whose option layer `i` has: `i` itself, or the layer to which `i` is tied.
    pub fn source(&self, i: usize) -> usize {
        self.layers[i].same_as.map_or(i, usize::from)
    }

    /// Indices of the layers that have a choice of widths, expansions included, and are not tied to
    /// another.
    pub fn free_layers(&self) -> impl Iterator<Item = usize> + 'a {
        let layers = self.layers;
        (0..layers.len())
            .filter(move |&i| layers[i].same_as.is_none() && !layers[i].widths.is_empty())
    }

    /// The blocks and their positions.
    pub fn placed_blocks(&self) -> impl Iterator<Item = PlacedBlock> + use<'a> {
        place(self.blocks.iter().copied())
    }

    /// The stage of a block, and the position of the block in it.
    pub fn stage_of(&self, block: usize) -> Option<(usize, usize)> {
        let index = self.stages.iter().position(|stage| stage.contains(block))?;
        Some((index, block - usize::from(self.stages[index].first)))
    }

    /// True if some sub-network leaves out the block.
    pub fn is_optional(&self, block: usize) -> bool {
        self.stage_of(block).is_some_and(|(stage, position)| {
            self.stages[stage].depths.first().is_some_and(|&least| position >= usize::from(least))
        })
    }

    /// Indices of the blocks that a block may read, over all sub-networks. The first block has none:
    /// it reads the image.
    pub fn predecessors(&self, block: usize) -> impl Iterator<Item = usize> + use<'a> {
        let (stages, before) = (self.stages, block.checked_sub(1));
        let own = self.stage_of(block).map(|(stage, _)| stage);
        // Only the last kept block of an earlier stage is read.
        let other = before
            .and_then(|before| self.stage_of(before))
            .map(|(stage, _)| stage)
            .filter(|&stage| own != Some(stage));
        let depths = other.map_or(&[][..], |stage| stages[stage].depths);
        let first = other.map_or(0, |stage| usize::from(stages[stage].first));
        let single = before.filter(|_| other.is_none());
        single.into_iter().chain(depths.iter().map(move |&d| first + usize::from(d) - 1))
    }

    /// The nominal width that is computed in place of a nominal width, by the space's enhancement.
    pub fn enhanced(&self, nominal: u16) -> u16 {
        let rule = self.enhanced.iter().find(|[from, _]| *from == nominal);
        rule.map_or(nominal, |&[_, to]| to)
    }

    /// True for the spaces of residual networks, whose only choices are widths: convolutions with
    /// square odd kernels, half of them as padding, ReLU, residual blocks, classes.
    pub fn is_residual(&self) -> bool {
        let block = |b: &Block| matches!(b, Block::Conv | Block::Residual(_));
        self.stages.is_empty()
            && self.resolutions.len() < 2
            && self.head == Head::Classes
            && self.blocks.iter().all(block)
            && self.layers.iter().all(Layer::is_residual)
    }
}

#[cfg(test)]
mod tests;
