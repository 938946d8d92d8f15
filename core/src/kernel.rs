//! Kernels: implementations of layers, residual blocks, rolled units and the classifier.
//!
//! [`Kernels`] is the trait that the executor calls with tasks. [`Reference`] implements it with
//! plain loops, value by value. [`Packed`] implements it with rows that roll through the scratch,
//! over the primitives of a [`MicroKernel`]: [`Scalar`], [`Host`], or those of a device.
//! [`check()`] compares primitives with [`Scalar`]. [`ConvShape`] computes the sizes of scratch.

mod bytes;
#[allow(clippy::indexing_slicing, reason = "a self-test, whose sizes and buffers are constants")]
mod check;
mod columns;
mod depthwise;
mod finish;
mod flat;
mod halves;
mod micro;
pub mod pack;
mod packed;
mod pointwise;
#[allow(clippy::indexing_slicing, reason = "for hosts; its indices rely on the check of the graph")]
mod reference;
mod scalar;
mod shape;
#[cfg(target_arch = "x86_64")]
mod sse2;
mod stage;
mod task;
mod weights;
mod window;
pub mod winograd;

pub use bytes::{ByteRows, param_rows};
pub use check::{Mismatch, check};
pub use columns::ColumnsRow;
pub use depthwise::{DepthwiseRow, MOST_STEPS, StepWeights, Widening};
pub use finish::{BlockRows, Finish, FinishKind, PairRow, Requantise};
pub use flat::{FlatRows, ImageWords};
pub use micro::MicroKernel;
pub use packed::Packed;
pub use pointwise::PointwiseRow;
pub use reference::Reference;
pub use scalar::Scalar;
pub use shape::{ConvShape, Ring};
#[cfg(target_arch = "x86_64")]
pub use sse2::Sse2;
pub use task::{BlockTask, ClassifierTask, ConvTask, Kernels};
pub(crate) use weights::{are_transformed, is_depthwise_row, transformed_words, weight};
pub use weights::{depthwise_row_words, depthwise_words, pack_as, pack_depthwise, weight_words};
pub use window::{Sums, TILE_OUTPUTS, TILE_PIXELS, Window};

/// The fastest primitives of this crate for the target.
#[cfg(target_arch = "x86_64")]
pub type Host = Sse2;
/// The fastest primitives of this crate for the target.
#[cfg(not(target_arch = "x86_64"))]
pub type Host = Scalar;

#[cfg(test)]
pub(crate) mod tests;
