//! The run: steps, epochs, checkpoints, metrics.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

#[cfg(any(feature = "cuda", feature = "vulkan"))]
use burn::backend::Autodiff;
use burn::tensor::backend::AutodiffBackend;
use serde::{Deserialize, Serialize};
use supernano_core::arch::Arch;
use supernano_core::plan::resolve;
use supernano_core::space::Space;

use super::checkpoint::{self, Checkpoint};
use super::masked::Pending;
use super::panel::{Panel, PanelScore};
use super::params::Params;
use super::update::{Batch, Job, draw};
use crate::backend::device::Device;
use crate::backend::{CpuAutodiff, Execution, Map, Ops};
use crate::cli::Output;
use crate::config::{RunConfig, StepConfig, StepKind, Teacher};
use crate::data::rng::Purpose;
use crate::data::{Dataset, Key};
use crate::error::{Error, Result};
use crate::files;
use crate::stats::table;
use crate::supernet::{Layout, Weights};

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
    device.check()?;
    match device {
        Device::Cpu => train_on::<CpuAutodiff>(config, dataset, run, begin, out, stop),
        #[cfg(feature = "cuda")]
        Device::Cuda => {
            train_on::<Autodiff<crate::backend::Cuda>>(config, dataset, run, begin, out, stop)
        }
        #[cfg(feature = "vulkan")]
        Device::Vulkan => {
            train_on::<Autodiff<crate::backend::Vulkan>>(config, dataset, run, begin, out, stop)
        }
        #[cfg(not(all(feature = "cuda", feature = "vulkan")))]
        _ => Err(Error::tool(format!("--device {device}"), "not built in")),
    }
}

fn train_on<B: AutodiffBackend + Ops>(
    config: &RunConfig,
    dataset: &Dataset,
    run: &Path,
    begin: Begin,
    out: &Output,
    stop: &dyn Fn(usize, u32) -> bool,
) -> Result<Vec<Epoch>>
where
    B::InnerBackend: Ops,
{
    check_data(config, dataset)?;
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

fn check_data(config: &RunConfig, dataset: &Dataset) -> Result<()> {
    let space = config.space();
    let fail = |field, expected: String, found: String| {
        Err(Error::invalid(format!("data set {}", dataset.name), field, expected, found))
    };
    if dataset.shape != space.input {
        return fail("shape", format!("{:?}", space.input), format!("{:?}", dataset.shape));
    }
    if dataset.classes.len() != usize::from(space.classes) {
        return fail("classes", space.classes.to_string(), dataset.classes.len().to_string());
    }
    let needed = config.recalibration.batch.max(2);
    if dataset.train.len() < needed {
        let expected = format!("at least {needed} (one batch of recalibration)");
        return fail("training images", expected, dataset.train.len().to_string());
    }
    Ok(())
}

fn prepare(config: &RunConfig, run: &Path, begin: Begin) -> Result<()> {
    let (file, checkpoints) = (run.join("config.toml"), run.join("checkpoints"));
    match begin {
        Begin::Resume => {
            let mut old = RunConfig::read(&file)?;
            old.data.path.clone_from(&config.data.path);
            if old != *config {
                let expected = "the configuration that the run was started with";
                return Err(Error::invalid(file.display(), "--resume", expected, "another"));
            }
        }
        Begin::New if checkpoints.exists() => {
            let expected = "a directory without a run (or --resume, or --overwrite)";
            return Err(Error::invalid(run.display(), "output", expected, "a run"));
        }
        Begin::New | Begin::Overwrite => {
            let metrics = run.join("metrics.jsonl");
            for (path, gone) in [
                (&checkpoints, checkpoints.exists().then(|| std::fs::remove_dir_all(&checkpoints))),
                (&metrics, metrics.exists().then(|| std::fs::remove_file(&metrics))),
            ] {
                gone.unwrap_or(Ok(())).map_err(|e| Error::io(path, e))?;
            }
        }
    }
    files::write(&file, config.to_toml().as_bytes())
}

/// Where training goes on: the checkpoint of the current step, or the start of the next.
fn position(config: &RunConfig, run: &Path) -> Result<Checkpoint> {
    let finished = checkpoint::latest_finished(run, config).unwrap_or(0);
    let current = checkpoint::current_path(run);
    if current.is_file() {
        let stored = Checkpoint::read(&current)?;
        if stored.step() == finished + 1 && stored.step() <= config.steps.len() {
            return stored.split(&layout(config, finished + 1), &current);
        }
    }
    start(config, run, finished + 1)
}

fn layout(config: &RunConfig, step: usize) -> Layout {
    layout_of(config.space(), config, step)
}

/// The tensors of a step, over a space that need not be the configuration's.
pub(super) fn layout_of(space: &'static Space<'static>, config: &RunConfig, step: usize) -> Layout {
    Layout::new(space, config.enhancement, config.scheme(step))
}

/// The start of a step: initial weights, or those of the step before, duplicated.
fn start(config: &RunConfig, run: &Path, step: usize) -> Result<Checkpoint> {
    let values = match step {
        1 => Weights::initial(layout(config, 1), Key::new(config.seed)).values,
        _ => {
            let path = checkpoint::finished_path(run, step - 1);
            let (weights, _) = Checkpoint::read(&path)?.weights(layout(config, step - 1), &path)?;
            let scheme = config.scheme(step);
            if step > config.steps.len() || scheme == config.scheme(step - 1) {
                weights.values
            } else {
                weights
                    .duplicated(scheme)
                    .ok_or_else(|| {
                        Error::invalid(path.display(), "scheme", "a finer scheme", "another")
                    })?
                    .values
            }
        }
    };
    Ok(Checkpoint { step, epoch: 0, values, momentum: Vec::new(), statistics: None })
}

/// Drops the metrics of epochs after (`step`, `epoch`).
fn keep_metrics(run: &Path, step: usize, epoch: u32) -> Result<()> {
    let path = run.join("metrics.jsonl");
    if !path.exists() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&files::read(&path)?).into_owned();
    let kept: String = text
        .lines()
        .filter(|line| {
            serde_json::from_str::<Epoch>(line).is_ok_and(|e| (e.step, e.epoch) <= (step, epoch))
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    files::write(&path, kept.as_bytes())
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
    epoch: u32,
}

impl<'a, B: AutodiffBackend + Ops> Step<'a, B>
where
    B::InnerBackend: Ops,
{
    fn new(
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
            let before = Params::<B>::new(new.params.layout.clone(), &before);
            let job = &mut new.job;
            let largest = Arch::largest(job.space);
            job.fixed =
                Some(before.plain(&resolve(job.space, &largest, job.enhancement, step.scheme)));
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
        let optimizer = config.optimizer;
        let job = Job { space, enhancement, step, number, optimizer, fixed: None };
        let params = Params::new(layout_of(space, config, number), &state);
        Self { config, dataset, run, job, params, panel, epoch: state.epoch }
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
        self.checkpoint(Vec::new()).write(&checkpoint::finished_path(self.run, number))?;
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
        for range in batches(order.len(), step) {
            let indices = &order[range];
            let pixels = dataset.augmented(indices, &self.config.augmentation, key);
            let labels: Vec<u16> =
                indices.iter().map(|&i| dataset.train.labels[i as usize]).collect();
            let s = dataset.shape;
            let shape = (labels.len(), s.channels.into(), s.height.into(), s.width.into());
            let batch = Batch::<B> {
                images: Map::from_images(&pixels, shape.0, shape.1, shape.2, shape.3),
                plain: Map::from_images(&pixels, shape.0, shape.1, shape.2, shape.3),
                labels: &labels,
            };
            let update = u64::from(self.epoch) * per_epoch + updates;
            let rate = step.rate(update as f64 / per_epoch as f64);
            let archs = draw(self.job.space, step, key, update);
            let (job, params) = (&self.job, &mut self.params);
            let losses = match B::EXECUTION {
                Execution::Sliced => job.update(params, &batch, &archs, rate, update)?,
                Execution::Masked => {
                    job.masked_update(params, &batch, &archs, rate, update, &mut pending)?
                }
            };
            largest += losses.largest;
            students += losses.students;
            updates += 1;
            images += labels.len();
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
        let scores = panel.map(|p| p.scores(&self.weights(), self.job.enhancement));
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
