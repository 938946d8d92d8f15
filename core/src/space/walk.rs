//! The walk over the operations of a space or a sub-network, in the order of execution.
//!
//! [`wire`] yields every operation of the given blocks with the tensors that it reads, writes and
//! adds, so that no user has to match blocks, count layers or remember a shortcut. The cost of a
//! plan and the graph of a blob follow this order.

use super::{Block, PlacedBlock, Shortcut, Skip, Space, place};

/// The position of an operation's weights in a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Site {
    /// A layer, from 0.
    Layer(usize),
    /// The projection shortcut of the residual block that ends with this layer.
    Shortcut(usize),
}

impl Site {
    /// The layer whose width and branch the operation has.
    pub const fn layer(self) -> usize {
        match self {
            Self::Layer(layer) | Self::Shortcut(layer) => layer,
        }
    }
}

/// An operation and the tensors that it connects.
///
/// The indices are those of a blob's tensors: tensor 0 is the image, and the `i`-th operation of
/// the walk, from 0, writes tensor `i + 1`. The classifier reads the last tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvNode {
    /// Position of the operation.
    pub site: Site,
    /// Tensor read.
    pub input: usize,
    /// Tensor written.
    pub output: usize,
    /// Tensor added before the activation.
    pub residual: Option<usize>,
}

/// A block as a network contains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The block.
    pub placed: PlacedBlock,
    /// False for an inverted residual block without its first layer. Other blocks do not read it.
    pub expands: bool,
    /// True for an inverted residual block that adds its input. Other blocks do not read it.
    pub adds: bool,
}

impl Part {
    /// The block with all of its layers and its shortcut.
    pub const fn whole(placed: PlacedBlock) -> Self {
        let adds = !matches!(placed.block, Block::Inverted(Skip::None));
        Self { placed, expands: true, adds }
    }
}

/// Walks over the operations of consecutive blocks with all of their layers.
///
/// ```
/// use supernano_core::space::{Block, Shortcut, Site, walk};
///
/// let blocks = [Block::Conv, Block::Residual(Shortcut::Projection)];
/// let sites: Vec<Site> = walk(blocks).map(|conv| conv.site).collect();
/// assert_eq!(sites, [Site::Layer(0), Site::Layer(1), Site::Shortcut(2), Site::Layer(2)]);
/// let last = walk(blocks).last().unwrap();
/// assert_eq!((last.input, last.residual, last.output), (2, Some(3), 4));
/// ```
pub fn walk(blocks: impl IntoIterator<Item = Block>) -> impl Iterator<Item = ConvNode> {
    wire(place(blocks).map(Part::whole))
}

/// Walks over the operations of blocks. Those of a residual block are the first layer, the
/// projection if there is one, and the second layer; those of other blocks are their layers in order.
///
/// ```
/// use supernano_core::space::{Block, Part, PlacedBlock, Site, Skip, wire};
///
/// let inverted = |index| PlacedBlock { block: Block::Inverted(Skip::WhereItFits), index, first: 3 * index };
/// let parts = [
///     Part { placed: inverted(0), expands: true, adds: false },
///     Part { placed: inverted(2), expands: false, adds: true },
/// ];
/// let sites: Vec<Site> = wire(parts).map(|node| node.site).collect();
/// assert_eq!(sites, [0, 1, 2, 7, 8].map(Site::Layer));
/// assert_eq!(wire(parts).last().unwrap().residual, Some(3));
/// ```
pub fn wire(parts: impl IntoIterator<Item = Part>) -> impl Iterator<Item = ConvNode> {
    // A block reads the tensor that was written last.
    let mut tensor = 0;
    parts.into_iter().flat_map(move |Part { placed, expands, adds }| {
        let (first, input) = (placed.first, tensor);
        let mut node = |site, input, residual| {
            tensor += 1;
            ConvNode { site, input, output: tensor, residual }
        };
        match placed.block {
            Block::Conv | Block::Pool | Block::Dense => {
                [Some(node(Site::Layer(first), input, None)), None, None]
            }
            Block::Residual(shortcut) => {
                let one = node(Site::Layer(first), input, None);
                let around = (shortcut == Shortcut::Projection)
                    .then(|| node(Site::Shortcut(first + 1), input, None));
                let added = around.map_or(input, |around| around.output);
                [Some(one), around, Some(node(Site::Layer(first + 1), one.output, Some(added)))]
            }
            Block::Separable => {
                let one = node(Site::Layer(first), input, None);
                [Some(one), Some(node(Site::Layer(first + 1), one.output, None)), None]
            }
            Block::Inverted(_) => {
                let one = expands.then(|| node(Site::Layer(first), input, None));
                let two = node(Site::Layer(first + 1), one.map_or(input, |one| one.output), None);
                let added = adds.then_some(input);
                [one, Some(two), Some(node(Site::Layer(first + 2), two.output, added))]
            }
        }
        .into_iter()
        .flatten()
    })
}

impl<'a> Space<'a> {
    /// The operations of the whole network: all blocks with all layers, and every shortcut that some
    /// sub-network has. A sub-network's are [`Plan::nodes`](crate::plan::Plan::nodes).
    pub fn convs(&self) -> impl Iterator<Item = ConvNode> + use<'a> {
        let space = *self;
        let part = move |placed| Part { adds: space.may_add(placed), ..Part::whole(placed) };
        wire(self.placed_blocks().map(part))
    }

    /// True if an inverted residual block can add its input: it has a shortcut, keeps the resolution
    /// and does not read the image.
    pub(crate) fn may_add(&self, placed: PlacedBlock) -> bool {
        let skips = !matches!(placed.block, Block::Inverted(Skip::None));
        skips && placed.index > 0 && self.keeps_resolution(placed)
    }

    /// True if a block's output has as many pixels as its input, in every sub-network.
    pub(crate) fn keeps_resolution(&self, placed: PlacedBlock) -> bool {
        let keeps = |i| {
            let read = self.input_of(i);
            let layer = &self.layers[i];
            layer.stride == [1, 1] && layer.output(layer.kernel(), read, 0) == Some(read)
        };
        (placed.first..=placed.last()).all(keeps)
    }
}
