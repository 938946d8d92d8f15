//! Result of an evaluation.

use serde::{Deserialize, Serialize};
use supernano_base::codes::scores::Score;
use supernano_base::objective::ScoreMetric;

/// Score and loss on a set of images, with standard errors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Top-1 accuracy, 0 to 1, or the score that `metric` names.
    pub top1: f64,
    /// Standard error of `top1` (binomial; of an area under ROC curves: Hanley and McNeil).
    pub top1_se: f64,
    /// Mean loss: cross-entropy of classes and of labels, nats; squared error of standardised values.
    pub ce: f64,
    /// Standard error of `ce`.
    pub ce_se: f64,
    /// Number of images.
    pub images: usize,
    /// What `top1` is, unless it is an accuracy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<ScoreMetric>,
}

impl Evaluation {
    /// The line of a score file, with 12 significant digits. Every reader of JSON returns these
    /// numbers unchanged.
    pub fn score(&self, written: &str) -> Score {
        let digits = |x: f64| format!("{x:.11e}").parse().expect("a number");
        Score {
            acc: digits(self.top1),
            arch: written.to_owned(),
            acc_se: digits(self.top1_se),
            ce: digits(self.ce),
            ce_se: digits(self.ce_se),
            images: self.images,
            metric: self.metric,
        }
    }
}
