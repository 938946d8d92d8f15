//! The parts of a session on a GPU: check, timing, training. Each part leaves a file.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use supernano_base::config::{Precision, RunConfig};
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::progress::Progress;
use supernano_base::run_dir::RunDirectory;
use supernano_data::{Dataset, of_config};
use supernano_gpu::agreement::{Agreement, Comparison};
use supernano_gpu::bench_device::DeviceBench;
use supernano_gpu::device::Device;
use supernano_train::run::checkpoint::latest_finished;
use supernano_train::training::{Accelerator, Begin, metrics, train_until};

use super::report::{DeviceCheck, GpuReport, TimedSteps, TrainedPart};

/// A session on a GPU, which continues the last one in the same directory.
#[derive(Clone, Copy)]
pub struct GpuSession<'a> {
    /// Configuration to train.
    pub config: &'a RunConfig,
    /// The device, which has answered.
    pub device: Device,
    /// The same device as a processor that trains.
    pub accelerator: &'a dyn Accelerator,
    /// Directory of the files.
    pub output: &'a Path,
    /// Start of the session.
    pub started: Instant,
    /// Minutes after which training ends, at the end of an epoch.
    pub minutes: f64,
    /// Second precision of convolutions.
    pub precision: Precision,
    /// Timed updates.
    pub updates: u64,
    /// Timed updates of the sliced execution.
    pub sliced_updates: u64,
}

impl GpuSession<'_> {
    /// Runs the parts that have no file yet, then trains.
    ///
    /// # Errors
    /// [`Error::No`] if the device computes something else than the CPU; those of the data and the
    /// files; as [`train_until`].
    pub fn run(&self, progress: &dyn Progress) -> Result<GpuReport> {
        let dataset = of_config(self.config, None)?;
        let (check, bench) = (self.output.join("check.json"), self.output.join("bench.json"));
        if !check.exists() {
            files::write_json(&check, &self.check(progress)?)?;
        }
        if !bench.exists() {
            files::write_json(&bench, &self.time(&dataset, progress)?)?;
        }
        let train = self.train(&dataset, progress)?;
        files::write_json(&self.output.join("train.json"), &train)?;
        Ok(GpuReport {
            output: self.output.to_path_buf(),
            finished: train.finished,
            check: files::read_json(&check, "a device check")?,
            bench: files::read_json(&bench, "timings of a device")?,
            train,
        })
    }

    /// Compares the device with the CPU.
    fn check(&self, progress: &dyn Progress) -> Result<DeviceCheck> {
        let comparisons = self.device.compare(Agreement { precision: self.precision })?;
        let agrees = comparisons.iter().all(Comparison::agrees);
        for c in &comparisons {
            let mark = if c.agrees() { "agrees" } else { "DIFFERS" };
            progress.note(&format!(
                "{mark}: {} (differs by {:.2e}, at most {:.0e})",
                c.what, c.difference, c.tolerance
            ));
        }
        let device = self.device.to_string();
        if !agrees {
            let what = format!("--device {device} computes something else than the CPU");
            return Err(Error::No(what));
        }
        Ok(DeviceCheck { device, card: card(self.device), agrees, comparisons })
    }

    /// Times the first supernet step.
    fn time(&self, dataset: &Dataset, progress: &dyn Progress) -> Result<TimedSteps> {
        let Self { config, updates, sliced_updates, precision, .. } = *self;
        let bench = DeviceBench { config, dataset, updates, sliced_updates, precision };
        let timings = self.device.time(bench)?;
        for s in &timings.steps {
            let (execution, precision) = (&s.execution, s.precision);
            progress.note(&format!("{execution} in {precision}: {:.1} ms per update", s.step_ms));
        }
        let space = config.space().name.to_owned();
        Ok(TimedSteps { device: self.device.to_string(), card: card(self.device), space, timings })
    }

    /// Trains until the time is over or all steps are finished.
    fn train(&self, dataset: &Dataset, progress: &dyn Progress) -> Result<TrainedPart> {
        let (config, run) = (self.config, RunDirectory::new(self.output.join("run")));
        let begin = if run.config_file().exists() { Begin::Resume } else { Begin::New };
        let late = |_, _| self.started.elapsed().as_secs_f64() > 60.0 * self.minutes;
        let finished = || latest_finished(run.path(), config) == Some(config.steps.len());
        if !finished() && !late(0, 0) {
            train_until(config, dataset, run.path(), begin, self.accelerator, progress, &late)?;
        }
        let epochs = metrics(run.path())?;
        let last = epochs.last();
        Ok(TrainedPart {
            device: self.device.to_string(),
            card: card(self.device),
            finished: finished(),
            epochs: epochs.len(),
            of_epochs: config.steps.iter().map(|s| s.epochs as usize).sum(),
            updates: epochs.iter().map(|e| e.updates).sum(),
            seconds: epochs.iter().map(|e| e.seconds).sum(),
            step_ms: last.map_or(0.0, |e| 1e3 * e.seconds / e.updates.max(1) as f64),
            extrapolated_300_epochs_h: 300.0 * last.map_or(0.0, |e| e.seconds) / 3600.0,
            last: last.cloned(),
        })
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
