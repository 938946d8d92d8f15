//! What host and device share: architecture codes, search spaces, plans, the quantised
//! executor, the blob format and the wire messages. No allocator, no unsafe code, no burn, no board.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "suite"))]
extern crate std;

pub mod arch;
pub mod arena;
pub mod blob;
pub mod error;
pub mod exec;
pub mod graph;
pub mod kernel;
pub mod lower;
pub mod plan;
pub mod quant;
pub mod space;

#[cfg(any(test, feature = "suite"))]
pub mod suite;
#[cfg(any(test, feature = "suite"))]
#[cfg_attr(not(test), allow(dead_code, reason = "the suite uses a part"))]
mod testnet;
pub mod wire;
