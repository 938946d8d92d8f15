//! The least-squares fit of instruction coefficients.

use std::collections::BTreeMap;

use nalgebra::{DMatrix, DVector};

use super::Work;

/// Singular values below this are treated as 0.
const EPSILON: f64 = 1e-7;

/// Coefficients of one kernel's loops that minimise the squared relative error of the counts. If
/// loops always occur in the same ratio, only the sum of their contributions is determined. Loops over
/// vectors are left out for a core without `vectors`.
pub(super) fn relative_least_squares(
    counts: &[&(Work, u64)],
    vectors: bool,
) -> BTreeMap<String, f64> {
    let mut names: Vec<&'static str> =
        counts.iter().flat_map(|(work, _)| work.iter().map(|(each, _)| each.1)).collect();
    names.sort_unstable();
    names.dedup();
    // Iterations per counted instruction: the model then has the target 1 in every row.
    let share = |i: usize, name: &str| {
        let (work, count) = counts[i];
        let iterations: f64 = work.iter().filter(|(each, _)| each.1 == name).map(|(_, n)| n).sum();
        iterations / *count as f64
    };
    names.retain(|name| vectors || !name.starts_with("vector-"));
    // A loop that no operation has is not determined.
    names.retain(|name| (0..counts.len()).any(|i| share(i, name) > 0.0));
    // Columns are scaled to a comparable size. Otherwise the largest ones dominate the fit.
    let scale: Vec<f64> = names
        .iter()
        .map(|name| (0..counts.len()).map(|i| share(i, name)).fold(1e-30, f64::max))
        .collect();
    let x = DMatrix::from_fn(counts.len(), names.len(), |i, j| share(i, names[j]) / scale[j]);
    let target = DVector::from_element(counts.len(), 1.0);
    let solution = x.svd(true, true).solve(&target, EPSILON).expect("both factors are computed");
    let mut coefficients = BTreeMap::new();
    for (j, name) in names.iter().enumerate() {
        let value = solution[j] / scale[j];
        coefficients.insert((*name).to_owned(), value);
    }
    coefficients
}
