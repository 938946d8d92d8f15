//! The shape of a convolution, and the zeros around its maps.

use crate::LANES;
use crate::map::MapShape;
use crate::size::{product, with_margins};

/// The shape of a convolution with "same" padding: `kernel / 2` zeros on every side of the input.
/// No product of its sizes wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvGeometry {
    input: MapShape,
    output: MapShape,
    kernel: usize,
    stride: usize,
}

impl ConvGeometry {
    /// A convolution of `input` to `outputs` channels with a square kernel of `kernel` weights a
    /// side. The output has `rows / stride` rows and `columns / stride` columns, rounded up.
    ///
    /// # Panics
    /// Where the kernel's side is even, the stride is neither 1 nor 2, or a map or the weights do
    /// not fit memory.
    pub fn new(input: MapShape, outputs: usize, kernel: usize, stride: usize) -> Self {
        assert!(kernel % 2 == 1, "a kernel of {kernel} x {kernel} has no centre");
        assert!(stride == 1 || stride == 2, "a stride of {stride} is neither 1 nor 2");
        let (rows, columns) = (input.rows().div_ceil(stride), input.columns().div_ceil(stride));
        let output = MapShape::new(input.images(), outputs, rows, columns);
        product("weights", [outputs, input.channels(), kernel, kernel]);
        let shape = Self { input, output, kernel, stride };
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

    /// Weights of a side of the kernel, odd.
    pub fn kernel(&self) -> usize {
        self.kernel
    }

    /// 1 or 2.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// `[outputs, inputs, kernel, kernel]`.
    pub fn weight_dims(&self) -> [usize; 4] {
        [self.output.channels(), self.input.channels(), self.kernel, self.kernel]
    }

    /// Weights in all.
    pub fn weights(&self) -> usize {
        self.weight_dims().iter().product()
    }

    /// Taps of an input and an output channel, `kernel * kernel`; 0 without weights.
    pub(crate) fn taps(&self) -> usize {
        if self.weights() == 0 { 0 } else { self.kernel * self.kernel }
    }

    /// Zeros around the input.
    pub(crate) fn padding(&self) -> Padding {
        Padding(self.kernel / 2)
    }

    /// Zeros around the output's gradient. Row i of the input receives it from row
    /// (i + kernel / 2 - tap) / stride of the output, where that is whole; columns likewise.
    pub(crate) fn gradient_padding(&self) -> Padding {
        Padding((self.kernel / 2).div_ceil(self.stride))
    }
}

/// Rows and columns of zeros on each side of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Padding(usize);

impl Padding {
    /// True where a map can be read as it is.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Zeros on one side.
    pub fn side(self) -> usize {
        self.0
    }

    /// Rows and columns of a padded map.
    pub fn dims(self, map: &MapShape) -> (usize, usize) {
        (map.rows() + 2 * self.0, map.columns() + 2 * self.0)
    }

    /// Values of a padded block.
    pub fn block(self, map: &MapShape) -> usize {
        let (rows, columns) = self.dims(map);
        map.channels() * rows * columns * LANES
    }

    /// Checks that the size of a padded block does not wrap.
    fn check(self, map: &MapShape) {
        let [rows, columns] = [map.rows(), map.columns()].map(|n| with_margins("map", n, self.0));
        product("padded maps", [map.channels(), rows, columns, LANES]);
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
        for channel in 0..channels {
            let plane = &mut padded[channel * ph * pw * LANES..][..ph * pw * LANES];
            let first = (self.0 * pw + self.0) * LANES;
            plane[..first].fill(0.0);
            for y in 0..h {
                let from = &x[(channel * h + y) * row..][..row];
                let (to, rest) = plane[first + y * pw * LANES..].split_at_mut(row);
                copy(channel, from, to);
                let gap = rest.len().min(2 * self.0 * LANES);
                rest[..gap].fill(0.0);
            }
            let end = (first + h * pw * LANES).min(plane.len());
            plane[end..].fill(0.0);
        }
    }
}
