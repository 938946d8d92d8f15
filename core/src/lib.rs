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
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

#[cfg(any(test, feature = "suite"))]
extern crate std;

// Devices run these modules, which must not panic. The kernels have indices that the compiler
// proves; `cargo xtask code` shows that no panic is linked.
#[cfg_attr(not(test), deny(clippy::indexing_slicing))]
pub mod arena;
#[cfg_attr(not(test), deny(clippy::indexing_slicing))]
pub mod blob;
#[cfg_attr(not(test), deny(clippy::indexing_slicing))]
pub mod exec;
#[cfg_attr(not(test), deny(clippy::indexing_slicing))]
pub mod frontend;
#[cfg_attr(not(test), deny(clippy::indexing_slicing))]
pub mod graph;
pub mod kernel;
#[cfg_attr(not(test), deny(clippy::indexing_slicing))]
pub mod quant;
pub mod shape;
#[cfg_attr(not(test), deny(clippy::indexing_slicing))]
pub mod wire;

// Hosts run these modules, whose indices rely on `Space::validate`.
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
        reason = "the suite uses a part of it, and its networks are legal by construction"
    )
)]
mod testnet;
