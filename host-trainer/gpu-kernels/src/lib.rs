//! Float kernels of GPUs, on CubeCL: one source for CUDA and Vulkan.
//!
//! The crate computes on buffers and shapes. It knows no tensor library and no files.
//!
//! # Layout
//!
//! A map is `[paths, images, rows, columns, channels]`. All paths of an update run in one launch. A
//! path uses the leading channels of a map, as many as a *table* of the update says, `[rows,
//! paths]`; the others are undefined and are neither read nor written. The table also holds the
//! offset of each path's weights in the parameters.
//!
//! The element of maps is a parameter of the kernels: `f32` or [`bf16`]. The operands of convolutions have
//! it, too; parameters, products, sums and everything else have 32 bits.
//!
//! # Modules
//!
//! - [`convolve`]: the convolution and its input gradient, over a [`tile::Frame`]; depthwise ones have
//!   kernels of their own;
//! - [`weights`]: the weight gradient;
//! - [`norm`]: batch norm as factors, and its gradient;
//! - [`add`]: the end of a block; [`pool`]: windows;
//! - [`pending`]: what a kernel applies to a map while it reads it.
//!
//! Sums have a fixed order, so a launch gives the same bits every time.

#![deny(unsafe_code)]

pub mod add;
#[expect(unsafe_code, reason = "the length of an argument of a kernel")]
pub mod buffer;
mod convolution;
pub mod convolve;
mod copy;
mod depthwise;
#[cfg(any(feature = "cuda", feature = "vulkan"))]
#[expect(unsafe_code, reason = "loading a library runs its initialisers")]
pub mod driver;
pub mod head;
pub mod network;
pub mod norm;
pub mod pending;
pub mod pool;
pub mod sgd;
pub mod shape;
#[cfg(feature = "sources")]
#[expect(unsafe_code, reason = "a function that a trait declares so")]
pub mod sources;
pub mod step;
mod sums;
pub mod tile;
pub mod weights;
mod writing;

pub use copy::{fill, probe};
/// The element of maps in bfloat16.
pub use half::bf16;

/// CubeCL, whose devices run the kernels.
pub use cubecl;
