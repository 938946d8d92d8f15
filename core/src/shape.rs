//! The shape of an image or a tensor.

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
