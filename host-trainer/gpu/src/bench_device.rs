//! The supernet step on a device: executions and precisions side by side, and evaluation.

use std::borrow::Cow;
use std::ops::Range;
use std::time::Instant;

use burn::tensor::backend::AutodiffBackend;
use serde::{Deserialize, Serialize};
use supernano_base::config::{Precision, RunConfig, StepKind};
use supernano_base::error::{Error, Result};
use supernano_base::rng::{Key, Purpose};
use supernano_core::arch::Arch;
use supernano_data::Dataset;
use supernano_train::backend::CpuAutodiff;
use supernano_train::run::checkpoint::Checkpoint;
use supernano_train::run::recalibration_batches;
use supernano_train::supernet::Weights;
use supernano_train::training::Losses;
use supernano_train::training::job::{Batch, Job};
use supernano_train::training::params::Params;
use supernano_train::training::sampling::draw;
use supernano_train::training::state::layout_of;

use crate::device::OnDevice;
use crate::judge::{Judge, judged};
use crate::masked::MaskedStep;
use crate::resident::Resident;

/// Updates before the clock starts: kernels are compiled and tuned in them.
const WARM_UP: u64 = 3;

/// How the first supernet step of a configuration is timed, from random weights.
#[derive(Clone, Copy, Debug)]
pub struct DeviceBench<'a> {
    /// Whose step.
    pub config: &'a RunConfig,
    /// Its data.
    pub dataset: &'a Dataset,
    /// Updates that are timed.
    pub updates: u64,
    /// The same of the sliced execution.
    pub sliced_updates: u64,
    /// A precision to be timed beside 32 bits.
    pub precision: Precision,
}

/// A timed step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepTiming {
    /// `masked` or `sliced`.
    pub execution: Cow<'static, str>,
    /// What convolutions compute in.
    pub precision: Precision,
    /// Images an update.
    pub batch: usize,
    /// Sub-networks an update, the largest among them.
    pub paths: usize,
    /// Updates timed.
    pub updates: u64,
    /// Mean time of an update, augmentation among it, ms.
    pub step_ms: f64,
    /// Mean loss of the sub-networks over these updates and the warm-up, nats: the same images and
    /// the same paths in every masked timing.
    pub loss: f64,
}

/// What was timed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceTimings {
    /// Steps.
    pub steps: Vec<StepTiming>,
    /// Sub-networks recalibrated and evaluated in one go.
    pub evaluated: usize,
    /// Images of all of them together, those for statistics among them, a second.
    pub eval_images_per_s: f64,
}

impl OnDevice for DeviceBench<'_> {
    type Output = DeviceTimings;

    fn on<B: AutodiffBackend>(self) -> Result<DeviceTimings> {
        let mut steps = vec![self.masked::<B>(Precision::Float32)?];
        if self.precision != Precision::Float32 {
            steps.push(self.masked::<B>(self.precision)?);
        }
        if self.sliced_updates > 0 {
            steps.push(self.sliced()?);
        }
        let (evaluated, eval_images_per_s) = self.evaluation::<B>()?;
        Ok(DeviceTimings { steps, evaluated, eval_images_per_s })
    }
}

impl DeviceBench<'_> {
    fn number(&self) -> Result<usize> {
        let place = self.config.steps.iter().position(|s| s.kind == StepKind::Supernet);
        place.map(|i| i + 1).ok_or_else(|| {
            Error::invalid("configuration", "step", "a supernet step to be timed", "none")
        })
    }

    fn start<B: AutodiffBackend>(
        &self,
        precision: Precision,
    ) -> Result<(MaskedStep<'_, B>, Params<B>)> {
        let (config, number) = (self.config, self.number()?);
        let (space, step) = (config.shared_space(), &config.steps[number - 1]);
        let layout = layout_of(space.clone(), config, number);
        let values = Weights::initial(layout.clone(), Key::new(config.seed)).values;
        let state = Checkpoint::start(number, values);
        let enhancement = step.enhancement(config.enhancement);
        let optimizer = config.optimizer;
        let job = Job { space, enhancement, step, number, optimizer, fixed: None };
        Ok((MaskedStep::new(job, precision), Params::new(layout, &state)))
    }

    /// Times the masked execution on the device.
    fn masked<B: AutodiffBackend>(&self, precision: Precision) -> Result<StepTiming> {
        let (mut masked, mut params) = self.start::<B>(precision)?;
        let (space, step) = (masked.job.space.clone(), masked.job.step);
        let key = Key::new(self.config.seed);
        let order = key.permutation(Purpose::Shuffle, self.dataset.train.len());
        let all = WARM_UP + self.updates;
        let plans = |u| Ok(masked.plans(&draw(&space.get(), step, key, u)?));
        let plans = (0..all).map(plans).collect::<Result<_>>()?;
        let resident = Resident::<B::InnerBackend>::new(self.dataset, self.config.augmentation);
        let drawn = resident.epoch(&order, key, plans);
        let mut losses = Losses::default();
        let mut started = Instant::now();
        for update in 0..all {
            if update == WARM_UP {
                losses.add(masked.read()?);
                params.wait();
                started = Instant::now();
            }
            let batch = resident.batch(&drawn, range(step.batch, order.len(), update));
            let (chosen, at) = (drawn.paths.of(update as usize), (step.lr, update));
            losses.add(masked.update(&mut params, batch, chosen, at)?);
        }
        losses.add(masked.read()?);
        params.wait();
        let seconds = started.elapsed().as_secs_f64();
        Ok(StepTiming {
            execution: "masked".into(),
            precision,
            batch: range(step.batch, order.len(), 0).len(),
            paths: step.k + usize::from(masked.job.trains_largest()),
            updates: self.updates,
            step_ms: 1e3 * seconds / self.updates.max(1) as f64,
            loss: losses.students / all as f64,
        })
    }

    /// Times the sliced execution on the CPU, to compare the device with.
    fn sliced(&self) -> Result<StepTiming> {
        let (MaskedStep { job, .. }, mut params) = self.start::<CpuAutodiff>(Precision::Float32)?;
        let (step, dataset) = (job.step, self.dataset);
        let key = Key::new(self.config.seed);
        let order = key.permutation(Purpose::Shuffle, dataset.train.len());
        let mut losses = Losses::default();
        let started = Instant::now();
        for update in 0..self.sliced_updates {
            let indices = &order[range(step.batch, order.len(), update)];
            let pixels = dataset.augmented(indices, &self.config.augmentation, key);
            let labels = dataset.labels(indices);
            let batch = Batch::new(&pixels, &labels, dataset.shape);
            let archs = draw(&job.space.get(), step, key, update)?;
            losses.add(job.update(&mut params, &batch, &archs, step.lr, update)?);
        }
        let (seconds, updates) = (started.elapsed().as_secs_f64(), self.sliced_updates);
        Ok(StepTiming {
            execution: "sliced".into(),
            precision: Precision::Float32,
            batch: range(step.batch, order.len(), 0).len(),
            paths: step.k + usize::from(job.trains_largest()),
            updates,
            step_ms: 1e3 * seconds / updates.max(1) as f64,
            loss: losses.students / updates.max(1) as f64,
        })
    }

    fn evaluation<B: AutodiffBackend>(&self) -> Result<(usize, f64)> {
        let (masked, params) = self.start::<B>(Precision::Float32)?;
        let job = &masked.job;
        let (config, dataset) = (self.config, self.dataset);
        let key = Key::new(config.seed);
        let archs: Vec<Arch> = (0..16)
            .map(|u| draw(&job.space.get(), job.step, key, u))
            .collect::<Result<Vec<_>>>()?
            .concat();
        let archs = &archs[..archs.len().min(16)];
        let plans: Vec<_> = archs.iter().map(|a| job.plan(a)).collect();
        let (batch, batches) = recalibration_batches(dataset, config, usize::MAX);
        let most = dataset.validation.len().min(1024);
        let judge = Judge::new(dataset, &dataset.validation, most, batch, &batches);
        judged(&params, &judge, &plans);
        let started = Instant::now();
        judged(&params, &judge, &plans);
        let images = plans.len() * (most + batch * batches.len());
        Ok((plans.len(), images as f64 / started.elapsed().as_secs_f64()))
    }
}

/// The images of an update, as places in an order of `images`.
fn range(batch: usize, images: usize, update: u64) -> Range<usize> {
    let batches = (images / batch).max(1) as u64;
    let from = (update % batches) as usize * batch;
    from..(from + batch).min(images)
}
