//! Search spaces: backbones whose layers offer several widths.
//!
//! A [`Space`] is borrowed data, either a constant of this crate or built from a user's file.
//! [`Space::validate`] checks it once; everything else in the crate relies on a validated space.
//! [`walk`] yields its convolutions in the order of execution.

mod builtin;
mod walk;

pub use builtin::{BUILTIN, RESNET8, RESNET20};
pub use walk::{ConvNode, Site, walk};

use crate::error::{Error, SpaceProblem};

/// Maximum number of layers.
pub const MAX_LAYERS: usize = 40;

/// Height, width and channels of an image or a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Shape {
    /// Rows.
    pub height: u16,
    /// Columns.
    pub width: u16,
    /// Channels.
    pub channels: u16,
}

impl Shape {
    /// Pixels per channel.
    pub const fn pixels(self) -> usize {
        self.height as usize * self.width as usize
    }

    /// Elements: height x width x channels.
    pub const fn len(self) -> usize {
        self.pixels() * self.channels as usize
    }

    /// True for a shape without elements.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The shape after a convolution with padding `kernel / 2`, this stride and `channels` outputs.
    pub const fn convolved(self, stride: u8, channels: u16) -> Self {
        let stride = stride as u16;
        Self { height: self.height.div_ceil(stride), width: self.width.div_ceil(stride), channels }
    }
}

/// A searchable layer: a convolution with padding `kernel / 2`, batch norm, and an activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer<'a> {
    /// Nominal output widths to choose from, in channels, ascending.
    pub widths: &'a [u16],
    /// Kernel size, odd.
    pub kernel: u8,
    /// Stride, 1 or 2.
    pub stride: u8,
    /// The earlier layer, from 0, whose option this layer copies. A code does not list such a
    /// layer.
    pub same_as: Option<u8>,
}

/// The operand that is added to the second convolution of a residual block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shortcut {
    /// The block's input.
    Identity,
    /// A 1x1 convolution of the block's input, with batch norm and the block's stride.
    Projection,
}

/// The connection of consecutive layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// One layer.
    Conv,
    /// Two layers and a shortcut. The second activation follows the addition.
    Residual(Shortcut),
}

impl Block {
    /// Number of layers that the block consumes.
    pub const fn layers(self) -> usize {
        match self {
            Self::Conv => 1,
            Self::Residual(_) => 2,
        }
    }
}

/// A search space: a backbone, then global average pooling and a fully connected classifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space<'a> {
    /// Name in configurations and blobs.
    pub name: &'a str,
    /// Shape of an image.
    pub input: Shape,
    /// Number of classes.
    pub classes: u16,
    /// Layers in the order of execution.
    pub layers: &'a [Layer<'a>],
    /// Blocks in order. Together they consume all layers.
    pub blocks: &'a [Block],
    /// Trailing numbers of a written code that are accepted and ignored.
    pub ignored_digits: u8,
}

/// A block and its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedBlock {
    /// The block.
    pub block: Block,
    /// Index of its first layer.
    pub first: usize,
}

impl PlacedBlock {
    /// Index of its last layer.
    pub const fn last(self) -> usize {
        self.first + self.block.layers() - 1
    }
}

impl<'a> Space<'a> {
    /// Checks every property that the rest of the crate relies on.
    ///
    /// # Errors
    /// [`Error::Space`] with the layer and the problem.
    pub fn validate(&self) -> Result<(), Error> {
        let fail = |layer, problem| Err(Error::Space { layer, problem });
        if self.layers.len() > MAX_LAYERS {
            return fail(MAX_LAYERS, SpaceProblem::TooManyLayers);
        }
        if self.input.is_empty() || self.classes == 0 || self.layers.is_empty() {
            return fail(0, SpaceProblem::Empty);
        }
        if self.blocks.iter().map(|b| b.layers()).sum::<usize>() != self.layers.len() {
            return fail(self.layers.len() - 1, SpaceProblem::BlockCount);
        }
        for (i, layer) in self.layers.iter().enumerate() {
            if layer.widths.is_empty()
                || layer.widths.len() > usize::from(u8::MAX)
                || layer.widths[0] == 0
                || layer.widths.windows(2).any(|w| w[0] >= w[1])
                || layer.widths.iter().any(|&w| w > 1024)
            {
                return fail(i, SpaceProblem::Widths);
            }
            if layer.kernel % 2 == 0 || layer.kernel > 7 {
                return fail(i, SpaceProblem::Kernel);
            }
            if !matches!(layer.stride, 1 | 2) {
                return fail(i, SpaceProblem::Stride);
            }
            if let Some(tie) = layer.same_as {
                let tie = usize::from(tie);
                if tie >= i
                    || self.layers[tie].same_as.is_some()
                    || self.layers[tie].widths != layer.widths
                {
                    return fail(i, SpaceProblem::Tie);
                }
            }
        }
        for placed in self.placed_blocks() {
            if placed.block == Block::Residual(Shortcut::Identity) {
                let (first, last) = (&self.layers[placed.first], placed.last());
                let same = placed.first > 0 && self.source(last) == self.source(placed.first - 1);
                if !same || first.stride != 1 || self.layers[last].stride != 1 {
                    return fail(last, SpaceProblem::Identity);
                }
            }
            if placed.block.layers() == 2 && self.layers[placed.last()].stride != 1 {
                return fail(placed.last(), SpaceProblem::Stride);
            }
        }
        if self.checked_size().is_none() {
            return fail(self.layers.len() - 1, SpaceProblem::Size);
        }
        Ok(())
    }

    /// The layer whose option layer `i` has: `i` itself, or the layer to which `i` is tied.
    pub fn source(&self, i: usize) -> usize {
        self.layers[i].same_as.map_or(i, usize::from)
    }

    /// Indices of the layers that a code lists: those that are not tied to another.
    pub fn free_layers(&self) -> impl Iterator<Item = usize> + 'a {
        let layers = self.layers;
        (0..layers.len()).filter(move |&i| layers[i].same_as.is_none())
    }

    /// Number of sub-networks; for a validated space at most 2^64 - 1.
    pub fn size(&self) -> u64 {
        self.checked_size().unwrap_or(u64::MAX)
    }

    fn checked_size(&self) -> Option<u64> {
        self.free_layers().try_fold(1u64, |n, i| n.checked_mul(self.layers[i].widths.len() as u64))
    }

    /// The blocks and their positions.
    pub fn placed_blocks(&self) -> impl Iterator<Item = PlacedBlock> + 'a {
        self.blocks.iter().scan(0, |next, &block| {
            let first = *next;
            *next += block.layers();
            Some(PlacedBlock { block, first })
        })
    }

    /// Shape that layer `i` reads, with 0 channels: these depend on the sub-network.
    pub fn input_of(&self, i: usize) -> Shape {
        self.layers[..i]
            .iter()
            .fold(Shape { channels: 0, ..self.input }, |s, l| s.convolved(l.stride, 0))
    }

    /// Shape that layer `i` writes, with 0 channels.
    pub fn output_of(&self, i: usize) -> Shape {
        self.input_of(i + 1)
    }
}

#[cfg(test)]
mod tests;
