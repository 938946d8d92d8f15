//! The shape of a network that is no longer searched, generic over what a convolution holds.

use supernano_core::space::Shape;

use super::block::{Block, map_blocks};

/// Activation after a convolution (after the addition for the second of a residual block); `S` is
/// what holds a slope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ActivationFn<S = f32> {
    /// None: the first operand of an addition, or a shortcut.
    None,
    /// max(x, 0).
    Relu,
    /// x for x >= 0, slope x below.
    Prelu(S),
}

impl ActivationFn {
    /// The activation of one value.
    pub fn apply(self, x: f32) -> f32 {
        match self {
            Self::None => x,
            Self::Relu => x.max(0.0),
            Self::Prelu(slope) => {
                if x >= 0.0 {
                    x
                } else {
                    slope * x
                }
            }
        }
    }
}

/// A convolution with "same" padding (`kernel / 2`) followed by batch norm; `V` holds the values of
/// a tensor, `S` a slope.
#[derive(Clone, Debug, PartialEq)]
pub struct BnConv<V = Vec<f32>, S = f32> {
    /// Where it stands, for messages: `layer 3` or `shortcut of layer 5`.
    pub name: String,
    /// Input channels.
    pub input: usize,
    /// Output channels.
    pub output: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// 1 or 2.
    pub stride: usize,
    /// `[output, input, kernel, kernel]`.
    pub weight: V,
    /// Batch-norm factor, `[output]`.
    pub gamma: V,
    /// Batch-norm offset, `[output]`.
    pub beta: V,
    /// Activation.
    pub act: ActivationFn<S>,
}

/// A convolution with "same" padding (`kernel / 2`) and a bias, batch norm folded in.
#[derive(Clone, Debug, PartialEq)]
pub struct FoldedConv {
    /// Where it stands, for messages: `layer 3` or `shortcut of layer 5`.
    pub name: String,
    /// Input channels.
    pub input: usize,
    /// Output channels.
    pub output: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// 1 or 2.
    pub stride: usize,
    /// `[output, input, kernel, kernel]`.
    pub weight: Vec<f32>,
    /// `[output]`.
    pub bias: Vec<f32>,
    /// Activation.
    pub act: ActivationFn,
}

/// The classifier: `logits = weight x + bias`.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear<V = Vec<f32>> {
    /// Features read.
    pub input: usize,
    /// Classes.
    pub output: usize,
    /// `[output, input]`.
    pub weight: V,
    /// `[output]`.
    pub bias: V,
}

/// A network: blocks, global average pooling, classifier.
#[derive(Clone, Debug, PartialEq)]
pub struct Net<C, V = Vec<f32>> {
    /// Shape of an image.
    pub input: Shape,
    /// Blocks in order.
    pub blocks: Vec<Block<C>>,
    /// Classifier.
    pub classifier: Linear<V>,
}

impl<C, V> Net<C, V> {
    /// Convolutions in the order of storage: block by block first, second, shortcut.
    pub fn convs(&self) -> impl Iterator<Item = &C> {
        self.blocks.iter().flat_map(Block::convs)
    }

    /// The same network over other convolutions; `make` gets each with its index in the order of
    /// storage.
    pub fn map<D>(&self, make: impl FnMut(usize, &C) -> D) -> Net<D, V>
    where
        V: Clone,
    {
        let blocks = map_blocks(&self.blocks, make);
        Net { input: self.input, blocks, classifier: self.classifier.clone() }
    }

    /// Classes.
    pub fn classes(&self) -> usize {
        self.classifier.output
    }
}

/// Batch-norm statistics of a sub-network, a pair for every convolution in the order of
/// [`Net::convs`].
#[derive(Clone, Debug, PartialEq, Default)]
pub struct BnStats {
    /// Mean and unbiased variance, each `[output]`.
    pub layers: Vec<(Vec<f32>, Vec<f32>)>,
}
