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
//! - [`pool`], [`requantise`]: averages and maxima, and the integer network in f32;
//! - [`conv`], [`map`], [`norm`], [`activation`]: shapes of convolutions and of feature maps, batch
//!   norm as factors, activations;
//! - [`simd`]: the choice of an instruction set.
//!
//! # Safety
//!
//! No argument of a public function leads to undefined behaviour; wrong sizes panic. Only these
//! modules contain unsafe code, each behind one check:
//!
//! | module | check |
//! |---|---|
//! | `conv::grid` | `Grid::new` proves all offsets of a convolution |
//! | `conv::weights` | `WeightGradient::new` proves all offsets of the weights' gradient |
//! | `simd::x86` | a token exists only where its instructions were detected |
//! | `blocks` | a block is initialised before it is used |
//!
//! `README.md` shows how Miri and AddressSanitizer run the tests.

#![deny(unsafe_code)]

pub mod activation;
pub mod conv;
pub mod fused;
pub mod map;
pub mod norm;
pub mod planes;
pub mod pool;
pub mod requantise;
pub mod simd;

#[expect(unsafe_code, reason = "memory that each thread initialises itself")]
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
