//! Models of scores, costs on devices, and the search for the best sub-networks under limits.
//!
//! [`surrogate`] predicts the score of every sub-network from a few evaluated ones, [`cost`] says
//! what a sub-network takes on a chip, and [`search`] finds the best trade-offs of both. Nothing
//! here holds weights: scores come in as numbers, results go out as codes.

#![forbid(unsafe_code)]

pub mod chip;
pub mod cost;
pub mod predict;
pub mod search;
pub mod size;
pub mod surrogate;
