//! The scale on which a model is linear.

use serde::{Deserialize, Serialize};

/// The scale on which a model is linear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// That of the scores themselves: losses.
    Identity,
    /// ln(p / (1 - p)) of scores from 0 to 1, each weighing as its p (1 - p): accuracies, which
    /// then stay between 0 and 1 wherever they are predicted.
    Logit,
}

/// Accuracies nearer to 0 or 1 than this are taken to be this far.
const MARGIN: f64 = 1e-3;

impl Link {
    /// Whether a score is on this link's scale.
    pub fn admits(self, score: f64) -> bool {
        match self {
            Self::Identity => score.is_finite(),
            Self::Logit => (0.0..=1.0).contains(&score),
        }
    }

    /// What [`Self::admits`].
    pub fn expected(self) -> &'static str {
        match self {
            Self::Identity => "a finite score",
            Self::Logit => "an accuracy from 0 to 1",
        }
    }

    /// A score on the linear scale.
    pub fn linear(self, score: f64) -> f64 {
        match self {
            Self::Identity => score,
            Self::Logit => {
                let p = score.clamp(MARGIN, 1.0 - MARGIN);
                (p / (1.0 - p)).ln()
            }
        }
    }

    /// Scores on the linear scale, with weights that are 1 on average.
    pub(super) fn targets(self, scores: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let raw: Vec<f64> = scores.iter().map(|&s| self.information(s)).collect();
        let mean = raw.iter().sum::<f64>() / raw.len() as f64;
        let linear = scores.iter().map(|&s| self.linear(s)).collect();
        (linear, raw.into_iter().map(|w| w / mean).collect())
    }

    /// Weight of a score, and the slope of [`Self::score`] there.
    pub fn information(self, score: f64) -> f64 {
        match self {
            Self::Identity => 1.0,
            Self::Logit => {
                let p = score.clamp(MARGIN, 1.0 - MARGIN);
                p * (1.0 - p)
            }
        }
    }

    /// Back to the scale of the scores.
    pub fn score(self, linear: f64) -> f64 {
        match self {
            Self::Identity => linear,
            Self::Logit => 1.0 / (1.0 + (-linear).exp()),
        }
    }
}
