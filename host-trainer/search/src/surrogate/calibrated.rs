//! True accuracies of a few sub-networks correct what the supernet says of all.

use nalgebra::{DMatrix, DVector};
use supernano_base::codes::random_codes;
use supernano_base::error::{Error, Result};
use supernano_base::stats::pearson;
use supernano_core::arch::Arch;
use supernano_core::space::Space;

use super::kernels::Kernels;
use super::process::Process;
use super::{CrossValidation, Link, Prediction, Surrogate, ln_costs};

/// Fewest true accuracies that a model is corrected with.
pub const FEWEST_TRUTHS: usize = 5;

/// Sub-networks over which the costs are standardised.
const REFERENCE: usize = 1000;

/// What a correction may consist of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The supernet's score is the prior: logit truth = a + b logit score + the rest.
    pub score: bool,
    /// Effects of the layers and of the two costs.
    pub layers: bool,
    /// Products of two layers of a resolution.
    pub products: bool,
}

impl Default for Parts {
    fn default() -> Self {
        Self { score: true, layers: true, products: true }
    }
}

/// A surrogate with a correction.
///
/// On the logit scale: truth(x) = a + b s(x) + c(x) + noise, s being the surrogate and c a
/// Gaussian process with a variance for the layers of each resolution, for ln MACs, for ln
/// parameters and for products of layers. All variances are estimated from the truths by
/// restricted maximum likelihood, so that few truths move little and many move much.
pub struct Calibrated {
    surrogate: Option<Surrogate>,
    kernels: Kernels,
    parts: Parts,
    archs: Vec<Arch>,
    /// Standardised costs of [`Self::archs`].
    costs: Vec<[f64; 2]>,
    /// Mean and deviation of ln MACs and ln parameters.
    scales: [(f64, f64); 2],
    process: Process,
    /// Truths predicted from all other truths, under the variances estimated from all.
    pub cross_validation: CrossValidation,
}

/// Mean and deviation of the costs' logarithms over random sub-networks of a space.
fn scales(space: &Space<'_>) -> [(f64, f64); 2] {
    let codes = random_codes(space, REFERENCE, 0);
    let costs: Vec<[f64; 2]> = codes.iter().map(|c| ln_costs(space, &c.arch)).collect();
    [0, 1].map(|k| {
        let n = costs.len() as f64;
        let mean = costs.iter().map(|c| c[k]).sum::<f64>() / n;
        let variance = costs.iter().map(|c| (c[k] - mean).powi(2)).sum::<f64>() / n;
        (mean, if variance > 1e-12 { variance.sqrt() } else { 1.0 })
    })
}

impl Calibrated {
    /// Corrects `surrogate` with sub-networks and their true accuracies.
    ///
    /// # Errors
    /// [`Error::Invalid`] for fewer than [`FEWEST_TRUTHS`] of them, accuracies that are not from 0
    /// to 1 or all the same.
    pub fn fit(
        space: &Space<'_>,
        surrogate: &Surrogate,
        truths: &[(Arch, f64)],
        parts: Parts,
    ) -> Result<Self> {
        if truths.len() < FEWEST_TRUTHS {
            let expected = format!("at least {FEWEST_TRUTHS}");
            return Err(Error::invalid("truths", "sub-networks", expected, truths.len()));
        }
        if let Some((arch, truth)) = truths.iter().find(|t| !Link::Logit.admits(t.1)) {
            let expected = Link::Logit.expected();
            return Err(Error::invalid("truths", arch.display(space), expected, truth));
        }
        if truths.iter().all(|t| t.1 == truths[0].1) {
            return Err(Error::invalid(
                "truths",
                "accuracy",
                "accuracies that differ",
                truths[0].1,
            ));
        }
        let mut this = Unfitted {
            surrogate: parts.score.then(|| surrogate.clone()),
            kernels: Kernels::new(space),
            parts,
            scales: scales(space),
        };
        let n = truths.len();
        let archs: Vec<Arch> = truths.iter().map(|t| t.0.clone()).collect();
        let costs: Vec<[f64; 2]> = archs.iter().map(|a| this.costs(space, a)).collect();
        let pairs: Vec<Vec<f64>> = (0..n * n)
            .map(|at| {
                let (i, j) = (at / n, at % n);
                this.covariances((&archs[i], costs[i]), (&archs[j], costs[j]))
            })
            .collect();
        let components = pairs[0].len();
        let kernels: Vec<DMatrix<f64>> =
            (0..components).map(|k| DMatrix::from_fn(n, n, |i, j| pairs[i * n + j][k])).collect();
        let rows: Vec<DVector<f64>> = archs.iter().map(|a| this.fixed(space, a)).collect();
        let fixed = DMatrix::from_fn(n, rows[0].len(), |i, j| rows[i][j]);
        let y = DVector::from_fn(n, |i, _| Link::Logit.linear(truths[i].1));
        let start = start(&kernels, &fixed, &y);
        let singular = || Error::invalid("truths", "scores", "scores that differ", "all the same");
        let process = Process::fit(&kernels, fixed, &y, &start).ok_or_else(singular)?;
        let said: Vec<f64> = process.left_out.iter().map(|&t| Link::Logit.score(t)).collect();
        let squares = said.iter().zip(truths).map(|(s, t)| (s - t.1).powi(2)).sum::<f64>();
        let truth: Vec<f64> = truths.iter().map(|t| t.1).collect();
        let cross_validation = CrossValidation {
            folds: n,
            rmse: (squares / n as f64).sqrt(),
            pearson: pearson(&said, &truth),
        };
        let surrogate = this.surrogate.take();
        let Unfitted { kernels, scales, .. } = this;
        Ok(Self { surrogate, kernels, parts, archs, costs, scales, process, cross_validation })
    }

    /// Names of the estimated variances, on the logit scale, with their values.
    pub fn variances(&self) -> Vec<(String, f64)> {
        let mut names: Vec<String> = Vec::new();
        if self.parts.layers {
            names.extend((1..=self.kernels.groups).map(|g| format!("layers of resolution {g}")));
            names.extend(["ln macs", "ln params"].map(String::from));
        }
        if self.parts.products {
            names.push("products of two layers of a resolution".into());
        }
        names.push("noise".into());
        names.into_iter().zip(self.process.variances.iter().copied()).collect()
    }

    /// a, and where the score is the prior, b of [`Calibrated`]'s formula.
    pub fn effects(&self) -> Vec<f64> {
        self.process.effects.iter().copied().collect()
    }

    /// Fixed effects, covariance with every truth, and costs.
    fn at(&self, space: &Space<'_>, arch: &Arch) -> (DVector<f64>, DVector<f64>, [f64; 2]) {
        let costs = standardised(space, arch, &self.scales);
        let weigh = |parts: Vec<f64>| -> f64 {
            parts.iter().zip(&self.process.variances).map(|(k, v)| k * v).sum()
        };
        let covariance = DVector::from_fn(self.archs.len(), |i, _| {
            let other = (&self.archs[i], self.costs[i]);
            weigh(covariances(&self.kernels, self.parts, (arch, costs), other))
        });
        (fixed(self.surrogate.as_ref(), space, arch), covariance, costs)
    }

    /// Predicted true accuracy alone.
    pub fn score(&self, space: &Space<'_>, arch: &Arch) -> f64 {
        let (fixed, covariance, _) = self.at(space, arch);
        Link::Logit.score(self.process.mean(&fixed, &covariance))
    }

    /// Predicted true accuracy with its standard error.
    pub fn predict(&self, space: &Space<'_>, arch: &Arch) -> Prediction {
        let (fixed, covariance, costs) = self.at(space, arch);
        let own = covariances(&self.kernels, self.parts, (arch, costs), (arch, costs));
        let own = own.iter().zip(&self.process.variances).map(|(k, v)| k * v).sum();
        let score = Link::Logit.score(self.process.mean(&fixed, &covariance));
        let deviation = self.process.variance(&fixed, &covariance, own).sqrt();
        Prediction { score, se: Link::Logit.information(score) * deviation }
    }
}

/// What is known before the truths.
struct Unfitted {
    surrogate: Option<Surrogate>,
    kernels: Kernels,
    parts: Parts,
    scales: [(f64, f64); 2],
}

impl Unfitted {
    fn costs(&self, space: &Space<'_>, arch: &Arch) -> [f64; 2] {
        standardised(space, arch, &self.scales)
    }

    fn covariances(&self, a: (&Arch, [f64; 2]), b: (&Arch, [f64; 2])) -> Vec<f64> {
        covariances(&self.kernels, self.parts, a, b)
    }

    fn fixed(&self, space: &Space<'_>, arch: &Arch) -> DVector<f64> {
        fixed(self.surrogate.as_ref(), space, arch)
    }
}

fn standardised(space: &Space<'_>, arch: &Arch, scales: &[(f64, f64); 2]) -> [f64; 2] {
    let costs = ln_costs(space, arch);
    [0, 1].map(|k| (costs[k] - scales[k].0) / scales[k].1)
}

fn fixed(surrogate: Option<&Surrogate>, space: &Space<'_>, arch: &Arch) -> DVector<f64> {
    let score = surrogate.map(|s| s.linear(space, arch));
    DVector::from_iterator(1 + usize::from(score.is_some()), [1.0].into_iter().chain(score))
}

/// A covariance for each component.
fn covariances(
    kernels: &Kernels,
    parts: Parts,
    a: (&Arch, [f64; 2]),
    b: (&Arch, [f64; 2]),
) -> Vec<f64> {
    let mut layers = kernels.between(a.0, b.0);
    let products = layers.pop().filter(|_| parts.products);
    if parts.layers {
        layers.extend([0, 1].map(|k| a.1[k] * b.1[k]));
    } else {
        layers.clear();
    }
    layers.extend(products);
    layers
}

/// A first guess: what the fixed effects leave, 0.3 of it to every component and 0.2 to noise.
fn start(kernels: &[DMatrix<f64>], fixed: &DMatrix<f64>, y: &DVector<f64>) -> Vec<f64> {
    let n = y.len() as f64;
    let effects = (fixed.tr_mul(fixed)).pseudo_inverse(1e-12).map(|i| i * fixed.tr_mul(y));
    let rest = effects.map_or_else(|_| y.clone(), |b| y - fixed * b);
    let variance = (rest.norm_squared() / n).max(1e-8);
    let each = kernels.iter().map(|k| 0.3 * variance / (k.trace() / n).max(1e-9));
    each.chain([0.2 * variance]).collect()
}
