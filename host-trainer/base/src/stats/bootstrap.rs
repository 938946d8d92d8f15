//! Bootstrap intervals of correlation coefficients.
//!
//! A resample is a count for each pair. Both series are sorted once; ranks and ties of a resample
//! follow from the counts, without another sort.

use rand::Rng as _;
use rayon::prelude::*;
use statrs::statistics::{Data, OrderStatistics as _};

use super::correlation::{Pairs, pairs_of, scaled};
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
        let resampled: Vec<[f64; N]> = (0..u64::from(self.resamples))
            .into_par_iter()
            .map(|i| {
                let mut rng = Key::new(self.seed).rng(Purpose::Bootstrap, i);
                let mut counts = vec![0u32; x.len()];
                for _ in 0..x.len() {
                    counts[rng.random_range(0..x.len() as u64) as usize] += 1;
                }
                coefficients.map(|c| series.coefficient(&counts, c))
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

/// A series whose values are sorted.
struct Sorted {
    values: Vec<f64>,
    /// Position of each value among the different values, ascending.
    group: Vec<u32>,
    /// Number of different values.
    groups: usize,
}

impl Sorted {
    fn new(values: &[f64]) -> Self {
        let values = scaled(values).into_owned();
        let mut order: Vec<u32> = (0..values.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]));
        let mut group = vec![0; values.len()];
        let mut groups = 0;
        for equal in order.chunk_by(|&a, &b| values[a as usize] == values[b as usize]) {
            for &i in equal {
                group[i as usize] = groups;
            }
            groups += 1;
        }
        Self { values, group, groups: groups as usize }
    }

    /// How often each different value is drawn.
    fn tally(&self, counts: &[u32]) -> Vec<u64> {
        let mut tally = vec![0; self.groups];
        for (&group, &count) in self.group.iter().zip(counts) {
            tally[group as usize] += u64::from(count);
        }
        tally
    }

    /// The rank of each pair's value in a resample, from 1; ties share their mean rank.
    fn ranks(&self, counts: &[u32]) -> Vec<f64> {
        let mut before = 0;
        let mean = |&n: &u64| {
            let rank = before as f64 + (n as f64 + 1.0) / 2.0;
            before += n;
            rank
        };
        let ranks: Vec<f64> = self.tally(counts).iter().map(mean).collect();
        self.group.iter().map(|&group| ranks[group as usize]).collect()
    }
}

/// Two series of equal length.
struct Series {
    x: Sorted,
    y: Sorted,
    /// Pairs in the order of x, then of y.
    order: Vec<u32>,
}

impl Series {
    fn new(x: &[f64], y: &[f64]) -> Self {
        assert_eq!(x.len(), y.len(), "series of equal length");
        let (x, y) = (Sorted::new(x), Sorted::new(y));
        let mut order: Vec<u32> = (0..x.values.len() as u32).collect();
        order.sort_unstable_by_key(|&i| (x.group[i as usize], y.group[i as usize]));
        Self { x, y, order }
    }

    fn coefficient(&self, counts: &[u32], which: Coefficient) -> f64 {
        match which {
            Coefficient::Pearson => weighted(&self.x.values, &self.y.values, counts),
            Coefficient::Spearman => weighted(&self.x.ranks(counts), &self.y.ranks(counts), counts),
            Coefficient::Kendall => self.pairs(counts).tau_b(),
        }
    }

    /// The numbers of pairs in a resample.
    fn pairs(&self, counts: &[u32]) -> Pairs {
        let (gx, gy) = (&self.x.group, &self.y.group);
        let of = |tally: Vec<u64>| tally.into_iter().map(pairs_of).sum();
        let mut pairs = Pairs {
            all: pairs_of(counts.len() as u64),
            tied_x: of(self.x.tally(counts)),
            tied_y: of(self.y.tally(counts)),
            tied_both: 0,
            discordant: 0,
        };
        let mut smaller = Fenwick(vec![0; self.y.groups + 1]);
        let mut seen = 0;
        for equal in self.order.chunk_by(|&a, &b| gx[a as usize] == gx[b as usize]) {
            for same in equal.chunk_by(|&a, &b| gy[a as usize] == gy[b as usize]) {
                let drawn: u64 = same.iter().map(|&i| u64::from(counts[i as usize])).sum();
                if drawn > 0 {
                    pairs.tied_both += pairs_of(drawn);
                    let at_most = smaller.up_to(gy[same[0] as usize] as usize);
                    pairs.discordant += drawn * (seen - at_most);
                }
            }
            for &i in equal {
                let count = counts[i as usize];
                if count > 0 {
                    smaller.add(gy[i as usize] as usize, count);
                    seen += u64::from(count);
                }
            }
        }
        pairs
    }
}

/// Counts with fast sums of the first ones (Fenwick, 1994).
struct Fenwick(Vec<u32>);

impl Fenwick {
    fn add(&mut self, at: usize, count: u32) {
        let mut i = at + 1;
        while let Some(node) = self.0.get_mut(i) {
            *node += count;
            i += i & i.wrapping_neg();
        }
    }

    /// The sum of the counts up to `at`.
    fn up_to(&self, at: usize) -> u64 {
        let (mut i, mut sum) = (at + 1, 0);
        while i > 0 {
            sum += u64::from(self.0[i]);
            i &= i - 1;
        }
        sum
    }
}

/// Pearson's r of pairs of which each is drawn `counts` times. NaN if one series is constant.
fn weighted(x: &[f64], y: &[f64], counts: &[u32]) -> f64 {
    let is_constant = |values: &[f64]| {
        let mut drawn = values.iter().zip(counts).filter(|(_, count)| **count > 0).map(|(v, _)| v);
        drawn.next().is_none_or(|first| drawn.all(|v| v == first))
    };
    if is_constant(x) || is_constant(y) {
        return f64::NAN;
    }
    let n: f64 = counts.iter().map(|&c| f64::from(c)).sum();
    let mean =
        |values: &[f64]| values.iter().zip(counts).map(|(v, &c)| v * f64::from(c)).sum::<f64>() / n;
    let (mean_x, mean_y) = (mean(x), mean(y));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for ((x, y), &count) in x.iter().zip(y).zip(counts) {
        let (dx, dy, count) = (x - mean_x, y - mean_y, f64::from(count));
        xx += count * dx * dx;
        yy += count * dy * dy;
        xy += count * dx * dy;
    }
    let r = xy / (xx.sqrt() * yy.sqrt());
    if r.is_finite() { r.clamp(-1.0, 1.0) } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{kendall_tau_b, pearson, spearman};

    #[test]
    fn counted_pairs_are_repeated_pairs() {
        let mut rng = Key::new(3).rng(Purpose::Sample, 0);
        for case in 0..60u32 {
            let n = 3 + case as usize;
            // Few different values make ties.
            let mut draw = |most: u32| f64::from(rng.random_range(0..most)) / 7.0;
            let x: Vec<f64> = (0..n).map(|_| draw(2 + case)).collect();
            let y: Vec<f64> = (0..n).map(|_| draw(2 + case / 4)).collect();
            let counts: Vec<u32> = (0..n).map(|_| rng.random_range(0..4)).collect();
            let repeat = |values: &[f64]| -> Vec<f64> {
                values
                    .iter()
                    .zip(&counts)
                    .flat_map(|(v, &c)| std::iter::repeat_n(*v, c as usize))
                    .collect()
            };
            let series = Series::new(&x, &y);
            let (many_x, many_y) = (repeat(&x), repeat(&y));
            for (which, plain) in [
                (Coefficient::Pearson, pearson(&many_x, &many_y)),
                (Coefficient::Spearman, spearman(&many_x, &many_y)),
            ] {
                let found = series.coefficient(&counts, which);
                let close = (found - plain).abs() < 1e-12 || found.is_nan() && plain.is_nan();
                assert!(close, "{which:?}: {found} {plain}");
            }
            let mut pairs = series.pairs(&counts);
            pairs.all = pairs_of(many_x.len() as u64);
            let (found, plain) = (pairs.tau_b(), kendall_tau_b(&many_x, &many_y));
            assert!(found == plain || found.is_nan() && plain.is_nan(), "{found} {plain}");
        }
    }
}
