//! Quantisation-aware fine-tuning of one network: the forward pass is the integer executor's, the
//! gradient goes straight through every rounding.
//!
//! Weights are rounded anew in every update with the exporter's own rule; the scales of the maps
//! stay those of the calibration. What comes out is exported by the same code, so the network that
//! was trained is, bit for bit, the network that ships.

use std::ops::ControlFlow;

use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Tensor, TensorData};
use supernano_base::config::{Augmentation, Optimizer};
use supernano_base::error::{Error, Result};
use supernano_base::progress::Task;
use supernano_data::Dataset;

use crate::backend::{Cpu, CpuAutodiff, IntegerOps, Map, Ops};
use crate::export::quantise::Affine;
use crate::export::{Affines, QConv, Quantised, QuantisedNet, integer_images};
use crate::supernet::{Act, FoldedConv, FoldedNet, Step, Visitor, visit};
use crate::training::{Learner, Losses, Position, Schedule, Turn, fit, loss};

/// How a network is fine-tuned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finetune {
    /// Epochs.
    pub epochs: u32,
    /// Training images an epoch; all where there are fewer.
    pub images: usize,
    /// Learning rate at the start, cosine to 0 update by update.
    pub lr: f32,
    /// Images an update.
    pub batch: usize,
    /// Weight of the float network's answers against the labels, 0 to 1.
    pub alpha: f32,
    /// Seed of order and augmentation.
    pub seed: u64,
}

/// What training needs beside the network.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    /// Images.
    pub dataset: &'a Dataset,
    /// What is done to them.
    pub augmentation: &'a Augmentation,
    /// Momentum and weight decay.
    pub optimizer: Optimizer,
}

type B = CpuAutodiff;
type Inner = <B as AutodiffBackend>::InnerBackend;

/// A tensor that is trained, divided by a factor per row: rows of folded weights differ in size by
/// orders of magnitude, which one learning rate would not suit.
struct Param {
    shape: [usize; 4],
    factors: Vec<f32>,
    value: Tensor<Inner, 4>,
    momentum: Option<Tensor<Inner, 4>>,
    decays: bool,
}

/// Largest magnitude of the rows of a trained tensor at the start.
const ROW: f32 = 0.3;

impl Param {
    fn new(values: &[f32], shape: [usize; 4], decays: bool) -> Self {
        let size = values.len() / shape[0];
        let largest = |row: &[f32]| row.iter().fold(0f32, |m, v| m.max(v.abs()));
        let factors: Vec<f32> = if decays {
            values.chunks_exact(size).map(|row| (largest(row) / ROW).max(1e-3)).collect()
        } else {
            vec![1.0; shape[0]]
        };
        let scaled: Vec<f32> = values
            .chunks_exact(size)
            .zip(&factors)
            .flat_map(|(row, f)| row.iter().map(move |v| v / f))
            .collect();
        let value = Tensor::from_data(TensorData::new(scaled, shape), &Default::default());
        Self { shape, factors, value, momentum: None, decays }
    }

    /// The real values.
    fn host(&self) -> Vec<f32> {
        let values: Vec<f32> = self.value.to_data().iter::<f32>().collect();
        let size = values.len() / self.shape[0];
        let rows = values.chunks_exact(size).zip(&self.factors);
        rows.flat_map(|(row, f)| row.iter().map(move |v| v * f)).collect()
    }

    fn leaf(&self) -> Tensor<B, 4> {
        Tensor::from_inner(self.value.clone()).require_grad()
    }

    fn update(&mut self, gradient: Tensor<Inner, 4>, optimizer: Optimizer, rate: f32) {
        let value = self.value.clone();
        let step = match self.decays {
            true => gradient + value.clone() * optimizer.weight_decay,
            false => gradient,
        };
        let step = match self.momentum.take() {
            Some(momentum) => momentum * optimizer.momentum + step,
            None => step,
        };
        self.value = value - step.clone() * rate;
        self.momentum = Some(step);
    }
}

fn rows(factors: &[f32]) -> Tensor<B, 4> {
    let data = TensorData::new(factors.to_vec(), [factors.len(), 1, 1, 1]);
    Tensor::from_data(data, &Default::default())
}

/// Parameters of a network: for every convolution weight, bias and slope, then the classifier's
/// weight and bias.
struct Trained {
    params: Vec<Param>,
    /// The network at the start; shape and activations stay.
    shape: FoldedNet,
    affines: Affines,
}

impl Trained {
    fn new(start: &Quantised) -> Self {
        let mut params = Vec::new();
        for conv in start.float.convs() {
            let shape = [conv.output, conv.input, conv.kernel, conv.kernel];
            params.push(Param::new(&conv.weight, shape, true));
            params.push(Param::new(&conv.bias, [conv.output, 1, 1, 1], false));
            let slope = match conv.act {
                Act::Prelu(slope) => slope,
                Act::None | Act::Relu => 0.0,
            };
            params.push(Param::new(&[slope], [1; 4], false));
        }
        let fc = &start.float.classifier;
        params.push(Param::new(&fc.weight, [fc.output, fc.input, 1, 1], true));
        params.push(Param::new(&fc.bias, [fc.output, 1, 1, 1], false));
        let affines = Affines::fixed(start.net.convs().map(|c| c.to));
        Self { params, shape: start.float.clone(), affines }
    }

    /// The network as it is now, in float.
    fn float(&self) -> FoldedNet {
        let mut params = self.params.chunks_exact(3);
        let mut conv = |old: &FoldedConv| {
            let Some([weight, bias, slope]) = params.next() else { return old.clone() };
            let act = match old.act {
                Act::Prelu(_) => Act::Prelu(slope.host()[0]),
                other => other,
            };
            FoldedConv { weight: weight.host(), bias: bias.host(), act, ..old.clone() }
        };
        let blocks = self.shape.blocks.iter().map(|b| b.map(&mut conv)).collect();
        let mut classifier = self.shape.classifier.clone();
        if let [.., weight, bias] = self.params.as_slice() {
            (classifier.weight, classifier.bias) = (weight.host(), bias.host());
        }
        FoldedNet { input: self.shape.input, blocks, classifier }
    }
}

/// One forward pass: leaves in the order of the parameters, and the logits.
struct Pass {
    leaves: Vec<Tensor<B, 4>>,
    /// `[n, classes]`, real units.
    logits: Tensor<B, 2>,
}

/// The integer network's forward pass, with gradients.
struct TuningPass<'a> {
    trained: &'a Trained,
    leaves: Vec<Tensor<B, 4>>,
}

impl Visitor<QConv> for TuningPass<'_> {
    type Map = Map<B>;

    fn conv(&mut self, step: &Step, q: &QConv, x: &Map<B>, residual: Option<&Map<B>>) -> Map<B> {
        let at = step.index * 3;
        let (weight, bias, slope) =
            (self.leaves[at].clone(), self.leaves[at + 1].clone(), self.leaves[at + 2].clone());
        let factors: Vec<f32> = self.trained.params[at]
            .factors
            .iter()
            .zip(&q.integers.steps)
            .map(|(&f, &step)| (f64::from(f) / step) as f32)
            .collect();
        let steps = weight * rows(&factors);
        let integers: Vec<f32> = q.weights_oihw().iter().map(|&w| f32::from(w)).collect();
        let integers = TensorData::new(integers, q.shape());
        let integers: Tensor<B, 4> = Tensor::from_data(integers, &Default::default());
        // exact: a value and its nearest integer differ by at most half, so the difference is exact
        let rounded = steps.clone() + (integers - steps.detach());
        let sums = B::conv(x, rounded, q.stride);
        B::requantise(&sums, residual, bias.reshape([q.output]), slope.reshape([1]), &q.rule())
    }
}

/// The logits of the integer network, with gradients. `images` are normalised,
/// `[n, channels, height, width]`.
fn forward(trained: &Trained, net: &QuantisedNet, images: &[f32], n: usize) -> Pass {
    let leaves = trained.params.iter().map(Param::leaf).collect();
    let mut pass = TuningPass { trained, leaves };
    let x = visit(&net.blocks, input(net, images, n), &mut pass);
    let integers: Map<Cpu> = Map { data: x.data.clone().inner(), n: x.n, c: x.c, h: x.h, w: x.w };
    let exact: Vec<f32> =
        net.logits(&integers).iter().map(|&q| q as f32 * net.classifier.logit_scale).collect();
    let exact =
        Tensor::<B, 2>::from_data(TensorData::new(exact, [n, net.classes()]), &Default::default());
    let at = pass.leaves.len() - 2;
    let (weight, bias) = (pass.leaves[at].clone(), pass.leaves[at + 1].clone());
    let [classes, features, ..] = weight.dims();
    let weight = (weight * rows(&trained.params[at].factors)).reshape([classes, features]);
    let real =
        (B::pool(&x) * net.features.scale).matmul(weight.transpose()) + bias.reshape([1, classes]);
    let logits = real.clone() + (exact - real.detach());
    Pass { leaves: pass.leaves, logits }
}

/// `q - z` of normalised images.
fn input(net: &QuantisedNet, images: &[f32], n: usize) -> Map<B> {
    let Affine { zero, .. } = net.image;
    let steps = |&v: &f32| f32::from(i16::from(net.image.quantise(v)) - i16::from(zero));
    let values: Vec<f32> = images.iter().map(steps).collect();
    let s = net.input;
    Map::from_images(&values, n, s.channels.into(), s.height.into(), s.width.into())
}

/// What fine-tuning made.
#[derive(Clone, Debug)]
pub struct Tuned {
    /// The network: the tuned one, or the start where its loss is less.
    pub network: Quantised,
    /// Updates done.
    pub updates: u64,
    /// Mean loss on validation images before, nats: that of the updates, without augmentation.
    pub before: f64,
    /// The same after.
    pub after: f64,
}

/// Validation images that decide whether a tuned network is kept.
const JUDGED: usize = 1000;

/// Mean loss of a network's integer answers on validation images, as [`loss::distilled`] has it:
/// `alpha` of the cross-entropy with the teacher's answers, the rest with the labels.
fn validation_loss(net: &QuantisedNet, teacher: &FoldedNet, dataset: &Dataset, alpha: f64) -> f64 {
    let split = &dataset.validation;
    let judged: Vec<u32> = (0..split.len().min(JUDGED) as u32).collect();
    let mut sum = 0f64;
    for indices in judged.chunks(64) {
        let answers = teacher.forward(&dataset.batch(split, indices), indices.len());
        let x = integer_images(net, dataset, split, indices);
        let logits = net.forward(x, &mut |_, _| {});
        let scale = f64::from(net.classifier.logit_scale);
        let rows = answers.chunks_exact(net.classes()).zip(logits.chunks_exact(net.classes()));
        for ((teacher, student), &i) in rows.zip(indices) {
            let student: Vec<f64> = student.iter().map(|&q| f64::from(q) * scale).collect();
            let teacher: Vec<f64> = teacher.iter().map(|&v| v.into()).collect();
            let (ours, theirs) = (log_sum(&student), log_sum(&teacher));
            let term = |(t, s): (&f64, &f64)| (t - theirs).exp() * (ours - s);
            let label = usize::from(split.labels[i as usize]);
            sum += alpha * teacher.iter().zip(&student).map(term).sum::<f64>()
                + (1.0 - alpha) * (ours - student.get(label).copied().unwrap_or(ours));
        }
    }
    sum / judged.len().max(1) as f64
}

/// ln of the sum of exponentials.
fn log_sum(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + values.iter().map(|v| (v - most).exp()).sum::<f64>().ln()
}

/// Fine-tunes a quantised network towards `teacher`, the network in float, and the labels. The
/// start is kept if training has not made the loss on validation images smaller.
///
/// # Errors
/// [`Error::NotFinite`].
pub fn finetune(
    start: &Quantised,
    teacher: &FoldedNet,
    material: &Material<'_>,
    recipe: &Finetune,
    code: &str,
    task: &dyn Task,
) -> Result<Tuned> {
    let dataset = material.dataset;
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
    };
    let trained = Trained::new(start);
    let mut tuner = Tuner { trained, teacher, material, alpha: recipe.alpha, code };
    fit(&mut tuner, &schedule, task, |_, _| Ok(ControlFlow::Continue(())))?;
    let float = tuner.trained.float();
    let net = QuantisedNet::with(&float, &tuner.trained.affines, dataset);
    let alpha = f64::from(recipe.alpha);
    let [before, after] =
        [&start.net, &net].map(|net| validation_loss(net, teacher, dataset, alpha));
    let network = match after < before {
        true => Quantised { float, net, ..start.clone() },
        false => start.clone(),
    };
    Ok(Tuned { network, updates, before, after })
}

/// A network that is fine-tuned.
struct Tuner<'a> {
    trained: Trained,
    teacher: &'a FoldedNet,
    material: &'a Material<'a>,
    alpha: f32,
    code: &'a str,
}

impl Learner for Tuner<'_> {
    fn update(&mut self, turn: &Turn<'_>) -> Result<Losses> {
        let Material { dataset, augmentation, optimizer } = *self.material;
        let (indices, trained) = (turn.indices(), &mut self.trained);
        let n = indices.len();
        let pixels = dataset.augmented(indices, augmentation, turn.key);
        let net = QuantisedNet::with(&trained.float(), &trained.affines, dataset);
        let pass = forward(trained, &net, &pixels, n);
        let device = Default::default();
        let target = loss::one_hot::<B>(&dataset.labels(indices), net.classes(), &device);
        let answers = TensorData::new(self.teacher.forward(&pixels, n), [n, net.classes()]);
        let answers = loss::soften(Tensor::<B, 2>::from_data(answers, &device), 1.0);
        let value = loss::distilled(pass.logits, target, Some(answers), self.alpha, 1.0);
        let found = loss::finite(&value).ok_or_else(|| Error::NotFinite {
            step: 0,
            update: turn.update,
            code: self.code.to_owned(),
            layer: "the classifier".into(),
        })?;
        let gradients = value.backward();
        for (param, leaf) in trained.params.iter_mut().zip(&pass.leaves) {
            if let Some(gradient) = leaf.grad(&gradients) {
                param.update(gradient, optimizer, turn.rate);
            }
        }
        Ok(Losses { largest: 0.0, students: found })
    }
}

#[cfg(test)]
mod tests;
