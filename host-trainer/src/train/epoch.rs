//! The run: steps, epochs, checkpoints, metrics.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use burn::tensor::backend::AutodiffBackend;
use serde::{Deserialize, Serialize};
use supernano_core::space::Space;

use super::checkpoint::{self, Checkpoint};
use super::judge::Judge;
use super::masked::Pending;
use super::panel::{Panel, PanelScore};
use super::params::Params;
use super::resident::Resident;
use super::state::{carries, check_data, keep_metrics, layout_of, position, prepare, start};
use super::update::{Batch, Job, draw};
use crate::backend::device::{Device, OnDevice};
use crate::backend::{Execution, Ops};
use crate::cli::Output;
use crate::config::{Precision, RunConfig, StepConfig, StepKind, Teacher};
use crate::data::rng::Purpose;
use crate::data::{Dataset, Key};
use crate::error::{Error, Result};
use crate::stats::table;
use crate::supernet::Weights;

/// What to do with a run directory that holds a run already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Refuse it.
    New,
    /// Go on from its last checkpoint.
    Resume,
    /// Remove its checkpoints and metrics.
    Overwrite,
}

/// A line of `metrics.jsonl`: one epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Step, from 1.
    pub step: usize,
    /// Epoch of the step, from 1.
    pub epoch: u32,
    /// Updates in it.
    pub updates: u64,
    /// Learning rate.
    pub lr: f32,
    /// Mean cross-entropy of the largest network, nats; 0 where it is not trained.
    pub loss_largest: f64,
    /// Mean loss of the sub-networks (Eq. 2), nats; 0 without any.
    pub loss_students: f64,
    /// Training alone.
    pub seconds: f64,
    /// Training images a second.
    pub images_per_s: f64,
    /// Validation of the panel.
    pub panel: Vec<PanelScore>,
    /// Pearson correlation of the panel's top-1 with the truths, where the run has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pearson: Option<f64>,
}

/// Trains every step of a configuration that is not finished yet; `config.toml`, `metrics.jsonl`
/// and `checkpoints/` of the run directory are written. Returns the epochs that were trained.
///
/// # Errors
/// [`Error::Invalid`] for a directory that holds a run (or, to resume, another run),
/// [`Error::NotFinite`], [`Error::Io`], [`Error::Tool`] without the device.
pub fn train(
    config: &RunConfig,
    dataset: &Dataset,
    run: &Path,
    begin: Begin,
    device: Device,
    out: &Output,
) -> Result<Vec<Epoch>> {
    train_until(config, dataset, run, begin, device, out, &|_, _| false)
}

/// As [`train`], but ends after the checkpoint of an epoch where `stop(step, epoch)` says so.
///
/// # Errors
/// As [`train`].
pub fn train_until(
    config: &RunConfig,
    dataset: &Dataset,
    run: &Path,
    begin: Begin,
    device: Device,
    out: &Output,
    stop: &dyn Fn(usize, u32) -> bool,
) -> Result<Vec<Epoch>> {
    device.run(Training { config, dataset, run, begin, out, stop })
}

struct Training<'a> {
    config: &'a RunConfig,
    dataset: &'a Dataset,
    run: &'a Path,
    begin: Begin,
    out: &'a Output,
    stop: &'a dyn Fn(usize, u32) -> bool,
}

impl OnDevice for Training<'_> {
    type Output = Vec<Epoch>;

    fn on<B: AutodiffBackend + Ops>(self) -> Result<Vec<Epoch>>
    where
        B::InnerBackend: Ops,
    {
        let Self { config, dataset, run, begin, out, stop } = self;
        check_data(config, dataset)?;
        if config.precision != Precision::Float32 && B::EXECUTION == Execution::Sliced {
            let (expected, found) = ("`float32` on the CPU", config.precision);
            return Err(Error::invalid("configuration", "precision", expected, found));
        }
        let truths = match &config.truths {
            Some(path) => table::read(path, config.space(), table::TRUTH)?,
            None => Vec::new(),
        };
        prepare(config, run, begin)?;
        let mut state = position(config, run)?;
        keep_metrics(run, state.step, state.epoch)?;
        let mut done = Vec::new();
        while state.step <= config.steps.len() {
            let step = Step::<B>::new(config, dataset, &truths, run, state)?;
            match step.train(out, &mut done, stop)? {
                Some(next) => state = next,
                None => break,
            }
        }
        Ok(done)
    }
}

/// One step of a run.
pub(super) struct Step<'a, B: AutodiffBackend + Ops>
where
    B::InnerBackend: Ops,
{
    config: &'a RunConfig,
    dataset: &'a Dataset,
    run: &'a Path,
    job: Job<'a, B>,
    params: Params<B>,
    panel: Option<Panel>,
    /// The training images where paths are trained in one batch.
    resident: Option<Resident<B::InnerBackend>>,
    /// The panel's images there.
    judge: Option<Judge<B::InnerBackend>>,
    epoch: u32,
}

impl<'a, B: AutodiffBackend + Ops> Step<'a, B>
where
    B::InnerBackend: Ops,
{
    pub(super) fn new(
        config: &'a RunConfig,
        dataset: &'a Dataset,
        truths: &[table::Entry],
        run: &'a Path,
        state: Checkpoint,
    ) -> Result<Self> {
        let (number, step) = (state.step, &config.steps[state.step - 1]);
        let supernet = step.kind == StepKind::Supernet;
        let panel = Panel::new(config, dataset, truths, supernet);
        let mut new = Self::over(config.space(), config, dataset, run, state, Some(panel));
        if supernet && step.teacher == Teacher::Fixed {
            let before = start(config, run, number)?;
            new.job.fixed = Some(Params::new(new.params.layout.clone(), &before));
        }
        if B::EXECUTION == Execution::Masked {
            new.masked();
        }
        Ok(new)
    }

    /// A step over a space that need not be the configuration's, with no fixed teacher.
    pub(super) fn over(
        space: &'static Space<'static>,
        config: &'a RunConfig,
        dataset: &'a Dataset,
        run: &'a Path,
        state: Checkpoint,
        panel: Option<Panel>,
    ) -> Self {
        let (number, step) = (state.step, &config.steps[state.step - 1]);
        let enhancement = step.enhancement(config.enhancement);
        let (optimizer, half) = (config.optimizer, config.precision.half());
        let job = Job { space, enhancement, step, number, optimizer, fixed: None, half };
        let params = Params::new(layout_of(space, config, number), &state);
        let epoch = state.epoch;
        let (resident, judge) = (None, None);
        Self { config, dataset, run, job, params, panel, resident, judge, epoch }
    }

    /// From here on trains all paths of an update in one batch.
    pub(super) fn masked(&mut self) {
        self.resident = Some(Resident::new(self.dataset, self.config.augmentation));
        self.judge = self.panel.as_ref().map(|p| p.judge(self.dataset));
    }

    /// The weights as they are.
    pub(super) fn weights(&self) -> Weights {
        Weights { layout: self.params.layout.clone(), values: self.params.host_values() }
    }

    /// Trains the epochs that are left and returns the start of the next step; `None` where it was
    /// stopped.
    fn train(
        mut self,
        out: &Output,
        done: &mut Vec<Epoch>,
        stop: &dyn Fn(usize, u32) -> bool,
    ) -> Result<Option<Checkpoint>> {
        let (number, epochs) = (self.job.number, self.job.step.epochs);
        let per_epoch = batches(self.dataset.train.len(), self.job.step).count() as u64;
        let bar = out.progress(
            u64::from(epochs) * per_epoch,
            &format!("step {}/{}", self.job.number, self.config.steps.len()),
        );
        bar.set_position(u64::from(self.epoch) * per_epoch);
        while self.epoch < epochs {
            let line = self.epoch(&bar)?;
            bar.println(describe(&line, epochs));
            self.append(&line)?;
            done.push(line);
            if self.epoch < epochs {
                checkpoint::age(self.run, self.config.keep)?;
                self.checkpoint(self.params.host_momentum())
                    .write(&checkpoint::current_path(self.run))?;
                if stop(number, self.epoch) {
                    return Ok(None);
                }
            }
        }
        bar.finish_and_clear();
        let carried = carries(self.config, number + 1);
        let momentum = if carried { self.params.host_momentum() } else { Vec::new() };
        self.checkpoint(momentum).write(&checkpoint::finished_path(self.run, number))?;
        checkpoint::clear(self.run)?;
        if stop(number, epochs) {
            return Ok(None);
        }
        start(self.config, self.run, number + 1).map(Some)
    }

    fn checkpoint(&self, momentum: Vec<Option<Vec<f32>>>) -> Checkpoint {
        let values = self.params.host_values();
        Checkpoint { step: self.job.number, epoch: self.epoch, values, momentum, statistics: None }
    }

    fn append(&self, line: &Epoch) -> Result<()> {
        let path = self.run.join("metrics.jsonl");
        let failed = |source| Error::Io { path: path.clone(), source };
        let mut text = serde_json::to_string(line).unwrap_or_default();
        text.push('\n');
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut f| f.write_all(text.as_bytes()))
            .map_err(failed)
    }

    /// Trains one epoch and validates the panel.
    pub(super) fn epoch(&mut self, bar: &indicatif::ProgressBar) -> Result<Epoch> {
        let (step, dataset) = (self.job.step, self.dataset);
        let number = self.job.number as u64;
        let key = Key { seed: self.config.seed, epoch: self.epoch, step: number };
        let order = key.permutation(Purpose::Shuffle, dataset.train.len());
        let per_epoch = batches(order.len(), step).count() as u64;
        let (started, mut updates, mut images) = (Instant::now(), 0, 0);
        let (mut largest, mut students) = (0.0, 0.0);
        let mut pending = Pending::default();
        let ranges: Vec<_> = batches(order.len(), step).collect();
        let first = u64::from(self.epoch) * per_epoch;
        let archs = |update: u64| draw(self.job.space, step, key, update);
        let drawn = self.resident.as_ref().map(|resident| {
            let plans = (0..per_epoch).map(|i| self.job.plans(&archs(first + i))).collect();
            (resident, resident.epoch(&order, key, plans))
        });
        for range in ranges {
            let n = range.len();
            let rate = step.rate((first + updates) as f64 / per_epoch as f64);
            let (job, params) = (&self.job, &mut self.params);
            let losses = match &drawn {
                None => {
                    let indices = &order[range];
                    let pixels = dataset.augmented(indices, &self.config.augmentation, key);
                    let labels = dataset.labels(indices);
                    let batch = Batch::new(&pixels, &labels, dataset.shape);
                    job.update(params, &batch, &archs(first + updates), rate, first + updates)?
                }
                Some((resident, drawn)) => {
                    let (batch, at) = (resident.batch(drawn, range), (rate, first + updates));
                    let chosen = drawn.paths.of(updates as usize);
                    job.masked_update(params, batch, chosen, at, &mut pending)?
                }
            };
            largest += losses.largest;
            students += losses.students;
            updates += 1;
            images += n;
            bar.inc(1);
            let speed = images as f64 / started.elapsed().as_secs_f64();
            bar.set_message(format!("{speed:.0} images/s, loss {:.3}", largest / updates as f64));
        }
        let rest = self.job.read(&mut pending)?;
        largest += rest.largest;
        students += rest.students;
        let seconds = started.elapsed().as_secs_f64();
        let lr = step.rate(f64::from(self.epoch));
        self.epoch += 1;
        let panel = self.panel.as_ref();
        let scores = panel.map(|p| match &self.judge {
            Some(judge) => p.scores_on(judge, &self.params, &self.job),
            None => p.scores(&self.weights(), self.job.enhancement),
        });
        let pearson = panel.zip(scores.as_ref()).and_then(|(p, scores)| p.pearson(scores));
        Ok(Epoch {
            step: self.job.number,
            epoch: self.epoch,
            updates,
            lr,
            loss_largest: largest / updates as f64,
            loss_students: students / updates as f64,
            seconds,
            images_per_s: images as f64 / seconds,
            panel: scores.unwrap_or_default(),
            pearson,
        })
    }
}

/// Ranges of the step's batch out of `n`; a last batch of one image alone is left out.
fn batches(n: usize, step: &StepConfig) -> impl Iterator<Item = std::ops::Range<usize>> {
    let (batch, most) = (step.batch, step.updates.unwrap_or(usize::MAX));
    let ranges = (0..n).step_by(batch).map(move |from| from..(from + batch).min(n));
    ranges.filter(|r| r.len() > 1).take(most)
}

fn describe(line: &Epoch, epochs: u32) -> String {
    let panel: Vec<String> = line.panel.iter().map(|p| format!("{:.3}", p.top1)).collect();
    let pearson = line.pearson.map_or(String::new(), |r| format!(", Pearson {r:.3}"));
    format!(
        "step {} epoch {}/{epochs}: lr {:.4}, loss {:.3} / {:.3}, {:.0} images/s, top-1 {}{pearson}",
        line.step,
        line.epoch,
        line.lr,
        line.loss_largest,
        line.loss_students,
        line.images_per_s,
        panel.join(" ")
    )
}
