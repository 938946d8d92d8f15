//! Statistics of a ranking: correlations with bootstrap intervals, regret, intervals of an
//! accuracy.

pub mod bootstrap;
pub mod chance;
pub mod compare;
pub mod correlation;
pub mod paired;
pub mod ranking;
pub mod roc;
pub mod table;

use statrs::distribution::{ContinuousCDF as _, Normal};

pub use bootstrap::{Coefficient, Interval, Resampling};
pub use chance::{not_learnt, score_not_learnt};
pub use correlation::{kendall_tau_b, pearson, spearman};
pub use paired::{CONFIDENCE, Difference, paired};
pub use ranking::{Baselines, Pair, Quality, Report, report};

/// Standard error of an accuracy p, a fraction from 0 to 1, over `n` images: sqrt(p (1 - p) / n).
/// NaN for 0 images.
pub fn accuracy_se(accuracy: f64, n: usize) -> f64 {
    (accuracy * (1.0 - accuracy) / n as f64).sqrt()
}

/// Wilson's score interval of an accuracy, a fraction from 0 to 1, over `n` images at `confidence`
/// (0.95 for 95 %).
pub fn wilson(accuracy: f64, n: usize, confidence: f64) -> Interval {
    let z = Normal::standard().inverse_cdf(0.5 + confidence / 2.0);
    let (n, z2) = (n as f64, z * z);
    let centre = (accuracy + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = z / (1.0 + z2 / n) * (accuracy * (1.0 - accuracy) / n + z2 / (4.0 * n * n)).sqrt();
    [(centre - half).max(0.0), (centre + half).min(1.0)]
}

/// The regret of choosing by `score`: the best truth, minus the best truth among the `k` highest
/// scores (lowest index on ties). In the unit of `truth`; NaN without data.
pub fn regret(score: &[f64], truth: &[f64], k: usize) -> f64 {
    let mut order: Vec<usize> = (0..score.len()).collect();
    order.sort_by(|&a, &b| score[b].total_cmp(&score[a]).then(a.cmp(&b)));
    let best =
        |among: &mut dyn Iterator<Item = usize>| among.map(|i| truth[i]).fold(f64::NAN, f64::max);
    best(&mut (0..truth.len())) - best(&mut order.into_iter().take(k))
}

/// Indices of the ceil(n / 10) highest values, in descending order.
pub fn best_tenth(truth: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..truth.len()).collect();
    order.sort_by(|&a, &b| truth[b].total_cmp(&truth[a]).then(a.cmp(&b)));
    order.truncate(truth.len().div_ceil(10));
    order
}

#[cfg(test)]
mod tests;
