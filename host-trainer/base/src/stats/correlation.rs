//! Pearson's, Spearman's and Kendall's coefficients and their bootstrap intervals.

use rand::Rng as _;
use rayon::prelude::*;
use statrs::statistics::{Data, OrderStatistics as _, RankTieBreaker, Statistics as _};

use crate::rng::{Key, Purpose};

/// Lower and upper bound.
pub type Interval = [f64; 2];

/// A coefficient of two series of equal length.
pub type CorrelationFn = fn(&[f64], &[f64]) -> f64;

/// Pearson's r of two series of equal length. NaN if one series is constant or has fewer than 2
/// values.
pub fn pearson(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len(), "series of equal length");
    let r = x.covariance(y) / (x.std_dev() * y.std_dev());
    if r.is_finite() { r.clamp(-1.0, 1.0) } else { f64::NAN }
}

/// Ranks from 1; ties share their mean rank.
fn ranks(x: &[f64]) -> Vec<f64> {
    Data::new(x.to_vec()).ranks(RankTieBreaker::Average)
}

/// Spearman's rho: Pearson's r of the ranks. Ties share their mean rank.
pub fn spearman(x: &[f64], y: &[f64]) -> f64 {
    pearson(&ranks(x), &ranks(y))
}

/// Kendall's tau-b in O(n log n) (Knight, 1966). NaN if one series is constant.
pub fn kendall_tau_b(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len(), "series of equal length");
    let mut pairs: Vec<(f64, f64)> = x.iter().copied().zip(y.iter().copied()).collect();
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let tied_x = tied_pairs(pairs.chunk_by(|a, b| a.0 == b.0));
    let tied_both = tied_pairs(pairs.chunk_by(|a, b| a == b));
    let mut sorted: Vec<f64> = pairs.iter().map(|p| p.1).collect();
    let discordant = inversions(&mut sorted, &mut vec![0.0; y.len()]);
    let tied_y = tied_pairs(sorted.chunk_by(|a, b| a == b));
    let n = x.len() as u64;
    let all = n * n.saturating_sub(1) / 2;
    let difference = (all + tied_both) as f64 - (tied_x + tied_y + 2 * discordant) as f64;
    // 0 / 0 if a series is constant.
    (difference / (((all - tied_x) as f64).sqrt() * ((all - tied_y) as f64).sqrt()))
        .clamp(-1.0, 1.0)
}

fn tied_pairs<'a, T: 'a>(runs: impl Iterator<Item = &'a [T]>) -> u64 {
    runs.map(|run| (run.len() as u64) * (run.len() as u64 - 1) / 2).sum()
}

/// Number of pairs out of order. Sorts `values` by merging.
fn inversions(values: &mut [f64], spare: &mut [f64]) -> u64 {
    let n = values.len();
    if n < 2 {
        return 0;
    }
    let (left, right) = values.split_at_mut(n / 2);
    let (spare_left, spare_right) = spare.split_at_mut(n / 2);
    let mut count = inversions(left, spare_left) + inversions(right, spare_right);
    let (mut i, mut j) = (0, 0);
    for slot in spare.iter_mut() {
        if j == right.len() || (i < left.len() && left[i] <= right[j]) {
            *slot = left[i];
            i += 1;
        } else {
            *slot = right[j];
            j += 1;
            count += (left.len() - i) as u64;
        }
    }
    values.copy_from_slice(spare);
    count
}

/// Settings of bootstrap intervals: pairs are drawn with replacement, and the interval lies between
/// two percentiles of the resampled coefficients.
#[derive(Clone, Copy, Debug)]
pub struct Resampling {
    /// Number of resamples.
    pub resamples: u32,
    /// Seed. The same seed gives the same intervals on any number of threads.
    pub seed: u64,
    /// Confidence, 0 to 1: 0.95 for 95 %.
    pub confidence: f64,
}

impl Default for Resampling {
    /// 1,000 resamples, seed 0, 95 %.
    fn default() -> Self {
        Self { resamples: 1000, seed: 0, confidence: 0.95 }
    }
}

impl Resampling {
    /// The interval of each of `coefficients`, from the same resamples. A resample in which a
    /// coefficient is undefined does not count for it. NaN if none is left.
    pub fn intervals<const N: usize>(
        &self,
        x: &[f64],
        y: &[f64],
        coefficients: [CorrelationFn; N],
    ) -> [Interval; N] {
        let resampled: Vec<[f64; N]> = (0..u64::from(self.resamples))
            .into_par_iter()
            .map(|i| {
                let mut rng = Key::new(self.seed).rng(Purpose::Bootstrap, i);
                let (x, y): (Vec<f64>, Vec<f64>) = (0..x.len())
                    .map(|_| {
                        let j = rng.random_range(0..x.len() as u64) as usize;
                        (x[j], y[j])
                    })
                    .unzip();
                coefficients.map(|c| c(&x, &y))
            })
            .collect();
        std::array::from_fn(|k| {
            let values: Vec<f64> =
                resampled.iter().map(|r| r[k]).filter(|v| v.is_finite()).collect();
            let mut values = Data::new(values);
            let tail = (1.0 - self.confidence) / 2.0;
            [values.quantile(tail), values.quantile(1.0 - tail)]
        })
    }
}
