//! Training on GPUs.
//!
//! All paths of an update run in one batch at full width with their channels masked
//! ([`network`]), images and augmentation stay on the device ([`resident`]), and so does the
//! validation of the panel ([`judge`]). [`agreement`] compares a device with the CPU.

#![forbid(unsafe_code)]

pub mod agreement;
pub mod bench_device;
pub mod device;
#[cfg(any(test, feature = "cuda", feature = "vulkan"))]
mod engine;
pub mod judge;
pub mod masked;
pub mod network;
pub mod resident;
