//! Link functions.

use serde::{Deserialize, Serialize};

/// The scale on which a model is linear: the link function of a generalised linear model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// The scale of the scores, for losses.
    Identity,
    /// ln(p / (1 - p)), for accuracies from 0 to 1. Each score p has the weight p (1 - p), and
    /// predictions stay between 0 and 1.
    Logit,
}

/// Accuracies are clamped to at least this distance from 0 and 1.
const MARGIN: f64 = 1e-3;

impl Link {
    /// True if a score is in the range of this link: finite for `Identity`, 0 to 1 for `Logit`.
    pub fn admits(self, score: f64) -> bool {
        match self {
            Self::Identity => score.is_finite(),
            Self::Logit => (0.0..=1.0).contains(&score),
        }
    }

    /// The nearest score that [`Self::admits`] accepts.
    pub fn clamp(self, score: f64) -> f64 {
        match self {
            Self::Identity => score,
            Self::Logit => score.clamp(0.0, 1.0),
        }
    }

    /// Description of the range for error messages.
    pub fn expected(self) -> &'static str {
        match self {
            Self::Identity => "a finite score",
            Self::Logit => "an accuracy from 0 to 1",
        }
    }

    /// Converts a score to the linear scale.
    pub fn linear(self, score: f64) -> f64 {
        match self {
            Self::Identity => score,
            Self::Logit => {
                let p = score.clamp(MARGIN, 1.0 - MARGIN);
                (p / (1.0 - p)).ln()
            }
        }
    }

    /// Regression targets on the linear scale, and weights with mean 1.
    pub(super) fn targets(self, scores: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let raw: Vec<f64> = scores.iter().map(|&s| self.information(s)).collect();
        let mean = raw.iter().sum::<f64>() / raw.len() as f64;
        let linear = scores.iter().map(|&s| self.linear(s)).collect();
        (linear, raw.into_iter().map(|w| w / mean).collect())
    }

    /// Weight of a score, which equals the slope of [`Self::score`] at the score.
    pub fn information(self, score: f64) -> f64 {
        match self {
            Self::Identity => 1.0,
            Self::Logit => {
                let p = score.clamp(MARGIN, 1.0 - MARGIN);
                p * (1.0 - p)
            }
        }
    }

    /// Converts a linear score to a score.
    pub fn score(self, linear: f64) -> f64 {
        match self {
            Self::Identity => linear,
            Self::Logit => 1.0 / (1.0 + (-linear).exp()),
        }
    }
}
