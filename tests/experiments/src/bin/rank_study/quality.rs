//! Agreement of predictions with true accuracies.

use serde::{Deserialize, Serialize};
use supernano_base::stats::{best_tenth, kendall_tau_b, pearson, regret};

/// Agreement of predictions with truths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Pearson's r.
    pub pearson: f64,
    /// Kendall's tau-b.
    pub kendall_tau_b: f64,
    /// Pearson's r among the ceil(n / 10) highest truths.
    pub best_tenth_pearson: f64,
    /// Kendall's tau-b among the ceil(n / 10) highest truths.
    pub best_tenth_tau: f64,
    /// Best truth minus the truth of the best prediction, percentage points.
    pub top1_regret: f64,
    /// Best truth minus the best truth of the ten best predictions, percentage points.
    pub top10_regret: f64,
    /// Root mean square error, percentage points. For methods without truths, that of the best
    /// straight line through their scores.
    pub rmse: f64,
}

impl Quality {
    /// Compares predictions with truths. With `scale_known` the predictions are accuracies,
    /// otherwise scores on any linear scale.
    pub fn of(predicted: &[f64], truth: &[f64], scale_known: bool) -> Self {
        let tenth = best_tenth(truth);
        let at = |v: &[f64]| -> Vec<f64> { tenth.iter().map(|&i| v[i]).collect() };
        let n = truth.len() as f64;
        let r = pearson(predicted, truth);
        let squares = if scale_known {
            predicted.iter().zip(truth).map(|(p, t)| (p - t).powi(2)).sum::<f64>()
        } else {
            let mean = truth.iter().sum::<f64>() / n;
            truth.iter().map(|t| (t - mean).powi(2)).sum::<f64>() * (1.0 - r * r)
        };
        Self {
            pearson: r,
            kendall_tau_b: kendall_tau_b(predicted, truth),
            best_tenth_pearson: pearson(&at(predicted), &at(truth)),
            best_tenth_tau: kendall_tau_b(&at(predicted), &at(truth)),
            top1_regret: 100.0 * regret(predicted, truth, 1),
            top10_regret: 100.0 * regret(predicted, truth, 10),
            rmse: 100.0 * (squares / n).sqrt(),
        }
    }

    /// Mean and standard deviation over splits.
    pub fn over(splits: &[Self]) -> (Self, Self) {
        let n = splits.len() as f64;
        let field = |k: usize| splits.iter().map(move |q| q.fields()[k]);
        let mean: [f64; 7] = std::array::from_fn(|k| field(k).sum::<f64>() / n);
        let spread: [f64; 7] = std::array::from_fn(|k| {
            (field(k).map(|v| (v - mean[k]).powi(2)).sum::<f64>() / n).sqrt()
        });
        (Self::from_fields(mean), Self::from_fields(spread))
    }

    fn fields(&self) -> [f64; 7] {
        [
            self.pearson,
            self.kendall_tau_b,
            self.best_tenth_pearson,
            self.best_tenth_tau,
            self.top1_regret,
            self.top10_regret,
            self.rmse,
        ]
    }

    fn from_fields(fields: [f64; 7]) -> Self {
        let [
            pearson,
            kendall_tau_b,
            best_tenth_pearson,
            best_tenth_tau,
            top1_regret,
            top10_regret,
            rmse,
        ] = fields;
        Self {
            pearson,
            kendall_tau_b,
            best_tenth_pearson,
            best_tenth_tau,
            top1_regret,
            top10_regret,
            rmse,
        }
    }
}
