//! `supernano`: one-shot neural architecture search over channel widths that ends on a
//! microcontroller. Library behind the binary of the same name.

pub mod allocator;
pub mod backend;
pub mod blob;
pub mod cli;
pub mod config;
pub mod data;
pub mod device;
pub mod error;
pub mod export;
pub mod files;
pub mod import;
pub mod interrupt;
pub mod rank;
pub mod report;
pub mod search;
#[cfg(test)]
mod shared_data;
pub mod stats;
pub mod supernet;
pub mod surrogate;
pub mod synthetic;
pub mod train;
