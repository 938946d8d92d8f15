//! Bootstrap intervals of correlation coefficients.
//!
//! A resample is a count for each pair. Both series are sorted once; ranks and ties of a resample
//! follow from the counts, without another sort. Several resamples are computed together.

mod series;

use rand::Rng as _;
use rayon::prelude::*;
use statrs::statistics::{Data, OrderStatistics as _};

use self::series::{LANES, Lanes, Series};
use crate::rng::{Key, Purpose};

/// Lower and upper bound.
pub type Interval = [f64; 2];

/// A coefficient of two series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coefficient {
    /// Pearson's r ([`super::pearson`]).
    Pearson,
    /// Spearman's rho ([`super::spearman`]).
    Spearman,
    /// Kendall's tau-b ([`super::kendall_tau_b`]).
    Kendall,
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
        coefficients: [Coefficient; N],
    ) -> [Interval; N] {
        let series = Series::new(x, y);
        let n = x.len();
        let batches: Vec<[Lanes<f64>; N]> = (0..self.resamples.div_ceil(LANES as u32))
            .into_par_iter()
            .map(|batch| {
                let mut counts = vec![[0u32; LANES]; n];
                let first = u64::from(batch) * LANES as u64;
                for (lane, resample) in (first..first + LANES as u64).enumerate() {
                    let mut rng = Key::new(self.seed).rng(Purpose::Bootstrap, resample);
                    for _ in 0..n {
                        counts[rng.random_range(0..n as u64) as usize][lane] += 1;
                    }
                }
                series.coefficients(&counts, coefficients)
            })
            .collect();
        std::array::from_fn(|k| {
            let resampled = batches.iter().flat_map(|batch| batch[k]);
            let resampled = resampled.take(self.resamples as usize);
            let values: Vec<f64> = resampled.filter(|v| v.is_finite()).collect();
            let mut values = Data::new(values);
            let tail = (1.0 - self.confidence) / 2.0;
            [values.quantile(tail), values.quantile(1.0 - tail)]
        })
    }
}
