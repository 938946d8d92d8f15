//! The files of `supernano dev gpu`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use supernano_gpu::agreement::Comparison;
use supernano_gpu::bench_device::DeviceTimings;
use supernano_train::training::Epoch;

/// `check.json`: the device against the CPU.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceCheck {
    /// Name of the device.
    pub device: String,
    /// Name and driver of the card, if they are known.
    pub card: Option<String>,
    /// Whether all comparisons agree.
    pub agrees: bool,
    /// All comparisons.
    pub comparisons: Vec<Comparison>,
}

/// `bench.json`: times of a step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TimedSteps {
    /// Name of the device.
    pub device: String,
    /// Name and driver of the card, if they are known.
    pub card: Option<String>,
    /// Name of the search space.
    pub space: String,
    /// The times.
    pub timings: DeviceTimings,
}

/// `train.json`: the state of the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TrainedPart {
    /// Name of the device.
    pub device: String,
    /// Name and driver of the card, if they are known.
    pub card: Option<String>,
    /// Whether all steps are trained.
    pub finished: bool,
    /// Epochs trained.
    pub epochs: usize,
    /// Epochs of the configuration.
    pub of_epochs: usize,
    /// Updates in these epochs.
    pub updates: u64,
    /// Training time of these epochs.
    pub seconds: f64,
    /// Time of one update of the last epoch, ms.
    pub step_ms: f64,
    /// Time of 300 epochs like the last one, hours. It is extrapolated, not measured.
    pub extrapolated_300_epochs_h: f64,
    /// The last epoch.
    pub last: Option<Epoch>,
}

/// The contents of all files.
#[derive(Clone, Debug, Serialize)]
pub struct GpuReport {
    /// Directory of the files.
    pub output: PathBuf,
    /// Whether all steps are trained.
    pub finished: bool,
    /// The device against the CPU.
    pub check: DeviceCheck,
    /// Times of a step.
    pub bench: TimedSteps,
    /// The state of the run.
    pub train: TrainedPart,
}
