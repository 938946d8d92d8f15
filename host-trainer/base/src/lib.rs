//! Everything that the crates of supernano's host share: errors with exit codes, reading and
//! writing of files, Ctrl-C, run configurations, codes with their scores and truths, statistics, and
//! network files.
//!
//! This crate contains no training and no access to devices. Every other host crate depends on it,
//! and it depends on none of them.

#![deny(unsafe_code)]

pub mod answers;
pub mod blob;
pub mod codes;
pub mod config;
pub mod console;
pub mod cycles;
pub mod error;
pub mod files;
pub mod fixed;
pub mod frontend;
pub mod history;
pub mod images;
pub mod interrupt;
pub mod names;
pub mod numbers;
pub mod objective;
pub mod progress;
pub mod quality;
pub mod rng;
pub mod run_dir;
pub mod space;
pub mod stats;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod threads;

#[cfg(all(test, target_os = "linux"))]
mod memory_tests;
