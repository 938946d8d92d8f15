//! Runs supernano networks on Cortex-M: kernels for the DSP extension, and the agent that answers
//! `supernano check` and `supernano latency`.
//!
//! ```
//! use supernano_runtime::{Network, BlobView, kernels};
//!
//! fn classify(blob: &[u8], image: &[u8], arena: &mut [u32]) -> Option<usize> {
//!     let view = BlobView::new_checked(blob).ok()?;
//!     let network = Network::new(&view, kernels());
//!     let mut logits = [0; 10];
//!     network.run(image, arena, &mut logits, &mut ()).ok()?;
//!     Some(supernano_core::exec::argmax(&logits))
//! }
//! ```
#![no_std]

mod agent;
mod dsp;

pub use agent::{Agent, Board, Memory};
pub use dsp::{Dsp, KERNELS, kernels};
pub use supernano_core::blob::BlobView;
pub use supernano_core::exec::Network;
