//! What host and device share: architecture codes, search spaces, plans, the quantised
//! executor, the blob format and the wire messages. No allocator, no unsafe code, no burn, no board.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

#[cfg(any(test, feature = "suite"))]
extern crate std;

// A device runs these, and has no panic to fall back on. The packed kernels keep indices that the
// compiler proves; an image without a panic handler shows that it does.
#[cfg_attr(not(test), deny(clippy::indexing_slicing))]
pub mod arena;
#[cfg_attr(not(test), deny(clippy::indexing_slicing))]
pub mod blob;
#[cfg_attr(not(test), deny(clippy::indexing_slicing))]
pub mod exec;
#[cfg_attr(not(test), deny(clippy::indexing_slicing))]
pub mod graph;
pub mod kernel;
#[cfg_attr(not(test), deny(clippy::indexing_slicing))]
pub mod quant;
#[cfg_attr(not(test), deny(clippy::indexing_slicing))]
pub mod wire;

// Only hosts use these. Their indices rely on `Space::validate`.
pub mod arch;
pub mod lower;
pub mod plan;
pub mod space;

pub mod error;

#[cfg(any(test, feature = "suite"))]
pub mod suite;
#[cfg(any(test, feature = "suite"))]
#[cfg_attr(
    not(test),
    allow(
        dead_code,
        clippy::unwrap_used,
        clippy::expect_used,
        reason = "the suite uses a part, and its networks are legal by construction"
    )
)]
mod testnet;
