//! The resolved network that a blob carries: tensors and operations, widths already decided.
//!
//! Tensor 0 is the image. Every other tensor is the output of exactly one convolution; the last
//! operation is the classifier, which writes the logits.

mod kernel_set;
mod observer;

pub use kernel_set::KernelSet;
pub use observer::Observer;

use heapless::Vec;

use crate::space::Shape;

/// Most operations of a network.
pub const MAX_OPS: usize = 64;
/// Most tensors of a network, the image included.
pub const MAX_TENSORS: usize = 64;
/// Most channels of a tensor.
pub const MAX_CHANNELS: u16 = 1024;
/// Most classes of a classifier.
pub const MAX_CLASSES: u16 = 4096;
/// Most bytes of a tensor in memory.
pub const MAX_TENSOR_BYTES: u64 = 1 << 24;

/// Channels as they lie in memory: rounded up to a multiple of 4.
pub const fn padded(channels: u16) -> usize {
    (channels as usize).next_multiple_of(4)
}

/// A quantised map, `[height, width, channels]`; real value = scale x (q - zero).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tensor {
    /// Height, width, channels (unpadded).
    pub shape: Shape,
    /// The stored value that means 0.
    pub zero: i8,
    /// Real value of one step; for reports only, no arithmetic on the device uses it.
    pub scale: f32,
}

impl Tensor {
    /// 32-bit words that the tensor takes in the arena; the image is not padded and takes
    /// [`Self::image_words`].
    pub const fn words(&self) -> usize {
        self.shape.pixels() * self.row_channels() / 4
    }

    /// 32-bit words of the image's bytes.
    pub const fn image_words(&self) -> usize {
        self.shape.len().div_ceil(4)
    }

    /// Channels in memory.
    pub const fn row_channels(&self) -> usize {
        padded(self.shape.channels)
    }
}

/// What follows the sum of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Activation {
    /// Nothing but the saturation to 8 bits.
    None,
    /// Negative values become 0; the output's zero point is -128, so the saturation does it.
    Relu,
    /// Negative sums have a multiplier of their own.
    Prelu,
}

/// The algorithm, and with it the form of the weights (`core/docs/blob-format.md`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum KernelKind {
    /// Sums of products, weights packed by [`crate::kernel::pack`].
    #[default]
    Direct,
    /// Winograd's F(2x2, 3x3), weights transformed: 3.56 times the bytes.
    Winograd,
    /// The same with the weights of [`Self::Direct`], transformed for each row of tiles.
    WinogradOnline,
}

impl KernelKind {
    /// True for the kinds that compute two rows of outputs at a time.
    pub const fn winograd(self) -> bool {
        !matches!(self, Self::Direct)
    }

    /// True where this kind can execute a convolution of this kernel and stride.
    pub const fn suits(self, kernel: u8, stride: u8) -> bool {
        !self.winograd() || (kernel == 3 && stride == 1)
    }
}

/// A convolution with padding `kernel / 2`, its requantisation and, fused into it, an addition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Conv {
    /// Tensor read.
    pub input: u8,
    /// Tensor written.
    pub output: u8,
    /// Tensor added before the activation; it has the output's shape.
    pub residual: Option<u8>,
    /// Side of the kernel: 1, 3, 5 or 7.
    pub kernel: u8,
    /// 1 or 2.
    pub stride: u8,
    /// Algorithm and packing.
    pub kind: KernelKind,
    /// What follows the sum.
    pub activation: Activation,
    /// Where the packed weights start: byte offset in the data section, a multiple of 4.
    pub weights: u32,
    /// Where the parameters start, likewise: i32 `[bias, K if residual, M, N if PReLU][channels
    /// rounded up to even]`.
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

    /// Tensor that is read from the top to the bottom; a convolution may add another.
    pub const fn input(&self) -> u8 {
        match self {
            Self::Conv(conv) => conv.input,
            Self::Classifier(classifier) => classifier.input,
        }
    }

    /// True where the operation reads the tensor.
    pub(crate) fn reads(&self, tensor: u8) -> bool {
        self.input() == tensor || self.conv().is_some_and(|c| c.residual == Some(tensor))
    }
}

impl Conv {
    /// Parameter rows of `channels rounded up to even` words: bias, K, M, N as present.
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
    /// Byte offset in the data section of the weights, i8 `[classes][channels padded to 4]`.
    pub weights: u32,
    /// Byte offset in the data section of the parameters, i32 `[bias, M][classes]`.
    pub params: u32,
}

/// One step of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Op {
    /// A convolution.
    Conv(Conv),
    /// Pooling and classifier.
    Classifier(Classifier),
}

/// Everything a blob says about its network, apart from labels and numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Header<'a> {
    /// Name of the search space.
    pub space: &'a str,
    /// The sub-network, as written: `16-4-..-64`.
    pub code: &'a str,
    /// Classes of the classifier.
    pub classes: u16,
    /// Real value of one step of a logit.
    pub logit_scale: f32,
    /// Byte offset in the data section of the input table, i8 `[channels][256]`: what an image
    /// byte is as a quantised value.
    pub table: u32,
    /// Tensors; the first is the image.
    pub tensors: Vec<Tensor, MAX_TENSORS>,
    /// Operations in the order of execution.
    pub ops: Vec<Op, MAX_OPS>,
}

impl Header<'_> {
    /// Shape of the image; empty without tensors.
    pub fn input(&self) -> Shape {
        self.tensor(0).shape
    }

    /// The convolutions with the numbers of their operations.
    pub fn convs(&self) -> impl Iterator<Item = (usize, &Conv)> {
        self.ops.iter().enumerate().filter_map(|(index, op)| Some((index, op.conv()?)))
    }
}

/// Tensors and operations, wherever they lie.
pub(crate) trait Graph {
    /// Tensors.
    fn tensors(&self) -> usize;
    /// A tensor; one without pixels where there is none of this number.
    fn tensor(&self, id: u8) -> Tensor;
    /// Operations.
    fn ops(&self) -> usize;
    /// An operation.
    fn op(&self, index: usize) -> Option<Op>;

    /// The convolution that is operation `index`.
    fn conv(&self, index: usize) -> Option<Conv> {
        self.op(index)?.conv().copied()
    }
}

/// What stands for a tensor that does not exist.
pub(crate) const NO_TENSOR: Tensor =
    Tensor { shape: Shape { height: 0, width: 0, channels: 0 }, zero: 0, scale: 0.0 };

/// What stands for a convolution that does not exist: it does nothing.
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
