//! Kernels: the obvious loops, and the packed path over a small trait of primitives.

mod check;
mod finish;
mod halves;
mod micro;
pub mod pack;
mod packed;
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

pub use check::{Mismatch, check};
pub use finish::{Finish, FinishKind, PairRow, Requantise};
pub use micro::MicroKernel;
pub use packed::Packed;
pub use reference::Reference;
pub use scalar::Scalar;
pub use shape::{ConvShape, Ring};
#[cfg(target_arch = "x86_64")]
pub use sse2::Sse2;
pub use task::{BlockTask, ClassifierTask, ConvTask, Kernels};
pub(crate) use weights::{are_transformed, weight};
pub use weights::{pack_as, weight_words};
pub use window::{Sums, TILE_OUTPUTS, TILE_PIXELS, Window};

/// The fastest primitives that need no more than the target's baseline.
#[cfg(target_arch = "x86_64")]
pub type Host = Sse2;
/// The fastest primitives that need no more than the target's baseline.
#[cfg(not(target_arch = "x86_64"))]
pub type Host = Scalar;

#[cfg(test)]
mod tests;
