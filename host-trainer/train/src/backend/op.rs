//! What a layer does with the map that it reads.

use supernano_core::graph::{Form, Geometry};
use supernano_core::space::Shape;
use supernano_kernels::conv::Window;

/// The form of a layer, and the window that it moves over its input. The window of a dense layer is
/// its whole input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerOp {
    /// Operation.
    pub form: Form,
    /// Kernel size, stride and padding.
    pub geometry: Geometry,
}

impl LayerOp {
    /// A pointwise convolution.
    pub const POINT: Self = Self::same(1, 1);

    /// A convolution with a square kernel, and half of its size as padding.
    pub const fn same(kernel: u8, stride: u8) -> Self {
        Self { form: Form::Full, geometry: Geometry::same(kernel, stride) }
    }

    /// The operation of a layer that reads a map of `read`. `geometry` is that of the file format,
    /// in which a dense layer has a window of one pixel.
    ///
    /// # Panics
    /// For a dense layer over a map with a side of more than 255 pixels.
    pub fn new(form: Form, geometry: Geometry, read: Shape) -> Self {
        if form != Form::Dense {
            return Self { form, geometry };
        }
        let side = |n: u16| u8::try_from(n).expect("a dense layer reads at most 255 x 255 pixels");
        let whole = Geometry::valid([side(read.height), side(read.width)], [1, 1]);
        Self { form, geometry: whole }
    }

    /// Kernel, strides and padding.
    pub fn window(&self) -> Window {
        Window::from(&self.geometry)
    }

    /// True for a layer with weights and batch norm; a pool has neither.
    pub const fn weighted(&self) -> bool {
        self.form.weighted()
    }

    /// True for a layer whose channels do not mix.
    pub const fn by_channel(&self) -> bool {
        !matches!(self.form, Form::Full | Form::Dense)
    }

    /// Shape of the weights, `[out, in, rows, columns]`; one input for a depthwise convolution, and
    /// no output for a pool.
    pub fn weight_shape(&self, output: usize, input: usize) -> [usize; 4] {
        let [rows, columns] = self.geometry.kernel.map(usize::from);
        let outputs = if self.weighted() { output } else { 0 };
        [outputs, if self.by_channel() { 1 } else { input }, rows, columns]
    }

    /// Weights of an output channel.
    pub fn terms(&self, input: usize) -> usize {
        self.weight_shape(1, input)[1..].iter().product()
    }

    /// Rows and columns of the output for an input of `h` x `w` pixels.
    pub fn output(&self, h: usize, w: usize) -> [usize; 2] {
        self.window().output(h, w)
    }
}
