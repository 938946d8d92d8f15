//! Ridge regression on standardised columns, with cross-validation and standard errors.

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

use super::{CrossValidation, Link};
use crate::data::rng::{Key, Purpose};
use crate::stats::pearson;

/// A fitted regression. Columns are standardised with the training rows' mean and deviation; the
/// intercept is not penalised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ridge {
    mean: Vec<f64>,
    /// Standard deviation, 1 for a constant column.
    scale: Vec<f64>,
    /// Mean of the training targets.
    offset: f64,
    /// Per standardised column.
    coefficients: Vec<f64>,
    /// (X'X + lambda I)^-1, `[column][column]`, row by row.
    covariance: Vec<f64>,
    /// Residual variance over the effective degrees of freedom.
    variance: f64,
    rows: usize,
}

impl Ridge {
    /// Minimises the weighted squares plus `lambda` times the squared coefficients.
    /// `rows` is `[sample][column]`, all of one length; `weights` above 0, 1 on average.
    pub fn fit(rows: &[Vec<f64>], targets: &[f64], weights: &[f64], lambda: f64) -> Self {
        let (n, columns) = (rows.len(), rows[0].len());
        let total: f64 = weights.iter().sum();
        let mean: Vec<f64> = (0..columns)
            .map(|j| rows.iter().zip(weights).map(|(r, w)| w * r[j]).sum::<f64>() / total)
            .collect();
        let scale: Vec<f64> = (0..columns)
            .map(|j| {
                let squares = rows.iter().map(|r| (r[j] - mean[j]).powi(2)).sum::<f64>();
                let deviation = (squares / n as f64).sqrt();
                if deviation > 1e-12 { deviation } else { 1.0 }
            })
            .collect();
        let offset = targets.iter().zip(weights).map(|(t, w)| w * t).sum::<f64>() / total;
        let x = DMatrix::from_fn(n, columns, |i, j| {
            weights[i].sqrt() * (rows[i][j] - mean[j]) / scale[j]
        });
        let y = DVector::from_fn(n, |i, _| weights[i].sqrt() * (targets[i] - offset));
        let gram = x.tr_mul(&x);
        let penalised = &gram + DMatrix::identity(columns, columns) * lambda;
        // Positive definite because lambda is above 0; rounding cannot undo that here.
        let covariance = match penalised.clone().cholesky() {
            Some(cholesky) => cholesky.inverse(),
            None => penalised.pseudo_inverse(1e-12).unwrap_or_else(|_| gram.clone() * 0.0),
        };
        let coefficients = &covariance * x.tr_mul(&y);
        let residual = (&y - &x * &coefficients).norm_squared();
        let used = 1.0 + (&gram * &covariance).trace();
        let variance = residual / (n as f64 - used).max(1.0);
        Self {
            mean,
            scale,
            offset,
            coefficients: coefficients.iter().copied().collect(),
            covariance: covariance.iter().copied().collect(),
            variance,
            rows: n,
        }
    }

    fn standardised(&self, row: &[f64]) -> DVector<f64> {
        DVector::from_fn(row.len(), |j, _| (row[j] - self.mean[j]) / self.scale[j])
    }

    /// Value at a row of raw columns.
    pub fn predict(&self, row: &[f64]) -> f64 {
        let x = self.standardised(row);
        self.offset + x.iter().zip(&self.coefficients).map(|(x, b)| x * b).sum::<f64>()
    }

    /// Standard error of one new target of this weight at a row:
    /// sqrt(s^2 (1/weight + 1/n + x' (X'X + lambda I)^-1 x)).
    pub fn standard_error(&self, row: &[f64], weight: f64) -> f64 {
        let x = self.standardised(row);
        let p = x.len();
        let mut leverage = 1.0 / self.rows as f64;
        for (j, column) in self.covariance.chunks_exact(p).enumerate() {
            leverage += x[j] * column.iter().zip(x.iter()).map(|(c, x)| c * x).sum::<f64>();
        }
        (self.variance * (1.0 / weight + leverage)).sqrt()
    }

    /// Coefficients of the raw, not standardised columns.
    pub fn raw_coefficients(&self) -> Vec<f64> {
        self.coefficients.iter().zip(&self.scale).map(|(b, s)| b / s).collect()
    }

    /// Intercept that goes with [`Self::raw_coefficients`].
    pub fn raw_intercept(&self) -> f64 {
        let raw = self.raw_coefficients();
        self.offset - raw.iter().zip(&self.mean).map(|(b, m)| b * m).sum::<f64>()
    }
}

/// The largest of the ascending strengths whose mean square error on held-out rows is within one
/// standard error of the least, and its error: targets are noisy, so that the least error alone
/// would smooth too little. Folds are a fixed shuffle.
pub fn choose(
    rows: &[Vec<f64>],
    scores: &[f64],
    link: Link,
    lambdas: &[f64],
    folds: usize,
) -> (f64, CrossValidation) {
    let n = rows.len();
    let folds = folds.min(n);
    let order = Key::new(0).permutation(Purpose::Split, n);
    let held_out = |lambda: f64| -> Vec<f64> {
        let mut predicted = vec![0.0; n];
        for fold in 0..folds {
            let (mut x, mut y) = (Vec::new(), Vec::new());
            for (position, &i) in order.iter().enumerate() {
                if position % folds != fold {
                    x.push(rows[i as usize].clone());
                    y.push(scores[i as usize]);
                }
            }
            let (targets, weights) = link.targets(&y);
            let ridge = Ridge::fit(&x, &targets, &weights, lambda);
            for &i in order.iter().skip(fold).step_by(folds) {
                predicted[i as usize] = link.score(ridge.predict(&rows[i as usize]));
            }
        }
        predicted
    };
    let mut tried: Vec<(f64, CrossValidation, f64)> = Vec::new();
    for &lambda in lambdas {
        let predicted = held_out(lambda);
        let squares: Vec<f64> =
            predicted.iter().zip(scores).map(|(p, t)| (p - t).powi(2)).collect();
        let mean = squares.iter().sum::<f64>() / n as f64;
        let spread = squares.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / n as f64;
        let pearson = pearson(&predicted, scores);
        let validation = CrossValidation { folds, rmse: mean.sqrt(), pearson };
        tried.push((lambda, validation, mean + (spread / n as f64).sqrt()));
    }
    let least = |a: &&(f64, CrossValidation, f64), b: &&(f64, CrossValidation, f64)| {
        a.1.rmse.total_cmp(&b.1.rmse)
    };
    let bound = tried.iter().min_by(least).map_or(f64::INFINITY, |t| t.2);
    tried
        .iter()
        .rev()
        .find(|t| t.1.rmse.powi(2) <= bound)
        .map_or((lambdas[0], CrossValidation { folds, rmse: 0.0, pearson: 0.0 }), |t| (t.0, t.1))
}
