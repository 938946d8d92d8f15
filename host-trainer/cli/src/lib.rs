//! The command line of supernano and its report.
//!
//! [`main`] parses the arguments and runs a command. Each command builds a request from its
//! arguments, calls one library function and prints the result.

pub mod allocator;
mod commands;
mod doctor;
mod options;
pub mod output;
#[cfg(feature = "train")]
mod processor;
#[cfg(feature = "train")]
mod project;
mod report;

pub use commands::main;
