//! A layer of a search space.

use serde::{Deserialize, Serialize};

use super::Shape;
use crate::graph::{Form, Geometry};

/// The kernel of a pool over the whole map.
pub const GLOBAL: [u8; 2] = [0, 0];

/// The pixels of zeros around the input of a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Padding {
    /// Half of the odd kernel, rounded down, on every side.
    #[default]
    Half,
    /// As much as the output needs to have ceil(n / s) pixels, the smaller half before the input.
    Same,
    /// None.
    Valid,
}

/// Activation of a layer. A PReLU has one slope per layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// x for x >= 0, slope times x below.
    Prelu,
    /// min(max(x, 0), 6).
    Relu6,
    /// x.
    None,
}

/// An operation of a search space. Batch norm follows each layer with weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer<'a> {
    /// Operation. [`Form::Add`] is no layer.
    pub form: Form,
    /// Nominal output widths to choose from, in channels, ascending. With `expands`, multiples of the
    /// effective width that the block reads. Empty for depthwise convolutions and pools, which write
    /// the channels that they read.
    pub widths: &'a [u16],
    /// True for the first layer of an inverted residual block.
    pub expands: bool,
    /// The earlier layer, from 0, whose width option this layer copies. A code does not list such a
    /// width.
    pub same_as: Option<u8>,
    /// Kernels to choose from, rows and columns, ascending; each contains the one before it in its
    /// centre. [`GLOBAL`] for a pool over the whole map.
    pub kernels: &'a [[u8; 2]],
    /// Stride in rows and in columns.
    pub stride: [u8; 2],
    /// Padding.
    pub padding: Padding,
    /// Activation before enhancement.
    pub activation: Activation,
}

impl<'a> Layer<'a> {
    /// A convolution with a square kernel of an odd size up to 7, padding of half the kernel, and
    /// ReLU: a layer of a residual network.
    pub const fn conv(widths: &'a [u16], kernel: u8, stride: u8) -> Self {
        Self {
            form: Form::Full,
            widths,
            expands: false,
            same_as: None,
            kernels: square(kernel),
            stride: [stride; 2],
            padding: Padding::Half,
            activation: Activation::Relu,
        }
    }

    /// A 1x1 convolution with ReLU6.
    pub const fn point(widths: &'a [u16]) -> Self {
        Self { activation: Activation::Relu6, ..Self::conv(widths, 1, 1) }
    }

    /// A depthwise convolution with "same" padding and ReLU6.
    pub const fn depthwise(kernels: &'a [[u8; 2]], stride: u8) -> Self {
        Self {
            form: Form::Depthwise,
            kernels,
            stride: [stride; 2],
            padding: Padding::Same,
            ..Self::point(&[])
        }
    }

    /// A fully connected layer with ReLU6.
    pub const fn dense(widths: &'a [u16]) -> Self {
        Self { form: Form::Dense, ..Self::point(widths) }
    }

    /// A pool of windows without padding. `form` is [`Form::Maximum`] or [`Form::Average`].
    pub const fn pool(form: Form, kernel: &'a [[u8; 2]], stride: [u8; 2]) -> Self {
        Self {
            form,
            kernels: kernel,
            stride,
            padding: Padding::Valid,
            activation: Activation::None,
            ..Self::point(&[])
        }
    }

    /// The largest kernel, rows and columns.
    pub fn kernel(&self) -> [u8; 2] {
        self.kernels.last().copied().unwrap_or(GLOBAL)
    }

    /// The window of a kernel over a map.
    pub fn geometry(&self, kernel: [u8; 2], read: Shape) -> Geometry {
        if self.form == Form::Dense {
            return Geometry::POINT;
        }
        let sides = [read.height, read.width];
        let kernel = match kernel {
            GLOBAL => sides.map(|side| u8::try_from(side).unwrap_or(u8::MAX)),
            _ => kernel,
        };
        let [[above, below], [left, right]] = [0, 1].map(|axis| {
            let (side, k, s) = (sides[axis], kernel[axis], self.stride[axis].max(1));
            match self.padding {
                Padding::Half => [k / 2; 2],
                Padding::Valid => [0; 2],
                Padding::Same => same(side, k, s),
            }
        });
        Geometry { kernel, stride: self.stride, padding: [above, below, left, right] }
    }

    /// The map that the layer writes with a kernel, with `channels` channels; `None` if the window
    /// does not fit.
    pub fn output(&self, kernel: [u8; 2], read: Shape, channels: u16) -> Option<Shape> {
        let fits = kernel != GLOBAL || read.height.max(read.width) <= u16::from(u8::MAX);
        fits.then(|| self.form.output(&self.geometry(kernel, read), read, channels)).flatten()
    }

    /// True for a layer of a residual network.
    pub(super) fn is_residual(&self) -> bool {
        self.form == Form::Full
            && self.kernels.len() == 1
            && self.kernel()[0] == self.kernel()[1]
            && self.stride[0] == self.stride[1]
            && self.padding == Padding::Half
            && self.activation == Activation::Relu
    }
}

/// "Same" padding before and behind an axis.
fn same(side: u16, kernel: u8, stride: u8) -> [u8; 2] {
    let needed = (side.div_ceil(u16::from(stride)).max(1) - 1) * u16::from(stride);
    let whole = (needed + u16::from(kernel)).saturating_sub(side);
    let before = whole / 2;
    // Less than the kernel.
    [before as u8, (whole - before) as u8]
}

/// The list of one square kernel; empty for a size that no kernel of a residual network has.
const fn square(kernel: u8) -> &'static [[u8; 2]] {
    match kernel {
        1 => &[[1, 1]],
        3 => &[[3, 3]],
        5 => &[[5, 5]],
        7 => &[[7, 7]],
        _ => &[],
    }
}
