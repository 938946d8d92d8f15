//! `front.json`: the result of a search for later commands.

use serde::{Deserialize, Serialize};
use supernano_base::objective::ScoreMetric;
use supernano_base::stats::Difference;

use super::time::{EstimatedTime, TimeSummary};
use crate::cost::Limits;
use crate::cost::memory::{Memory, Overhead};
use crate::surrogate::CrossValidation;

/// Measured accuracies of a network, as opposed to predicted ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verified {
    /// Top-1 in float with inherited weights, 0 to 1.
    pub inherited: f64,
    /// Top-1 of the int8 network, 0 to 1.
    pub int8: f64,
    /// Cross-entropy of the int8 network, nats.
    #[serde(default)]
    pub int8_loss: Option<f64>,
    /// Number of validation images.
    pub images: usize,
    /// int8 accuracy of the winner minus that of this network, on the same images; `None` for the
    /// winner itself.
    #[serde(default)]
    pub behind_winner: Option<Difference>,
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
    /// Interval of the prediction at 95 %, for networks drawn as the evaluated ones.
    #[serde(default)]
    pub interval: [f64; 2],
    /// Evaluated score, if the code was among the evaluated ones.
    pub evaluated: Option<f64>,
    /// Flash: network file and code, bytes, exact.
    pub flash_bytes: u64,
    /// RAM: arena, logits, stack and statics, bytes, exact.
    pub ram_bytes: u64,
    /// Size of the network file, bytes.
    pub blob_bytes: u64,
    /// Size of the arena, bytes.
    pub arena_bytes: u64,
    /// Size of the logits, bytes.
    #[serde(default)]
    pub logits_bytes: u64,
    /// Modelled instructions of one inference, or cycles measured on a board
    /// ([`Front::instructions`]).
    pub instructions: u64,
    /// Estimated cycles and time ([`Front::time`]).
    #[serde(default)]
    pub time: Option<EstimatedTime>,
    /// Kernel of every layer: `direct`, `winograd`, `winograd-tall`, or one of the last two with
    /// `-online`. Empty in spaces of other than residual networks, where every kernel is the default.
    pub kernels: Vec<String>,
    /// Measured accuracies, if requested.
    pub verified: Option<Verified>,
}

impl FrontNetwork {
    /// The memory of the network, by part.
    pub fn memory(&self, overhead: Overhead) -> Memory {
        Memory {
            flash_bytes: self.flash_bytes,
            blob_bytes: self.blob_bytes,
            code_bytes: overhead.code,
            ram_bytes: self.ram_bytes,
            arena_bytes: self.arena_bytes,
            logits_bytes: self.logits_bytes,
            stack_bytes: overhead.stack,
            statics_bytes: overhead.statics,
        }
    }
}

/// An evaluated sub-network from which the search has learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Code.
    pub code: String,
    /// Evaluated score, in the unit of [`FrontNetwork::score`].
    pub score: f64,
    /// The same, predicted by a model of the other sub-networks (cross-validation).
    pub held_out: f64,
    /// Flash with direct kernels, bytes.
    pub flash_bytes: u64,
    /// RAM with direct kernels, bytes.
    pub ram_bytes: u64,
    /// Modelled instructions of one inference with direct kernels, or cycles measured on a board.
    pub instructions: u64,
}

/// The winner against the best network of uniform width.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// True for measured int8 accuracies, false for predicted scores.
    pub measured: bool,
    /// Value of the winner.
    pub winner: f64,
    /// Value of the network of uniform width.
    pub uniform: f64,
    /// The first minus the second: paired over the same images, or over the same model.
    pub difference: Difference,
    /// True if the whole interval of the difference is above 0.
    pub better: bool,
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
    /// `top1`, `ce`, `r2` or `macro_auc`.
    pub metric: String,
    /// Number of evaluated sub-networks.
    pub samples: usize,
    /// Ridge strength.
    pub lambda: f64,
    /// Error on held-out sub-networks.
    pub cross_validation: CrossValidation,
}

impl SurrogateSummary {
    /// The scores in a title: accuracies are per cent, and losses are negative.
    pub fn title(&self) -> &str {
        match ScoreMetric::named(&self.metric) {
            Some(metric) => metric.title(),
            None if self.metric == "ce" => "-CE",
            None => "top-1 %",
        }
    }
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
    /// Firmware of the overhead: a name of `--firmware`, or `table` for that of a user's table.
    #[serde(default)]
    pub firmware: String,
    /// Memory in addition to every blob, arena and logits.
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
    /// The model behind the estimated times, for a core with published timings.
    #[serde(default)]
    pub time: Option<TimeSummary>,
    /// The requested networks, best score first.
    pub networks: Vec<FrontNetwork>,
    /// Code of the network to ship: the one with the best int8 accuracy after `--verify`, otherwise
    /// the one with the best predicted score.
    pub winner: String,
    /// The best network of uniform width within the same limits.
    pub uniform: Option<FrontNetwork>,
    /// The winner against [`Self::uniform`].
    #[serde(default)]
    pub comparison: Option<Comparison>,
    /// Networks that left the front: after their evaluation another one is at least as accurate and
    /// costs no more.
    #[serde(default)]
    pub dominated: Vec<FrontNetwork>,
    /// The evaluated sub-networks from which the search has learnt, the first 2,000.
    #[serde(default)]
    pub samples: Vec<Sample>,
    /// True if only evaluated sub-networks were candidates. [`FrontNetwork::score`] is then measured.
    #[serde(default)]
    pub evaluated_only: bool,
    /// The reason why the predicted scores are not useful, if the search was forced or did without them.
    #[serde(default)]
    pub remark: Option<String>,
}
