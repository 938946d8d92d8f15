//! Runs supernano networks on Cortex-M: kernels for its cores, a library for firmware of one's
//! own, and the agent that answers `supernano check` and `supernano latency`.
//!
//! No allocator, no floating point, and no panic: after [`Network::from_bytes`] has checked a
//! network, only a wrong image or too little memory can fail, before anything is written. The
//! weights stay in flash.
//!
//! ```
//! use supernano_runtime::{Error, Network, argmax, include_network, memory_words};
//!
//! const NETWORK: &[u8] = include_network!("../../tests/golden/tiny.snb");
//!
//! /// The memory of a static: exactly as many words as the network needs.
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
//! A network that never changes is better built in with [`embed!`]: it is checked while the program
//! is compiled, and brings no kernels but its own. [`Network::with_kernels`] takes networks at run
//! time for some kernels only.
//!
//! Rust's targets do not say which Armv8-M cores have the DSP extension: build for Cortex-M33 with
//! `RUSTFLAGS="-C target-cpu=cortex-m33"`, or the kernels for Armv7-M are taken.
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
pub use supernano_core::graph::KernelSet;
pub use turn::{Incoming, Turn};
