//! `front.json`: what a search found, as later commands read it.

use serde::{Deserialize, Serialize};

use crate::cost::Limits;
use crate::cost::instructions::Overhead;
use crate::surrogate::CrossValidation;

/// Accuracies that were evaluated, not predicted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verified {
    /// Top-1 in float with inherited weights, 0 to 1.
    pub inherited: f64,
    /// Top-1 of the integers, 0 to 1.
    pub int8: f64,
    /// Images of the validation split.
    pub images: usize,
}

/// One network of the front.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrontNetwork {
    /// The code.
    pub code: String,
    /// Predicted score, higher is better: top-1 from 0 to 1, or minus the cross-entropy in nats.
    pub score: f64,
    /// Standard error of the prediction.
    pub score_se: f64,
    /// The score that was evaluated, where this code was among the evaluated ones.
    pub evaluated: Option<f64>,
    /// Bytes of flash, exact: blob and code.
    pub flash_bytes: u64,
    /// Bytes of RAM, exact: arena, stack, statics.
    pub ram_bytes: u64,
    /// Bytes of the blob.
    pub blob_bytes: u64,
    /// Bytes of the arena.
    pub arena_bytes: u64,
    /// Instructions of one inference, modelled: see [`Front::instructions`].
    pub instructions: u64,
    /// Kernel of every layer: `direct`, `winograd-online` or `winograd`.
    pub kernels: Vec<String>,
    /// Accuracies, where they were asked for.
    pub verified: Option<Verified>,
}

/// Where modelled instructions come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstructionModel {
    /// Processor core.
    pub core: String,
    /// `instructions`, or `cycles` measured on a board.
    pub unit: String,
    /// True: these are no counts.
    pub modelled: bool,
    /// Counted operations behind the coefficients.
    pub counted: usize,
    /// Largest error on counted networks that were not used to fit, a fraction.
    pub largest_error: f64,
    /// Where the coefficients come from.
    pub provenance: String,
}

/// The model behind the predicted scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SurrogateSummary {
    /// `top1` or `ce`.
    pub metric: String,
    /// Evaluated sub-networks.
    pub samples: usize,
    /// Ridge strength.
    pub lambda: f64,
    /// Error on held-out sub-networks.
    pub cross_validation: CrossValidation,
}

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Front {
    /// Search space.
    pub space: String,
    /// Chip that the limits are of, where one was named.
    pub chip: Option<String>,
    /// Limits that every network keeps; null where there was none.
    pub limits: Limits,
    /// What is added to every blob and arena.
    pub overhead: Overhead,
    /// Sub-networks that were looked up.
    pub examined: u64,
    /// Wall time of that, seconds.
    pub seconds: f64,
    /// True where that is every sub-network of the space.
    pub exhaustive: bool,
    /// True where no feasible sub-network has a better predicted score.
    pub optimal: bool,
    /// No feasible sub-network has a higher predicted score than this.
    pub bound: f64,
    /// Networks on the whole front; [`Self::networks`] lists some of them.
    pub front_size: usize,
    /// Predicted scores.
    pub surrogate: SurrogateSummary,
    /// Modelled instructions.
    pub instructions: InstructionModel,
    /// The networks asked for, best score first.
    pub networks: Vec<FrontNetwork>,
    /// Code of the network to ship: the best int8 accuracy, or without `--verify` the best score.
    pub winner: String,
    /// The best network of uniform width within the same limits.
    pub uniform: Option<FrontNetwork>,
}
