//! Pearson's, Spearman's and Kendall's coefficients.

use std::borrow::Cow;

use statrs::statistics::{Data, OrderStatistics as _, RankTieBreaker, Statistics as _};

/// Pearson's r of two series of equal length. NaN if one series is constant or has fewer than 2
/// values.
pub fn pearson(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len(), "series of equal length");
    let [x, y] = [x, y].map(scaled);
    let (x, y) = (x.as_ref(), y.as_ref());
    let r = x.covariance(y) / (x.std_dev() * y.std_dev());
    if r.is_finite() { r.clamp(-1.0, 1.0) } else { f64::NAN }
}

/// The series itself, or divided by its largest magnitude where the squares of values leave the range
/// of numbers.
pub(super) fn scaled(x: &[f64]) -> Cow<'_, [f64]> {
    let largest = x.iter().fold(0.0f64, |most, value| most.max(value.abs()));
    if largest == 0.0 || (1e-140..=1e140).contains(&largest) {
        return Cow::Borrowed(x);
    }
    // In two steps, because the inverse of the smallest numbers is no number.
    let root = largest.sqrt();
    Cow::Owned(x.iter().map(|value| value / root / root).collect())
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
    let all = pairs_of(x.len() as u64);
    Pairs { all, tied_x, tied_y, tied_both, discordant }.tau_b()
}

/// Numbers of pairs of two values.
pub(super) struct Pairs {
    pub all: u64,
    pub tied_x: u64,
    pub tied_y: u64,
    /// Tied in both series.
    pub tied_both: u64,
    /// In another order in one series than in the other.
    pub discordant: u64,
}

impl Pairs {
    /// Kendall's tau-b; NaN if one series is constant.
    pub fn tau_b(&self) -> f64 {
        let Self { all, tied_x, tied_y, tied_both, discordant } = self;
        let difference = (all + tied_both) as f64 - (tied_x + tied_y + 2 * discordant) as f64;
        // 0 / 0 if a series is constant.
        (difference / (((all - tied_x) as f64).sqrt() * ((all - tied_y) as f64).sqrt()))
            .clamp(-1.0, 1.0)
    }
}

/// Number of pairs of `n` values.
pub(super) fn pairs_of(n: u64) -> u64 {
    n * n.saturating_sub(1) / 2
}

fn tied_pairs<'a, T: 'a>(runs: impl Iterator<Item = &'a [T]>) -> u64 {
    runs.map(|run| pairs_of(run.len() as u64)).sum()
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
