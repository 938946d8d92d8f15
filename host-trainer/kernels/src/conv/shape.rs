//! The shape of a convolution, and the zeros around its maps.

use super::Window;
use crate::LANES;
use crate::map::MapShape;
use crate::size::product;

/// The shape of a convolution over all input channels, or of a window that moves over each channel
/// by itself: a depthwise convolution or a pool. No product of its sizes wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvGeometry {
    input: MapShape,
    output: MapShape,
    window: Window,
    depthwise: bool,
}

impl ConvGeometry {
    /// A convolution of `input` to `outputs` channels with a square kernel of `kernel` weights a
    /// side and `kernel / 2` zeros on every side of the input. The output has `rows / stride` rows
    /// and `columns / stride` columns, rounded up.
    ///
    /// # Panics
    /// Where the kernel's side is even, the stride is neither 1 nor 2, or a map or the weights do
    /// not fit memory.
    pub fn new(input: MapShape, outputs: usize, kernel: usize, stride: usize) -> Self {
        assert!(kernel % 2 == 1, "a kernel of {kernel} x {kernel} has no centre");
        assert!(stride == 1 || stride == 2, "a stride of {stride} is neither 1 nor 2");
        Self::windowed(input, outputs, Window::same(kernel, stride))
    }

    /// A convolution of `input` to `outputs` channels with any window.
    ///
    /// # Panics
    /// As [`Window::output`], or where a map or the weights do not fit memory.
    pub fn windowed(input: MapShape, outputs: usize, window: Window) -> Self {
        Self::checked(input, outputs, window, false)
    }

    /// A window that moves over each channel by itself.
    ///
    /// # Panics
    /// As [`ConvGeometry::windowed`].
    pub fn depthwise(input: MapShape, window: Window) -> Self {
        Self::checked(input, input.channels(), window, true)
    }

    fn checked(input: MapShape, outputs: usize, window: Window, depthwise: bool) -> Self {
        let [rows, columns] = window.output(input.rows(), input.columns());
        let output = MapShape::new(input.images(), outputs, rows, columns);
        let shape = Self { input, output, window, depthwise };
        product("weights", shape.weight_dims());
        shape.padding().check(&input);
        shape.gradient_padding().check(&output);
        shape
    }

    /// The shape of the input.
    pub fn input(&self) -> MapShape {
        self.input
    }

    /// The shape of the output.
    pub fn output(&self) -> MapShape {
        self.output
    }

    /// Kernel, strides and padding.
    pub fn window(&self) -> Window {
        self.window
    }

    /// True for a window that moves over each channel by itself.
    pub fn is_depthwise(&self) -> bool {
        self.depthwise
    }

    /// `[outputs, inputs, rows, columns]` of the weights; there is one input per output of a
    /// depthwise convolution.
    pub fn weight_dims(&self) -> [usize; 4] {
        let inputs = if self.depthwise { 1 } else { self.input.channels() };
        [self.output.channels(), inputs, self.window.kernel[0], self.window.kernel[1]]
    }

    /// Weights in all.
    pub fn weights(&self) -> usize {
        self.weight_dims().iter().product()
    }

    /// The window over a single channel, as a convolution.
    pub(crate) fn channel(&self) -> Self {
        let (input, output) = (self.input.channel(), self.output.channel());
        Self { input, output, window: self.window, depthwise: false }
    }

    /// Taps of an input and an output channel; 0 without weights.
    pub(crate) fn taps(&self) -> usize {
        if self.weights() == 0 { 0 } else { self.window.taps() }
    }

    /// Zeros around the input.
    pub(crate) fn padding(&self) -> Padding {
        let [rows, columns] = [0, 1].map(|axis| self.window.ends(axis));
        Padding { rows, columns }
    }

    /// Zeros around the output's gradient. Row i of the input receives it from row
    /// (i + padding above - tap) / stride of the output, where that is whole; columns likewise.
    pub(crate) fn gradient_padding(&self) -> Padding {
        let axis = |axis: usize, input: usize, output: usize| {
            let (k, s) = (self.window.kernel[axis], self.window.stride[axis]);
            let [before, _] = self.window.ends(axis);
            let rows = if input == 0 { 0 } else { (input - 1 + before) / s + 1 };
            [(k - 1 - before).div_ceil(s), rows.saturating_sub(output)]
        };
        Padding {
            rows: axis(0, self.input.rows(), self.output.rows()),
            columns: axis(1, self.input.columns(), self.output.columns()),
        }
    }
}

/// Rows and columns of zeros around a map: before it, and behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Padding {
    rows: [usize; 2],
    columns: [usize; 2],
}

impl Padding {
    /// No zeros.
    pub const NONE: Self = Self { rows: [0; 2], columns: [0; 2] };

    /// The columns alone.
    pub fn of_columns(self) -> Self {
        Self { rows: [0; 2], ..self }
    }

    /// True where a map can be read as it is.
    pub fn is_none(self) -> bool {
        self.rows == [0; 2] && self.columns == [0; 2]
    }

    /// Rows of zeros above and columns of zeros on the left.
    pub fn before(self) -> [usize; 2] {
        [self.rows[0], self.columns[0]]
    }

    /// Rows and columns of a padded map.
    pub fn dims(self, map: &MapShape) -> (usize, usize) {
        let [above, below] = self.rows;
        let [left, right] = self.columns;
        (map.rows() + above + below, map.columns() + left + right)
    }

    /// Values of a padded block.
    pub fn block(self, map: &MapShape) -> usize {
        let (rows, columns) = self.dims(map);
        map.channels() * rows * columns * LANES
    }

    /// Checks that the size of a padded block does not wrap. A padding is far smaller than memory.
    fn check(self, map: &MapShape) {
        let whole = |n: usize, [a, b]: [usize; 2]| {
            let sum = n.checked_add(a).and_then(|n| n.checked_add(b));
            sum.unwrap_or_else(|| panic!("padded maps: {n} pixels and a padding of {a} and {b}"))
        };
        let (rows, columns) = (whole(map.rows(), self.rows), whole(map.columns(), self.columns));
        product("padded maps", [map.channels(), rows, columns, LANES]);
    }

    /// Columns of zeros on the left and on the right.
    pub fn columns(self) -> [usize; 2] {
        self.columns
    }

    /// Copies a block `[channels][rows][columns][16]` into the middle of zeros. `copy(channel,
    /// from, to)` writes each row.
    #[inline(always)]
    pub fn copy(
        self,
        x: &[f32],
        map: &MapShape,
        padded: &mut [f32],
        mut copy: impl FnMut(usize, &[f32], &mut [f32]),
    ) {
        let (channels, h, row) = (map.channels(), map.rows(), map.columns() * LANES);
        let (ph, pw) = self.dims(map);
        let ([above, _], [left, right]) = (self.rows, self.columns);
        for channel in 0..channels {
            let plane = &mut padded[channel * ph * pw * LANES..][..ph * pw * LANES];
            let first = ((above * pw + left) * LANES).min(plane.len());
            plane[..first].fill(0.0);
            for y in 0..h {
                let from = &x[(channel * h + y) * row..][..row];
                let (to, rest) = plane[first + y * pw * LANES..].split_at_mut(row);
                copy(channel, from, to);
                let gap = rest.len().min((left + right) * LANES);
                rest[..gap].fill(0.0);
            }
            let end = (first + h * pw * LANES).min(plane.len());
            plane[end..].fill(0.0);
        }
    }
}
