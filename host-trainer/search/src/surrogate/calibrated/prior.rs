//! The fixed effects and the covariances of a correction, which do not depend on the truths.

use nalgebra::DVector;
use supernano_base::codes::random_codes;
use supernano_core::arch::Arch;
use supernano_core::space::Space;

use super::super::covariance::WidthCovariance;
use super::super::{Surrogate, ln_costs};
use super::Components;

/// Number of random sub-networks over which the costs are standardised.
const REFERENCE: usize = 1000;

/// The model of a correction before it is fitted.
pub(super) struct Prior {
    /// The surrogate, with [`Components::score`] only.
    surrogate: Option<Surrogate>,
    widths: WidthCovariance,
    components: Components,
    /// Mean and standard deviation of ln MACs and ln parameters.
    scales: [(f64, f64); 2],
}

impl Prior {
    pub fn new(space: &Space<'_>, surrogate: &Surrogate, components: Components) -> Self {
        Self {
            surrogate: components.score.then(|| surrogate.clone()),
            widths: WidthCovariance::new(space),
            components,
            scales: scales(space),
        }
    }

    /// Standardised ln MACs and ln parameters.
    pub fn costs(&self, space: &Space<'_>, arch: &Arch) -> [f64; 2] {
        let costs = ln_costs(space, arch);
        [0, 1].map(|k| (costs[k] - self.scales[k].0) / self.scales[k].1)
    }

    /// Fixed effects: 1 and, with a surrogate, its linear score.
    pub fn fixed(&self, space: &Space<'_>, arch: &Arch) -> DVector<f64> {
        match &self.surrogate {
            Some(surrogate) => DVector::from_vec(vec![1.0, surrogate.linear(space, arch)]),
            None => DVector::from_vec(vec![1.0]),
        }
    }

    /// The covariance of two sub-networks for each component. A sub-network is given with its
    /// standardised costs.
    pub fn covariances(&self, a: (&Arch, [f64; 2]), b: (&Arch, [f64; 2])) -> Vec<f64> {
        let mut covariances = self.widths.between(a.0, b.0);
        let products = covariances.pop().filter(|_| self.components.products);
        if self.components.layers {
            covariances.extend([0, 1].map(|k| a.1[k] * b.1[k]));
        } else {
            covariances.clear();
        }
        covariances.extend(products);
        covariances
    }

    /// Names of the components in the order of [`Self::covariances`], then that of the noise.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        if self.components.layers {
            names.extend((1..=self.widths.groups).map(|g| format!("layers of resolution {g}")));
            names.extend(["ln macs", "ln params"].map(String::from));
        }
        if self.components.products {
            names.push("products of two layers of a resolution".into());
        }
        names.push("noise".into());
        names
    }
}

/// Mean and standard deviation of the logarithms of the costs over random sub-networks.
fn scales(space: &Space<'_>) -> [(f64, f64); 2] {
    let codes = random_codes(space, REFERENCE, 0);
    let costs: Vec<[f64; 2]> = codes.iter().map(|c| ln_costs(space, &c.arch)).collect();
    let n = costs.len() as f64;
    [0, 1].map(|k| {
        let mean = costs.iter().map(|c| c[k]).sum::<f64>() / n;
        let variance = costs.iter().map(|c| (c[k] - mean).powi(2)).sum::<f64>() / n;
        (mean, if variance > 1e-12 { variance.sqrt() } else { 1.0 })
    })
}
