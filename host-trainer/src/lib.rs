//! `supernano`: one-shot neural architecture search over channel widths that ends on a
//! microcontroller. Library behind the binary of the same name.
//!
//! Without the feature `train` there is no module that holds floating-point weights, and no burn;
//! without `probe` no debug probe.

pub mod allocator;
#[cfg(feature = "train")]
pub mod backend;
pub mod blob;
pub mod cli;
pub mod config;
pub mod data;
pub mod device;
pub mod error;
#[cfg(feature = "train")]
pub mod export;
pub mod files;
#[cfg(feature = "train")]
pub mod import;
pub mod interrupt;
#[cfg(feature = "train")]
pub mod rank;
pub mod report;
#[cfg(feature = "train")]
pub mod search;
#[cfg(test)]
mod shared_data;
pub mod stats;
#[cfg(feature = "train")]
pub mod supernet;
#[cfg(feature = "train")]
pub mod surrogate;
#[cfg(feature = "train")]
pub mod synthetic;
#[cfg(feature = "train")]
pub mod train;
