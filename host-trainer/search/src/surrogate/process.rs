//! Gaussian process with fixed effects whose variance components are estimated by restricted
//! maximum likelihood.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

/// How far a component's variance may be from its start, in natural logarithms: the standard
/// deviation of a normal prior. Keeps the estimates of small samples sane.
const SPREAD: f64 = 2.0;

/// Rounds of scoring; a handful suffices.
const ROUNDS: usize = 60;

/// y = H b + sum of components + noise; component k has covariance v_k K_k, noise v I.
pub struct Process {
    /// v_k, the noise's last.
    pub variances: Vec<f64>,
    /// Coefficients of the fixed effects.
    pub effects: DVector<f64>,
    /// V^-1 (y - H b).
    weights: DVector<f64>,
    cholesky: Cholesky<f64, Dyn>,
    fixed: DMatrix<f64>,
    /// (H' V^-1 H)^-1.
    effects_covariance: DMatrix<f64>,
    /// What each training target would have been predicted to be without it.
    pub left_out: Vec<f64>,
}

struct State {
    cholesky: Cholesky<f64, Dyn>,
    effects_covariance: DMatrix<f64>,
    /// V^-1 - V^-1 H (H' V^-1 H)^-1 H' V^-1.
    projection: DMatrix<f64>,
    likelihood: f64,
}

fn state(
    kernels: &[DMatrix<f64>],
    fixed: &DMatrix<f64>,
    y: &DVector<f64>,
    variances: &[f64],
) -> Option<State> {
    let n = y.len();
    let mut v = DMatrix::identity(n, n) * variances[kernels.len()];
    for (kernel, variance) in kernels.iter().zip(variances) {
        v += kernel * *variance;
    }
    let cholesky = v.cholesky()?;
    let solved = cholesky.solve(fixed);
    let information = fixed.tr_mul(&solved).cholesky()?;
    let effects_covariance = information.inverse();
    let projection = cholesky.inverse() - &solved * &effects_covariance * solved.transpose();
    let logs = |c: &Cholesky<f64, Dyn>| c.l_dirty().diagonal().iter().map(|d| d.ln()).sum::<f64>();
    let likelihood = -logs(&cholesky) - logs(&information) - 0.5 * y.dot(&(&projection * y));
    Some(State { cholesky, effects_covariance, projection, likelihood })
}

impl Process {
    /// Fits it. `kernels`: K_k, `[n, n]`; `fixed`: H, `[n, q]` of rank q < n; `start`: first guess
    /// of the variances, the noise's last, all above 0. `None` where rounding makes a covariance
    /// singular at the start.
    ///
    /// Fisher scoring in ln v with step halving, under the prior that [`SPREAD`] says.
    pub fn fit(
        kernels: &[DMatrix<f64>],
        fixed: DMatrix<f64>,
        y: &DVector<f64>,
        start: &[f64],
    ) -> Option<Self> {
        let count = start.len();
        let penalty = |t: &DVector<f64>| -0.5 * t.norm_squared() / SPREAD.powi(2);
        let variances = |t: &DVector<f64>| -> Vec<f64> {
            start.iter().zip(t.iter()).map(|(v, t)| v * t.exp()).collect()
        };
        let mut at = DVector::zeros(count);
        let mut here = state(kernels, &fixed, y, start)?;
        for _ in 0..ROUNDS {
            let v = variances(&at);
            let p = &here.projection;
            let py = p * y;
            let products: Vec<DMatrix<f64>> = kernels
                .iter()
                .map(|k| p * k)
                .chain([p.clone()])
                .zip(&v)
                .map(|(product, v)| product * *v)
                .collect();
            let slope = DVector::from_fn(count, |k, _| {
                let quadratic = match kernels.get(k) {
                    Some(kernel) => py.dot(&(kernel * &py)),
                    None => py.norm_squared(),
                };
                0.5 * (v[k] * quadratic - products[k].trace()) - at[k] / SPREAD.powi(2)
            });
            let information = DMatrix::from_fn(count, count, |i, j| {
                let own = if i == j { SPREAD.powi(-2) } else { 0.0 };
                0.5 * products[i].dot(&products[j].transpose()) + own
            });
            let step = information.cholesky()?.solve(&slope);
            let before = here.likelihood + penalty(&at);
            let better =
                (0..12).map(|halvings| &at + &step * 0.5f64.powi(halvings)).find_map(|t| {
                    let found = state(kernels, &fixed, y, &variances(&t))?;
                    (found.likelihood + penalty(&t) > before).then_some((t, found))
                });
            let Some((next, found)) = better else { break };
            let gain = found.likelihood + penalty(&next) - before;
            (at, here) = (next, found);
            if gain < 1e-6 {
                break;
            }
        }
        let py = &here.projection * y;
        let left_out = (0..y.len()).map(|i| y[i] - py[i] / here.projection[(i, i)]).collect();
        let effects = &here.effects_covariance * fixed.tr_mul(&here.cholesky.solve(y));
        let weights = here.cholesky.solve(&(y - &fixed * &effects));
        Some(Self {
            variances: variances(&at),
            effects,
            weights,
            cholesky: here.cholesky,
            fixed,
            effects_covariance: here.effects_covariance,
            left_out,
        })
    }

    /// Mean at a point: its fixed effects `[q]` and its covariance (without noise) with each
    /// training target `[n]`.
    pub fn mean(&self, fixed: &DVector<f64>, covariance: &DVector<f64>) -> f64 {
        fixed.dot(&self.effects) + covariance.dot(&self.weights)
    }

    /// Variance of a new target at a point whose own variance, without noise, is `own`.
    pub fn variance(&self, fixed: &DVector<f64>, covariance: &DVector<f64>, own: f64) -> f64 {
        let solved = self.cholesky.solve(covariance);
        let rest = fixed - self.fixed.tr_mul(&solved);
        let noise = self.variances[self.variances.len() - 1];
        let surface = own - covariance.dot(&solved);
        (surface + rest.dot(&(&self.effects_covariance * &rest))).max(0.0) + noise
    }
}
