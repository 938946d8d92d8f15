//! Ridge regression on standardised features, with optional non-negative coefficients, standard
//! errors and cross-validation.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};
use serde::{Deserialize, Serialize};
use supernano_base::stats::pearson;

use super::{CrossValidation, Link, folds};

/// A fitted regression. Columns are standardised with the mean and the standard deviation of the
/// training rows. The intercept is not penalised. Columns with the coefficient 0 are not kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ridge {
    /// Indices of the kept columns, ascending.
    columns: Vec<usize>,
    /// Mean of each kept column.
    mean: Vec<f64>,
    /// Standard deviation of each kept column.
    scale: Vec<f64>,
    /// Mean of the training targets.
    offset: f64,
    /// Coefficients of the kept, standardised columns.
    coefficients: Vec<f64>,
    /// (X'X + lambda I)^-1 of the kept columns, `[column][column]`.
    covariance: Vec<f64>,
    /// Residual variance over the effective degrees of freedom.
    variance: f64,
    /// Number of training rows.
    rows: usize,
}

/// The signs that coefficients may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Any sign.
    Free,
    /// 0 or above.
    NonNegative,
}

/// The normal equations of weighted, standardised training data. They serve fits of several
/// strengths.
struct Normal {
    mean: Vec<f64>,
    scale: Vec<f64>,
    /// Weighted mean of the targets.
    offset: f64,
    /// X'X, `[column, column]`.
    gram: DMatrix<f64>,
    /// X'y, `[column]`.
    moment: DVector<f64>,
    /// Weighted sum of squares of the targets about their mean.
    squares: f64,
    rows: usize,
}

/// Columns with a coefficient, and their coefficients.
type Coefficients = (Vec<usize>, DVector<f64>);

impl Normal {
    fn new(rows: &[&[f64]], targets: &[f64], weights: &[f64]) -> Self {
        let n = rows.len();
        let columns = rows[0].len();
        let total: f64 = weights.iter().sum();
        let mut mean = vec![0.0; columns];
        for (row, w) in rows.iter().zip(weights) {
            for (m, x) in mean.iter_mut().zip(*row) {
                *m += w * x / total;
            }
        }
        let mut scale = vec![0.0; columns];
        for row in rows {
            for ((s, x), m) in scale.iter_mut().zip(*row).zip(&mean) {
                *s += (x - m).powi(2) / n as f64;
            }
        }
        for s in &mut scale {
            *s = if s.sqrt() > 1e-12 { s.sqrt() } else { 1.0 };
        }
        let offset = targets.iter().zip(weights).map(|(t, w)| w * t).sum::<f64>() / total;
        let x = DMatrix::from_fn(n, columns, |i, j| {
            weights[i].sqrt() * (rows[i][j] - mean[j]) / scale[j]
        });
        let y = DVector::from_fn(n, |i, _| weights[i].sqrt() * (targets[i] - offset));
        let gram = x.tr_mul(&x);
        let moment = x.tr_mul(&y);
        Self { mean, scale, offset, gram, moment, squares: y.norm_squared(), rows: n }
    }

    fn solve(&self, lambda: f64, sign: Sign) -> Coefficients {
        match sign {
            Sign::Free => {
                let all: Vec<usize> = (0..self.moment.len()).collect();
                let solution = self.restricted(&all, lambda);
                (all, solution)
            }
            Sign::NonNegative => self.non_negative(lambda),
        }
    }

    /// The solution in which only these columns have a coefficient.
    fn restricted(&self, columns: &[usize], lambda: f64) -> DVector<f64> {
        let moment = DVector::from_fn(columns.len(), |i, _| self.moment[columns[i]]);
        self.factorised(columns, lambda).solve(&moment)
    }

    /// The Cholesky factors of X'X + lambda I of these columns. Where rounding leaves the matrix
    /// without any, lambda grows until it has them.
    fn factorised(&self, columns: &[usize], lambda: f64) -> Cholesky<f64, Dyn> {
        let mut lambda = lambda;
        loop {
            match self.penalised(columns, lambda).cholesky() {
                Some(factors) => return factors,
                None => lambda *= 10.0,
            }
            assert!(lambda.is_finite(), "features are finite");
        }
    }

    /// X'X + lambda I of these columns.
    fn penalised(&self, columns: &[usize], lambda: f64) -> DMatrix<f64> {
        DMatrix::from_fn(columns.len(), columns.len(), |i, j| {
            self.gram[(columns[i], columns[j])] + if i == j { lambda } else { 0.0 }
        })
    }

    /// Active-set method of Lawson and Hanson (1974, chapter 23) on the normal equations.
    fn non_negative(&self, lambda: f64) -> Coefficients {
        let p = self.moment.len();
        let mut x = DVector::<f64>::zeros(p);
        let mut active: Vec<usize> = Vec::new();
        let tolerance = 1e-9 * self.moment.amax().max(f64::MIN_POSITIVE);
        // Each round adds one column. The bound on the rounds guards against rounding errors.
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
                    for (&j, &value) in active.iter().zip(trial.iter()) {
                        x[j] = value;
                    }
                    break;
                }
                let step = if blocking.is_finite() { blocking } else { 0.0 };
                for (k, &j) in active.iter().enumerate() {
                    x[j] += step * (trial[k] - x[j]);
                }
                let negligible = 1e-12 * x.amax().max(1e-300);
                let leaving: Vec<usize> = (0..active.len())
                    .filter(|&k| trial[k] <= 0.0 && x[active[k]] <= negligible)
                    .map(|k| active[k])
                    .collect();
                for &j in &leaving {
                    x[j] = 0.0;
                }
                active.retain(|j| !leaving.contains(j));
                if leaving.is_empty() || active.is_empty() {
                    break;
                }
            }
        }
        active.retain(|&j| x[j] > 0.0);
        active.sort_unstable();
        let solution = DVector::from_fn(active.len(), |k, _| x[active[k]]);
        (active, solution)
    }

    /// Prediction of a solution at a row of raw features.
    fn value(&self, (columns, coefficients): &Coefficients, row: &[f64]) -> f64 {
        let terms = columns.iter().zip(coefficients.iter());
        let terms = terms.map(|(&j, b)| b * (row[j] - self.mean[j]) / self.scale[j]);
        self.offset + terms.sum::<f64>()
    }
}

impl Ridge {
    /// Minimises the weighted sum of squares plus `lambda` times the sum of squared coefficients.
    ///
    /// # Shapes
    /// `rows`: `[sample][column]`. `targets` and `weights`: `[sample]`. Weights are above 0 with
    /// mean 1.
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
        let covariance = normal.factorised(&columns, lambda).inverse();
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

    /// Prediction at a row of raw features.
    pub fn predict(&self, row: &[f64]) -> f64 {
        let x = self.standardised(row);
        self.offset + x.iter().zip(&self.coefficients).map(|(x, b)| x * b).sum::<f64>()
    }

    /// Standard error of the prediction of one new target with this weight:
    /// sqrt(s^2 (1/weight + 1/n + x' (X'X + lambda I)^-1 x)). `row` holds raw features.
    pub fn standard_error(&self, row: &[f64], weight: f64) -> f64 {
        let leverage = 1.0 / self.rows as f64 + self.leverage(&self.standardised(row));
        (self.variance * (1.0 / weight + leverage)).sqrt()
    }

    /// Standard error of the predicted difference of two new targets with these weights. The error
    /// of the fit counts only as far as the two rows differ.
    pub fn difference_error(&self, rows: [&[f64]; 2], weights: [f64; 2]) -> f64 {
        let [a, b] = rows.map(|row| self.standardised(row));
        let between: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
        let noise: f64 = weights.iter().map(|weight| 1.0 / weight).sum();
        (self.variance * (noise + self.leverage(&between))).sqrt()
    }

    /// x' (X'X + lambda I)^-1 x of standardised features.
    fn leverage(&self, x: &[f64]) -> f64 {
        let columns = self.covariance.chunks_exact(x.len().max(1));
        let products = columns.map(|column| column.iter().zip(x).map(|(c, x)| c * x).sum::<f64>());
        x.iter().zip(products).map(|(a, product)| a * product).sum()
    }

    /// Kept columns and their coefficients on the raw scale.
    pub fn raw_coefficients(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let raw = self.coefficients.iter().zip(&self.scale).map(|(b, s)| b / s);
        self.columns.iter().copied().zip(raw)
    }

    /// Intercept on the raw scale.
    pub fn raw_intercept(&self) -> f64 {
        let shift: f64 = self.raw_coefficients().zip(&self.mean).map(|((_, b), m)| b * m).sum();
        self.offset - shift
    }
}

/// Selects the strength with the least cross-validated mean square error, and returns it with that
/// error. Returns `None` without strengths.
pub fn choose(
    rows: &[Vec<f64>],
    scores: &[f64],
    link: Link,
    lambdas: &[f64],
    folds: usize,
    sign: Sign,
) -> Option<(f64, CrossValidation)> {
    let n = rows.len();
    let held_out = folds::held_out(n, folds);
    let mut predicted = vec![vec![0.0; n]; lambdas.len()];
    for fold in &held_out {
        let kept = folds::kept(n, fold);
        let x: Vec<&[f64]> = kept.iter().map(|&i| rows[i].as_slice()).collect();
        let y: Vec<f64> = kept.iter().map(|&i| scores[i]).collect();
        let (targets, weights) = link.targets(&y);
        let normal = Normal::new(&x, &targets, &weights);
        for (lambda, predicted) in lambdas.iter().zip(&mut predicted) {
            let solution = normal.solve(*lambda, sign);
            for &i in fold {
                predicted[i] = link.score(normal.value(&solution, &rows[i]));
            }
        }
    }
    let error = |predicted: &Vec<f64>| {
        let squares = predicted.iter().zip(scores).map(|(p, t)| (p - t).powi(2)).sum::<f64>();
        let rmse = (squares / n as f64).sqrt();
        CrossValidation::new(held_out.len(), rmse, pearson(predicted, scores))
    };
    let tried = lambdas.iter().copied().zip(predicted.iter().map(error));
    tried.min_by(|a, b| a.1.rmse.total_cmp(&b.1.rmse))
}
