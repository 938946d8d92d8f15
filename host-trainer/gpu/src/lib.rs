//! Training of supernets on GPUs.
//!
//! All paths of an update run in one batch at full width with masked channels. Images, augmentation
//! and the validation of the panel stay on the device. [`device`] selects a processor, which
//! `supernano-train` then trains on; [`agreement`] compares a device with the CPU, and
//! [`bench_device`] times it. The training loop, files and options belong to other crates.

#![forbid(unsafe_code)]

pub mod agreement;
pub mod bench_device;
pub mod device;
#[cfg(any(test, feature = "cuda", feature = "vulkan"))]
mod engine;
mod forward;
mod plans;
mod resident;
mod step;
mod task;
mod validation;
