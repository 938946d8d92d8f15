//! Timing of a supernet step and of the evaluation on a device, in several executions and
//! precisions.
//!
//! [`DeviceBench`] is a task for [`Device::time`](crate::device::Device::time).

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

use crate::resident::Resident;
use crate::step::MaskedStep;
use crate::task::OnDevice;
use crate::validation::{ValidationImages, validate};

/// Updates before the clock starts, in which kernels are compiled and tuned.
const WARM_UP: u64 = 3;

/// Largest number of sub-networks in the timing of the evaluation.
const EVALUATED: usize = 16;

/// Largest number of evaluated images in the timing of the evaluation.
const EVALUATED_IMAGES: usize = 1024;

/// A timing of the first supernet step of a configuration, from random weights.
#[derive(Clone, Copy, Debug)]
pub struct DeviceBench<'a> {
    /// Configuration.
    pub config: &'a RunConfig,
    /// Data of the configuration.
    pub dataset: &'a Dataset,
    /// Timed updates of the masked execution.
    pub updates: u64,
    /// Timed updates of the sliced execution, which is the CPU's; 0 to skip it.
    pub sliced_updates: u64,
    /// A second precision for the masked execution.
    pub precision: Precision,
}

/// The timing of one execution.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepTiming {
    /// `masked` or `sliced`.
    pub execution: String,
    /// Precision of convolutions.
    pub precision: Precision,
    /// Images in an update.
    pub batch: usize,
    /// Sub-networks in an update, including the largest network.
    pub paths: usize,
    /// Timed updates.
    pub updates: u64,
    /// Mean time of an update including augmentation, ms.
    pub step_ms: f64,
    /// Mean loss of the sub-networks over warm-up and timed updates, nats. All masked timings use
    /// the same images and paths.
    pub loss: f64,
}

/// The timings of a device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceTimings {
    /// One timing for each execution and precision.
    pub steps: Vec<StepTiming>,
    /// Number of sub-networks that were recalibrated and evaluated together.
    pub evaluated: usize,
    /// Images of all these sub-networks per second, including those for the statistics.
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
    /// The first supernet step of the configuration, from 1.
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
        let config = self.config;
        let number = self.number()?;
        let space = config.shared_space();
        let step = &config.steps[number - 1];
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
        let epoch = resident.epoch(&order, key, plans);
        let mut losses = Losses::default();
        let mut started = Instant::now();
        for update in 0..all {
            if update == WARM_UP {
                losses.add(masked.read()?);
                params.wait();
                started = Instant::now();
            }
            let batch = resident.batch(&epoch, batch_of(update, order.len(), step.batch));
            let set = epoch.sets.get(update as usize);
            losses.add(masked.update(&mut params, batch, set, (step.lr, update))?);
        }
        losses.add(masked.read()?);
        params.wait();
        let seconds = started.elapsed().as_secs_f64();
        Ok(StepTiming {
            execution: "masked".into(),
            precision,
            batch: batch_of(0, order.len(), step.batch).len(),
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
        let updates = self.sliced_updates;
        let mut losses = Losses::default();
        let started = Instant::now();
        for update in 0..updates {
            let indices = &order[batch_of(update, order.len(), step.batch)];
            let pixels = dataset.augmented(indices, &self.config.augmentation, key);
            let labels = dataset.labels(indices);
            let batch = Batch::new(&pixels, &labels, dataset.shape);
            let archs = draw(&job.space.get(), step, key, update)?;
            losses.add(job.update(&mut params, &batch, &archs, step.lr, update)?);
        }
        let seconds = started.elapsed().as_secs_f64();
        Ok(StepTiming {
            execution: "sliced".into(),
            precision: Precision::Float32,
            batch: batch_of(0, order.len(), step.batch).len(),
            paths: step.k + usize::from(job.trains_largest()),
            updates,
            step_ms: 1e3 * seconds / updates.max(1) as f64,
            loss: losses.students / updates.max(1) as f64,
        })
    }

    /// Times recalibration and evaluation. Returns the number of sub-networks and the images per
    /// second.
    fn evaluation<B: AutodiffBackend>(&self) -> Result<(usize, f64)> {
        let (masked, params) = self.start::<B>(Precision::Float32)?;
        let job = &masked.job;
        let (config, dataset) = (self.config, self.dataset);
        let key = Key::new(config.seed);
        let mut archs: Vec<Arch> = Vec::new();
        for update in 0..EVALUATED as u64 {
            archs.extend(draw(&job.space.get(), job.step, key, update)?);
        }
        archs.truncate(EVALUATED);
        let plans: Vec<_> = archs.iter().map(|arch| job.plan(arch)).collect();
        let (batch, batches) = recalibration_batches(dataset, config, usize::MAX);
        let most = dataset.validation.len().min(EVALUATED_IMAGES);
        let images = ValidationImages::new(dataset, &dataset.validation, most, batch, &batches);
        // The first call compiles and tunes the kernels.
        validate(&params, &images, &plans);
        let started = Instant::now();
        validate(&params, &images, &plans);
        let images = plans.len() * (most + batch * batches.len());
        Ok((plans.len(), images as f64 / started.elapsed().as_secs_f64()))
    }
}

/// Positions of an update's images in an epoch of `images` images, which repeats.
fn batch_of(update: u64, images: usize, batch: usize) -> Range<usize> {
    let batches = (images / batch).max(1) as u64;
    let from = (update % batches) as usize * batch;
    from..(from + batch).min(images)
}
