//! The resolved network that a blob carries: tensors and operations.
//!
//! Tensor 0 is the image. Every other tensor is the output of exactly one layer. The last
//! operation is the classifier, which writes the logits. A [`Header`] owns the graph on hosts;
//! [`BlobView`](crate::blob::BlobView) reads it in place. Beside the graph stand the [`KernelSet`]
//! that a graph needs and the [`Observer`] of its execution.

mod geometry;
mod kernel_set;
mod observer;

pub use geometry::Geometry;
pub use kernel_set::KernelSet;
pub use observer::Observer;

use heapless::Vec;

use crate::shape::Shape;

/// Maximum number of operations.
pub const MAX_OPS: usize = 64;
/// Maximum number of tensors, the image included.
pub const MAX_TENSORS: usize = 64;
/// Maximum number of channels of a tensor.
pub const MAX_CHANNELS: u16 = 1024;
/// Maximum number of operations of a rolled unit.
pub const MAX_ROLLED: usize = 8;
/// Maximum number of classes.
pub const MAX_CLASSES: u16 = 4096;
/// Maximum number of bytes of a tensor in memory.
pub const MAX_TENSOR_BYTES: u64 = 1 << 24;

/// Channels in memory: rounded up to a multiple of 4.
pub const fn padded(channels: u16) -> usize {
    (channels as usize).next_multiple_of(4)
}

/// A quantised tensor, `[height, width, channels]`. Its real value is scale x (q - zero).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tensor {
    /// Height, width, and channels without padding.
    pub shape: Shape,
    /// Zero point: the stored value of the real value 0.
    pub zero: i8,
    /// Real value of one step, for reports. No arithmetic on the device uses it.
    pub scale: f32,
}

impl Tensor {
    /// 32-bit words of the tensor in the arena. The image is not padded; see [`Self::image_words`].
    pub const fn words(&self) -> usize {
        self.shape.pixels() * self.row_channels() / 4
    }

    /// 32-bit words of an image in the arena.
    pub const fn image_words(&self) -> usize {
        self.shape.len().div_ceil(4)
    }

    /// Channels of a pixel in memory.
    pub const fn row_channels(&self) -> usize {
        padded(self.shape.channels)
    }
}

/// The activation of a convolution, applied during requantisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Activation {
    /// None: the sum is saturated to 8 bits.
    None,
    /// ReLU. The zero point of the output is -128, so that the saturation is the ReLU.
    Relu,
    /// PReLU: negative sums have their own multiplier.
    Prelu,
    /// Clipped to the range from 0 to a bound, such as ReLU6. The zero point of the output is -128,
    /// and the value 127 is the bound, so that the saturation is the clip.
    Clipped,
}

/// The tiles of outputs of Winograd's algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Tiling {
    /// 2 x 2 outputs: F(2x2, 3x3).
    Square,
    /// 4 rows and 2 columns: F(4x2, 3x3).
    Tall,
}

/// The algorithm of a convolution, which also decides the form of its weights
/// (`core/docs/blob-format.md`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum KernelKind {
    /// Sums of products. The weights are packed by [`crate::kernel::pack`].
    #[default]
    Direct,
    /// Winograd's F(2x2, 3x3). The blob holds transformed weights, 3.56 times as many bytes.
    Winograd,
    /// Winograd's F(2x2, 3x3) with the weights of [`Self::Direct`], which are transformed for each
    /// step of two rows.
    WinogradOnline,
    /// Sums of products over an image, whose few channels are laid out beside the kernel's columns,
    /// so that none of them is padded.
    Flat,
    /// Sums of products of a 1 x 1 convolution of stride 1 over a tensor, whose pixels are laid out
    /// tile by tile. The weights are those of [`Self::Direct`].
    Pointwise,
    /// Winograd's F(4x2, 3x3), tiles of 4 rows and 2 columns of outputs. The blob holds transformed
    /// weights, 5.33 times as many bytes.
    WinogradTall,
    /// Winograd's F(4x2, 3x3) with the weights of [`Self::Direct`], which are transformed for each
    /// step of four rows.
    WinogradTallOnline,
}

impl KernelKind {
    /// True for the kinds of Winograd's F(2x2, 3x3).
    const fn square(self) -> bool {
        matches!(self, Self::Winograd | Self::WinogradOnline)
    }

    /// True for the kinds of Winograd's F(4x2, 3x3).
    const fn tall(self) -> bool {
        matches!(self, Self::WinogradTall | Self::WinogradTallOnline)
    }

    /// The tiles of Winograd's algorithm, for the kinds that use it.
    pub const fn tiling(self) -> Option<Tiling> {
        match (self.square(), self.tall()) {
            (true, _) => Some(Tiling::Square),
            (_, true) => Some(Tiling::Tall),
            _ => None,
        }
    }

    /// True for the kinds that use Winograd's algorithm, with several rows of outputs per step.
    pub const fn winograd(self) -> bool {
        self.square() || self.tall()
    }

    /// Rows of outputs that a step computes.
    // Out of line, since the check of a network inlines its callers in many places.
    #[inline(never)]
    pub const fn rows(self) -> usize {
        // No match, which firmware would hold as a table wherever this is inlined.
        1 + self.square() as usize + 3 * self.tall() as usize
    }

    /// True for the kinds of Winograd's algorithm whose weights the blob holds transformed.
    pub const fn transformed(self) -> bool {
        matches!(self, Self::Winograd | Self::WinogradTall)
    }

    /// True if this kind can execute a convolution of this geometry. [`Self::Flat`] also needs the
    /// image as the input, [`Self::Pointwise`] a tensor.
    pub const fn suits(self, geometry: &Geometry) -> bool {
        match self {
            Self::Direct | Self::Flat => true,
            Self::Pointwise => geometry.is_point(),
            _ => matches!(geometry.square(), Some((3, 1))),
        }
    }
}

/// The operation of a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Form {
    /// A convolution over all input channels.
    #[default]
    Full = 0,
    /// A convolution of each channel by itself.
    Depthwise = 2,
    /// A fully connected layer over all values of its input. The output has one pixel.
    Dense,
    /// The largest value of each window.
    Maximum,
    /// The average of each window; the global average if the window is the whole input.
    Average,
    /// The sum of two tensors.
    Add,
}

impl Form {
    /// True for the operations with weights.
    pub const fn weighted(self) -> bool {
        matches!(self, Self::Full | Self::Depthwise | Self::Dense)
    }

    /// The shape that a layer with `channels` outputs writes; `None` if its window does not fit.
    pub const fn output(self, geometry: &Geometry, input: Shape, channels: u16) -> Option<Shape> {
        match self {
            Self::Dense => Some(Shape { height: 1, width: 1, channels }),
            _ => geometry.output(input, channels),
        }
    }

    /// True for the operations with the parameter J.
    pub const fn scaled(self) -> bool {
        matches!(self, Self::Average | Self::Add)
    }
}

/// A layer that writes a tensor: a convolution or another [`Form`], fused with the addition of a
/// residual, the activation and the requantisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Conv {
    /// Tensor read.
    pub input: u8,
    /// Tensor written.
    pub output: u8,
    /// Tensor added before the activation; its shape is that of the output.
    pub residual: Option<u8>,
    /// Operation.
    pub form: Form,
    /// Kernel size, stride and padding.
    pub geometry: Geometry,
    /// Algorithm and form of the weights of a convolution.
    pub kind: KernelKind,
    /// Activation.
    pub activation: Activation,
    /// True if the output rolls into the next operation, row by row, and needs no place.
    pub rolls: bool,
    /// Byte offset of the weights in the data section, a multiple of 4.
    pub weights: u32,
    /// Byte offset of the parameters in the data section, a multiple of 4: i32 `[rows][channels
    /// rounded up to even]`, with the rows bias, K with a residual, J for averages and additions, M,
    /// and N with PReLU.
    pub params: u32,
}

impl Op {
    /// The convolution, if the operation is one.
    pub const fn conv(&self) -> Option<&Conv> {
        match self {
            Self::Conv(conv) => Some(conv),
            Self::Classifier(_) => None,
        }
    }

    /// The tensor that the operation reads. A convolution may add another tensor.
    pub const fn input(&self) -> u8 {
        match self {
            Self::Conv(conv) => conv.input,
            Self::Classifier(classifier) => classifier.input,
        }
    }

    /// True if the operation reads or adds the tensor.
    pub(crate) fn reads(&self, tensor: u8) -> bool {
        self.input() == tensor || self.conv().is_some_and(|c| c.residual == Some(tensor))
    }
}

impl Conv {
    /// True for a convolution whose algorithm is in [`KernelSet::RESIDUAL`], whatever its window.
    pub(crate) const fn is_plain(&self) -> bool {
        let kind = !matches!(self.kind, KernelKind::Flat | KernelKind::Pointwise);
        kind && matches!(self.form, Form::Full) && !self.rolls
    }

    /// True for a convolution whose kernel is in [`KernelSet::RESIDUAL`].
    pub(crate) const fn is_residual(&self) -> bool {
        self.is_plain() && self.geometry.is_residual()
    }

    /// Number of parameter rows: bias, K, J, M and N as far as they exist. A maximum pool has none.
    pub const fn param_rows(&self) -> usize {
        if matches!(self.form, Form::Maximum) {
            return 0;
        }
        self.plain_param_rows() + self.form.scaled() as usize
    }

    /// Number of parameter rows of a convolution: bias, K, M and N as far as they exist.
    pub(crate) const fn plain_param_rows(&self) -> usize {
        2 + self.residual.is_some() as usize + matches!(self.activation, Activation::Prelu) as usize
    }
}

/// Global average pooling and the fully connected layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Classifier {
    /// Tensor read.
    pub input: u8,
    /// Byte offset of the weights in the data section, i8 `[classes][channels padded to 4]`.
    pub weights: u32,
    /// Byte offset of the parameters in the data section, i32 `[bias, M][classes]`.
    pub params: u32,
}

/// An operation of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Op {
    /// A convolution.
    Conv(Conv),
    /// Pooling and classifier.
    Classifier(Classifier),
}

/// The graph of a network and its names, without labels and numbers of weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Header<'a> {
    /// Name of the search space.
    pub space: &'a str,
    /// Code of the sub-network as written: `16-4-..-64`.
    pub code: &'a str,
    /// Number of classes.
    pub classes: u16,
    /// Real value of one step of a logit.
    pub logit_scale: f32,
    /// Byte offset of the input table in the data section, i8 `[channels][256]`: the quantised
    /// value of each image byte.
    pub table: u32,
    /// Tensors. The first is the image.
    pub tensors: Vec<Tensor, MAX_TENSORS>,
    /// Operations in the order of execution.
    pub ops: Vec<Op, MAX_OPS>,
}

impl Header<'_> {
    /// Shape of the image; empty if there are no tensors.
    pub fn input(&self) -> Shape {
        self.tensor(0).shape
    }

    /// The convolutions and the indices of their operations.
    pub fn convs(&self) -> impl Iterator<Item = (usize, &Conv)> {
        self.ops.iter().enumerate().filter_map(|(index, op)| Some((index, op.conv()?)))
    }
}

/// Access to tensors and operations, owned by a [`Header`] or read in a blob.
pub(crate) trait Graph {
    /// False for a graph of residual networks' convolutions alone ([`Conv::is_residual`]), so that
    /// the compiler drops the code for all other layers.
    const OTHER: bool = true;

    /// Number of tensors.
    fn tensors(&self) -> usize;
    /// The tensor of an index; [`NO_TENSOR`] if there is none.
    fn tensor(&self, id: u8) -> Tensor;
    /// Number of operations.
    fn ops(&self) -> usize;
    /// The operation of an index.
    fn op(&self, index: usize) -> Option<Op>;

    /// The convolution that is operation `index`.
    fn conv(&self, index: usize) -> Option<Conv> {
        self.op(index)?.conv().copied()
    }
}

/// The tensor that stands for a missing one. It has no pixels.
pub(crate) const NO_TENSOR: Tensor =
    Tensor { shape: Shape { height: 0, width: 0, channels: 0 }, zero: 0, scale: 0.0 };

/// The convolution that stands for a missing one, which only an unchecked blob has. It computes
/// nothing, and takes less code than the absence of a convolution.
pub(crate) const NO_CONV: Conv = Conv {
    input: u8::MAX,
    output: u8::MAX,
    residual: None,
    form: Form::Full,
    geometry: Geometry::POINT,
    kind: KernelKind::Direct,
    activation: Activation::None,
    rolls: false,
    weights: 0,
    params: 0,
};

impl Graph for Header<'_> {
    fn tensors(&self) -> usize {
        self.tensors.len()
    }

    fn tensor(&self, id: u8) -> Tensor {
        self.tensors.get(usize::from(id)).copied().unwrap_or(NO_TENSOR)
    }

    fn ops(&self) -> usize {
        self.ops.len()
    }

    fn op(&self, index: usize) -> Option<Op> {
        self.ops.get(index).copied()
    }
}
