//! Scores against true accuracies.

use serde::{Deserialize, Serialize};
use supernano_base::stats::{Interval, Pair};

/// The parts of `correlation.json` that the page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// Number of sub-networks with a score and a truth.
    pub n: usize,
    /// Pearson's r.
    pub pearson: Option<f64>,
    /// Its bootstrap interval.
    pub pearson_ci: Option<Interval>,
    /// Spearman's rho.
    pub spearman: Option<f64>,
    /// Kendall's tau-b.
    pub kendall_tau_b: Option<f64>,
    /// Its bootstrap interval.
    pub kendall_ci: Option<Interval>,
    /// Best truth minus the truth of the highest score, 0 to 1.
    pub top1_regret: f64,
    /// Trivial predictors.
    pub baselines: Trivial,
    /// The pairs.
    #[serde(default)]
    pub pairs: Vec<Pair>,
}

/// Predictors that need no supernet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trivial {
    /// Multiply-accumulates.
    pub macs: Predictor,
    /// Parameters.
    pub params: Predictor,
    /// The width of one layer.
    pub width: Predictor,
}

/// The quality of a predictor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predictor {
    /// Pearson's r.
    pub pearson: Option<f64>,
}
