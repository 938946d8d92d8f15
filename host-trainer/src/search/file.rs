//! `front.json`: what a search found, as later commands read it.

use serde::{Deserialize, Serialize};

use super::Limits;
use crate::surrogate::CrossValidation;

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
    /// Bytes of the blob, exact.
    pub flash_bytes: u64,
    /// Bytes of the arena, exact.
    pub ram_bytes: u64,
    /// Instructions of one inference, modelled: see [`Front::instructions`].
    pub instructions: u64,
}

/// Where modelled instructions come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstructionModel {
    /// Processor core.
    pub core: String,
    /// True: these are no counts.
    pub modelled: bool,
    /// Counted operations behind the coefficients.
    pub counted: usize,
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
    /// Limits that every network keeps; null where there was none.
    pub limits: Limits,
    /// Sub-networks whose costs were computed.
    pub examined: u64,
    /// True where that is every sub-network of the space.
    pub exhaustive: bool,
    /// Networks on the whole front; [`Self::networks`] lists some of them.
    pub front_size: usize,
    /// Predicted scores.
    pub surrogate: SurrogateSummary,
    /// Modelled instructions.
    pub instructions: InstructionModel,
    /// The networks asked for, best score first.
    pub networks: Vec<FrontNetwork>,
}
