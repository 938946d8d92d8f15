//! The shape of a batch of feature maps.

use crate::LANES;
use crate::size::product;

/// The shape of a batch of feature maps, `[blocks][channels][rows][columns][16]`. A block holds 16
/// images, one in each lane; the last lanes of the last block may hold none. No product of its
/// sizes wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapShape {
    images: usize,
    channels: usize,
    rows: usize,
    columns: usize,
}

impl MapShape {
    /// The shape of `[images][channels][rows][columns]`.
    ///
    /// # Panics
    /// Where its values do not fit memory.
    pub fn new(images: usize, channels: usize, rows: usize, columns: usize) -> Self {
        product("feature maps", [images.div_ceil(LANES), channels, rows, columns, LANES]);
        Self { images, channels, rows, columns }
    }

    /// The shape of a single channel.
    pub(crate) fn channel(&self) -> Self {
        Self { channels: 1, ..*self }
    }

    /// Images.
    pub fn images(&self) -> usize {
        self.images
    }

    /// Channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Rows of a channel.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of a channel.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Blocks of 16 images.
    pub fn blocks(&self) -> usize {
        self.images.div_ceil(LANES)
    }

    /// Pixels of a channel of an image.
    pub fn pixels(&self) -> usize {
        self.rows * self.columns
    }

    /// Values of a channel of a block, `pixels * 16`.
    pub fn plane(&self) -> usize {
        self.pixels() * LANES
    }

    /// Values of a block.
    pub fn block(&self) -> usize {
        self.channels * self.plane()
    }

    /// Values of all blocks.
    #[expect(clippy::len_without_is_empty, reason = "a shape is no container")]
    pub fn len(&self) -> usize {
        self.blocks() * self.block()
    }

    /// `[blocks, channels, rows, columns, 16]`.
    pub fn dims(&self) -> [usize; 5] {
        [self.blocks(), self.channels, self.rows, self.columns, LANES]
    }

    /// Lanes of block `b` that hold images.
    pub fn lanes(&self, b: usize) -> usize {
        self.images.saturating_sub(b.saturating_mul(LANES)).min(LANES)
    }

    /// Values that a statistic of a channel is taken over, `images * pixels`.
    pub fn count(&self) -> usize {
        self.images * self.pixels()
    }

    /// Checks the length of a slice that holds maps of this shape.
    ///
    /// # Panics
    /// With another length.
    #[track_caller]
    pub(crate) fn check(&self, what: &str, len: usize) {
        assert!(len == self.len(), "{what}: {len} values instead of {:?}", self.dims());
    }
}
