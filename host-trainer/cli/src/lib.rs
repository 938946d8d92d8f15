//! The command line of supernano and its report.

pub mod allocator;
mod commands;
mod options;
pub mod output;
mod report;

pub use commands::main;
