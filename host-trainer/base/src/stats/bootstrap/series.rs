//! Coefficients of several resamples of two series at once.
//!
//! The order of the pairs is the same in all resamples, so that each step of an algorithm is done for
//! every lane before the next step: the compiler turns it into vector instructions, and a look-up in
//! memory serves all lanes.

use super::Coefficient;
use crate::stats::correlation::{Pairs, pairs_of, scaled};

/// Number of resamples that are computed together.
pub(super) const LANES: usize = 8;

/// A number for each resample.
pub(super) type Lanes<T> = [T; LANES];

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
    fn tally(&self, counts: &[Lanes<u32>]) -> Vec<Lanes<u32>> {
        let mut tally = vec![[0; LANES]; self.groups];
        for (&group, count) in self.group.iter().zip(counts) {
            add(&mut tally[group as usize], count);
        }
        tally
    }
}

/// How often each different value of a series is drawn, and what follows from it.
struct Drawn<'a> {
    series: &'a Sorted,
    tally: Vec<Lanes<u32>>,
}

impl Drawn<'_> {
    /// The rank of each different value, from 1; ties share their mean rank.
    fn ranks(&self) -> Vec<Lanes<f64>> {
        let mut before = [0u32; LANES];
        let mean = |n: &Lanes<u32>| {
            let rank = |lane| f64::from(before[lane]) + (f64::from(n[lane]) + 1.0) / 2.0;
            let ranks = std::array::from_fn(rank);
            add(&mut before, n);
            ranks
        };
        self.tally.iter().map(mean).collect()
    }

    /// True where at most one value is drawn.
    fn is_constant(&self) -> Lanes<bool> {
        let mut different = [0u32; LANES];
        for n in &self.tally {
            add(&mut different, &n.map(|n| u32::from(n > 0)));
        }
        different.map(|n| n < 2)
    }

    /// Number of pairs of equal values.
    fn tied(&self) -> Lanes<u64> {
        let mut tied = [0; LANES];
        for n in &self.tally {
            add_pairs(&mut tied, n);
        }
        tied
    }
}

/// Two series of equal length.
pub(super) struct Series {
    x: Sorted,
    y: Sorted,
    /// Pairs in the order of x, then of y.
    order: Vec<u32>,
}

impl Series {
    /// Sorts both series.
    ///
    /// # Panics
    /// If their lengths differ.
    pub fn new(x: &[f64], y: &[f64]) -> Self {
        assert_eq!(x.len(), y.len(), "series of equal length");
        let (x, y) = (Sorted::new(x), Sorted::new(y));
        let mut order: Vec<u32> = (0..x.values.len() as u32).collect();
        order.sort_unstable_by_key(|&i| (x.group[i as usize], y.group[i as usize]));
        Self { x, y, order }
    }

    /// Coefficients of resamples in which pair i is drawn `counts[i]` times. NaN where one series is
    /// constant.
    pub fn coefficients<const N: usize>(
        &self,
        counts: &[Lanes<u32>],
        which: [Coefficient; N],
    ) -> [Lanes<f64>; N] {
        let [x, y] = [&self.x, &self.y].map(|s| Drawn { series: s, tally: s.tally(counts) });
        let (constant_x, constant_y) = (x.is_constant(), y.is_constant());
        which.map(|which| {
            let found = match which {
                Coefficient::Pearson => {
                    let (x, y) = (&self.x.values, &self.y.values);
                    weighted(counts, |i| ([x[i]; LANES], [y[i]; LANES]))
                }
                Coefficient::Spearman => {
                    let (ranks_x, ranks_y) = (x.ranks(), y.ranks());
                    let (gx, gy) = (&x.series.group, &y.series.group);
                    weighted(counts, |i| (ranks_x[gx[i] as usize], ranks_y[gy[i] as usize]))
                }
                Coefficient::Kendall => {
                    let pairs = self.pairs(counts, &x, &y);
                    pairs.map(|pairs| pairs.tau_b())
                }
            };
            let defined = |lane: usize| !constant_x[lane] && !constant_y[lane];
            std::array::from_fn(|lane| if defined(lane) { found[lane] } else { f64::NAN })
        })
    }

    /// The numbers of pairs of each resample.
    fn pairs(&self, counts: &[Lanes<u32>], x: &Drawn<'_>, y: &Drawn<'_>) -> Lanes<Pairs> {
        let (gx, gy) = (&self.x.group, &self.y.group);
        let (mut all, mut tied_both) = ([0u32; LANES], [0u64; LANES]);
        let mut discordant = [0u64; LANES];
        let mut smaller = Fenwick(vec![[0; LANES]; self.y.groups + 1]);
        for equal in self.order.chunk_by(|&a, &b| gx[a as usize] == gx[b as usize]) {
            for same in equal.chunk_by(|&a, &b| gy[a as usize] == gy[b as usize]) {
                let mut drawn = [0; LANES];
                for &i in same {
                    add(&mut drawn, &counts[i as usize]);
                }
                add_pairs(&mut tied_both, &drawn);
                let at_most = smaller.up_to(gy[same[0] as usize] as usize);
                for lane in 0..LANES {
                    let larger = u64::from(all[lane] - at_most[lane]);
                    discordant[lane] += u64::from(drawn[lane]) * larger;
                }
            }
            for &i in equal {
                let count = &counts[i as usize];
                smaller.add(gy[i as usize] as usize, count);
                add(&mut all, count);
            }
        }
        let (tied_x, tied_y) = (x.tied(), y.tied());
        std::array::from_fn(|lane| Pairs {
            all: pairs_of(u64::from(all[lane])),
            tied_x: tied_x[lane],
            tied_y: tied_y[lane],
            tied_both: tied_both[lane],
            discordant: discordant[lane],
        })
    }
}

fn add(sum: &mut Lanes<u32>, terms: &Lanes<u32>) {
    for (sum, term) in sum.iter_mut().zip(terms) {
        *sum += term;
    }
}

/// Adds the number of pairs of `n` values.
fn add_pairs(sum: &mut Lanes<u64>, n: &Lanes<u32>) {
    for (sum, &n) in sum.iter_mut().zip(n) {
        *sum += pairs_of(u64::from(n));
    }
}

/// Counts with fast sums of the first ones (Fenwick, 1994).
struct Fenwick(Vec<Lanes<u32>>);

impl Fenwick {
    fn add(&mut self, at: usize, count: &Lanes<u32>) {
        let mut i = at + 1;
        while let Some(node) = self.0.get_mut(i) {
            add(node, count);
            i += i & i.wrapping_neg();
        }
    }

    /// The sums of the counts up to `at`.
    fn up_to(&self, at: usize) -> Lanes<u32> {
        let (mut i, mut sum) = (at + 1, [0; LANES]);
        while i > 0 {
            add(&mut sum, &self.0[i]);
            i &= i - 1;
        }
        sum
    }
}

/// Pearson's r of pairs of which the one at i, `pair(i)`, is drawn `counts[i]` times.
fn weighted(counts: &[Lanes<u32>], pair: impl Fn(usize) -> (Lanes<f64>, Lanes<f64>)) -> Lanes<f64> {
    let (mut n, mut sum_x, mut sum_y) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    for (i, count) in counts.iter().enumerate() {
        let (x, y) = pair(i);
        for lane in 0..LANES {
            let count = f64::from(count[lane]);
            n[lane] += count;
            sum_x[lane] += x[lane] * count;
            sum_y[lane] += y[lane] * count;
        }
    }
    let mean = |sum: Lanes<f64>| -> Lanes<f64> { std::array::from_fn(|lane| sum[lane] / n[lane]) };
    let (mean_x, mean_y) = (mean(sum_x), mean(sum_y));
    let (mut xx, mut yy, mut xy) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    for (i, count) in counts.iter().enumerate() {
        let (x, y) = pair(i);
        for lane in 0..LANES {
            let (dx, dy) = (x[lane] - mean_x[lane], y[lane] - mean_y[lane]);
            let count = f64::from(count[lane]);
            xx[lane] += count * dx * dx;
            yy[lane] += count * dy * dy;
            xy[lane] += count * dx * dy;
        }
    }
    std::array::from_fn(|lane| {
        let r: f64 = xy[lane] / (xx[lane].sqrt() * yy[lane].sqrt());
        if r.is_finite() { r.clamp(-1.0, 1.0) } else { f64::NAN }
    })
}

#[cfg(test)]
mod tests {
    use rand::Rng as _;

    use super::*;
    use crate::rng::{Key, Purpose};
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
            let counts: Vec<Lanes<u32>> =
                (0..n).map(|_| std::array::from_fn(|_| rng.random_range(0..4))).collect();
            let series = Series::new(&x, &y);
            let all = [Coefficient::Pearson, Coefficient::Spearman, Coefficient::Kendall];
            let [r, rho, tau] = series.coefficients(&counts, all);
            for lane in 0..LANES {
                let repeat = |values: &[f64]| -> Vec<f64> {
                    let repeated = values.iter().zip(&counts);
                    let repeated =
                        repeated.flat_map(|(v, c)| std::iter::repeat_n(*v, c[lane] as usize));
                    repeated.collect()
                };
                let (x, y) = (repeat(&x), repeat(&y));
                for (found, plain) in [(r[lane], pearson(&x, &y)), (rho[lane], spearman(&x, &y))] {
                    let close = (found - plain).abs() < 1e-12 || found.is_nan() && plain.is_nan();
                    assert!(close, "{case}: {found} {plain}");
                }
                let (found, plain) = (tau[lane], kendall_tau_b(&x, &y));
                assert!(found == plain || found.is_nan() && plain.is_nan(), "{found} {plain}");
            }
        }
    }
}
