//! `supernano`: one-shot neural architecture search over channel widths that ends on a
//! microcontroller. Library behind the binary of the same name.

#[cfg(feature = "train")]
pub mod backend;
pub mod blob;
pub mod cli;
pub mod config;
pub mod data;
pub mod error;
pub mod export;
pub mod files;
pub mod rank;
pub mod report;
pub mod stats;
pub mod supernet;
pub mod train;
