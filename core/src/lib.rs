//! What host and device share: architecture codes, search spaces, plans, the quantised
//! executor, the blob format and the wire messages. No allocator, no unsafe code, no burn, no board.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod arch;
pub mod error;
pub mod plan;
pub mod space;
