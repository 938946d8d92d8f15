//! The parts of a session on a GPU. Every result is added to a file as soon as it is there.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde::Serialize;
use serde_json::{Value, json};
use supernano_base::config::RunConfig;
use supernano_base::error::{Error, Result};
use supernano_base::progress::Progress;
use supernano_base::run_dir::RunDirectory;
use supernano_base::stats::{self, table};
use supernano_core::arch::Arch;
use supernano_data::{Dataset, of_config};
use supernano_gpu::device::Device;
use supernano_gpu::results::{Bench, Comparison, Scoring, StepTiming};
use supernano_train::run::Run;
use supernano_train::run::checkpoint::{current_path, latest_finished};
use supernano_train::training::{Begin, Stop, metrics, train_stopping};

use super::Part;
use super::golden;
use super::lines::Lines;

/// Part of the time to the deadline that training plans to use, if it chooses its epochs.
const USED: f64 = 0.85;

/// A session on a GPU, which continues the last one in the same directory.
pub struct GpuSession<'a> {
    /// Configuration to train.
    pub config: RunConfig,
    /// The device, which has answered.
    pub device: Device,
    /// Tiling to train with; `None` for the fastest.
    pub tiling: Option<usize>,
    /// Run directory, with the results.
    pub output: &'a Path,
    /// Start of the session.
    pub started: Instant,
    /// Seconds after which nothing new is begun.
    pub deadline: f64,
    /// Timed updates.
    pub updates: u64,
    /// Timed updates of the sliced execution.
    pub sliced_updates: u64,
    /// Time of an update above which training is left out, ms.
    pub slowest: Option<f64>,
    /// True to choose the epochs of the last step.
    pub fit_epochs: bool,
    /// Codes to score.
    pub codes: Option<&'a Path>,
    /// Run with other weights to score.
    pub reference: Option<&'a Path>,
    /// Values of the CPU to compare the device with.
    pub golden: Option<&'a Path>,
    /// Largest number of test images to score on.
    pub images: usize,
}

/// The last line of each part.
#[derive(Debug, Serialize)]
pub struct GpuReport {
    /// Whether all parts of the call are done.
    pub finished: bool,
    /// The lines that end the parts; `null` for one that the deadline ended.
    pub parts: Vec<Value>,
}

impl GpuReport {
    /// One line for each part.
    pub fn text(&self) -> String {
        let mut text: String = self.parts.iter().map(|line| format!("{line}\n")).collect();
        text += if self.finished { "finished" } else { "call again to continue" };
        text
    }
}

impl GpuSession<'_> {
    /// Does the parts that are not done.
    ///
    /// # Errors
    /// [`Error::No`] if the device computes something else than the CPU; those of the data and the
    /// files; as [`train_stopping`].
    pub fn run(&mut self, parts: &[Part], progress: &dyn Progress) -> Result<GpuReport> {
        let mut lines = Lines::open(self.output)?;
        let mut report = GpuReport { finished: true, parts: Vec::new() };
        let needs_data = self.golden.is_some() || parts.iter().any(|part| *part != Part::Check);
        let dataset = if needs_data { Some(of_config(&self.config, None)?) } else { None };
        for part in parts {
            let name = match part {
                Part::Check => "check",
                Part::Bench => "bench",
                Part::Train => "train",
                Part::Score => "score",
                Part::Reference => "reference",
            };
            if lines.done(name).is_none() && !self.late() {
                match (part, &dataset) {
                    (Part::Check, data) => self.check(data.as_ref(), &mut lines, progress)?,
                    (Part::Bench, Some(data)) => self.bench(data, &mut lines, progress)?,
                    (Part::Train, Some(data)) => self.train(data, &mut lines, progress)?,
                    (Part::Score, Some(data)) => {
                        let run = match current_path(self.output).is_file() {
                            true => Run::open_unfinished(self.output)?,
                            false => Run::open(self.output)?,
                        };
                        // A later call scores again if it trains further.
                        let done = lines.done("train").is_some();
                        self.score(data, &run, done, name, &mut lines)?;
                    }
                    (Part::Reference, Some(data)) => {
                        let reference = self.reference.ok_or_else(|| {
                            Error::invalid("command line", "--reference", "a run", "nothing")
                        })?;
                        self.score(data, &Run::open(reference)?, true, name, &mut lines)?;
                    }
                    (_, None) => {}
                }
            }
            let line = lines.done(name).cloned().unwrap_or_default();
            report.finished &= !line.is_null();
            report.parts.push(line);
        }
        Ok(report)
    }

    fn late(&self) -> bool {
        self.started.elapsed().as_secs_f64() > self.deadline
    }

    /// The device and its card, for the line that ends a part.
    fn ended(&self, result: Value) -> Value {
        let mut line = json!({
            "done": true,
            "device": self.device.to_string(),
            "card": card(self.device),
            "seconds": self.started.elapsed().as_secs_f64(),
        });
        if let (Value::Object(line), Value::Object(result)) = (&mut line, result) {
            line.extend(result);
        }
        line
    }

    /// Compares the device with the CPU.
    fn check(
        &self,
        data: Option<&Dataset>,
        lines: &mut Lines,
        progress: &dyn Progress,
    ) -> Result<()> {
        let mut written = Ok(());
        let mut report = |c: &Comparison| {
            let mark = if c.agrees() { "agrees" } else { "DIFFERS" };
            let Comparison { what, difference, tolerance } = c;
            progress.note(&format!(
                "{mark}: {what} (differs by {difference:.2e}, at most {tolerance:.0e})"
            ));
            let line = json!({
                "what": what, "difference": difference, "tolerance": tolerance, "agrees": c.agrees(),
            });
            written = lines.add("check", line);
            written.is_ok() && !self.late()
        };
        let mut comparisons = Vec::new();
        if let (Some(golden), Some(data)) = (self.golden, data) {
            let accelerator = self.device.accelerator(self.tiling.unwrap_or_default())?;
            let found = (&self.config, data, self.output);
            comparisons = golden::compare(golden, found, &*accelerator)?;
            comparisons.iter().all(&mut report);
        }
        if !self.late() {
            comparisons.extend(self.device.compare(&mut report)?);
        }
        written?;
        let agrees = comparisons.iter().all(Comparison::agrees);
        if agrees && self.late() {
            return Ok(());
        }
        lines.add("check", self.ended(json!({ "agrees": agrees })))?;
        if agrees {
            return Ok(());
        }
        Err(Error::No(format!("--device {} computes something else than the CPU", self.device)))
    }

    /// Times the first supernet step.
    fn bench(&self, dataset: &Dataset, lines: &mut Lines, progress: &dyn Progress) -> Result<()> {
        let bench = Bench {
            config: &self.config,
            dataset,
            updates: self.updates,
            sliced_updates: self.sliced_updates,
        };
        let mut written = Ok(());
        let timings = self.device.time(bench, &mut |timing| {
            let StepTiming { execution, precision, tiling, step_ms, .. } = timing;
            let tiling = tiling.map_or(String::new(), |n| format!(", tiling {n}"));
            progress.note(&format!("{execution}, {precision}{tiling}: {step_ms:.2} ms per update"));
            written = lines.add("bench", json!({ "timing": timing }));
            written.is_ok() && !self.late()
        })?;
        written?;
        let precision = self.config.precision;
        let on_device = timings.iter().filter(|t| t.tiling.is_some() && t.precision == precision);
        let fastest = on_device.min_by(|a, b| a.step_ms.total_cmp(&b.step_ms));
        let Some(fastest) = fastest else { return Ok(()) };
        let (tiling, step_ms) = (fastest.tiling, fastest.step_ms);
        lines.add("bench", self.ended(json!({ "tiling": tiling, "step_ms": step_ms })))
    }

    /// Trains until the time is over or all steps are finished.
    fn train(&mut self, data: &Dataset, lines: &mut Lines, progress: &dyn Progress) -> Result<()> {
        let run = RunDirectory::new(self.output);
        let bench = lines
            .done("bench")
            .cloned()
            .or_else(|| lines.fastest(self.config.precision))
            .unwrap_or_default();
        let step_ms = bench["step_ms"].as_f64();
        if let (Some(slowest), Some(ms)) = (self.slowest, step_ms)
            && ms > slowest
        {
            let line = json!({ "skipped": "an update is too slow", "step_ms": ms });
            return lines.add("train", self.ended(line));
        }
        let started = latest_finished(run.path(), &self.config).is_some()
            || current_path(run.path()).is_file();
        if let (true, Some(ms), false) =
            (self.fit_epochs, step_ms, current_path(run.path()).is_file())
        {
            self.choose_epochs(data, ms);
            // The configuration is the run's from here on.
            supernano_base::files::write(&run.config_file(), self.config.to_toml()?.as_bytes())?;
        }
        let begin = if started { Begin::Resume } else { Begin::Overwrite };
        let fastest = bench["tiling"].as_u64().map(|n| n as usize);
        let accelerator = self.device.accelerator(self.tiling.or(fastest).unwrap_or_default())?;
        let late = || self.late();
        let stop = Stop::BeforeUpdate(&late);
        train_stopping(&self.config, data, run.path(), begin, &*accelerator, progress, stop)?;
        let epochs = metrics(run.path())?;
        let last = epochs.last();
        let finished = latest_finished(run.path(), &self.config) == Some(self.config.steps.len());
        let line = json!({
            "epochs": epochs.len(),
            "of_epochs": self.config.steps.iter().map(|s| s.epochs).sum::<u32>(),
            "updates": epochs.iter().map(|e| e.updates).sum::<u64>(),
            "training_seconds": epochs.iter().map(|e| e.seconds).sum::<f64>(),
            "step_ms": last.map(|e| 1e3 * e.seconds / e.updates.max(1) as f64),
        });
        if finished { lines.add("train", self.ended(line)) } else { lines.add("train", line) }
    }

    /// Sets the epochs of the last step to those that fit before the deadline.
    fn choose_epochs(&mut self, data: &Dataset, step_ms: f64) {
        let left = self.deadline - self.started.elapsed().as_secs_f64();
        let Some(step) = self.config.steps.last_mut() else { return };
        let updates = data.train.len().div_ceil(step.batch).min(step.updates.unwrap_or(usize::MAX));
        let epoch = updates as f64 * step_ms / 1e3;
        step.epochs = step.epochs.min((USED * left / epoch.max(1e-3)) as u32).max(1);
    }

    /// Scores the codes with the weights of a run as they are. `done` is whether this ends the part.
    fn score(
        &self,
        dataset: &Dataset,
        run: &Run,
        done: bool,
        part: &str,
        lines: &mut Lines,
    ) -> Result<()> {
        let codes = self.codes.ok_or_else(|| {
            Error::invalid("command line", "--codes", "a file of codes to score", "nothing")
        })?;
        let truths = table::read(codes, &run.space(), table::TRUTH)?;
        let archs: Vec<Arch> = truths.iter().map(|t| t.arch.clone()).collect();
        let started = Instant::now();
        let scoring = Scoring { run, dataset, archs: &archs, images: self.images };
        let found = self.device.score(scoring)?;
        let seconds = started.elapsed().as_secs_f64();
        let truth: Vec<f64> = truths.iter().map(|t| t.value).collect();
        let top1: Vec<f64> = found.iter().map(|e| e.top1).collect();
        let ce: Vec<f64> = found.iter().map(|e| -e.ce).collect();
        let codes: Vec<String> =
            archs.iter().map(|arch| arch.display(&run.space()).to_string()).collect();
        let scores: Vec<Value> =
            codes.iter().zip(&found).map(|(code, e)| json!([code, e.top1, e.ce])).collect();
        let mut line = self.ended(json!({
            "step": run.step,
            "networks": archs.len(),
            "images": found.first().map(|e| e.images),
            "scoring_seconds": seconds,
            "pearson_top1": stats::pearson(&top1, &truth),
            "tau_top1": stats::kendall_tau_b(&top1, &truth),
            "pearson_ce": stats::pearson(&ce, &truth),
            "tau_ce": stats::kendall_tau_b(&ce, &truth),
            "scores": scores,
        }));
        line["done"] = done.into();
        lines.add(part, line)
    }
}

/// Name and driver of an NVIDIA card, from `nvidia-smi`.
fn card(device: Device) -> Option<String> {
    if device != Device::Cuda {
        return None;
    }
    let query = ["--query-gpu=name,driver_version", "--format=csv,noheader"];
    let output = Command::new("nvidia-smi").args(query).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
