//! What a training step needs to know of a network, and the rows of its table.

/// A convolution with batch norm and activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Output channels of the widest option.
    pub channels: u32,
    /// Rows and columns of the kernel: odd, 1 to 7.
    pub kernel: u32,
    /// Stride.
    pub stride: u32,
}

/// The residual of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortcut {
    /// The block has one layer and no residual.
    None,
    /// The block adds its input.
    Identity,
    /// The block adds its input behind a 1x1 convolution with the stride of its first layer, and a
    /// batch norm.
    Projection,
}

/// Consecutive layers: one without a shortcut, two with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// First layer.
    pub first: u32,
    /// Its residual.
    pub shortcut: Shortcut,
}

impl Block {
    /// Last layer.
    #[must_use]
    pub const fn last(&self) -> u32 {
        match self.shortcut {
            Shortcut::None => self.first,
            Shortcut::Identity | Shortcut::Projection => self.first + 1,
        }
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
    /// Number of classes.
    pub classes: u32,
    /// Layers.
    pub layers: Vec<Layer>,
    /// Blocks, which cover all layers in order.
    pub blocks: Vec<Block>,
}

/// A convolution of a network: that of a layer, or the projection of the block that ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The layer.
    pub layer: u32,
    /// True for the projection.
    pub projection: bool,
}

/// What a row of the table holds for every path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// Channels of the images.
    Input,
    /// Output channels of a layer.
    Width(u32),
    /// 1 where a layer has a PReLU, else 0.
    Prelu(u32),
    /// Offset of a layer's slope, or 0 without one.
    Slope(u32),
    /// Offset of a convolution's weights, `[channels_out, channels_in, kernel, kernel]`.
    Weights(Place),
    /// Offset of its gamma.
    Gamma(Place),
    /// Offset of its beta.
    Beta(Place),
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
                places.push(Place { layer, projection: false });
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
        rows.extend(layers().map(Row::Prelu));
        rows.extend(layers().map(Row::Slope));
        for place in self.places() {
            rows.extend([Row::Weights(place), Row::Gamma(place), Row::Beta(place)]);
        }
        rows
    }
}
