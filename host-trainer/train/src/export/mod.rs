//! Export: batch norm folded, int8 per output channel, one file for the device.

pub(crate) mod build;
mod calibrate;
pub mod choices;
mod equalise;
pub mod explain;
pub mod finetune;
pub mod formats;
mod network;
mod prefer;
pub mod preserve;
mod ptq;
pub mod quantise;
mod simulate;

use serde::Serialize;
use supernano_core::arch::Arch;
use supernano_core::exec;

pub use build::{Source, build};
pub use calibrate::{Affines, RangeRule, Ranges, calibrate};
pub use network::{QConv, QuantisedNet};
pub use prefer::Prefer;
pub use ptq::{Choice, Options, Quantised, quantise_after_training};
pub use simulate::images as integer_images;

use crate::export::finetune::{Finetune, Material, Tuned, finetune};
use crate::rank::Statistics;
use crate::run::Run;
use crate::supernet::{BnStats, FoldedNet, SubNet};
use crate::supernet::{EvalSet, evaluate};
use supernano_base::blob;
use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result};
use supernano_base::progress::Task;
use supernano_data::Dataset;

/// One operation of the exported network.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct OpSummary {
    /// `conv3x3`, `conv1x1`, `classifier` and so on.
    pub kind: String,
    /// Multiply-accumulates.
    pub macs: u64,
}

/// What fine-tuning did.
#[derive(Clone, Copy, Debug, Serialize, PartialEq)]
pub struct Finetuned {
    /// Epochs.
    pub epochs: u32,
    /// Updates.
    pub updates: u64,
    /// Mean cross-entropy with the float network's answers on validation images before, nats.
    pub before: f64,
    /// The same after.
    pub after: f64,
    /// False where that was no gain, so that the network before ships.
    pub kept: bool,
}

/// What an export made.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct Exported {
    /// The sub-network.
    pub code: String,
    /// Training step whose weights it has, from 1.
    pub step: usize,
    /// Length of the file, bytes.
    pub flash_bytes: usize,
    /// Working memory, the image included, bytes.
    pub arena_bytes: usize,
    /// CRC-32 of the file.
    pub checksum: u32,
    /// Images of the training split that the ranges come from.
    pub calibration_images: usize,
    /// True where channels were equalised across layers.
    pub equalised: bool,
    /// True where biases were corrected.
    pub corrected: bool,
    /// Quantisation-aware fine-tuning, where there was any.
    pub finetuned: Option<Finetuned>,
    /// Images of the test split that the two accuracies come from.
    pub test_images: usize,
    /// Top-1 in float, 0 to 1.
    pub top1_float: f64,
    /// Top-1 of the integers, 0 to 1.
    pub top1_int8: f64,
    /// In the order of execution.
    pub ops: Vec<OpSummary>,
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
    pub finetuned: Option<Finetuned>,
    /// With batch norm.
    pub subnet: SubNet,
    /// Its batch-norm statistics.
    pub stats: BnStats,
    /// Batch norm folded, in float.
    pub float: FoldedNet,
    /// In integers.
    pub quantised: QuantisedNet,
    /// How it became them.
    pub how: Quantised,
    /// The network file.
    pub blob: Blob,
}

/// Fine-tuning, and where its progress goes.
pub struct Tuning<'a> {
    /// How.
    pub recipe: &'a Finetune,
    /// Advances with every update.
    pub task: &'a dyn Task,
}

/// Batch-norm statistics of a sub-network: over the run's recalibration images, or those that came
/// with imported weights.
///
/// # Errors
/// [`Error::Invalid`] where none came with them.
pub fn statistics(
    run: &Run,
    arch: &Arch,
    subnet: &SubNet,
    dataset: &Dataset,
    from: Statistics,
) -> Result<BnStats> {
    match (from, &run.statistics) {
        (Statistics::Recalibrate, _) => Ok(run.recalibrate(subnet, dataset)),
        (Statistics::Stored, Some(stored)) => Ok(stored.of(&run.weights.layout, &run.plan(arch))),
        (Statistics::Stored, None) => {
            let expected = "`recalibrate`: no statistics came with this run's weights";
            Err(Error::invalid("--bn", "statistics", expected, "`stored`"))
        }
    }
}

/// Quantises a sub-network of a run, and fine-tunes it where `tuning` says how.
///
/// # Errors
/// As [`statistics`]; [`Error::Core`] where the blob cannot hold the network.
pub fn ship(
    run: &Run,
    arch: &Arch,
    dataset: &Dataset,
    from: Statistics,
    options: &Options,
    tuning: Option<Tuning<'_>>,
) -> Result<Shipment> {
    let space = run.space();
    let code = arch.display(&space).to_string();
    let subnet = run.subnet(arch);
    let stats = statistics(run, arch, &subnet, dataset, from)?;
    let float = subnet.fold(&stats);
    let calibration_images = options.calibration.min(dataset.train.len());
    let mut how = quantise_after_training(&float, dataset, options);
    let mut finetuned = None;
    if let Some(Tuning { recipe, task }) = tuning {
        let (augmentation, optimizer) = (&run.config.augmentation, run.config.optimizer);
        let material = Material { dataset, augmentation, optimizer };
        let tuned = finetune(&how, &float, &material, recipe, &code, task)?;
        let Tuned { network, updates, before, after } = tuned;
        how = network;
        let kept = after < before;
        finetuned = Some(Finetuned { epochs: recipe.epochs, updates, before, after, kept });
    }
    let quantised = how.net.clone();
    let blob = build(
        &quantised,
        &Source { space: space.name, code: &code, dataset, prefer: options.prefer },
    )?;
    let space = space.name.to_owned();
    Ok(Shipment {
        space,
        code,
        step: run.step,
        calibration_images,
        finetuned,
        subnet,
        stats,
        float,
        quantised,
        how,
        blob,
    })
}

/// Costs and accuracies of a network, on all test images.
///
/// # Errors
/// [`Error::Core`] for images of another shape.
pub fn measure(shipment: &Shipment, dataset: &Dataset) -> Result<Exported> {
    let test = EvalSet::new(dataset, &dataset.test, usize::MAX);
    let top1_float = evaluate(&shipment.float, &test).top1;
    let logits = shipment.blob.logits(&dataset.test)?;
    let view = shipment.blob.view()?;
    Ok(Exported {
        code: shipment.code.clone(),
        step: shipment.step,
        flash_bytes: shipment.blob.bytes().len(),
        arena_bytes: view.arena_bytes(),
        checksum: view.checksum(),
        calibration_images: shipment.calibration_images,
        equalised: shipment.how.equalised,
        corrected: shipment.how.corrected,
        finetuned: shipment.finetuned,
        test_images: dataset.test.len(),
        top1_float,
        top1_int8: blob::top1(&logits, &dataset.test.labels),
        ops: view
            .header()
            .ops
            .iter()
            .map(|op| OpSummary { kind: blob::kind(op), macs: exec::macs(&view, op) })
            .collect(),
    })
}
