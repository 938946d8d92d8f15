//! Shapes of convolutions, and the tables of widths that launches read.

/// A convolution of the maps of several paths with padding `kernel / 2`.
///
/// Maps are `[paths, images, rows, columns, channels]`; a path uses its leading channels only. The
/// weights of a path are `[channels_out, channels_in, kernel, kernel]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvShape {
    /// Number of paths.
    pub paths: u32,
    /// Images of each path.
    pub images: u32,
    /// Rows of the input.
    pub rows: u32,
    /// Columns of the input.
    pub columns: u32,
    /// Channels of the input map, at least the width of every path.
    pub channels_in: u32,
    /// Channels of the output map, at least the width of every path.
    pub channels_out: u32,
    /// Rows and columns of the kernel: odd, 1 to 7.
    pub kernel: u32,
    /// Stride, at least 1.
    pub stride: u32,
    /// True if all paths read the same input, which then has one path.
    pub shared_input: bool,
}

impl ConvShape {
    /// Rows of the output.
    #[must_use]
    pub const fn rows_out(&self) -> u32 {
        (self.rows - 1) / self.stride + 1
    }

    /// Columns of the output.
    #[must_use]
    pub const fn columns_out(&self) -> u32 {
        (self.columns - 1) / self.stride + 1
    }

    /// Values of the input map.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        let paths = if self.shared_input { 1 } else { self.paths };
        (paths * self.images * self.rows * self.columns) as usize * self.channels_in as usize
    }

    /// Values of the output map.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        (self.paths * self.images * self.rows_out() * self.columns_out()) as usize
            * self.channels_out as usize
    }

    /// Weights of one branch.
    #[must_use]
    pub const fn weights(&self) -> usize {
        (self.channels_out * self.channels_in * self.kernel * self.kernel) as usize
    }
}

/// Rows of the table of an update, `[rows, paths]`, that a convolution reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Widths of the input.
    pub input: u32,
    /// Widths of the output.
    pub output: u32,
    /// Offsets of the weights in the parameters.
    pub weights: u32,
}

impl Rows {
    /// The input and the output exchanged, as the input gradient reads them.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self { input: self.output, output: self.input, weights: self.weights }
    }
}
