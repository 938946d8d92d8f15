//! A Gaussian process with fixed effects. Its variance components are estimated by restricted
//! maximum likelihood (REML).

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

/// Standard deviation of the normal prior of each log variance around its start. The prior keeps
/// the estimates of small samples near the start.
const SPREAD: f64 = 2.0;

/// Largest number of Fisher scoring steps.
const STEPS: usize = 60;

/// Largest number of halvings of a step.
const HALVINGS: i32 = 12;

/// The fitted model y = H b + sum of components + noise. Component k has the covariance v_k K_k, the
/// noise v I.
pub struct Process {
    /// v_k, the variance of the noise last.
    pub variances: Vec<f64>,
    /// Coefficients b of the fixed effects.
    pub effects: DVector<f64>,
    /// V^-1 (y - H b).
    weights: DVector<f64>,
    /// Factor of the covariance V of the targets.
    cholesky: Cholesky<f64, Dyn>,
    /// H, `[n, q]`.
    fixed: DMatrix<f64>,
    /// (H' V^-1 H)^-1.
    effects_covariance: DMatrix<f64>,
    /// Leave-one-out prediction of each training target, at the estimated variances.
    pub left_out: Vec<f64>,
    /// Error of each leave-one-out prediction, in its standard errors.
    pub left_out_errors: Vec<f64>,
}

/// The restricted likelihood at given variances.
struct Likelihood {
    cholesky: Cholesky<f64, Dyn>,
    effects_covariance: DMatrix<f64>,
    /// V^-1 - V^-1 H (H' V^-1 H)^-1 H' V^-1.
    projection: DMatrix<f64>,
    /// Logarithm of the restricted likelihood, without its constant.
    log: f64,
}

impl Likelihood {
    /// Evaluates the likelihood. Returns `None` if a covariance is singular.
    fn at(
        kernels: &[DMatrix<f64>],
        fixed: &DMatrix<f64>,
        y: &DVector<f64>,
        variances: &[f64],
    ) -> Option<Self> {
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
        // Half the logarithm of the determinant.
        let half_ln_det =
            |c: &Cholesky<f64, Dyn>| c.l_dirty().diagonal().iter().map(|d| d.ln()).sum::<f64>();
        let log =
            -half_ln_det(&cholesky) - half_ln_det(&information) - 0.5 * y.dot(&(&projection * y));
        Some(Self { cholesky, effects_covariance, projection, log })
    }
}

impl Process {
    /// Fits the model by Fisher scoring in ln v with step halving, under the prior of [`SPREAD`].
    /// Returns `None` if a covariance is singular at the start.
    ///
    /// # Shapes
    /// `kernels`: K_k, `[n, n]`. `fixed`: H, `[n, q]` of rank q < n. `y`: `[n]`. `start`: first
    /// guess of the variances, that of the noise last, all above 0, `[kernels + 1]`.
    pub fn fit(
        kernels: &[DMatrix<f64>],
        fixed: DMatrix<f64>,
        y: &DVector<f64>,
        start: &[f64],
    ) -> Option<Self> {
        let penalty = |t: &DVector<f64>| -0.5 * t.norm_squared() / SPREAD.powi(2);
        let variances = |t: &DVector<f64>| -> Vec<f64> {
            start.iter().zip(t.iter()).map(|(v, t)| v * t.exp()).collect()
        };
        let mut at = DVector::zeros(start.len());
        let mut here = Likelihood::at(kernels, &fixed, y, start)?;
        for _ in 0..STEPS {
            let step = scoring_step(kernels, y, &here.projection, &variances(&at), &at)?;
            let before = here.log + penalty(&at);
            let better = (0..HALVINGS).find_map(|halvings| {
                let t = &at + &step * 0.5f64.powi(halvings);
                let found = Likelihood::at(kernels, &fixed, y, &variances(&t))?;
                (found.log + penalty(&t) > before).then_some((t, found))
            });
            let Some((next, found)) = better else { break };
            let gain = found.log + penalty(&next) - before;
            at = next;
            here = found;
            if gain < 1e-6 {
                break;
            }
        }
        let py = &here.projection * y;
        let left_out = (0..y.len()).map(|i| y[i] - py[i] / here.projection[(i, i)]).collect();
        // The residual is py / p and its variance 1 / p, where p is the diagonal of the projection.
        let error = |i: usize| py[i].abs() / here.projection[(i, i)].sqrt();
        let left_out_errors = (0..y.len()).map(error).collect();
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
            left_out_errors,
        })
    }

    /// Mean at a point, given its fixed effects `[q]` and its covariance, without noise, with each
    /// training target `[n]`.
    pub fn mean(&self, fixed: &DVector<f64>, covariance: &DVector<f64>) -> f64 {
        fixed.dot(&self.effects) + covariance.dot(&self.weights)
    }

    /// Variance of a new target at a point whose prior variance, without noise, is `own`. The other
    /// arguments are those of [`Self::mean`].
    pub fn variance(&self, fixed: &DVector<f64>, covariance: &DVector<f64>, own: f64) -> f64 {
        let solved = self.cholesky.solve(covariance);
        let rest = fixed - self.fixed.tr_mul(&solved);
        let noise = self.variances[self.variances.len() - 1];
        let surface = own - covariance.dot(&solved);
        (surface + rest.dot(&(&self.effects_covariance * &rest))).max(0.0) + noise
    }
}

/// The Fisher scoring step in ln v from `at`, at the variances `v`. Returns `None` if the
/// information matrix is singular.
fn scoring_step(
    kernels: &[DMatrix<f64>],
    y: &DVector<f64>,
    projection: &DMatrix<f64>,
    v: &[f64],
    at: &DVector<f64>,
) -> Option<DVector<f64>> {
    let count = v.len();
    let py = projection * y;
    let mut products: Vec<DMatrix<f64>> = Vec::with_capacity(count);
    for (kernel, variance) in kernels.iter().zip(v) {
        products.push(projection * kernel * *variance);
    }
    products.push(projection.clone() * v[kernels.len()]);
    let slope = DVector::from_fn(count, |k, _| {
        let quadratic = match kernels.get(k) {
            Some(kernel) => py.dot(&(kernel * &py)),
            None => py.norm_squared(),
        };
        0.5 * (v[k] * quadratic - products[k].trace()) - at[k] / SPREAD.powi(2)
    });
    let information = DMatrix::from_fn(count, count, |i, j| {
        let prior = if i == j { SPREAD.powi(-2) } else { 0.0 };
        0.5 * products[i].dot(&products[j].transpose()) + prior
    });
    Some(information.cholesky()?.solve(&slope))
}
