//! The steps of a run, with their epochs, checkpoints and metrics.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

use serde::{Deserialize, Serialize};
use supernano_base::config::{RunConfig, StepKind, Teacher};
use supernano_base::error::{Error, Result};
use supernano_base::objective::ScoreMetric;
use supernano_base::progress::Progress;
use supernano_base::stats::table;
use supernano_data::Dataset;

use super::state::{carries, check_data, keep_metrics, position, prepare, start};
use super::{Accelerator, Engine, EpochTotals, Panel, PanelScore, Position, Schedule, Setup, fit};
use crate::run::Lock;
use crate::run::checkpoint::{self, Checkpoint};

/// What to do if the directory already holds a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Refuse it with an error.
    New,
    /// Resume from its last checkpoint.
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
    /// Updates of the epoch; of one that was resumed, those since. Losses and times are theirs.
    pub updates: u64,
    /// Learning rate at the start of the epoch.
    pub lr: f32,
    /// Mean loss of the largest network; 0 if it is not trained. It is in nats, but for values, whose squared
    /// error is that of standardised values.
    pub loss_largest: f64,
    /// Mean loss of the sub-networks (Eq. 2), in the same unit; 0 without any.
    pub loss_students: f64,
    /// Time of training without validation, seconds.
    pub seconds: f64,
    /// Training images per second.
    pub images_per_s: f64,
    /// Scores of the panel.
    pub panel: Vec<PanelScore>,
    /// Pearson correlation of the panel's top-1 with the truths, if the run has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pearson: Option<f64>,
    /// What `top1` of the panel is, unless it is an accuracy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<ScoreMetric>,
}

/// Trains every unfinished step of a configuration and returns the epochs that it trained. Writes
/// `config.toml`, `metrics.jsonl` and `checkpoints/` of the run directory.
///
/// # Errors
/// [`Error::Invalid`] for a directory that holds a run (or, to resume, another run),
/// [`Error::NotFinite`], [`Error::Io`], [`Error::Tool`] without the processor.
pub fn train(
    config: &RunConfig,
    dataset: &Dataset,
    run: &Path,
    begin: Begin,
    accelerator: &dyn Accelerator,
    progress: &dyn Progress,
) -> Result<Vec<Epoch>> {
    train_until(config, dataset, run, begin, accelerator, progress, &|_, _| false)
}

/// When a training ends before all its steps are trained. It leaves a checkpoint, from which it can be
/// resumed.
#[derive(Clone, Copy)]
pub enum Stop<'a> {
    /// After the first epoch for which this is true of the step and the epoch, from 1.
    AfterEpoch(&'a dyn Fn(usize, u32) -> bool),
    /// Before the first update at which this is true.
    BeforeUpdate(&'a dyn Fn() -> bool),
}

impl Stop<'_> {
    fn after(&self, step: usize, epoch: u32) -> bool {
        match self {
            Self::AfterEpoch(stop) => stop(step, epoch),
            Self::BeforeUpdate(late) => late(),
        }
    }

    fn late(&self) -> bool {
        match self {
            Self::AfterEpoch(_) => false,
            Self::BeforeUpdate(late) => late(),
        }
    }
}

/// Like [`train`], but stops after the checkpoint of the first epoch for which `stop(step, epoch)`
/// is true.
///
/// # Errors
/// The errors of [`train`].
pub fn train_until(
    config: &RunConfig,
    dataset: &Dataset,
    run: &Path,
    begin: Begin,
    accelerator: &dyn Accelerator,
    progress: &dyn Progress,
    stop: &dyn Fn(usize, u32) -> bool,
) -> Result<Vec<Epoch>> {
    train_stopping(config, dataset, run, begin, accelerator, progress, Stop::AfterEpoch(stop))
}

/// Like [`train`], but may stop early.
///
/// # Errors
/// The errors of [`train`].
pub fn train_stopping(
    config: &RunConfig,
    dataset: &Dataset,
    run: &Path,
    begin: Begin,
    accelerator: &dyn Accelerator,
    progress: &dyn Progress,
    stop: Stop<'_>,
) -> Result<Vec<Epoch>> {
    check_data(config, dataset)?;
    accelerator.computes(config.precision)?;
    accelerator.check(config)?;
    let truths = match &config.truths {
        Some(path) => table::read(path, &config.space(), table::TRUTH)?,
        None => Vec::new(),
    };
    let _lock = Lock::of(run)?;
    prepare(config, run, begin)?;
    let mut state = position(config, run)?;
    keep_metrics(run, state.step, state.epoch)?;
    if state.epoch == 0 && state.update == 0 {
        // A training that was killed after a step leaves the checkpoints that led to it.
        checkpoint::clear(run)?;
    }
    let training = Training { config, dataset, truths, run, accelerator, progress, stop };
    let mut done = Vec::new();
    while state.step <= config.steps.len() {
        match training.step(state, &mut done)? {
            Some(next) => state = next,
            None => break,
        }
    }
    Ok(done)
}

struct Training<'a> {
    config: &'a RunConfig,
    dataset: &'a Dataset,
    truths: Vec<table::CodeValue>,
    run: &'a Path,
    accelerator: &'a dyn Accelerator,
    progress: &'a dyn Progress,
    stop: Stop<'a>,
}

impl Training<'_> {
    /// Trains the epochs of a step that are left, and returns the start of the next step; `None`
    /// if it was stopped.
    fn step(&self, state: Checkpoint, done: &mut Vec<Epoch>) -> Result<Option<Checkpoint>> {
        let Self { config, dataset, run, .. } = *self;
        let (number, first, skip) = (state.step, state.epoch, state.update);
        let step = &config.steps[number - 1];
        let supernet = step.kind == StepKind::Supernet;
        let panel = Panel::new(config, dataset, &self.truths, supernet)?;
        let fixed = match supernet && step.teacher == Teacher::Fixed {
            true => Some(start(config, run, number)?),
            false => None,
        };
        let setup = Setup { space: config.shared_space(), config, dataset, state, fixed };
        let mut engine = self.accelerator.engine(setup, Some(&panel))?;
        let rate = |at: Position| step.rate(at.epochs());
        let images = dataset.train.len();
        let schedule = Schedule {
            seed: config.seed,
            step: number as u64,
            epochs: first..step.epochs,
            images,
            used: images,
            batch: step.batch,
            // One image has no batch statistics.
            least: 2,
            updates: step.updates.unwrap_or(usize::MAX),
            rate: &rate,
            skip,
            late: &|| self.stop.late(),
        };
        let what = format!("step {number}/{}", config.steps.len());
        let task = self.progress.task(u64::from(step.epochs) * schedule.per_epoch(), &what);
        task.advance(u64::from(first) * schedule.per_epoch() + skip);
        let mut stopped = false;
        let cut = fit(&mut *engine, &schedule, &*task, |engine, totals| {
            let line = self.line(engine, &panel, number, totals)?;
            task.line(&describe(&line, step.epochs));
            self.append(&line)?;
            done.push(line);
            let last = totals.epoch == step.epochs;
            if !last {
                self.keep(number, (totals.epoch, 0), engine)?;
            }
            stopped = self.stop.after(number, totals.epoch);
            Ok(if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        });
        // The start of an epoch has its checkpoint already.
        let failed_at = engine.failed_at().filter(|&at| at.1 > 0 && at != (first, skip));
        if let (Err(_), Some(at)) = (&cut, failed_at) {
            self.keep(number, at, &*engine)?;
        }
        let cut = cut?;
        task.finish();
        if let Some(cut) = cut {
            if (cut.epoch, cut.updates) != (first, skip) {
                self.keep(number, (cut.epoch, cut.updates), &*engine)?;
            }
            return Ok(None);
        }
        if stopped && done.last().is_some_and(|line| line.epoch < step.epochs) {
            return Ok(None);
        }
        self.finish(number, &*engine)?;
        if stopped { Ok(None) } else { start(config, run, number + 1).map(Some) }
    }

    /// Writes the current checkpoint, after a number of epochs and of updates of the next one.
    fn keep(&self, number: usize, at: (u32, u64), engine: &dyn Engine) -> Result<()> {
        checkpoint::age(self.run, self.config.keep)?;
        let (epoch, update) = at;
        let momentum = engine.momentum();
        let stands = Checkpoint { epoch, update, momentum, ..saved(number, engine) };
        stands.write_of(self.config, &checkpoint::current_path(self.run))
    }

    /// Writes the checkpoint of a finished step and removes those that lead to it.
    fn finish(&self, number: usize, engine: &dyn Engine) -> Result<()> {
        let carried = carries(self.config, number + 1);
        let momentum = if carried { engine.momentum() } else { Vec::new() };
        let epoch = self.config.steps[number - 1].epochs;
        let finished = Checkpoint { epoch, momentum, ..saved(number, engine) };
        finished.write_of(self.config, &checkpoint::finished_path(self.run, number))?;
        checkpoint::clear(self.run)
    }

    /// Validates the panel and collects the metrics of an epoch.
    fn line(
        &self,
        engine: &dyn Engine,
        panel: &Panel,
        number: usize,
        totals: EpochTotals,
    ) -> Result<Epoch> {
        let step = &self.config.steps[number - 1];
        let scores = engine.validate(panel)?;
        let pearson = panel.pearson(&scores);
        Ok(Epoch {
            step: number,
            epoch: totals.epoch,
            updates: totals.updates,
            lr: step.rate(f64::from(totals.epoch - 1)),
            loss_largest: totals.losses.largest,
            loss_students: totals.losses.students,
            seconds: totals.seconds,
            images_per_s: totals.images as f64 / totals.seconds,
            panel: scores,
            pearson,
            metric: ScoreMetric::of(self.config.space().head),
        })
    }

    fn append(&self, line: &Epoch) -> Result<()> {
        let path = self.run.join("metrics.jsonl");
        let mut text = serde_json::to_string(line)
            .map_err(|e| Error::invalid(path.display(), "line", "an epoch's metrics", e))?;
        text.push('\n');
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut f| f.write_all(text.as_bytes()))
            .map_err(|e| Error::io(&path, e))
    }
}

/// The current weights of a step, without momentum.
fn saved(step: usize, engine: &dyn Engine) -> Checkpoint {
    Checkpoint::start(step, engine.values())
}

fn describe(line: &Epoch, epochs: u32) -> String {
    let panel: Vec<String> = line.panel.iter().map(|p| format!("{:.3}", p.top1)).collect();
    let pearson = line.pearson.map_or(String::new(), |r| format!(", Pearson {r:.3}"));
    format!(
        "step {} epoch {}/{epochs}: lr {:.4}, loss {:.3} / {:.3}, {:.0} images/s, {} {}{pearson}",
        line.step,
        line.epoch,
        line.lr,
        line.loss_largest,
        line.loss_students,
        line.images_per_s,
        line.metric.map_or("top-1", ScoreMetric::title),
        panel.join(" ")
    )
}
