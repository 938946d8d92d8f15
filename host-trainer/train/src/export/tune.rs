//! Quantisation-aware fine-tuning of a network. The forward pass computes the integers of the
//! executor; gradients pass straight through every rounding.
//!
//! Every update quantises the weights by the rule of the export. The parameters of the feature maps
//! are those of the calibration. The exported network therefore equals the trained network bit for
//! bit.

mod trained;

use std::ops::ControlFlow;

use burn::tensor::{Tensor, TensorData};
use serde::Serialize;
use supernano_base::config::{Augmentation, LossConfig, Optimizer, RunConfig};
use supernano_base::error::{Error, Result};
use supernano_base::progress::Task;
use supernano_core::space::Head;
use supernano_data::{Dataset, ExampleMaker, Examples};

use self::trained::{B, TrainedNetwork};
use super::material::ImageSet;
use super::post_training::PostTraining;
use super::quantise::QuantisedNet;
use super::simulate::integer_input;
use crate::supernet::FoldedNet;
use crate::training::loss::Criterion;
use crate::training::{Learner, Losses, Position, Schedule, UpdateInput, fit, loss};

/// Settings of fine-tuning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TuneRecipe {
    /// Epochs.
    pub epochs: u32,
    /// Training images of an epoch; all if there are fewer.
    pub images: usize,
    /// Learning rate at the start. It follows a cosine to 0.
    pub lr: f32,
    /// Images of an update.
    pub batch: usize,
    /// Weight of the answers of the float network against the labels, 0 to 1.
    pub alpha: f32,
    /// Seed of order and augmentation.
    pub seed: u64,
}

/// Images and settings that fine-tuning takes from a run.
pub struct TuningSet<'a> {
    /// Data set; the training split is used.
    pub dataset: &'a Dataset,
    /// Makes the training images and their targets.
    pub maker: ExampleMaker<'a>,
    /// Momentum and weight decay.
    pub optimizer: Optimizer,
    /// Validation images for the decision whether the tuned network is kept.
    pub judged: ImageSet,
}

/// Largest number of images in [`TuningSet::judged`].
const JUDGED: usize = 1000;

impl<'a> TuningSet<'a> {
    /// The set for a run with this configuration.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the data set has no validation images.
    pub fn new(dataset: &'a Dataset, config: &'a RunConfig) -> Result<Self> {
        Self::with(dataset, config.augmentation, &config.loss, config.optimizer)
    }

    fn with(
        dataset: &'a Dataset,
        augmentation: Augmentation,
        loss: &LossConfig,
        optimizer: Optimizer,
    ) -> Result<Self> {
        let maker = ExampleMaker::new(dataset, augmentation, loss);
        let judged = ImageSet::first(dataset, &dataset.validation, JUDGED);
        if judged.is_empty() {
            let place = format!("data set {}", dataset.name);
            return Err(Error::invalid(place, "validation images of fine-tuning", "at least 1", 0));
        }
        Ok(Self { dataset, maker, optimizer, judged })
    }
}

/// Summary of a fine-tuning.
#[derive(Clone, Copy, Debug, Serialize, PartialEq)]
pub struct TuneReport {
    /// Number of epochs.
    pub epochs: u32,
    /// Number of updates.
    pub updates: u64,
    /// Mean loss on validation images before, nats. It is the training loss without augmentation.
    pub before: f64,
    /// Mean loss on validation images after, nats.
    pub after: f64,
    /// True if the loss decreased. Otherwise the network before is kept.
    pub kept: bool,
}

/// Result of a fine-tuning.
#[derive(Clone, Debug)]
pub struct Tuned {
    /// The tuned network, or the network before if its loss is not larger.
    pub network: PostTraining,
    /// Summary.
    pub report: TuneReport,
}

/// Mean loss of an integer network on images, with the definition of [`Criterion::distilled`]: of classes,
/// the divergence from the answers of the teacher has the weight `alpha`, the cross-entropy with the
/// labels the weight `1 - alpha`. `answers` are the outputs `[n, outputs]` of the teacher.
fn judged_loss(net: &QuantisedNet, images: &ImageSet, answers: &[f32], alpha: f64) -> f64 {
    let outputs = net.classes();
    let head = images.measured.objective.head();
    let mut answers = answers.chunks_exact(outputs);
    let mut sum = 0f64;
    for batch in images.batches() {
        let logits = net.forward(integer_input(net, &batch), &mut |_, _| {});
        let scale = f64::from(net.classifier.logit_scale);
        let rows = logits.chunks_exact(outputs).zip(batch.labels).enumerate();
        for ((i, (student, &label)), teacher) in rows.zip(&mut answers) {
            let student: Vec<f64> = student.iter().map(|&q| f64::from(q) * scale).collect();
            let teacher: Vec<f64> = teacher.iter().map(|&v| v.into()).collect();
            if head != Head::Classes {
                let targets = batch.targets[i * outputs..(i + 1) * outputs].iter();
                let targets: Vec<f64> = targets.map(|&t| t.into()).collect();
                sum += other_loss(head, &student, &targets, &teacher, alpha);
                continue;
            }
            let (ours, theirs) = (log_sum(&student), log_sum(&teacher));
            let term = |(t, s): (&f64, &f64)| (t - theirs).exp() * (ours - s);
            sum += alpha * teacher.iter().zip(&student).map(term).sum::<f64>()
                + (1.0 - alpha) * (ours - student[usize::from(label)]);
        }
    }
    sum / images.len() as f64
}

/// The loss of one image whose outputs are labels or values.
fn other_loss(head: Head, student: &[f64], targets: &[f64], teacher: &[f64], alpha: f64) -> f64 {
    let one = |y: f64, t: f64| match head {
        Head::Labels => y.max(0.0) - y * t + (-y.abs()).exp().ln_1p(),
        Head::Classes | Head::Values => (y - t).powi(2),
    };
    let soft = |z: f64| if head == Head::Labels { 1.0 / (1.0 + (-z).exp()) } else { z };
    let pairs = student.iter().zip(targets).zip(teacher);
    let sum: f64 =
        pairs.map(|((&y, &t), &z)| (1.0 - alpha) * one(y, t) + alpha * one(y, soft(z))).sum();
    sum / student.len().max(1) as f64
}

/// Natural logarithm of the sum of exponentials.
fn log_sum(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + values.iter().map(|v| (v - most).exp()).sum::<f64>().ln()
}

/// Fine-tunes a quantised network towards the answers of `teacher`, the float network, and the
/// labels. The network `start` is kept if the loss on validation images does not decrease. `code`
/// names the network in errors.
///
/// # Errors
/// [`Error::NotFinite`] if the loss is not finite, and the errors of [`fit`].
pub fn tune(
    start: &PostTraining,
    teacher: &FoldedNet,
    set: &TuningSet<'_>,
    recipe: &TuneRecipe,
    code: &str,
    task: &dyn Task,
) -> Result<Tuned> {
    let dataset = set.dataset;
    let used = recipe.images.min(dataset.train.len());
    let batch = recipe.batch.clamp(1, used.max(1));
    let updates = used.div_ceil(batch) as u64 * u64::from(recipe.epochs);
    let rate = |at: Position| {
        let turn = at.update as f32 / updates as f32 * std::f32::consts::PI;
        recipe.lr * 0.5 * (1.0 + turn.cos())
    };
    let schedule = Schedule {
        seed: recipe.seed,
        step: 0,
        epochs: 0..recipe.epochs,
        images: dataset.train.len(),
        used,
        batch,
        least: 1,
        updates: usize::MAX,
        rate: &rate,
        skip: 0,
        late: &|| false,
    };
    let trained = TrainedNetwork::new(start);
    let mut tuner = Tuner { trained, teacher, set, alpha: recipe.alpha, code };
    fit(&mut tuner, &schedule, task, |_, _| Ok(ControlFlow::Continue(())))?;
    let (float, net) = tuner.trained.networks();
    let mut answers = Vec::new();
    for batch in set.judged.batches() {
        answers.extend(teacher.forward(&batch.values, batch.n));
    }
    let alpha = f64::from(recipe.alpha);
    let [before, after] =
        [&start.net, &net].map(|net| judged_loss(net, &set.judged, &answers, alpha));
    let kept = after < before;
    let network = match kept {
        true => PostTraining { float, net, ..start.clone() },
        false => start.clone(),
    };
    let epochs = recipe.epochs;
    Ok(Tuned { network, report: TuneReport { epochs, updates, before, after, kept } })
}

/// The learner of the training loop.
struct Tuner<'a> {
    trained: TrainedNetwork,
    teacher: &'a FoldedNet,
    set: &'a TuningSet<'a>,
    alpha: f32,
    code: &'a str,
}

impl Learner for Tuner<'_> {
    fn update(&mut self, input: &UpdateInput<'_>) -> Result<Losses> {
        let TuningSet { dataset, maker, optimizer, .. } = self.set;
        let (indices, trained) = (input.indices(), &mut self.trained);
        let n = indices.len();
        let Examples { pixels, labels, targets, weights } = maker.examples(indices, input.key);
        let (_, net) = trained.networks();
        let (logits, leaves) = trained.forward(&net, &pixels, n);
        let device = Default::default();
        let criterion = Criterion(dataset.objective.head());
        let target = Criterion::targets::<B>(&labels, &targets, net.classes(), &device);
        let answers = TensorData::new(self.teacher.forward(&pixels, n), [n, net.classes()]);
        let answers = criterion.soften(Tensor::<B, 2>::from_data(answers, &device), 1.0);
        let answers = loss::weighted(answers, &weights);
        let value = criterion.distilled(logits, target, Some(answers), self.alpha, 1.0);
        let found = loss::finite(&value).ok_or_else(|| Error::NotFinite {
            step: 0,
            update: input.update,
            code: self.code.to_owned(),
            layer: "the classifier".into(),
        })?;
        trained.update(&leaves, &value.backward(), *optimizer, input.rate);
        Ok(Losses { largest: 0.0, students: found })
    }
}

#[cfg(test)]
mod tests;
