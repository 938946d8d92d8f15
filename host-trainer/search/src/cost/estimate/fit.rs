//! The fit of a table of estimated cycles to networks that QEMU's plugin has counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use supernano_base::blob::Blob;
use supernano_base::cycles::{Cycles, FlashReads};
use supernano_base::error::Result;

use super::{CycleTable, FlashTable, Range};
use crate::cost::calibration::{
    CalibrationOptions, CalibrationReport, Counted, CountingDevice, Named, RawCounts, calibrate,
    judge,
};
use crate::cost::instructions::InstructionTable;

/// Largest accepted relative error of a table on a held-out network, as a fraction.
pub const TOLERANCE: f64 = 0.015;

/// Estimated cycles and reads of flash of a part of an inference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleSums {
    /// Estimated cycles.
    pub cycles: Cycles,
    /// Reads of flash.
    pub flash: FlashReads,
}

/// A network with the sums that the plugin counted.
#[derive(Clone, Debug)]
pub struct CountedCycles {
    /// The network.
    pub named: Named,
    /// Its file.
    pub blob: Blob,
    /// Sums of the whole inference.
    pub total: CycleSums,
    /// Names and sums of the conversion of the image, then of every operation.
    pub parts: Vec<(String, CycleSums)>,
    /// Stack of the inference, bytes.
    pub stack_bytes: u32,
}

impl CountedCycles {
    /// One of the sums as the counts of a calibration.
    fn counts(&self, of: impl Fn(&CycleSums) -> u64) -> Result<Counted> {
        let count = |sums: &CycleSums| u32::try_from(of(sums)).unwrap_or(u32::MAX);
        let counts = RawCounts {
            total: count(&self.total),
            parts: self.parts.iter().map(|(name, sums)| (name.clone(), count(sums))).collect(),
            stack_bytes: self.stack_bytes,
        };
        Counted::new(self.named.clone(), self.blob.clone(), &counts)
    }
}

/// The result of a calibration of estimated cycles.
#[derive(Clone, Debug, Serialize)]
pub struct CycleReport {
    /// Modelled against counted estimated cycles.
    pub cycles: CalibrationReport,
    /// Range of the estimate, by kernel.
    pub range: BTreeMap<String, Range>,
    /// Mean relative error of the number of flash lines on held-out networks.
    pub flash_mean_error: f64,
    /// Largest relative error of the number of flash lines on held-out networks.
    pub flash_largest_error: f64,
}

/// Fits the table of `core` to counted networks, and measures its error on the held-out ones. The
/// flash of the counts has the geometry of `flash`, whose terms are replaced.
///
/// # Errors
/// The errors of [`calibrate`].
pub fn calibrate_cycles(
    counted: &[CountedCycles],
    (core, meter): (&str, &CountingDevice),
    flash: FlashTable,
    options: CalibrationOptions,
) -> Result<(CycleTable, CycleReport)> {
    type Quantity = fn(&CycleSums) -> u64;
    let fitted = |of: Quantity| {
        let counts: Vec<Counted> = counted.iter().map(|c| c.counts(of)).collect::<Result<_>>()?;
        calibrate(&counts, meter, options)
    };
    let (mut cycles, report) = fitted(|sums| sums.cycles.mid)?;
    let (code, _) = fitted(|sums| sums.flash.code_lines)?;
    let (constants, _) = fitted(|sums| sums.flash.constant_lines)?;
    core.clone_into(&mut cycles.core);
    InstructionTable::ESTIMATED_CYCLES.clone_into(&mut cycles.unit);
    let command = format!("--target {} --cycles {core}", meter.target);
    cycles.provenance = cycles
        .provenance
        .replacen(&format!("--target {}", meter.target), &command, 1)
        .replacen("each counted once", "each estimated once by instruction", 1);
    let flash = FlashTable { code: code.terms, constants: constants.terms, ..flash };
    let range = ranges(counted)?;
    let mut table = CycleTable { cycles, range: range.clone(), flash: Some(flash) };
    let errors = flash_errors(counted, &table)?;
    let largest = errors.iter().fold(0.0, |m, &e| f64::max(m, e));
    let flash_mean_error = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
    if let Some(flash) = &mut table.flash {
        flash.largest_error = (largest * 1e6).round() / 1e6;
    }
    let report =
        CycleReport { cycles: report, range, flash_mean_error, flash_largest_error: largest };
    Ok((table, report))
}

/// Judges the cycles of a table by counted networks.
///
/// # Errors
/// The errors of [`judge`].
pub fn judge_cycles(
    counted: &[CountedCycles],
    table: &CycleTable,
    meter: &CountingDevice,
) -> Result<CalibrationReport> {
    let mid = |c: &CountedCycles| c.counts(|sums| sums.cycles.mid);
    judge(&counted.iter().map(mid).collect::<Result<Vec<_>>>()?, &table.cycles, meter)
}

/// Ranges by kernel, over all operations that use it.
fn ranges(counted: &[CountedCycles]) -> Result<BTreeMap<String, Range>> {
    let mut sums: BTreeMap<String, Cycles> = BTreeMap::new();
    for network in counted {
        let kernels = network.counts(|sums| sums.cycles.mid)?.kernels();
        for (kernel, (_, part)) in kernels.into_iter().zip(&network.parts) {
            let sum = sums.entry(kernel.to_owned()).or_default();
            *sum = *sum + part.cycles;
        }
    }
    let rounded = |part: u64, of: u64| (part as f64 / of.max(1) as f64 * 1e5).round() / 1e5;
    let range = |c: Cycles| Range { low: rounded(c.low, c.mid), high: rounded(c.high, c.mid) };
    Ok(sums.into_iter().map(|(kernel, cycles)| (kernel, range(cycles))).collect())
}

/// Relative errors of the number of flash lines of held-out networks.
fn flash_errors(counted: &[CountedCycles], table: &CycleTable) -> Result<Vec<f64>> {
    let mut errors = Vec::new();
    for network in counted.iter().filter(|c| !c.named.fitted) {
        let modelled = table.flash_reads(&network.blob.view()?.header()).unwrap_or_default();
        let counted = network.total.flash.waits(1).max(1);
        errors.push((modelled.waits(1) as f64 / counted as f64 - 1.0).abs());
    }
    Ok(errors)
}
