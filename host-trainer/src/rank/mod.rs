//! Scores of sub-networks with inherited weights: recalibrate, evaluate, write.

mod codes;
mod evaluate;
mod files;
mod memory;
mod ordered;
mod ranker;
pub mod shard;

use serde::{Deserialize, Serialize};

pub use codes::{Coded, distinct, random_codes, read_codes};
pub use evaluate::{EvalSet, evaluate};
pub use files::{read_scores, write_scores};
pub use ranker::{Effort, Ranker, Request, Settings, Split, Statistics, Work};

/// Accuracy and loss on a set of images, with standard errors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Share of images whose largest logit is the right one, 0 to 1.
    pub top1: f64,
    /// Standard error of `top1` (binomial).
    pub top1_se: f64,
    /// Mean cross-entropy, nats.
    pub ce: f64,
    /// Standard error of `ce`.
    pub ce_se: f64,
    /// Images.
    pub images: usize,
}

impl Evaluation {
    /// As a line of a score file, in 12 significant digits: so many that every reader of JSON gives
    /// back the number that was written.
    pub fn score(&self, written: &str) -> Score {
        let digits = |x: f64| format!("{x:.11e}").parse().unwrap_or(f64::NAN);
        Score {
            acc: digits(self.top1),
            arch: written.to_owned(),
            acc_se: digits(self.top1_se),
            ce: digits(self.ce),
            ce_se: digits(self.ce_se),
            images: self.images,
        }
    }
}

/// One sub-network's line of a score file: the challenge's `acc` and `arch`, and more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Top-1, 0 to 1.
    pub acc: f64,
    /// Code as it was given.
    pub arch: String,
    /// Standard error of `acc`.
    #[serde(default)]
    pub acc_se: f64,
    /// Mean cross-entropy, nats.
    #[serde(default)]
    pub ce: f64,
    /// Standard error of `ce`.
    #[serde(default)]
    pub ce_se: f64,
    /// Images evaluated.
    #[serde(default)]
    pub images: usize,
}

/// A score file, in the order of the codes: `{"arch1": {"acc": .., "arch": "..", ..}, ..}`.
pub type Scores = Vec<(String, Score)>;

#[cfg(test)]
mod tests;
