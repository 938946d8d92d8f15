//! Kernels: the obvious loops, and the packed path over a small trait of primitives.

mod check;
mod finish;
mod micro;
pub mod pack;
mod packed;
mod reference;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod sse2;
pub mod winograd;

pub use check::{Mismatch, check};
pub use finish::{Finish, FinishKind, PairRow};
pub use micro::{MicroKernel, Sums, TILE_OUTPUTS, TILE_PIXELS, Window};
pub use packed::{Packed, row_words};
pub use reference::Reference;
pub use scalar::Scalar;
#[cfg(target_arch = "x86_64")]
pub use sse2::Sse2;

/// The fastest primitives that need no more than the target's baseline.
#[cfg(target_arch = "x86_64")]
pub type Host = Sse2;
/// The fastest primitives that need no more than the target's baseline.
#[cfg(not(target_arch = "x86_64"))]
pub type Host = Scalar;

use core::ops::Range;

use crate::graph::{Activation, padded};
use crate::space::Shape;

/// A convolution with its numbers and its places in the arena. Places count 32-bit words.
#[derive(Clone, Debug)]
pub struct ConvTask<'a> {
    /// Shape read.
    pub input: Shape,
    /// Value of the pixels outside the image.
    pub input_zero: i8,
    /// Shape written.
    pub output: Shape,
    /// Zero point of the output.
    pub output_zero: i8,
    /// Side of the kernel.
    pub kernel: usize,
    /// 1 or 2.
    pub stride: usize,
    /// What follows the sum.
    pub activation: Activation,
    /// Packed weights.
    pub weights: &'a [u32],
    /// Bias, `[channels rounded up to even]`, as all that follow.
    pub bias: &'a [i32],
    /// Multiplier of the residual; empty without one.
    pub residual_multiplier: &'a [i32],
    /// Q0.32 multiplier of sums from 0 on.
    pub positive: &'a [i32],
    /// Q0.32 multiplier of sums below 0: `positive` again without PReLU.
    pub negative: &'a [i32],
    /// First word of the input.
    pub input_at: usize,
    /// First word of the output. It may lie over the residual, and over the input as far as
    /// [`ArenaPlan`](crate::exec::ArenaPlan) has proved it harmless.
    pub output_at: usize,
    /// First word of the residual.
    pub residual_at: Option<usize>,
    /// Scratch words.
    pub scratch: Range<usize>,
}

impl ConvTask<'_> {
    /// Shape of the weights.
    pub const fn weight_shape(&self) -> pack::WeightShape {
        pack::WeightShape {
            output: self.output.channels,
            kernel: self.kernel as u8,
            input: self.input.channels,
        }
    }
}

/// Pooling and classifier with their numbers and places.
#[derive(Clone, Debug)]
pub struct ClassifierTask<'a> {
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
    /// True where outputs may lie over inputs as [`ArenaPlan::new`](crate::exec::ArenaPlan::new)
    /// places them; false asks for a place of its own for every tensor.
    const OVERLAP: bool;

    /// Executes a convolution.
    fn conv(&self, task: &ConvTask<'_>, arena: &mut [u32]);

    /// Executes pooling and classifier; `logits` holds one element a class.
    fn classifier(&self, task: &ClassifierTask<'_>, arena: &mut [u32], logits: &mut [i32]);
}

#[cfg(test)]
mod tests;
