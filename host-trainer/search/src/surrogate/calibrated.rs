//! Correction of a surrogate with the true accuracies of a few sub-networks.
//!
//! [`Calibrated::fit`] takes a surrogate and some truths; [`Calibrated::predict`] then predicts the
//! true accuracy of any sub-network. The training that gives the truths belongs to other crates.

mod prior;

use nalgebra::{DMatrix, DVector};
use supernano_base::error::{Error, Result};
use supernano_base::stats::pearson;
use supernano_core::arch::Arch;
use supernano_core::space::Space;

use super::process::Process;
use super::{CrossValidation, Link, Prediction, Surrogate, folds, ln_costs};
use prior::Prior;

/// Smallest number of true accuracies for a correction.
pub const FEWEST_TRUTHS: usize = 5;

/// The components of a correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Components {
    /// A straight line in the score of the surrogate: logit truth = a + b logit score + the rest.
    pub score: bool,
    /// Effects of the layers and of the two costs.
    pub layers: bool,
    /// Products of two layers of the same resolution.
    pub products: bool,
}

impl Default for Components {
    /// All components.
    fn default() -> Self {
        Self { score: true, layers: true, products: true }
    }
}

/// A surrogate with a correction.
///
/// On the logit scale, truth(x) = a + b s(x) + c(x) + noise. s is the surrogate. c is a Gaussian
/// process with one variance for the layers of each resolution, one each for ln MACs and ln
/// parameters, and one for products of layers. All variances are estimated from the truths by
/// restricted maximum likelihood, so a correction by few truths is small.
pub struct Calibrated {
    prior: Prior,
    archs: Vec<Arch>,
    /// Standardised costs of [`Self::archs`].
    costs: Vec<[f64; 2]>,
    process: Process,
    /// Error of leave-one-out predictions, at the variances estimated from all truths.
    pub cross_validation: CrossValidation,
}

impl Calibrated {
    /// Corrects `surrogate` with sub-networks and their true accuracies, 0 to 1.
    ///
    /// # Errors
    /// [`Error::Invalid`] for fewer than [`FEWEST_TRUTHS`] truths, for an accuracy that is not
    /// between 0 and 1, for accuracies that are all equal, and for scores that are all equal.
    pub fn fit(
        space: &Space<'_>,
        surrogate: &Surrogate,
        truths: &[(Arch, f64)],
        components: Components,
    ) -> Result<Self> {
        check(space, truths)?;
        let prior = Prior::new(space, surrogate, components);
        let n = truths.len();
        let archs: Vec<Arch> = truths.iter().map(|t| t.0.clone()).collect();
        let costs: Vec<[f64; 2]> = archs.iter().map(|a| prior.costs(space, a)).collect();
        let pairs: Vec<Vec<f64>> = (0..n * n)
            .map(|at| {
                let (i, j) = (at / n, at % n);
                prior.covariances((&archs[i], costs[i]), (&archs[j], costs[j]))
            })
            .collect();
        let kernels: Vec<DMatrix<f64>> = (0..pairs[0].len())
            .map(|k| DMatrix::from_fn(n, n, |i, j| pairs[i * n + j][k]))
            .collect();
        let rows: Vec<DVector<f64>> = archs.iter().map(|a| prior.fixed(space, a)).collect();
        let fixed = DMatrix::from_fn(n, rows[0].len(), |i, j| rows[i][j]);
        let y = DVector::from_fn(n, |i, _| Link::Logit.linear(truths[i].1));
        let start = start(&kernels, &fixed, &y);
        let singular = || Error::invalid("truths", "scores", "scores that differ", "all the same");
        let process = Process::fit(&kernels, fixed, &y, &start).ok_or_else(singular)?;
        let mut cross_validation = leave_one_out(&process, truths);
        let costs_of: Vec<[f64; 2]> = archs.iter().map(|arch| ln_costs(space, arch)).collect();
        let values: Vec<f64> = truths.iter().map(|t| t.1).collect();
        cross_validation.trivial_pearson = folds::trivial_pearson(&costs_of, &values, n);
        Ok(Self { prior, archs, costs, process, cross_validation })
    }

    /// Names and values of the estimated variances on the logit scale.
    pub fn variances(&self) -> Vec<(String, f64)> {
        self.prior.names().into_iter().zip(self.process.variances.iter().copied()).collect()
    }

    /// The estimates of a and, with [`Components::score`], b in the formula of [`Calibrated`].
    pub fn effects(&self) -> Vec<f64> {
        self.process.effects.iter().copied().collect()
    }

    /// Predicted true accuracy without its standard error.
    pub fn score(&self, space: &Space<'_>, arch: &Arch) -> f64 {
        let point = self.point(space, arch);
        Link::Logit.score(self.process.mean(&point.fixed, &point.covariance))
    }

    /// Predicted true accuracy with its standard error.
    pub fn predict(&self, space: &Space<'_>, arch: &Arch) -> Prediction {
        let Point { fixed, covariance, costs } = self.point(space, arch);
        let own = self.weighted(&self.prior.covariances((arch, costs), (arch, costs)));
        let linear = self.process.mean(&fixed, &covariance);
        let score = Link::Logit.score(linear);
        let deviation = self.process.variance(&fixed, &covariance, own).sqrt();
        let half = self.cross_validation.interval_factor * deviation;
        let interval = [linear - half, linear + half].map(|end| Link::Logit.score(end));
        Prediction { score, se: Link::Logit.information(score) * deviation, interval }
    }

    fn point(&self, space: &Space<'_>, arch: &Arch) -> Point {
        let costs = self.prior.costs(space, arch);
        let covariance = DVector::from_fn(self.archs.len(), |i, _| {
            let other = (&self.archs[i], self.costs[i]);
            self.weighted(&self.prior.covariances((arch, costs), other))
        });
        Point { fixed: self.prior.fixed(space, arch), covariance, costs }
    }

    /// The covariance of all components together.
    fn weighted(&self, covariances: &[f64]) -> f64 {
        covariances.iter().zip(&self.process.variances).map(|(k, v)| k * v).sum()
    }
}

/// A sub-network as the process sees it.
struct Point {
    /// Fixed effects, `[1 or 2]`.
    fixed: DVector<f64>,
    /// Covariance with every truth, `[truths]`.
    covariance: DVector<f64>,
    /// Standardised costs.
    costs: [f64; 2],
}

fn check(space: &Space<'_>, truths: &[(Arch, f64)]) -> Result<()> {
    if truths.len() < FEWEST_TRUTHS {
        let expected = format!("at least {FEWEST_TRUTHS}");
        return Err(Error::invalid("truths", "sub-networks", expected, truths.len()));
    }
    if let Some((arch, truth)) = truths.iter().find(|t| !Link::Logit.admits(t.1)) {
        let expected = Link::Logit.expected();
        return Err(Error::invalid("truths", arch.display(space), expected, truth));
    }
    if truths.iter().all(|t| t.1 == truths[0].1) {
        let expected = "accuracies that differ";
        return Err(Error::invalid("truths", "accuracy", expected, truths[0].1));
    }
    Ok(())
}

fn leave_one_out(process: &Process, truths: &[(Arch, f64)]) -> CrossValidation {
    let n = truths.len();
    let predicted: Vec<f64> = process.left_out.iter().map(|&t| Link::Logit.score(t)).collect();
    let truth: Vec<f64> = truths.iter().map(|t| t.1).collect();
    let squares = predicted.iter().zip(&truth).map(|(p, t)| (p - t).powi(2)).sum::<f64>();
    let rmse = (squares / n as f64).sqrt();
    let interval_factor = folds::interval_factor(process.left_out_errors.clone());
    CrossValidation {
        interval_factor,
        ..CrossValidation::new(n, rmse, pearson(&predicted, &truth))
    }
}

/// First guess of the variances: 0.3 of the residual variance of the fixed effects for each
/// component, 0.2 for the noise.
fn start(kernels: &[DMatrix<f64>], fixed: &DMatrix<f64>, y: &DVector<f64>) -> Vec<f64> {
    let n = y.len() as f64;
    let effects = (fixed.tr_mul(fixed)).pseudo_inverse(1e-12).map(|i| i * fixed.tr_mul(y));
    let rest = effects.map_or_else(|_| y.clone(), |b| y - fixed * b);
    let variance = (rest.norm_squared() / n).max(1e-8);
    let each = kernels.iter().map(|k| 0.3 * variance / (k.trace() / n).max(1e-9));
    each.chain([0.2 * variance]).collect()
}
