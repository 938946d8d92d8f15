//! The pipeline from a trained run to a sub-network in all forms that files are written from.

use supernano_base::blob::Blob;
use supernano_base::error::Result;
use supernano_base::objective::Objective;
use supernano_base::progress::Task;
use supernano_core::arch::Arch;
use supernano_data::Dataset;

use super::build::{BlobInfo, build};
use super::finite;
use super::kernels::Prefer;
use super::material::Material;
use super::post_training::{PostTraining, QuantiseOptions, quantise_after_training};
use super::tune::{TuneRecipe, TuneReport, TuningSet, tune};
use crate::rank::BnSource;
use crate::run::Run;
use crate::supernet::{BnStats, FoldedNet, SubNet, recalibrate};

/// Options of an export without fine-tuning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportOptions {
    /// Source of the batch-norm statistics.
    pub bn: BnSource,
    /// Training images for quantisation; all if there are fewer.
    pub calibration: usize,
    /// Options of quantisation.
    pub quantise: QuantiseOptions,
    /// Resource that the kernels save. The logits do not depend on it.
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

/// A request for fine-tuning.
pub struct Tuning<'a> {
    /// Settings.
    pub recipe: &'a TuneRecipe,
    /// Training and validation images.
    pub dataset: &'a Dataset,
    /// Progress; it advances with every update.
    pub task: &'a dyn Task,
}

/// A sub-network in all forms that files are written from.
#[derive(Clone, Debug)]
pub struct Shipment {
    /// Name of the search space.
    pub space: String,
    /// Code of the sub-network.
    pub code: String,
    /// Training step of the weights, from 1.
    pub step: usize,
    /// Number of training images for quantisation.
    pub calibration_images: usize,
    /// Quantisation-aware fine-tuning, if there was any.
    pub finetuned: Option<TuneReport>,
    /// The network with batch norm.
    pub subnet: SubNet,
    /// Batch-norm statistics of `subnet`.
    pub stats: BnStats,
    /// The float network with batch norm folded in.
    pub float: FoldedNet,
    /// The integer network, and how it was made.
    pub quantised: PostTraining,
    /// The network file.
    pub blob: Blob,
}

/// Batch-norm statistics of a sub-network, recalibrated or imported with the weights.
///
/// # Errors
/// The errors of [`BnSource::statistics`].
fn statistics(
    run: &Run,
    arch: &Arch,
    subnet: &SubNet,
    material: &Material,
    from: BnSource,
) -> Result<BnStats> {
    match from.statistics(run)? {
        None => Ok(recalibrate(subnet, material.recalibration_batch, &material.recalibration)),
        Some(stored) => Ok(stored.of(&run.weights.layout, &run.plan(arch))),
    }
}

/// Folds, quantises and builds a sub-network of a run. With `tuning` it is fine-tuned before it is
/// built. Values are given in the units of their targets, although they are learnt on another scale.
///
/// # Errors
/// As [`BnSource::statistics`]. [`Error::Invalid`](supernano_base::error::Error::Invalid) names the first layer whose parameters or outputs
/// are not finite. [`Error::NotFinite`](supernano_base::error::Error::NotFinite) if fine-tuning diverges; [`Error::Core`](supernano_base::error::Error::Core) if the blob
/// cannot hold the network.
pub fn ship(
    run: &Run,
    arch: &Arch,
    material: &Material,
    options: &ExportOptions,
    tuning: Option<Tuning<'_>>,
) -> Result<Shipment> {
    let space = run.space();
    let code = arch.display(&space).to_string();
    let mut subnet = run.subnet(arch);
    let stats = statistics(run, arch, &subnet, material, options.bn)?;
    let mut float = subnet.fold(&stats);
    let place = format!("network {code} of {}", run.path.display());
    finite::network(&place, &stats, &float, &material.calibration.images)?;
    let mut quantised = quantise_after_training(&float, &material.calibration, &options.quantise);
    let mut finetuned = None;
    if let Some(Tuning { recipe, dataset, task }) = tuning {
        let set = TuningSet::new(dataset, &run.config)?;
        let tuned = tune(&quantised, &float, &set, recipe, &code, task)?;
        (quantised, finetuned) = (tuned.network, Some(tuned.report));
    }
    if let Objective::Values(spreads) = &material.judged.measured.objective {
        for classifier in [&mut subnet.classifier, &mut float.classifier] {
            classifier.in_units(spreads);
        }
        quantised.in_units(spreads, &material.calibration.normalisation);
    }
    finite::parameters(&place, &quantised.float)?;
    finite::scales(&place, &quantised.net)?;
    let front_end = material.front_end.as_ref();
    let info = BlobInfo {
        space: space.name,
        code: &code,
        residual: space.is_residual(),
        classes: &material.classes,
        front_end,
    };
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
