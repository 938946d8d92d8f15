//! Cross-validation: the error of a model on held-out sub-networks, and whether it is useful.

use serde::{Deserialize, Deserializer, Serialize};
use supernano_base::error::{Error, Result};

use super::ridge::{Ridge, Sign};
use super::{FOLDS, Link, folds};

/// The error of a model on held-out sub-networks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CrossValidation {
    /// Number of folds.
    pub folds: usize,
    /// Root mean square error, in the unit of the scores.
    pub rmse: f64,
    /// Pearson correlation between predicted and evaluated scores; NaN (null in JSON) for constant
    /// predictions.
    #[serde(deserialize_with = "nan_for_null")]
    pub pearson: f64,
    /// The same of the best trivial predictor: a straight line in ln MACs or in ln parameters.
    #[serde(default, deserialize_with = "nan_for_null")]
    pub trivial_pearson: f64,
    /// Number of standard errors in half a 95 % interval: the conformal quantile of the held-out
    /// errors.
    #[serde(default)]
    pub interval_factor: f64,
}

impl CrossValidation {
    pub(super) fn new(folds: usize, rmse: f64, pearson: f64) -> Self {
        Self { folds, rmse, pearson, trivial_pearson: f64::NAN, interval_factor: f64::NAN }
    }

    /// The correlation that a useful model of `samples` sub-networks exceeds: that of the best
    /// trivial predictor, and the 95 % quantile of noise, 1.645 / sqrt(samples).
    fn needed(&self, samples: usize) -> f64 {
        (1.645 / (samples.max(1) as f64).sqrt()).max(self.trivial_pearson)
    }

    /// True if the model predicts held-out sub-networks better than a trivial predictor and better
    /// than noise.
    pub fn is_useful(&self, samples: usize) -> bool {
        self.pearson > self.needed(samples)
    }

    /// Fails if the model of `samples` sub-networks is not useful ([`Self::is_useful`]). With `force`
    /// the reason is returned instead; `None` for a useful model.
    ///
    /// # Errors
    /// [`Error::No`] with the two correlations.
    pub fn require_useful(&self, samples: usize, force: bool) -> Result<Option<String>> {
        if self.is_useful(samples) {
            return Ok(None);
        }
        let reason = format!(
            "the surrogate predicts held-out sub-networks no better than chance or a straight line in \
             MACs or parameters (Pearson {:.3} against {:.3}, {samples} sub-networks)",
            self.pearson,
            self.needed(samples),
        );
        if force {
            return Ok(Some(reason));
        }
        Err(Error::No(format!(
            "{reason}; evaluate more sub-networks or train longer, or pass --force"
        )))
    }
}

/// Reads a number. JSON has no NaN, so null stands for it.
fn nan_for_null<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}

/// The prediction for a sample by a fit without it.
#[derive(Clone, Copy, Default)]
pub(super) struct HeldOut {
    /// Predicted score.
    pub score: f64,
    /// Standard error, above 0.
    pub se: f64,
}

/// The prediction for every sample by a fit with this strength to the samples of the other folds.
pub(super) fn held_out(
    rows: &[Vec<f64>],
    scores: &[f64],
    link: Link,
    lambda: f64,
    sign: Sign,
) -> Vec<HeldOut> {
    let n = rows.len();
    let mut found = vec![HeldOut::default(); n];
    for fold in folds::held_out(n, FOLDS) {
        let kept = folds::kept(n, &fold);
        let x: Vec<Vec<f64>> = kept.iter().map(|&i| rows[i].clone()).collect();
        let y: Vec<f64> = kept.iter().map(|&i| scores[i]).collect();
        let (targets, weights) = link.targets(&y);
        let ridge = Ridge::fit(&x, &targets, &weights, lambda, sign);
        let information = y.iter().map(|&s| link.information(s)).sum::<f64>() / y.len() as f64;
        for i in fold {
            let score = link.score(ridge.predict(&rows[i]));
            let slope = link.information(score);
            let se = slope * ridge.standard_error(&rows[i], slope / information);
            found[i] = HeldOut { score, se: se.max(f64::MIN_POSITIVE) };
        }
    }
    found
}
