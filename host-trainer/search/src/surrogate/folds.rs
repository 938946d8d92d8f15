//! The folds of a cross-validation, and what is measured on them: the factor of intervals, and the
//! correlation of a trivial predictor.

use supernano_base::rng::{Key, Purpose};
use supernano_base::stats::{CONFIDENCE, pearson};

/// Smallest factor of intervals if there are too few held-out sub-networks for a quantile.
const LEAST_FACTOR: f64 = 2.5;

/// Positions that each of `folds` folds holds out, at random with a fixed seed.
pub fn held_out(n: usize, folds: usize) -> Vec<Vec<usize>> {
    let order = Key::new(0).permutation(Purpose::Split, n);
    let order: Vec<usize> = order.into_iter().map(|i| i as usize).collect();
    let folds = folds.min(n);
    (0..folds).map(|fold| order.iter().copied().skip(fold).step_by(folds).collect()).collect()
}

/// Positions that a fold keeps, in the random order of [`held_out`].
pub fn kept(n: usize, held_out: &[usize]) -> Vec<usize> {
    let order = Key::new(0).permutation(Purpose::Split, n);
    order.into_iter().map(|i| i as usize).filter(|i| !held_out.contains(i)).collect()
}

/// The number of standard errors whose interval contains a new sub-network's value with the
/// probability [`CONFIDENCE`]: the conformal quantile of the held-out errors, each divided by its
/// standard error. It supposes that the new sub-network is drawn as the evaluated ones.
pub fn interval_factor(mut errors: Vec<f64>) -> f64 {
    errors.retain(|error| error.is_finite());
    errors.sort_by(f64::total_cmp);
    let rank = ((errors.len() + 1) as f64 * CONFIDENCE).ceil() as usize;
    match errors.get(rank.saturating_sub(1)) {
        Some(&quantile) => quantile,
        None => errors.last().copied().unwrap_or(LEAST_FACTOR).max(LEAST_FACTOR),
    }
}

/// The held-out Pearson correlation of the best trivial predictor: a straight line in one column of
/// `costs`, `[sample][column]`. NaN if every column is constant.
pub fn trivial_pearson(costs: &[[f64; 2]], values: &[f64], folds: usize) -> f64 {
    let folds = held_out(values.len(), folds);
    let of_column = |column: usize| {
        let x: Vec<f64> = costs.iter().map(|c| c[column]).collect();
        let mut predicted = vec![0.0; values.len()];
        for fold in &folds {
            let (intercept, slope) = line(&x, values, &kept(values.len(), fold));
            for &i in fold {
                predicted[i] = intercept + slope * x[i];
            }
        }
        pearson(&predicted, values)
    };
    f64::max(of_column(0), of_column(1))
}

/// Intercept and slope of the least-squares line through these positions.
fn line(x: &[f64], y: &[f64], positions: &[usize]) -> (f64, f64) {
    let n = positions.len().max(1) as f64;
    let mean = |values: &[f64]| positions.iter().map(|&i| values[i]).sum::<f64>() / n;
    let (x_mean, y_mean) = (mean(x), mean(y));
    let product = |&i: &usize| (x[i] - x_mean) * (y[i] - y_mean);
    let square = |&i: &usize| (x[i] - x_mean).powi(2);
    let squares: f64 = positions.iter().map(square).sum();
    let slope =
        if squares > 1e-12 { positions.iter().map(product).sum::<f64>() / squares } else { 0.0 };
    (y_mean - slope * x_mean, slope)
}
