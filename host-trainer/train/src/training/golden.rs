//! Values of one update and of some evaluations, computed on one machine and compared on another.

use std::path::Path;

use serde::{Deserialize, Serialize};
use supernano_base::config::{RunConfig, StepKind, Teacher};
use supernano_base::error::Result;
use supernano_base::rng::{Key, Purpose};
use supernano_data::Dataset;

use super::state::{check_data, layout_of, start};
use super::{Accelerator, Panel, PanelScore, Setup, UpdateInput};
use crate::run::checkpoint::Checkpoint;
use crate::supernet::Entry;

const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
/// Values of a tensor that are kept.
const SAMPLES: usize = 16;

/// The last step of a run at its start: the augmented images of the first update, its losses, the
/// gradient and the new weights, and scores of the panel before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Golden {
    /// CRC-32 (ISO HDLC) of the augmented images, whose values are float32 in little-endian order.
    pub images: u32,
    /// Losses of the largest network and of the sub-networks, nats.
    pub losses: [f64; 2],
    /// Momentum after the update: gradient plus weight decay, because the step starts without momentum.
    pub gradient: Vec<TensorSample>,
    /// Weights after the update.
    pub weights: Vec<TensorSample>,
    /// Scores of the panel with the weights before the update.
    pub panel: Vec<PanelScore>,
}

/// A part of a tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TensorSample {
    /// Purpose, layer and branch of the tensor.
    pub name: String,
    /// Root mean square of all values.
    pub rms: f64,
    /// Some values at equal distances.
    pub values: Vec<f32>,
}

impl TensorSample {
    fn of(entry: &Entry, values: &[f32]) -> Self {
        let branch = if entry.shortcut { "projection, branch" } else { "branch" };
        let name = format!("{:?} of layer {}, {branch} {}", entry.role, entry.layer, entry.branch);
        let squares: f64 = values.iter().map(|&v| f64::from(v).powi(2)).sum();
        let rms = (squares / values.len().max(1) as f64).sqrt();
        let step = values.len().div_ceil(SAMPLES).max(1);
        Self { name, rms, values: values.iter().step_by(step).copied().collect() }
    }

    /// The largest difference of the samples and of the root mean squares, relative to the root mean
    /// square of `self`.
    fn difference(&self, found: &Self) -> f64 {
        let samples = self.values.iter().zip(&found.values);
        let samples = samples.map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs());
        let whole = (self.rms - found.rms).abs();
        samples.fold(whole, worst) / self.rms.max(f64::MIN_POSITIVE)
    }
}

/// The larger of two differences, or NaN if the second is NaN.
fn worst(worst: f64, difference: f64) -> f64 {
    if difference.is_nan() || difference > worst { difference } else { worst }
}

/// The differences of a [`Golden`] from another one.
#[derive(Clone, Debug, PartialEq)]
pub struct GoldenDifference {
    /// True if the augmented images are equal bit by bit.
    pub same_images: bool,
    /// Largest difference of a loss, nats.
    pub losses: f64,
    /// Largest difference in a tensor of the gradient, relative to its root mean square, and the tensor.
    pub gradient: (f64, String),
    /// The same for the weights.
    pub weights: (f64, String),
    /// Largest differences of the panel's cross-entropy, nats, and top-1.
    pub panel: [f64; 2],
}

impl Golden {
    /// Computes the values on a processor, from the start of the last step of the run in a directory.
    /// Nothing is written.
    ///
    /// # Errors
    /// The errors of training.
    pub fn compute(
        config: &RunConfig,
        dataset: &Dataset,
        run: &Path,
        accelerator: &dyn Accelerator,
    ) -> Result<Self> {
        check_data(config, dataset)?;
        accelerator.check(config)?;
        let number = config.steps.len();
        let step = &config.steps[number - 1];
        let begin = || start(config, run, number);
        // Without momentum, the momentum after the update is the gradient.
        let state = Checkpoint { momentum: Vec::new(), ..begin()? };
        let fixes = step.kind == StepKind::Supernet && step.teacher == Teacher::Fixed;
        let fixed = if fixes { Some(begin()?) } else { None };
        let layout = layout_of(config.shared_space(), config, number);
        let panel = Panel::new(config, dataset, &[], step.kind == StepKind::Supernet)?;
        let setup = Setup { space: config.shared_space(), config, dataset, state, fixed };
        let mut engine = accelerator.engine(setup, Some(&panel))?;
        let scores = engine.validate(&panel)?;
        let key = Key { seed: config.seed, epoch: 0, step: number as u64 };
        let order = key.permutation(Purpose::Shuffle, dataset.train.len());
        let range = 0..step.batch.min(order.len());
        let images = dataset.augmented(&order[range.clone()], &config.augmentation, key);
        let bytes: Vec<u8> = images.iter().flat_map(|v| v.to_le_bytes()).collect();
        let input = UpdateInput { order: &order, range, key, update: 0, rate: step.rate(0.0) };
        let mut losses = engine.update(&input)?;
        losses.add(engine.settle()?);
        let (weights, momentum) = (engine.values(), engine.momentum());
        let entries = || layout.entries.iter().enumerate();
        let gradient = entries().filter_map(|(i, entry)| {
            let values = momentum.get(i)?.as_ref()?;
            Some(TensorSample::of(entry, values))
        });
        let sample =
            |(_, e): (usize, &Entry)| TensorSample::of(e, &weights[e.offset..e.offset + e.len()]);
        Ok(Self {
            images: CRC.checksum(&bytes),
            losses: [losses.largest, losses.students],
            gradient: gradient.collect(),
            weights: entries().map(sample).collect(),
            panel: scores,
        })
    }

    /// The differences of `found` from these values. A tensor or a sub-network that is missing, or has
    /// another name, differs infinitely.
    pub fn difference(&self, found: &Self) -> GoldenDifference {
        let [mut ce, mut top1] = [0.0; 2];
        for (a, b) in self.panel.iter().zip(&found.panel) {
            ce = worst(ce, (a.ce - b.ce).abs());
            top1 = worst(top1, (a.top1 - b.top1).abs());
        }
        let codes = |golden: &Self| -> Vec<String> {
            golden.panel.iter().map(|score| score.code.clone()).collect()
        };
        if codes(self) != codes(found) {
            [ce, top1] = [f64::INFINITY; 2];
        }
        let losses = self.losses.iter().zip(found.losses).map(|(a, b)| (a - b).abs());
        GoldenDifference {
            same_images: self.images == found.images,
            losses: losses.fold(0.0, worst),
            gradient: of_tensors(&self.gradient, &found.gradient),
            weights: of_tensors(&self.weights, &found.weights),
            panel: [ce, top1],
        }
    }
}

fn of_tensors(expected: &[TensorSample], found: &[TensorSample]) -> (f64, String) {
    if expected.len() != found.len() {
        let problem = format!("{} tensors instead of {}", found.len(), expected.len());
        return (f64::INFINITY, problem);
    }
    let mut most = (0.0, String::new());
    for (a, b) in expected.iter().zip(found) {
        if a.name != b.name || a.values.len() != b.values.len() {
            return (f64::INFINITY, a.name.clone());
        }
        let difference = a.difference(b);
        if difference.is_nan() || difference > most.0 {
            most = (difference, a.name.clone());
        }
    }
    most
}
