//! Paired bootstrap: all compared values use the same resampled codes and seeds.

use rand::Rng as _;
use serde::Serialize;
use supernano_base::rng::{Key, Purpose};

/// Number of resamples.
const RESAMPLES: u64 = 2000;

/// A value with its 95 % interval.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Estimate {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

impl Estimate {
    /// True if the interval does not contain 0.
    pub fn resolvable(self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// Draws `n` of 0..n with replacement.
fn resampled(rng: &mut impl rand::RngCore, n: usize) -> Vec<usize> {
    (0..n).map(|_| rng.random_range(0..n)).collect()
}

/// Estimates the values that `f` computes from indices of codes, of the seeds of supernets and of
/// the seeds of truths. The values come from all indices, the intervals from resamples of each.
pub fn estimates(
    codes: usize,
    seeds: usize,
    truths: usize,
    f: impl Fn(&[usize], &[usize], &[usize]) -> Vec<f64>,
) -> Vec<Estimate> {
    let all = |n: usize| (0..n).collect::<Vec<_>>();
    let values = f(&all(codes), &all(seeds), &all(truths));
    let mut lists: Vec<Vec<f64>> = vec![Vec::new(); values.len()];
    for i in 0..RESAMPLES {
        let mut rng = Key::new(1).rng(Purpose::Bootstrap, i);
        let (c, s) = (resampled(&mut rng, codes), resampled(&mut rng, seeds));
        let t = resampled(&mut rng, truths);
        for (list, value) in lists.iter_mut().zip(f(&c, &s, &t)) {
            list.extend(Some(value).filter(|v| v.is_finite()));
        }
    }
    let interval = |(value, mut list): (f64, Vec<f64>)| {
        list.sort_by(f64::total_cmp);
        let at = |q: f64| {
            let last = list.len().saturating_sub(1);
            list.get((q * last as f64).round() as usize).copied().unwrap_or(f64::NAN)
        };
        Estimate { value, low: at(0.025), high: at(0.975) }
    };
    values.into_iter().zip(lists).map(interval).collect()
}
