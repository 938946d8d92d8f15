//! The report of a calibration: modelled against counted instructions.

use std::collections::BTreeMap;

use serde::Serialize;
use supernano_base::error::Result;

use super::{CalibrationOptions, Counted, CountingDevice};
use crate::cost::instructions::InstructionTable;
use crate::cost::memory::Overhead;

/// Largest accepted relative error of a table on a held-out network, as a fraction.
pub const TOLERANCE: f64 = 0.01;

/// A network with its counted and its modelled instructions.
#[derive(Clone, Debug, Serialize)]
pub struct JudgedNetwork {
    /// Name of the built-in space.
    pub space: String,
    /// Code.
    pub code: String,
    /// True for a network of the fit.
    pub fitted: bool,
    /// Count of one inference.
    pub counted: u32,
    /// Modelled count.
    pub modelled: u64,
    /// Modelled count divided by count, minus 1.
    pub error: f64,
    /// The conversion of the image, then every operation.
    pub parts: Vec<CountedPart>,
}

/// A part of a network with its counted and its modelled instructions.
#[derive(Clone, Debug, Serialize)]
pub struct CountedPart {
    /// Name.
    pub name: String,
    /// Count without the cost of reading the counter.
    pub counted: u64,
    /// Modelled count.
    pub modelled: f64,
    /// Name of the kernel.
    pub kernel: &'static str,
    /// Iterations of each loop.
    pub rounds: BTreeMap<&'static str, f64>,
}

/// The result of a calibration.
#[derive(Clone, Debug, Serialize)]
pub struct CalibrationReport {
    /// The target that counted.
    pub target: String,
    /// Counted operations that the table was fitted to.
    pub operations: usize,
    /// Memory in addition to blob and arena.
    pub overhead: Overhead,
    /// Mean error on networks that the table was not fitted to, a fraction.
    pub mean_error: f64,
    /// Largest error on those networks, a fraction.
    pub largest_error: f64,
    /// All counted networks.
    pub networks: Vec<JudgedNetwork>,
}

impl CalibrationReport {
    /// Compares a table with all counts.
    pub(super) fn new(
        counted: &[Counted],
        table: &InstructionTable,
        device: &CountingDevice,
        operations: usize,
    ) -> Result<Self> {
        let networks: Vec<JudgedNetwork> =
            counted.iter().map(|c| judged(c, table)).collect::<Result<_>>()?;
        let mut report = Self {
            target: device.target.clone(),
            operations,
            overhead: table.overhead,
            mean_error: 0.0,
            largest_error: 0.0,
            networks,
        };
        let errors: Vec<f64> = report.judged().map(|n| n.error.abs()).collect();
        report.largest_error = errors.iter().fold(0.0, |m, &e| f64::max(m, e));
        report.mean_error = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
        Ok(report)
    }

    /// Networks that the table was not fitted to.
    pub fn judged(&self) -> impl Iterator<Item = &JudgedNetwork> {
        self.networks.iter().filter(|n| !n.fitted)
    }

    /// Where the coefficients of the table come from.
    pub(super) fn provenance(
        &self,
        device: &CountingDevice,
        options: CalibrationOptions,
    ) -> String {
        let seed = options.seed;
        let each = match &device.cycles_of {
            Some((chip, clock_hz)) => format!("on {chip} at {clock_hz} Hz, each measured once"),
            None => "each counted once".into(),
        };
        let judged = self.judged().count();
        format!(
            "supernano dev calibrate --target {} --seed {seed}: fitted to {} operations of {} random \
             networks, {each}; judged on {judged} others, {:.3} % off in the mean and {:.3} % at most",
            self.target,
            self.operations,
            self.networks.len() - judged,
            100.0 * self.mean_error,
            100.0 * self.largest_error
        )
    }
}

fn judged(counted: &Counted, table: &InstructionTable) -> Result<JudgedNetwork> {
    let Counted { named, blob, total, parts, .. } = counted;
    let modelled = table.network(&blob.view()?.header());
    Ok(JudgedNetwork {
        space: named.space.clone(),
        code: named.code.clone(),
        fitted: named.fitted,
        counted: *total,
        modelled,
        error: modelled as f64 / f64::from(*total) - 1.0,
        parts: parts
            .iter()
            .map(|(name, work, n)| CountedPart {
                name: name.clone(),
                counted: *n,
                modelled: table.instructions(work),
                kernel: work[0].0.0,
                rounds: work.iter().map(|((_, what), n)| (*what, *n)).collect(),
            })
            .collect(),
    })
}
