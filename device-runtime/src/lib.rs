//! Runs supernano networks on Cortex-M.
//!
//! A [`Network`] classifies images in a user's firmware, with kernels for the target's core. An
//! [`Agent`] answers `supernano check` and `supernano latency` over any line. The crate allocates
//! nothing, uses no floating point and contains no panic. Once [`Network::from_bytes`] has checked
//! a network, the only errors are an image of the wrong length and too little memory; nothing is
//! written in these cases. The weights stay in flash.
//!
//!
//! ```
//! use supernano_runtime::{Error, Network, argmax, include_network, memory_words};
//!
//! const NETWORK: &[u8] = include_network!("../../tests/golden/tiny.snb");
//!
//! /// Holds a network and as many words of memory as it needs.
//! struct Classifier {
//!     network: Network<'static>,
//!     memory: [u32; memory_words(NETWORK)],
//! }
//!
//! impl Classifier {
//!     fn new() -> Result<Self, Error> {
//!         Ok(Self { network: Network::from_bytes(NETWORK)?, memory: [0; memory_words(NETWORK)] })
//!     }
//!
//!     fn classify(&mut self, image: &[u8]) -> Result<usize, Error> {
//!         self.network.run(image, &mut self.memory).map(argmax)
//!     }
//! }
//! # let image = include_bytes!("../../tests/golden/tiny.image");
//! # assert!(Classifier::new().unwrap().classify(image).unwrap() < 4);
//! ```
//!
//! Use [`embed!`] for a network that never changes: the compiler checks it, and links its kernels
//! only. [`Network::with_kernels`] loads networks at run time with a chosen set of kernels.
//!
//! Rust's targets do not tell which Armv8-M cores have the DSP extension. Build for a Cortex-M33
//! with `RUSTFLAGS="-C target-cpu=cortex-m33"`, and for a Cortex-M55 or M85, whose kernels use Helium,
//! with `cortex-m55`. Without it, the build uses the kernels of Armv7-M.
#![no_std]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

mod agent;
mod dsp;
mod network;
mod turn;

pub use agent::{Agent, Board, Memory};
pub use dsp::{ALL, Dsp, KERNELS, Kernels, kernels};
pub use network::{Network, blob_words, memory_words};
pub use supernano_core::blob::{BlobView, kernels as blob_kernels};
pub use supernano_core::error::Error;
pub use supernano_core::exec::argmax;
pub use supernano_core::frontend;
pub use supernano_core::graph::KernelSet;
pub use turn::{Incoming, Turn};
