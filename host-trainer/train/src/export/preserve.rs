//! Does the order of sub-networks survive quantisation? Accuracies in int8 against those in float.

use serde::Serialize;
use supernano_base::codes::Coded;
use supernano_base::error::Result;
use supernano_base::stats::{Interval, Resampling, kendall_tau_b, pearson};

use super::material::Material;
use super::measure::{Accuracies, accuracies};
use super::ship::{ExportOptions, Shipment, ship};
use crate::run::Run;

/// One sub-network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Preserved {
    /// Code.
    pub arch: String,
    /// Top-1 in float, 0 to 1.
    pub float: f64,
    /// Top-1 of the integers, 0 to 1.
    pub int8: f64,
}

/// All of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Preservation {
    /// Test images, the first.
    pub images: usize,
    /// Pearson's r of int8 against float.
    pub pearson: f64,
    /// Its 95 % bootstrap interval over sub-networks.
    pub pearson_ci: Interval,
    /// Kendall's tau-b.
    pub kendall_tau_b: f64,
    /// Its interval.
    pub kendall_ci: Interval,
    /// Mean of float minus int8.
    pub mean_loss: f64,
    /// Largest of them.
    pub worst_loss: f64,
    /// Sub-networks in their order.
    pub networks: Vec<Preserved>,
}

/// Quantises every sub-network without training and evaluates both forms on the images of
/// [`Material::judged`];
/// `progress` is told after each.
///
/// # Errors
/// As [`super::ship`].
pub fn preserve(
    run: &Run,
    codes: &[Coded],
    material: &Material,
    options: &ExportOptions,
    progress: &dyn Fn(),
) -> Result<Preservation> {
    let one = |coded: &Coded| -> Result<Preserved> {
        let Shipment { float, blob, .. } = ship(run, &coded.arch, material, options, None)?;
        let Accuracies { float, int8 } = accuracies(&float, &blob, &material.judged)?;
        Ok(Preserved { arch: coded.written.clone(), float, int8 })
    };
    let mut networks = Vec::with_capacity(codes.len());
    for coded in codes {
        networks.push(one(coded)?);
        progress();
    }
    let (float, int8): (Vec<f64>, Vec<f64>) = networks.iter().map(|p| (p.float, p.int8)).unzip();
    let [pearson_ci, kendall_ci] =
        Resampling::default().intervals(&int8, &float, [pearson, kendall_tau_b]);
    let losses = || float.iter().zip(&int8).map(|(f, q)| f - q);
    Ok(Preservation {
        images: material.judged.len(),
        pearson: pearson(&int8, &float),
        pearson_ci,
        kendall_tau_b: kendall_tau_b(&int8, &float),
        kendall_ci,
        mean_loss: losses().sum::<f64>() / networks.len().max(1) as f64,
        worst_loss: losses().fold(f64::NEG_INFINITY, f64::max),
        networks,
    })
}
