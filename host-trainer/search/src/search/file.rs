//! `front.json`: the result of a search for later commands.

use serde::{Deserialize, Serialize};

use crate::cost::Limits;
use crate::cost::instructions::Overhead;
use crate::surrogate::CrossValidation;

/// Measured accuracies of a network, as opposed to predicted ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verified {
    /// Top-1 in float with inherited weights, 0 to 1.
    pub inherited: f64,
    /// Top-1 of the int8 network, 0 to 1.
    pub int8: f64,
    /// Number of validation images.
    pub images: usize,
}

/// One network of the front.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrontNetwork {
    /// Code.
    pub code: String,
    /// Predicted score, higher is better: top-1 from 0 to 1, or minus the cross-entropy in nats.
    pub score: f64,
    /// Standard error of the prediction.
    pub score_se: f64,
    /// Evaluated score, if the code was among the evaluated ones.
    pub evaluated: Option<f64>,
    /// Flash for blob and code, bytes, exact.
    pub flash_bytes: u64,
    /// RAM for arena, stack and statics, bytes, exact.
    pub ram_bytes: u64,
    /// Size of the blob, bytes.
    pub blob_bytes: u64,
    /// Size of the arena, bytes.
    pub arena_bytes: u64,
    /// Modelled instructions of one inference ([`Front::instructions`]).
    pub instructions: u64,
    /// Kernel of every layer: `direct`, `winograd-online` or `winograd`.
    pub kernels: Vec<String>,
    /// Measured accuracies, if requested.
    pub verified: Option<Verified>,
}

/// The model behind the instructions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstructionModel {
    /// Processor core.
    pub core: String,
    /// `instructions`, or `cycles` measured on a board.
    pub unit: String,
    /// True: the values are modelled, not counted.
    pub modelled: bool,
    /// Number of counted operations in the fit.
    pub counted: usize,
    /// Largest relative error on held-out networks, as a fraction.
    pub largest_error: f64,
    /// Origin of the coefficients.
    pub provenance: String,
}

/// The model behind the predicted scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SurrogateSummary {
    /// `top1` or `ce`.
    pub metric: String,
    /// Number of evaluated sub-networks.
    pub samples: usize,
    /// Ridge strength.
    pub lambda: f64,
    /// Error on held-out sub-networks.
    pub cross_validation: CrossValidation,
}

/// The content of `front.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Front {
    /// Name of the search space.
    pub space: String,
    /// Chip of the limits, if one was named.
    pub chip: Option<String>,
    /// Limits that every network meets; null stands for no limit.
    pub limits: Limits,
    /// Memory in addition to every blob and arena.
    pub overhead: Overhead,
    /// Number of sub-networks examined.
    pub examined: u64,
    /// Wall time of the search, seconds.
    pub seconds: f64,
    /// True if every sub-network of the space was examined.
    pub exhaustive: bool,
    /// True if no feasible sub-network has a better predicted score.
    pub optimal: bool,
    /// Upper bound of the predicted score of every feasible sub-network.
    pub bound: f64,
    /// Number of networks on the whole front, of which [`Self::networks`] lists some.
    pub front_size: usize,
    /// The model behind the predicted scores.
    pub surrogate: SurrogateSummary,
    /// The model behind the instructions.
    pub instructions: InstructionModel,
    /// The requested networks, best score first.
    pub networks: Vec<FrontNetwork>,
    /// Code of the network to ship: the one with the best int8 accuracy after `--verify`, otherwise
    /// the one with the best predicted score.
    pub winner: String,
    /// The best network of uniform width within the same limits.
    pub uniform: Option<FrontNetwork>,
}
