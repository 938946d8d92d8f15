//! Training of supernets on GPUs.
//!
//! All paths of an update run in one batch, each at its own widths. [`device::Device`] selects a
//! processor, which `supernano-train` then trains on, compares it with the CPU, times it and scores
//! networks on it. The training loop, files and options belong to other crates.

#![forbid(unsafe_code)]

pub mod device;
pub mod layers;
pub mod results;

#[cfg(feature = "sources")]
pub mod expected;

#[cfg(feature = "kernels")]
mod agreement;
#[cfg(feature = "kernels")]
mod engine;
#[cfg(feature = "kernels")]
mod evaluation;
#[cfg(feature = "kernels")]
mod precision;
#[cfg(feature = "kernels")]
mod scoring;
#[cfg(feature = "kernels")]
mod step;
#[cfg(feature = "kernels")]
mod table;
#[cfg(feature = "kernels")]
mod task;
#[cfg(feature = "kernels")]
mod timing;
