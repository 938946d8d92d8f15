//! Float kernels of the CPU.
//!
//! The crate computes on slices and shapes. It knows no tensor library and no files.
//!
//! # Layout
//!
//! A batch of feature maps is `[blocks][channels][rows][columns][16]` ([`map::MapShape`]). A
//! *block* holds [`LANES`] images; a *lane* is the place of an image in it; a *plane* is a channel
//! of a block. The last block is filled up with lanes that hold no image: statistics and gradients
//! ignore them. Evaluation keeps zeros around each plane instead ([`planes::Planes`]).
//!
//! # Modules
//!
//! - [`fused`]: the operations of training on whole batches, in parallel over blocks;
//! - [`planes`]: the operations of evaluation on one block;
//! - [`pool`] and [`requantise`]: what both need besides;
//! - [`conv`]: convolutions and their gradients on one block;
//! - [`simd`]: sixteen lanes on each instruction set.
//!
//! # Safety
//!
//! No argument of a public function leads to undefined behaviour; wrong sizes panic. Unsafe code
//! is in four files, each behind one check:
//!
//! | file | check |
//! |---|---|
//! | `conv/grid/tile.rs`, called by `conv/grid.rs` | `Grid::new` proves all offsets of a convolution |
//! | `conv/weights.rs` | `WeightGradient::new` proves all offsets of the weights' gradient |
//! | `simd/x86.rs` | a token exists only where its instructions were detected |
//! | `blocks.rs` | a block is initialised before it is used |
//!
//! `README.md` shows how Miri and AddressSanitizer run the tests.

pub mod conv;
pub mod fused;
pub mod map;
pub mod norm;
pub mod planes;
pub mod pool;
pub mod requantise;
pub mod simd;

mod blocks;
mod moments;
mod parallel;
mod pointwise;
mod size;

pub use moments::Statistics;

/// Images of a block of feature maps, and f32 of an AVX-512 register.
pub const LANES: usize = 16;

#[cfg(test)]
mod tests;
