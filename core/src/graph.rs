//! The resolved network that a blob carries: tensors and operations.
//!
//! Tensor 0 is the image. Every other tensor is the output of exactly one convolution. The last
//! operation is the classifier, which writes the logits. A [`Header`] owns the graph on hosts;
//! [`BlobView`](crate::blob::BlobView) reads it in place. Beside the graph stand the [`KernelSet`]
//! that a graph needs and the [`Observer`] of its execution.

mod kernel_set;
mod observer;

pub use kernel_set::KernelSet;
pub use observer::Observer;

use heapless::Vec;

use crate::space::Shape;

/// Maximum number of operations.
pub const MAX_OPS: usize = 64;
/// Maximum number of tensors, the image included.
pub const MAX_TENSORS: usize = 64;
/// Maximum number of channels of a tensor.
pub const MAX_CHANNELS: u16 = 1024;
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
}

impl KernelKind {
    /// True for the kinds that compute two rows of outputs per step.
    pub const fn winograd(self) -> bool {
        !matches!(self, Self::Direct)
    }

    /// True if this kind can execute a convolution of this kernel size and stride.
    pub const fn suits(self, kernel: u8, stride: u8) -> bool {
        !self.winograd() || (kernel == 3 && stride == 1)
    }
}

/// A convolution with padding `kernel / 2`, fused with the addition of a residual, the activation
/// and the requantisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Conv {
    /// Tensor read.
    pub input: u8,
    /// Tensor written.
    pub output: u8,
    /// Tensor added before the activation; its shape is that of the output.
    pub residual: Option<u8>,
    /// Kernel size: 1, 3, 5 or 7.
    pub kernel: u8,
    /// Stride, 1 or 2.
    pub stride: u8,
    /// Algorithm and form of the weights.
    pub kind: KernelKind,
    /// Activation.
    pub activation: Activation,
    /// Byte offset of the weights in the data section, a multiple of 4.
    pub weights: u32,
    /// Byte offset of the parameters in the data section, a multiple of 4: i32 `[rows][channels
    /// rounded up to even]`, with the rows bias, K with a residual, M, and N with PReLU.
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
    /// Number of parameter rows: bias, K, M and N as far as they exist.
    pub const fn param_rows(&self) -> usize {
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
    kernel: 1,
    stride: 1,
    kind: KernelKind::Direct,
    activation: Activation::None,
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
