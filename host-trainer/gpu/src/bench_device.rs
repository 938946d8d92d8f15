//! The supernet step on a device: executions and precisions side by side, and evaluation.

use std::borrow::Cow;
use std::time::Instant;

use burn::tensor::backend::AutodiffBackend;
use serde::{Deserialize, Serialize};
use supernano_base::config::{Precision, RunConfig, StepKind};
use supernano_base::error::{Error, Result};
use supernano_base::rng::{Key, Purpose};
use supernano_core::arch::Arch;
use supernano_data::Dataset;
use supernano_train::backend::{Execution, Ops};
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

    fn on<B: AutodiffBackend + Ops>(self) -> Result<DeviceTimings>
    where
        B::InnerBackend: Ops,
    {
        let mut steps = vec![self.step::<B>(Execution::Masked, Precision::Float32)?];
        if self.precision != Precision::Float32 {
            steps.push(self.step::<B>(Execution::Masked, self.precision)?);
        }
        if self.sliced_updates > 0 {
            steps.push(self.step::<B>(Execution::Sliced, Precision::Float32)?);
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

    fn start<B: AutodiffBackend + Ops>(
        &self,
        precision: Precision,
    ) -> Result<(MaskedStep<'_, B>, Params<B>)>
    where
        B::InnerBackend: Ops,
    {
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

    fn step<B: AutodiffBackend + Ops>(
        &self,
        execution: Execution,
        precision: Precision,
    ) -> Result<StepTiming>
    where
        B::InnerBackend: Ops,
    {
        let (mut masked, mut params) = self.start::<B>(precision)?;
        let (space, step, dataset, config) =
            (masked.job.space.clone(), masked.job.step, self.dataset, self.config);
        let key = Key::new(config.seed);
        let order = key.permutation(Purpose::Shuffle, dataset.train.len());
        let updates = match execution {
            Execution::Masked => self.updates,
            Execution::Sliced => self.sliced_updates,
        };
        let all = WARM_UP + updates;
        let range = |u: u64| {
            let batches = (order.len() / step.batch).max(1) as u64;
            let from = (u % batches) as usize * step.batch;
            from..(from + step.batch).min(order.len())
        };
        // Slicing has other shapes for other networks, and a device may have to tune each: one set
        // of networks is enough there.
        let archs =
            |u| draw(&space.get(), step, key, if execution == Execution::Sliced { 0 } else { u });
        let drawn = match execution {
            Execution::Sliced => None,
            Execution::Masked => {
                let resident = Resident::<B::InnerBackend>::new(dataset, config.augmentation);
                let plans =
                    (0..all).map(|u| Ok(masked.plans(&archs(u)?))).collect::<Result<_>>()?;
                let drawn = resident.epoch(&order, key, plans);
                Some((resident, drawn))
            }
        };
        let mut losses = Losses::default();
        let mut started = Instant::now();
        for update in 0..all {
            if update == WARM_UP {
                losses.add(masked.read()?);
                params.wait();
                started = Instant::now();
            }
            losses.add(match &drawn {
                Some((resident, drawn)) => {
                    let batch = resident.batch(drawn, range(update));
                    let (chosen, at) = (drawn.paths.of(update as usize), (step.lr, update));
                    masked.update(&mut params, batch, chosen, at)?
                }
                None => {
                    let indices = &order[range(update)];
                    let pixels = dataset.augmented(indices, &config.augmentation, key);
                    let labels = dataset.labels(indices);
                    let batch = Batch::new(&pixels, &labels, dataset.shape);
                    masked.job.update(&mut params, &batch, &archs(update)?, step.lr, update)?
                }
            });
        }
        losses.add(masked.read()?);
        params.wait();
        let seconds = started.elapsed().as_secs_f64();
        Ok(StepTiming {
            execution: if drawn.is_some() { "masked" } else { "sliced" }.into(),
            precision,
            batch: range(0).len(),
            paths: step.k + usize::from(masked.job.trains_largest()),
            updates,
            step_ms: 1e3 * seconds / updates.max(1) as f64,
            loss: losses.students / all as f64,
        })
    }

    fn evaluation<B: AutodiffBackend + Ops>(&self) -> Result<(usize, f64)>
    where
        B::InnerBackend: Ops,
    {
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
