//! The least-squares fit of instruction coefficients.

use std::collections::BTreeMap;

use nalgebra::{DMatrix, DVector};

use super::Work;
use super::work::executed;

/// Singular values below this are treated as 0.
const EPSILON: f64 = 1e-7;

/// Coefficients of one kernel's loops that minimise the squared relative error of the counts, each weighted
/// by the operation's share of its network. If
/// loops always occur in the same ratio, only the sum of their contributions is determined.
pub(super) fn relative_least_squares(
    counts: &[&(Work, u64, f64)],
    vectors: bool,
) -> BTreeMap<String, f64> {
    let mut names: Vec<&'static str> = counts
        .iter()
        .flat_map(|(work, ..)| executed(work, vectors).map(|(each, _)| each.1))
        .collect();
    names.sort_unstable();
    names.dedup();
    // Iterations per counted instruction: the model then has the target 1 in every row.
    let share = |i: usize, name: &str| {
        let (work, count, _) = counts[i];
        let loops = executed(work, vectors);
        let iterations: f64 = loops.filter(|(each, _)| each.1 == name).map(|(_, n)| n).sum();
        iterations / *count as f64
    };
    // A loop that no operation has is not determined.
    names.retain(|name| (0..counts.len()).any(|i| share(i, name) > 0.0));
    // Columns are scaled to a comparable size. Otherwise the largest ones dominate the fit.
    let scale: Vec<f64> = names
        .iter()
        .map(|name| (0..counts.len()).map(|i| share(i, name)).fold(1e-30, f64::max))
        .collect();
    let weight = |i: usize| counts[i].2.sqrt();
    let x = DMatrix::from_fn(counts.len(), names.len(), |i, j| {
        weight(i) * share(i, names[j]) / scale[j]
    });
    let target = DVector::from_fn(counts.len(), |i, _| weight(i));
    let solution = x.svd(true, true).solve(&target, EPSILON).expect("both factors are computed");
    let mut coefficients = BTreeMap::new();
    for (j, name) in names.iter().enumerate() {
        let value = solution[j] / scale[j];
        coefficients.insert((*name).to_owned(), value);
    }
    coefficients
}
