//! Shapes of convolutions, and the tables of widths that launches read.

use cubecl::prelude::*;

/// A convolution of the maps of several paths.
///
/// Maps are `[paths, images, rows, columns, channels]`; a path uses its leading channels only. The
/// weights of a path are `[channels_out, channels_in, rows, columns]`, with one input for a depthwise
/// convolution.
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
    /// True if an output channel reads the input channel of its number alone.
    pub depthwise: bool,
    /// Rows and columns of the largest kernel.
    pub kernel: [u32; 2],
    /// Stride in rows and in columns, at least 1.
    pub stride: [u32; 2],
    /// Padding of the largest kernel above, below, on the left and on the right; less than the kernel.
    pub padding: [u32; 4],
    /// True if paths have smaller kernels, which the table states ([`packed_kernel`]).
    pub elastic: bool,
    /// True if all paths read the same input, which then has one path.
    pub shared_input: bool,
}

impl ConvShape {
    /// Rows of the output.
    #[must_use]
    pub const fn rows_out(&self) -> u32 {
        let [above, below, ..] = self.padding;
        (self.rows + above + below - self.kernel[0]) / self.stride[0] + 1
    }

    /// Columns of the output.
    #[must_use]
    pub const fn columns_out(&self) -> u32 {
        let [.., left, right] = self.padding;
        (self.columns + left + right - self.kernel[1]) / self.stride[1] + 1
    }

    /// Padding above and on the left.
    #[must_use]
    pub const fn before(&self) -> [u32; 2] {
        let [above, _, left, _] = self.padding;
        [above, left]
    }

    /// Taps of the largest kernel.
    #[must_use]
    pub const fn taps(&self) -> u32 {
        self.kernel[0] * self.kernel[1]
    }

    /// Pixels of a path's input, of all images.
    #[must_use]
    pub const fn pixels_in(&self) -> u32 {
        self.images * self.rows * self.columns
    }

    /// Pixels of a path's output, of all images.
    #[must_use]
    pub const fn pixels_out(&self) -> u32 {
        self.images * self.rows_out() * self.columns_out()
    }

    /// Values of the input map.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        let paths = if self.shared_input { 1 } else { self.paths };
        (paths * self.pixels_in()) as usize * self.channels_in as usize
    }

    /// Values of the output map.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        (self.paths * self.pixels_out()) as usize * self.channels_out as usize
    }

    /// Input channels of the weights of an output channel.
    #[must_use]
    pub const fn weight_inputs(&self) -> u32 {
        if self.depthwise { 1 } else { self.channels_in }
    }

    /// Weights of one branch.
    #[must_use]
    pub const fn weights(&self) -> usize {
        (self.channels_out * self.weight_inputs() * self.taps()) as usize
    }
}

/// Padding of half of a kernel, rounded down, on every side.
#[must_use]
pub const fn half([rows, columns]: [u32; 2]) -> [u32; 4] {
    [rows / 2, rows / 2, columns / 2, columns / 2]
}

/// Rows of the table of an update, `[rows, paths]`, that a convolution reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Widths of the input.
    pub input: u32,
    /// Widths of the output.
    pub output: u32,
    /// Offsets of the weights in the parameters: of the value that is the first of the largest kernel
    /// in which the path's kernel lies as [`Self::kernel`] says.
    pub weights: u32,
    /// Kernels of the paths ([`packed_kernel`]); read only in an elastic layer.
    pub kernel: u32,
}

impl Rows {
    /// The input and the output exchanged, as the input gradient reads them.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self { input: self.output, output: self.input, ..self }
    }
}

/// A kernel of a path in the table: its rows and columns, and its first row and column in the largest
/// kernel, 8 bits each from the lowest.
#[must_use]
pub const fn packed_kernel(kernel: [u32; 2], first: [u32; 2]) -> u32 {
    kernel[0] | kernel[1] << 8 | first[0] << 16 | first[1] << 24
}

/// The rows and columns of a packed kernel, and its first row and column, as [`packed_kernel`] takes them.
#[must_use]
pub const fn unpacked_kernel(packed: u32) -> ([u32; 2], [u32; 2]) {
    ([packed & 255, packed >> 8 & 255], [packed >> 16 & 255, packed >> 24])
}

/// True if a row of the largest kernel belongs to the path's packed kernel.
#[cube]
pub(crate) fn has_row(row: u32, packed: u32) -> bool {
    let first = packed >> 16 & 255u32;
    row >= first && row < first + (packed & 255u32)
}

/// True if a column of the largest kernel belongs to the path's packed kernel.
#[cube]
pub(crate) fn has_column(column: u32, packed: u32) -> bool {
    let first = packed >> 24;
    column >= first && column < first + (packed >> 8 & 255u32)
}
