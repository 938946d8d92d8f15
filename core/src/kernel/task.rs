//! What kernels are asked to execute, and the trait of those who can.

use core::ops::Range;

use super::finish::{Finish, FinishKind};
use super::pack::WeightShape;
use super::shape::ConvShape;
use crate::graph::{Activation, KernelSet, Observer, padded};
use crate::space::Shape;

/// A convolution with its numbers and its places in the arena. Places count 32-bit words.
#[derive(Clone, Copy, Debug)]
pub struct ConvTask<'a> {
    /// Number of the operation, for the observer.
    pub op: usize,
    /// Shapes and algorithm.
    pub shape: ConvShape,
    /// Value of the pixels outside the image.
    pub input_zero: i8,
    /// Zero point of the output.
    pub output_zero: i8,
    /// What follows the sum.
    pub activation: Activation,
    /// Weights in the form of the kind.
    pub weights: &'a [u32],
    /// Parameters, i32 `[bias, K if residual, M, N if PReLU][channels rounded up to even]`.
    pub params: &'a [i32],
    /// The input table, i8 `[channels][256]`, where the input is the image: bytes, not padded.
    /// Empty otherwise.
    pub table: &'a [i8],
    /// First word of the input.
    pub input_at: usize,
    /// First word of the output. It may lie over the residual, and over the input as far as
    /// the arena's plan has proved it harmless.
    pub output_at: usize,
    /// First word of the residual.
    pub residual_at: Option<usize>,
}

impl ConvTask<'_> {
    /// The numbers of output pair `o`.
    pub fn finish(&self, o: usize) -> Finish {
        let kind = FinishKind::of(self.residual_at.is_some(), self.activation);
        let row = self.weight_shape().output_pairs() * 2;
        let two = |index: usize| {
            let pair = self.params.get(index * row + 2 * o..).and_then(|v| v.first_chunk());
            pair.copied().unwrap_or([0; 2])
        };
        let positive = 1 + usize::from(kind.residual());
        Finish {
            bias: two(0),
            residual: two(1),
            positive: two(positive),
            negative: two(positive + 1),
            zero: i32::from(self.output_zero),
            kind,
        }
    }

    /// Shape of the weights.
    pub const fn weight_shape(&self) -> WeightShape {
        WeightShape {
            output: self.shape.output.channels,
            kernel: self.shape.kernel,
            input: self.shape.input.channels,
        }
    }
}

/// A residual block: what its first convolution and its projection write need have no place.
#[derive(Clone, Copy, Debug)]
pub struct BlockTask<'a> {
    /// First convolution.
    pub first: ConvTask<'a>,
    /// 1x1 convolution of the first's input and stride, whose output is the residual.
    pub projection: Option<ConvTask<'a>>,
    /// Second convolution, of stride 1. Without a projection, the residual is the first's input.
    pub second: ConvTask<'a>,
}

/// Pooling and classifier with their numbers and places.
#[derive(Clone, Debug)]
pub struct ClassifierTask<'a> {
    /// Number of the operation.
    pub op: usize,
    /// Shape read.
    pub input: Shape,
    /// i8 `[classes][padded channels]`, four a word.
    pub weights: &'a [u32],
    /// Bias, `[classes]`.
    pub bias: &'a [i32],
    /// Q0.32 multiplier, `[classes]`.
    pub multiplier: &'a [i32],
    /// First word of the input.
    pub input_at: usize,
    /// Scratch words, half as many as the padded channels.
    pub scratch: Range<usize>,
}

impl ClassifierTask<'_> {
    /// Words of one pixel, and of one class's weights.
    pub const fn pixel_words(&self) -> usize {
        padded(self.input.channels) / 4
    }
}

/// A set of kernels that can execute every operation.
pub trait Kernels {
    /// True where blocks are executed as a whole, in the arena that a blob plans; false asks for
    /// one operation at a time and a place of its own for every tensor, without scratch.
    const ROLLED: bool;
    /// What there is; the rows of other convolutions stay as they are.
    const KERNELS: KernelSet = KernelSet::ALL;

    /// Executes a convolution.
    fn conv<O: Observer + ?Sized>(
        &self,
        task: &ConvTask<'_>,
        scratch: Range<usize>,
        arena: &mut [u32],
        observer: &mut O,
    );

    /// Executes a residual block. Called where [`Self::ROLLED`].
    fn block<O: Observer + ?Sized>(
        &self,
        block: &BlockTask<'_>,
        scratch: Range<usize>,
        arena: &mut [u32],
        observer: &mut O,
    ) {
        let all = [Some(&block.first), block.projection.as_ref(), Some(&block.second)];
        for task in all.into_iter().flatten() {
            self.conv(task, scratch.clone(), arena, observer);
        }
    }

    /// Executes pooling and classifier; `logits` holds one element a class.
    fn classifier(&self, task: &ClassifierTask<'_>, arena: &mut [u32], logits: &mut [i32]);
}
