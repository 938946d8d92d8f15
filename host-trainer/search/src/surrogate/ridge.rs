//! Ridge regression on standardised columns, with coefficients of 0 or more where wanted, standard
//! errors and cross-validation.

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};
use supernano_base::rng::{Key, Purpose};
use supernano_base::stats::pearson;

use super::{CrossValidation, Link};

/// A fitted regression. Columns are standardised with the training rows' mean and deviation; the
/// intercept is not penalised. Columns whose coefficient is 0 are not kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ridge {
    /// Columns with a coefficient, ascending.
    columns: Vec<usize>,
    /// Mean of each kept column.
    mean: Vec<f64>,
    /// Standard deviation of each kept column.
    scale: Vec<f64>,
    /// Mean of the training targets.
    offset: f64,
    /// Per kept, standardised column.
    coefficients: Vec<f64>,
    /// (X'X + lambda I)^-1 of the kept columns, `[column][column]`, row by row.
    covariance: Vec<f64>,
    /// Residual variance over the effective degrees of freedom.
    variance: f64,
    rows: usize,
}

/// The sign that coefficients may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Any.
    Free,
    /// 0 or more.
    NotNegative,
}

/// Weighted and standardised training data, for fits of several strengths.
struct Normal {
    mean: Vec<f64>,
    scale: Vec<f64>,
    offset: f64,
    gram: DMatrix<f64>,
    moment: DVector<f64>,
    /// Weighted squares of the targets about their mean.
    squares: f64,
    rows: usize,
}

impl Normal {
    fn new(rows: &[&[f64]], targets: &[f64], weights: &[f64]) -> Self {
        let (n, columns) = (rows.len(), rows[0].len());
        let total: f64 = weights.iter().sum();
        let mut mean = vec![0.0; columns];
        for (row, w) in rows.iter().zip(weights) {
            mean.iter_mut().zip(*row).for_each(|(m, x)| *m += w * x / total);
        }
        let mut scale = vec![0.0; columns];
        for row in rows {
            let squares = row.iter().zip(&mean).map(|(x, m)| (x - m).powi(2) / n as f64);
            scale.iter_mut().zip(squares).for_each(|(s, d)| *s += d);
        }
        for s in &mut scale {
            *s = if s.sqrt() > 1e-12 { s.sqrt() } else { 1.0 };
        }
        let offset = targets.iter().zip(weights).map(|(t, w)| w * t).sum::<f64>() / total;
        let x = DMatrix::from_fn(n, columns, |i, j| {
            weights[i].sqrt() * (rows[i][j] - mean[j]) / scale[j]
        });
        let y = DVector::from_fn(n, |i, _| weights[i].sqrt() * (targets[i] - offset));
        let (gram, moment) = (x.tr_mul(&x), x.tr_mul(&y));
        Self { mean, scale, offset, gram, moment, squares: y.norm_squared(), rows: n }
    }

    /// Columns that have a coefficient, and their coefficients.
    fn solve(&self, lambda: f64, sign: Sign) -> (Vec<usize>, DVector<f64>) {
        let every: Vec<usize> = (0..self.moment.len()).collect();
        match sign {
            Sign::Free => {
                let solution = self.restricted(&every, lambda);
                (every, solution)
            }
            Sign::NotNegative => self.not_negative(lambda),
        }
    }

    /// The solution in which only these columns have a coefficient.
    fn restricted(&self, columns: &[usize], lambda: f64) -> DVector<f64> {
        let moment = DVector::from_fn(columns.len(), |i, _| self.moment[columns[i]]);
        // Positive definite because lambda is above 0.
        self.penalised(columns, lambda)
            .cholesky()
            .map_or(moment.clone() * 0.0, |c| c.solve(&moment))
    }

    fn penalised(&self, columns: &[usize], lambda: f64) -> DMatrix<f64> {
        DMatrix::from_fn(columns.len(), columns.len(), |i, j| {
            self.gram[(columns[i], columns[j])] + if i == j { lambda } else { 0.0 }
        })
    }

    /// Active-set method of Lawson and Hanson (1974, chapter 23) on the normal equations.
    fn not_negative(&self, lambda: f64) -> (Vec<usize>, DVector<f64>) {
        let p = self.moment.len();
        let mut x = DVector::<f64>::zeros(p);
        let mut active: Vec<usize> = Vec::new();
        let tolerance = 1e-9 * self.moment.amax().max(f64::MIN_POSITIVE);
        // Each round lets one column in; the bound only guards against rounding.
        for _ in 0..3 * p {
            let slope = &self.moment - &self.gram * &x - lambda * &x;
            let best = (0..p)
                .filter(|j| !active.contains(j) && slope[*j] > tolerance)
                .max_by(|&a, &b| slope[a].total_cmp(&slope[b]));
            let Some(entering) = best else { break };
            active.push(entering);
            loop {
                let trial = self.restricted(&active, lambda);
                let blocking = (0..active.len())
                    .filter(|&k| trial[k] <= 0.0)
                    .map(|k| x[active[k]] / (x[active[k]] - trial[k]))
                    .fold(f64::INFINITY, f64::min);
                if blocking == f64::INFINITY {
                    active.iter().zip(trial.iter()).for_each(|(&j, &v)| x[j] = v);
                    break;
                }
                let step = if blocking.is_finite() { blocking } else { 0.0 };
                for (k, &j) in active.iter().enumerate() {
                    x[j] += step * (trial[k] - x[j]);
                }
                let leaving =
                    |k: &usize| trial[*k] <= 0.0 && x[active[*k]] <= 1e-12 * x.amax().max(1e-300);
                let out: Vec<usize> =
                    (0..active.len()).filter(leaving).map(|k| active[k]).collect();
                out.iter().for_each(|&j| x[j] = 0.0);
                active.retain(|j| !out.contains(j));
                if out.is_empty() || active.is_empty() {
                    break;
                }
            }
        }
        active.retain(|&j| x[j] > 0.0);
        active.sort_unstable();
        let solution = DVector::from_fn(active.len(), |k, _| x[active[k]]);
        (active, solution)
    }

    fn value(&self, columns: &[usize], solution: &DVector<f64>, row: &[f64]) -> f64 {
        let terms = columns.iter().zip(solution.iter());
        let terms = terms.map(|(&j, b)| b * (row[j] - self.mean[j]) / self.scale[j]);
        self.offset + terms.sum::<f64>()
    }
}

impl Ridge {
    /// Minimises the weighted squares plus `lambda` times the squared coefficients.
    /// `rows` is `[sample][column]`, all of one length; `weights` above 0, 1 on average.
    pub fn fit(
        rows: &[Vec<f64>],
        targets: &[f64],
        weights: &[f64],
        lambda: f64,
        sign: Sign,
    ) -> Self {
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        let normal = Normal::new(&rows, targets, weights);
        let (columns, solution) = normal.solve(lambda, sign);
        let k = columns.len();
        let gram = DMatrix::from_fn(k, k, |i, j| normal.gram[(columns[i], columns[j])]);
        let inverse = normal.penalised(&columns, lambda).cholesky().map(|c| c.inverse());
        let covariance = inverse.unwrap_or_else(|| DMatrix::zeros(k, k));
        let moment = DVector::from_fn(k, |i, _| normal.moment[columns[i]]);
        let residual =
            normal.squares - 2.0 * solution.dot(&moment) + solution.dot(&(&gram * &solution));
        let used = 1.0 + (&gram * &covariance).trace();
        Self {
            mean: columns.iter().map(|&j| normal.mean[j]).collect(),
            scale: columns.iter().map(|&j| normal.scale[j]).collect(),
            columns,
            offset: normal.offset,
            coefficients: solution.iter().copied().collect(),
            covariance: covariance.iter().copied().collect(),
            variance: residual.max(0.0) / (normal.rows as f64 - used).max(1.0),
            rows: normal.rows,
        }
    }

    fn standardised(&self, row: &[f64]) -> Vec<f64> {
        let at = |(k, &j): (usize, &usize)| (row[j] - self.mean[k]) / self.scale[k];
        self.columns.iter().enumerate().map(at).collect()
    }

    /// Value at a row of raw columns.
    #[cfg(test)]
    pub fn predict(&self, row: &[f64]) -> f64 {
        let x = self.standardised(row);
        self.offset + x.iter().zip(&self.coefficients).map(|(x, b)| x * b).sum::<f64>()
    }

    /// Standard error of one new target of this weight at a row:
    /// sqrt(s^2 (1/weight + 1/n + x' (X'X + lambda I)^-1 x)).
    pub fn standard_error(&self, row: &[f64], weight: f64) -> f64 {
        let x = self.standardised(row);
        let mut leverage = 1.0 / self.rows as f64;
        for (a, column) in x.iter().zip(self.covariance.chunks_exact(x.len().max(1))) {
            leverage += a * column.iter().zip(&x).map(|(c, x)| c * x).sum::<f64>();
        }
        (self.variance * (1.0 / weight + leverage)).sqrt()
    }

    /// Column and coefficient of the raw, not standardised column, for every one that has any.
    pub fn raw_coefficients(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let raw = self.coefficients.iter().zip(&self.scale).map(|(b, s)| b / s);
        self.columns.iter().copied().zip(raw)
    }

    /// Intercept that goes with [`Self::raw_coefficients`].
    pub fn raw_intercept(&self) -> f64 {
        let shift: f64 = self.raw_coefficients().zip(&self.mean).map(|((_, b), m)| b * m).sum();
        self.offset - shift
    }
}

/// The strength with the least mean square error on rows that a fold held out, and its error.
/// `lambdas` is not empty.
pub fn choose(
    rows: &[Vec<f64>],
    scores: &[f64],
    link: Link,
    lambdas: &[f64],
    folds: usize,
    sign: Sign,
) -> (f64, CrossValidation) {
    let n = rows.len();
    let folds = folds.min(n);
    let order = Key::new(0).permutation(Purpose::Split, n);
    let mut predicted = vec![vec![0.0; n]; lambdas.len()];
    for fold in 0..folds {
        let kept = |(position, &i): (usize, &u32)| (position % folds != fold).then_some(i as usize);
        let kept: Vec<usize> = order.iter().enumerate().filter_map(kept).collect();
        let x: Vec<&[f64]> = kept.iter().map(|&i| rows[i].as_slice()).collect();
        let y: Vec<f64> = kept.iter().map(|&i| scores[i]).collect();
        let (targets, weights) = link.targets(&y);
        let normal = Normal::new(&x, &targets, &weights);
        for (lambda, predicted) in lambdas.iter().zip(&mut predicted) {
            let (columns, solution) = normal.solve(*lambda, sign);
            for &i in order.iter().skip(fold).step_by(folds) {
                let value = normal.value(&columns, &solution, &rows[i as usize]);
                predicted[i as usize] = link.score(value);
            }
        }
    }
    let error = |predicted: &Vec<f64>| {
        let squares = predicted.iter().zip(scores).map(|(p, t)| (p - t).powi(2)).sum::<f64>();
        let rmse = (squares / n as f64).sqrt();
        CrossValidation { folds, rmse, pearson: pearson(predicted, scores) }
    };
    let tried = lambdas.iter().copied().zip(predicted.iter().map(error));
    tried.min_by(|a, b| a.1.rmse.total_cmp(&b.1.rmse)).expect("at least one strength")
}
