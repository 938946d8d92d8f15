//! The pipeline from a trained run to one network in every form that is written.

use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result};
use supernano_base::progress::Task;
use supernano_core::arch::Arch;
use supernano_data::Dataset;

use super::build::{BlobInfo, build};
use super::kernels::Prefer;
use super::material::Material;
use super::post_training::{PostTraining, QuantiseOptions, quantise_after_training};
use super::tune::{TuneRecipe, TuneReport, TuningSet, tune};
use crate::rank::BnSource;
use crate::run::Run;
use crate::supernet::{BnStats, FoldedNet, SubNet, recalibrate};

/// How a sub-network is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportOptions {
    /// Where batch-norm statistics come from.
    pub bn: BnSource,
    /// Training images that the network is quantised with; all where there are fewer.
    pub calibration: usize,
    /// How the network is quantised.
    pub quantise: QuantiseOptions,
    /// Chooses the algorithm of each convolution; no answer depends on it.
    pub prefer: Prefer,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self {
            bn: BnSource::Recalibrate,
            calibration: 512,
            quantise: QuantiseOptions::default(),
            prefer: Prefer::default(),
        }
    }
}

/// Fine-tuning, and where its progress goes.
pub struct Tuning<'a> {
    /// How.
    pub recipe: &'a TuneRecipe,
    /// Training and validation images.
    pub dataset: &'a Dataset,
    /// Advances with every update.
    pub task: &'a dyn Task,
}

/// A sub-network in every form that is written.
#[derive(Clone, Debug)]
pub struct Shipment {
    /// Name of the search space.
    pub space: String,
    /// The sub-network.
    pub code: String,
    /// Training step whose weights it has, from 1.
    pub step: usize,
    /// Calibration images that were used.
    pub calibration_images: usize,
    /// Quantisation-aware fine-tuning, where there was any.
    pub finetuned: Option<TuneReport>,
    /// With batch norm.
    pub subnet: SubNet,
    /// Its batch-norm statistics.
    pub stats: BnStats,
    /// Batch norm folded, in float.
    pub float: FoldedNet,
    /// In integers, and how it became them.
    pub quantised: PostTraining,
    /// The network file.
    pub blob: Blob,
}

/// Batch-norm statistics of a sub-network: over the run's recalibration images, or those that came
/// with imported weights.
///
/// # Errors
/// [`Error::Invalid`] where none came with them.
fn statistics(
    run: &Run,
    arch: &Arch,
    subnet: &SubNet,
    material: &Material,
    from: BnSource,
) -> Result<BnStats> {
    match (from, &run.statistics) {
        (BnSource::Recalibrate, _) => {
            Ok(recalibrate(subnet, material.recalibration_batch, &material.recalibration))
        }
        (BnSource::Stored, Some(stored)) => Ok(stored.of(&run.weights.layout, &run.plan(arch))),
        (BnSource::Stored, None) => {
            let expected = "`recalibrate`: no statistics came with this run's weights";
            Err(Error::invalid("--bn", "statistics", expected, "`stored`"))
        }
    }
}

/// Folds, quantises and builds a sub-network of a run, and fine-tunes it where `tuning` says how.
///
/// # Errors
/// [`Error::Invalid`] where statistics are asked for that the run does not have;
/// [`Error::NotFinite`] where fine-tuning diverges; [`Error::Core`] where the blob cannot hold the
/// network.
pub fn ship(
    run: &Run,
    arch: &Arch,
    material: &Material,
    options: &ExportOptions,
    tuning: Option<Tuning<'_>>,
) -> Result<Shipment> {
    let space = run.space();
    let code = arch.display(&space).to_string();
    let subnet = run.subnet(arch);
    let stats = statistics(run, arch, &subnet, material, options.bn)?;
    let float = subnet.fold(&stats);
    let mut quantised = quantise_after_training(&float, &material.calibration, &options.quantise);
    let mut finetuned = None;
    if let Some(Tuning { recipe, dataset, task }) = tuning {
        let set = TuningSet::new(dataset, &run.config);
        let tuned = tune(&quantised, &float, &set, recipe, &code, task)?;
        (quantised, finetuned) = (tuned.network, Some(tuned.report));
    }
    let info = BlobInfo { space: space.name, code: &code, classes: &material.classes };
    let blob = build(&quantised.net, &info, options.prefer)?;
    Ok(Shipment {
        space: space.name.to_owned(),
        code,
        step: run.step,
        calibration_images: material.calibration.images.len(),
        finetuned,
        subnet,
        stats,
        float,
        quantised,
        blob,
    })
}
