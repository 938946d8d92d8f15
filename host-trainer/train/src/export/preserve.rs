//! Compares the accuracies of sub-networks in int8 with those in float: does quantisation preserve
//! their order?

use serde::Serialize;
use supernano_base::codes::Coded;
use supernano_base::error::Result;
use supernano_base::stats::{Coefficient, Interval, Resampling, kendall_tau_b, pearson};

use super::material::Materials;
use super::measure::{Accuracies, accuracies};
use super::post_training::PostTraining;
use super::ship::{ExportOptions, Shipment, ship};
use crate::run::Run;

/// Accuracies of a sub-network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Preserved {
    /// Code.
    pub arch: String,
    /// Top-1 accuracy in float, 0 to 1.
    pub float: f64,
    /// Top-1 accuracy in int8, 0 to 1.
    pub int8: f64,
    /// Squared error of the logits relative to their variance, on calibration images.
    pub logit_error: f64,
    /// True if channels were equalised.
    pub equalised: bool,
    /// True if biases were corrected.
    pub corrected: bool,
}

/// Accuracies of sub-networks, with their correlations.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Preservation {
    /// Number of images.
    pub images: usize,
    /// Pearson correlation of the accuracies in int8 and in float.
    pub pearson: f64,
    /// 95 % bootstrap interval of `pearson` over sub-networks.
    pub pearson_ci: Interval,
    /// Kendall's tau-b of the accuracies.
    pub kendall_tau_b: f64,
    /// 95 % bootstrap interval of `kendall_tau_b`.
    pub kendall_ci: Interval,
    /// Mean loss of accuracy, 0 to 1.
    pub mean_loss: f64,
    /// Largest loss of accuracy.
    pub worst_loss: f64,
    /// Sub-networks in the order of the codes.
    pub networks: Vec<Preserved>,
}

/// Exports every sub-network without fine-tuning, and evaluates both forms on the images
/// [`Material::judged`](super::Material::judged). `progress` is called after each sub-network.
///
/// # Errors
/// The errors of [`super::ship`].
pub fn preserve(
    run: &Run,
    codes: &[Coded],
    materials: &mut Materials<'_>,
    options: &ExportOptions,
    progress: &dyn Fn(),
) -> Result<Preservation> {
    let mut one = |coded: &Coded| -> Result<(Preserved, usize)> {
        let material = materials.at(coded.arch.image(&run.space()))?;
        let Shipment { float, blob, quantised, .. } =
            ship(run, &coded.arch, material, options, None)?;
        let Accuracies { float, int8, .. } = accuracies(&float, &blob, &material.judged)?;
        let PostTraining { equalised, corrected, error: logit_error, .. } = quantised;
        let arch = coded.written.clone();
        let found = Preserved { arch, float, int8, logit_error, equalised, corrected };
        Ok((found, material.judged.len()))
    };
    let mut networks = Vec::with_capacity(codes.len());
    let mut images = 0;
    for coded in codes {
        let (found, judged) = one(coded)?;
        images = judged;
        networks.push(found);
        progress();
    }
    let (float, int8): (Vec<f64>, Vec<f64>) = networks.iter().map(|p| (p.float, p.int8)).unzip();
    let [pearson_ci, kendall_ci] = Resampling::default().intervals(
        &int8,
        &float,
        [Coefficient::Pearson, Coefficient::Kendall],
    );
    let losses = || float.iter().zip(&int8).map(|(f, q)| f - q);
    Ok(Preservation {
        images,
        pearson: pearson(&int8, &float),
        pearson_ci,
        kendall_tau_b: kendall_tau_b(&int8, &float),
        kendall_ci,
        mean_loss: losses().sum::<f64>() / networks.len().max(1) as f64,
        worst_loss: losses().fold(f64::NEG_INFINITY, f64::max),
        networks,
    })
}
