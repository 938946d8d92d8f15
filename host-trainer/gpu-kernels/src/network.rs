//! What a training step needs to know of a network, and the rows of its table.

use crate::head::Outputs;
use crate::shape::half;

/// The operation of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A convolution over all channels. A dense layer is one whose kernel is the whole map.
    Full,
    /// A depthwise convolution.
    Depthwise,
    /// The largest values of windows.
    Maximum,
    /// The averages of windows.
    Average,
}

impl Form {
    /// True for a convolution, which has weights, batch norm and an activation.
    #[must_use]
    pub const fn weighted(self) -> bool {
        matches!(self, Self::Full | Self::Depthwise)
    }
}

/// A layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Operation.
    pub form: Form,
    /// Channels of the map that is written, at least those of every option.
    pub channels: u32,
    /// Rows and columns of the largest kernel or of the window.
    pub kernel: [u32; 2],
    /// Stride in rows and in columns.
    pub stride: [u32; 2],
    /// Padding of the largest kernel above, below, on the left and on the right.
    pub padding: [u32; 4],
    /// True if paths have smaller kernels.
    pub elastic: bool,
}

impl Layer {
    /// A convolution with a square kernel of an odd size, half of it as padding, and a square stride.
    #[must_use]
    pub const fn square(channels: u32, kernel: u32, stride: u32) -> Self {
        let (form, elastic, kernel) = (Form::Full, false, [kernel, kernel]);
        Self { form, channels, kernel, stride: [stride, stride], padding: half(kernel), elastic }
    }
}

/// The residual of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortcut {
    /// The block has no residual.
    None,
    /// The block adds its input.
    Identity,
    /// The block adds its input in the paths in which both have equal widths.
    WhereItFits,
    /// The block adds its input behind a 1x1 convolution with the stride of its first layer, and a
    /// batch norm.
    Projection,
}

/// Consecutive layers: convolutions, or a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// First layer.
    pub first: u32,
    /// Number of layers, at least 1; a pool is the only layer of its block.
    pub layers: u32,
    /// Its residual. A pool has none.
    pub shortcut: Shortcut,
    /// True if paths may lack the block: its output is then its input. The block keeps the size of the
    /// map and is neither a pool nor does it have a projection.
    pub optional: bool,
}

impl Block {
    /// A block of one layer without a residual.
    #[must_use]
    pub const fn single(first: u32) -> Self {
        Self { first, layers: 1, shortcut: Shortcut::None, optional: false }
    }

    /// A block of two layers with a residual.
    #[must_use]
    pub const fn residual(first: u32, shortcut: Shortcut) -> Self {
        Self { first, layers: 2, shortcut, optional: false }
    }

    /// Last layer.
    #[must_use]
    pub const fn last(&self) -> u32 {
        self.first + self.layers - 1
    }

    /// True if the table says how many channels of its input a path adds.
    #[must_use]
    pub fn adds_part(&self) -> bool {
        self.optional || self.shortcut == Shortcut::WhereItFits
    }
}

/// A network, and the images and paths of an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Number of paths.
    pub paths: u32,
    /// Images of an update.
    pub images: u32,
    /// Rows, columns and channels of an image.
    pub input: [u32; 3],
    /// Number of outputs.
    pub classes: u32,
    /// Kind of the outputs.
    pub outputs: Outputs,
    /// Layers.
    pub layers: Vec<Layer>,
    /// Blocks, in order. A layer of no block is in no path.
    pub blocks: Vec<Block>,
    /// True if a path may have ReLU6.
    pub clips: bool,
}

/// A convolution of a network: that of a layer, or the projection of the block that ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The layer.
    pub layer: u32,
    /// True for the projection.
    pub projection: bool,
}

/// An activation in the table: ReLU.
pub const RELU: u32 = 0;
/// PReLU.
pub const PRELU: u32 = 1;
/// No activation.
pub const NONE: u32 = 2;
/// ReLU6.
pub const RELU6: u32 = 3;

/// What a row of the table holds for every path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// Channels of the images.
    Input,
    /// Output channels of a layer; 0 in a path without it.
    Width(u32),
    /// Activation of a layer: [`RELU`], [`PRELU`], [`NONE`] or [`RELU6`]; none in a path without it.
    Activation(u32),
    /// Offset of a layer's slope, or 0 without one.
    Slope(u32),
    /// Offset of a convolution's weights, `[channels_out, channels_in, rows, columns]`; in an elastic
    /// layer as [`Rows::weights`](crate::shape::Rows) says.
    Weights(Place),
    /// Offset of its gamma.
    Gamma(Place),
    /// Offset of its beta.
    Beta(Place),
    /// Kernel of an elastic layer ([`packed_kernel`](crate::shape::packed_kernel)).
    Kernel(u32),
    /// Output channels of an optional block: those of its input in a path without it.
    Output(u32),
    /// Channels of its input that a block adds; in a path without the block, all of them.
    Added(u32),
    /// Offset of the classifier's weights, `[classes, channels]`.
    Classifier,
    /// Offset of its bias.
    Bias,
}

impl Network {
    /// The convolutions in the order of their computation.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for block in &self.blocks {
            for layer in block.first..=block.last() {
                if self.layers[layer as usize].form.weighted() {
                    places.push(Place { layer, projection: false });
                }
            }
            if block.shortcut == Shortcut::Projection {
                places.push(Place { layer: block.last(), projection: true });
            }
        }
        places
    }

    /// The rows of the table, in order.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let layers = || 0..self.layers.len() as u32;
        let mut rows = vec![Row::Input, Row::Classifier, Row::Bias];
        rows.extend(layers().map(Row::Width));
        rows.extend(layers().map(Row::Activation));
        rows.extend(layers().map(Row::Slope));
        for place in self.places() {
            rows.extend([Row::Weights(place), Row::Gamma(place), Row::Beta(place)]);
        }
        rows.extend(layers().filter(|&i| self.layers[i as usize].elastic).map(Row::Kernel));
        let blocks = (0..).zip(&self.blocks);
        rows.extend(blocks.clone().filter(|(_, b)| b.optional).map(|(i, _)| Row::Output(i)));
        rows.extend(blocks.filter(|(_, b)| b.adds_part()).map(|(i, _)| Row::Added(i)));
        rows
    }

    /// Rows between slopes and bounds; 0 if no path has a bound.
    #[must_use]
    pub const fn bounds(&self) -> u32 {
        if self.clips { self.layers.len() as u32 } else { 0 }
    }
}
