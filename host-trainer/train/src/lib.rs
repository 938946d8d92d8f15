//! Supernets: training (Algorithm 1 of arXiv 2108.05866), ranking by inherited weights, import of
//! checkpoints, and export of sub-networks as int8.
//!
//! [`run::Run`] opens a trained run; [`training`] makes one; [`rank`] scores its sub-networks and
//! [`export`] writes one of them for a device. The crate computes on the CPU; another processor
//! comes in through [`training::Accelerator`].

pub mod backend;
pub mod delivery;
pub mod export;
pub mod import;
mod merge;
pub mod rank;
pub mod run;
pub mod search;
pub mod shard;
pub mod supernet;
pub mod synthetic;
pub mod training;
pub mod verify;

pub use merge::{MergeReport, merge_files};
