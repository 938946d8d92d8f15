//! Score models, device costs, and the search for the best sub-networks within limits.
//!
//! [`surrogate`] predicts the score of every sub-network from a few evaluated ones, [`cost`]
//! computes flash, RAM and instructions on a chip, and [`search()`](search::search) finds the best
//! trade-offs. The crate handles codes and numbers only: training, evaluation and export of weights
//! belong to other crates.

#![forbid(unsafe_code)]

pub mod chip;
pub mod cost;
pub mod predict;
pub mod search;
pub mod size;
pub mod surrogate;
