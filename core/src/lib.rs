//! The code that host and device share: codes, search spaces, plans, the quantised executor, the
//! blob format and the wire protocol.
//!
//! The crate has no allocator, no unsafe code, and no knowledge of files, training or boards. Its
//! modules import each other in one direction: [`shape`] has the size of a map; [`graph`] describes a
//! resolved network, [`quant`] its arithmetic, [`kernel`] the execution of an operation, [`arena`] the
//! memory, [`blob`] the file, and [`exec`] the execution of a network; [`space`], [`arch`] and [`plan`]
//! describe sub-networks; [`frontend`] makes a network's input from samples, [`lower`] a graph from a
//! plan, and [`wire`] carries messages. The formats are documented in `core/docs/`.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

#[cfg(any(test, feature = "suite"))]
extern crate std;

pub mod arena;
pub mod blob;
pub mod exec;
pub mod frontend;
pub mod graph;
pub mod kernel;
pub mod quant;
pub mod shape;
pub mod wire;

#[allow(clippy::indexing_slicing, reason = "for hosts; its indices rely on `Space::validate`")]
pub mod arch;
#[allow(clippy::indexing_slicing, reason = "for hosts; its indices rely on `Space::validate`")]
pub mod lower;
#[allow(clippy::indexing_slicing, reason = "for hosts; its indices rely on `Space::validate`")]
pub mod plan;
#[allow(clippy::indexing_slicing, reason = "for hosts; its indices rely on `Space::validate`")]
pub mod space;

pub mod error;

#[cfg(any(test, feature = "suite"))]
#[allow(clippy::indexing_slicing, reason = "for tests; its indices are those of its own tables")]
pub mod suite;
#[cfg(any(test, feature = "suite"))]
#[cfg_attr(
    not(test),
    allow(
        dead_code,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        reason = "the suite uses a part of it, and its networks are legal by construction"
    )
)]
mod testnet;
