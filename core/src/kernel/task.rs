//! The tasks of kernels, and the trait that executes them.

use core::ops::Range;

use super::finish::{Finish, FinishKind};
use super::pack::WeightShape;
use super::shape::ConvShape;
use crate::graph::{Activation, KernelSet, Observer, padded};
use crate::shape::Shape;

/// A layer with its parameters and its places in the arena. Places count 32-bit words.
#[derive(Clone, Copy, Debug)]
pub struct ConvTask<'a> {
    /// Index of the operation, for the observer.
    pub op: usize,
    /// Shapes and algorithm.
    pub shape: ConvShape,
    /// Value of the pixels outside the input: its zero point.
    pub input_zero: i8,
    /// Zero point of the output.
    pub output_zero: i8,
    /// Activation.
    pub activation: Activation,
    /// Weights in the form of the shape's kind.
    pub weights: &'a [u32],
    /// Parameters, i32 `[rows][channels rounded up to even]`: bias, K with a residual, J for averages
    /// and additions, M, N with PReLU.
    pub params: &'a [i32],
    /// If the input is the image, the input table, i8 `[channels][256]`; the image is not padded.
    /// Otherwise empty.
    pub table: &'a [i8],
    /// First word of the input.
    pub input_at: usize,
    /// First word of the output. It may overlap the residual, and the input as far as the plan of
    /// the arena allows.
    pub output_at: usize,
    /// First word of the residual.
    pub residual_at: Option<usize>,
}

/// Two parameters from index `at` on.
fn two(params: &[i32], at: usize) -> [i32; 2] {
    let pair = params.get(at..).and_then(|v| v.first_chunk());
    pair.copied().unwrap_or([0; 2])
}

impl ConvTask<'_> {
    /// The requantisation parameters of output pair `o`.
    pub fn finish(&self, o: usize) -> Finish {
        let kind = FinishKind::of(self.residual_at.is_some(), self.activation);
        let row = self.weight_shape().output_pairs() * 2;
        let two = |index: usize| two(self.params, index * row + 2 * o);
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

    /// J and the requantisation parameters of output pair `o` of an average or an addition.
    pub(crate) fn scaled(&self, o: usize) -> ([i32; 2], Finish) {
        let finish = self.finish(o);
        let scale = 1 + usize::from(finish.kind.residual());
        let row = self.weight_shape().output_pairs() * 2;
        let [factor, positive, negative] =
            [scale, scale + 1, scale + 2].map(|index| two(self.params, index * row + 2 * o));
        (factor, Finish { positive, negative, ..finish })
    }

    /// A row of the parameters.
    pub(crate) fn numbers(&self, index: usize) -> &[i32] {
        let row = self.weight_shape().output_pairs() * 2;
        self.params.get(index * row..).and_then(|v| v.get(..row)).unwrap_or_default()
    }

    /// Shape of the weights.
    pub const fn weight_shape(&self) -> WeightShape {
        WeightShape {
            output: self.shape.output.channels,
            kernel: self.shape.geometry.kernel,
            input: self.shape.input.channels,
        }
    }
}

/// A residual block. The outputs of the first convolution and of the projection need no place in
/// the arena.
#[derive(Clone, Copy, Debug)]
pub struct BlockTask<'t, 'a> {
    /// First convolution.
    pub first: &'t ConvTask<'a>,
    /// 1x1 convolution of the block's input with the first convolution's stride. Its output is the
    /// residual.
    pub projection: Option<&'t ConvTask<'a>>,
    /// Second convolution, of stride 1. Without a projection, the residual is the block's input.
    pub second: &'t ConvTask<'a>,
}

/// Pooling and classifier with their parameters and places. Places count 32-bit words.
#[derive(Clone, Debug)]
pub struct ClassifierTask<'a> {
    /// Index of the operation, for the observer.
    pub op: usize,
    /// Shape read.
    pub input: Shape,
    /// Weights, i8 `[classes][padded channels]`, four per word.
    pub weights: &'a [u32],
    /// Bias, i32 `[classes]`.
    pub bias: &'a [i32],
    /// Multiplier, Q0.32 `[classes]`.
    pub multiplier: &'a [i32],
    /// First word of the input.
    pub input_at: usize,
    /// Words of scratch, half as many as the padded channels.
    pub scratch: Range<usize>,
}

impl ClassifierTask<'_> {
    /// Words of a pixel, and of a class's weights.
    pub const fn pixel_words(&self) -> usize {
        padded(self.input.channels) / 4
    }
}

/// Kernels for every operation of a network.
pub trait Kernels {
    /// True if [`Self::block`] executes residual blocks in the arena that the blob plans. False if
    /// every operation is executed alone, without scratch, in an arena with a place for each
    /// tensor.
    const ROLLED: bool;
    /// The kernels that exist. A convolution that needs another kernel leaves its output unchanged.
    const KERNELS: KernelSet = KernelSet::ALL;

    /// Executes a layer.
    fn conv<O: Observer + ?Sized>(
        &self,
        task: &ConvTask<'_>,
        scratch: Range<usize>,
        arena: &mut [u32],
        observer: &mut O,
    );

    /// Executes a residual block, if [`Self::ROLLED`].
    fn block<O: Observer + ?Sized>(
        &self,
        block: &BlockTask<'_, '_>,
        scratch: Range<usize>,
        arena: &mut [u32],
        observer: &mut O,
    ) {
        let all = [Some(block.first), block.projection, Some(block.second)];
        for task in all.into_iter().flatten() {
            self.conv(task, scratch.clone(), arena, observer);
        }
    }

    /// Executes a rolled unit, if [`Self::ROLLED`]. Each task reads the output of the one before.
    fn rolled<O: Observer + ?Sized>(
        &self,
        tasks: &[ConvTask<'_>],
        scratch: Range<usize>,
        arena: &mut [u32],
        observer: &mut O,
    ) {
        for task in tasks {
            self.conv(task, scratch.clone(), arena, observer);
        }
    }

    /// Executes pooling and classifier. `logits` has one element per class.
    fn classifier(&self, task: &ClassifierTask<'_>, arena: &mut [u32], logits: &mut [i32]);
}
