//! What host and device share: architecture codes, search spaces, plans, the quantised
//! executor, the blob format and the wire messages. No allocator, no unsafe code, no burn, no board.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod arch;
pub mod blob;
pub mod error;
pub mod exec;
pub mod graph;
pub mod kernel;
pub mod plan;
pub mod quant;
pub mod space;

#[cfg(test)]
mod testnet;
