//! What a check, a timing and a scoring on a device take and give.

use serde::Serialize;
use supernano_base::config::{Precision, RunConfig};
use supernano_core::arch::Arch;
use supernano_data::Dataset;
use supernano_train::run::Run;

/// The largest difference between a device and the CPU in one result.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Description of the result.
    pub what: String,
    /// Largest absolute difference.
    pub difference: f64,
    /// Largest accepted difference.
    pub tolerance: f64,
}

impl Comparison {
    /// True if the difference is at most the tolerance. NaN is never accepted.
    pub fn agrees(&self) -> bool {
        self.difference <= self.tolerance
    }
}

/// A timing of the first supernet step of a configuration, from random weights.
#[derive(Clone, Copy, Debug)]
pub struct Bench<'a> {
    /// Configuration.
    pub config: &'a RunConfig,
    /// Data of the configuration.
    pub dataset: &'a Dataset,
    /// Timed updates of every tiling.
    pub updates: u64,
    /// Timed updates of the CPU's sliced execution; 0 to skip it.
    pub sliced_updates: u64,
}

/// The timing of one execution.
#[derive(Clone, Debug, Serialize)]
pub struct StepTiming {
    /// `device`, or `sliced` for the CPU's execution.
    pub execution: String,
    /// Number format of maps and of the operands of convolutions.
    pub precision: Precision,
    /// Number of the tiling; `None` for the CPU.
    pub tiling: Option<usize>,
    /// Images in an update.
    pub batch: usize,
    /// Sub-networks in an update, including the largest network.
    pub paths: usize,
    /// Mean number of launches of an update; 0 for the CPU.
    pub launches: usize,
    /// Mean operations of an update on the device, GFLOP.
    pub gflop: f64,
    /// Mean traffic of maps of an update on the device, GB.
    pub gb: f64,
    /// Time of the first update, in which kernels are compiled, ms.
    pub first_ms: f64,
    /// Time of each timed update without augmentation; the host waits for every one. ms.
    pub each_ms: Vec<f64>,
    /// Mean time of as many further updates including augmentation, in which the host waits at the end
    /// only, ms.
    pub step_ms: f64,
    /// Mean loss of the sub-networks in the first update, nats. All executions use the same images,
    /// paths and weights.
    pub loss: f64,
}

/// Sub-networks to be scored with the weights of a run.
#[derive(Clone, Copy, Debug)]
pub struct Scoring<'a> {
    /// The run.
    pub run: &'a Run,
    /// Data of the run.
    pub dataset: &'a Dataset,
    /// The sub-networks.
    pub archs: &'a [Arch],
    /// Largest number of test images.
    pub images: usize,
}
