//! Does the order of sub-networks survive quantisation? Accuracies in int8 against those in float.

use serde::Serialize;
use supernano_base::blob::top1;
use supernano_base::codes::Coded;
use supernano_base::error::Result;
use supernano_base::stats::{Interval, Resampling, kendall_tau_b, pearson};
use supernano_core::arch::Arch;
use supernano_data::Dataset;

use super::{Options, Source, build, quantise_after_training, statistics};
use crate::rank::Statistics;
use crate::run::Run;
use crate::supernet::{EvalSet, evaluate};

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

/// Quantises every sub-network without training and evaluates both forms on the first `images`
/// test images; `progress` is told after each.
///
/// # Errors
/// As [`super::ship`].
pub fn preserve(
    run: &Run,
    codes: &[Coded],
    dataset: &Dataset,
    images: usize,
    from: Statistics,
    options: &Options,
    progress: &dyn Fn(),
) -> Result<Preservation> {
    let set = EvalSet::new(dataset, &dataset.test, images);
    let test = dataset.test.select(&(0..set.len() as u32).collect::<Vec<_>>());
    let one = |arch: &Arch, written: &str| -> Result<Preserved> {
        let subnet = run.subnet(arch);
        let float = subnet.fold(&statistics(run, arch, &subnet, dataset, from)?);
        let net = quantise_after_training(&float, dataset, options).net;
        let blob = build(
            &net,
            &Source { space: run.space().name, code: written, dataset, prefer: options.prefer },
        )?;
        Ok(Preserved {
            arch: written.to_owned(),
            float: evaluate(&float, &set).top1,
            int8: top1(&blob.logits(&test)?, &test.labels),
        })
    };
    let mut networks = Vec::with_capacity(codes.len());
    for coded in codes {
        networks.push(one(&coded.arch, &coded.written)?);
        progress();
    }
    let (float, int8): (Vec<f64>, Vec<f64>) = networks.iter().map(|p| (p.float, p.int8)).unzip();
    let [pearson_ci, kendall_ci] =
        Resampling::default().intervals(&int8, &float, [pearson, kendall_tau_b]);
    let losses = || float.iter().zip(&int8).map(|(f, q)| f - q);
    Ok(Preservation {
        images: set.len(),
        pearson: pearson(&int8, &float),
        pearson_ci,
        kendall_tau_b: kendall_tau_b(&int8, &float),
        kendall_ci,
        mean_loss: losses().sum::<f64>() / networks.len().max(1) as f64,
        worst_loss: losses().fold(f64::NEG_INFINITY, f64::max),
        networks,
    })
}
