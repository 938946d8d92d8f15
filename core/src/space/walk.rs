//! The walk over the convolutions of a space, in the order of execution.
//!
//! [`Space::convs`] and [`walk`] yield every convolution with the tensors that it reads, writes and
//! adds, so that no user has to match blocks, count layers or remember a shortcut. The cost of a
//! plan and the graph of a blob follow this order.

use super::{Block, Shortcut, Space};

/// The position of a convolution in a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Site {
    /// A layer, from 0.
    Layer(usize),
    /// The projection shortcut of the residual block that ends with this layer.
    Shortcut(usize),
}

impl Site {
    /// The layer whose width and branch the convolution has.
    pub const fn layer(self) -> usize {
        match self {
            Self::Layer(layer) | Self::Shortcut(layer) => layer,
        }
    }
}

/// A convolution and the tensors that it connects.
///
/// The indices are those of a blob's tensors: tensor 0 is the image, and the `i`-th convolution of
/// the walk, from 0, writes tensor `i + 1`. The classifier reads the last tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvNode {
    /// Position of the convolution.
    pub site: Site,
    /// Tensor read.
    pub input: usize,
    /// Tensor written.
    pub output: usize,
    /// Tensor added before the activation.
    pub residual: Option<usize>,
}

/// Walks over the convolutions of blocks. Those of a residual block are the first layer, the
/// projection if there is one, and the second layer.
///
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
    // A block reads the tensor that was written last.
    let (mut layer, mut tensor) = (0, 0);
    blocks.into_iter().flat_map(move |block| {
        let (first, input) = (layer, tensor);
        layer += block.layers();
        let mut conv = |site, input, residual| {
            tensor += 1;
            ConvNode { site, input, output: tensor, residual }
        };
        let one = conv(Site::Layer(first), input, None);
        let nodes = match block {
            Block::Conv => [Some(one), None, None],
            Block::Residual(Shortcut::Identity) => {
                [Some(one), None, Some(conv(Site::Layer(first + 1), one.output, Some(input)))]
            }
            Block::Residual(Shortcut::Projection) => {
                let around = conv(Site::Shortcut(first + 1), input, None);
                let two = conv(Site::Layer(first + 1), one.output, Some(around.output));
                [Some(one), Some(around), Some(two)]
            }
        };
        nodes.into_iter().flatten()
    })
}

impl<'a> Space<'a> {
    /// The convolutions in the order of execution.
    pub fn convs(&self) -> impl Iterator<Item = ConvNode> + use<'a> {
        walk(self.blocks.iter().copied())
    }

    /// Kernel size and stride of a convolution.
    pub fn geometry(&self, site: Site) -> (u8, u8) {
        match site {
            Site::Layer(layer) => (self.layers[layer].kernel, self.layers[layer].stride),
            // A residual block has two layers; the first has the block's stride.
            Site::Shortcut(last) => (1, self.layers[last - 1].stride),
        }
    }
}
