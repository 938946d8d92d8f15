//! The fit of estimated cycles.

use std::path::Path;

use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_device::{Estimated, Target};
use supernano_facts::{Core, FlashTiming};
use supernano_search::cost::calibration::{CalibrationOptions, CountingDevice};
use supernano_search::cost::estimate::{
    CountedCycles, CycleReport, CycleTable, FlashTable, TOLERANCE, calibrate_cycles, judge_cycles,
};

use super::CountedNetwork;
use crate::output::Output;

/// Line buffers of the flash that the table is fitted for.
const FLASH: FlashTiming = FlashTiming::STM32F4;

/// The core and the flash to estimate.
///
/// # Errors
/// [`Error::Invalid`] for a core without published timings, and for a target that does not emulate
/// its code.
pub(super) fn of<'a>(core: &'a str, target: &Target) -> Result<Estimated<'a>> {
    let timed = Core::TIMED.map(Core::name);
    if !timed.contains(&core) {
        let expected = format!("a core with published timings: {}", timed.join(", "));
        return Err(Error::invalid("option --cycles", "core", expected, core));
    }
    let emulator = format!("qemu-{}", core.trim_start_matches("cortex-").trim_end_matches('+'));
    if target.to_string() != emulator {
        return Err(Error::invalid("option --target", "target", emulator, target));
    }
    Ok(Estimated { core, flash: FLASH })
}

/// Fits the table, writes it and prints its errors.
///
/// # Errors
/// [`Error::Tool`] without QEMU's plugin; [`Error::No`] for a table that is more than 1.5 % off; as
/// [`calibrate_cycles`].
pub(super) fn fit(
    core: &str,
    counted: Vec<CountedNetwork>,
    meter: &CountingDevice,
    options: CalibrationOptions,
    (path, out): (&Path, &Output),
) -> Result<()> {
    let counted: Vec<CountedCycles> = counted.into_iter().map(sums).collect::<Result<_>>()?;
    let flash = FlashTable {
        line_bytes: FLASH.line_bytes,
        code_lines: FLASH.code_lines,
        constant_lines: FLASH.constant_lines,
        largest_error: 0.0,
        code: Default::default(),
        constants: Default::default(),
    };
    let (table, report) = calibrate_cycles(&counted, (core, meter), flash, options)?;
    let text = toml::to_string(&table)
        .map_err(|e| Error::invalid("table of estimated cycles", "TOML", "finite terms", e))?;
    files::write(path, text.as_bytes())?;
    out.emit(&report, human)?;
    super::within(&report.cycles, TOLERANCE)
}

/// The table of a file, or that of the core.
///
/// # Errors
/// [`Error::Invalid`] for a core without a table; as [`CycleTable::read`].
pub(super) fn table(core: &str, file: Option<&Path>) -> Result<CycleTable> {
    if let Some(path) = file {
        return CycleTable::read(path);
    }
    let expected = || format!("a core with a table: {}", CycleTable::cores());
    CycleTable::of_core(core)?
        .ok_or_else(|| Error::invalid("option --cycles", "core", expected(), core))
}

/// Judges a table, and prints its errors.
///
/// # Errors
/// The errors of [`fit`].
pub(super) fn judged(
    table: &CycleTable,
    counted: Vec<CountedNetwork>,
    meter: &CountingDevice,
    out: &Output,
) -> Result<()> {
    let counted: Vec<CountedCycles> = counted.into_iter().map(sums).collect::<Result<_>>()?;
    super::verdict(&judge_cycles(&counted, table, meter)?, TOLERANCE, out)
}

fn sums((named, blob, record): CountedNetwork) -> Result<CountedCycles> {
    let missing = || {
        let problem = "counted nothing; `cargo xtask firmware` builds it, for QEMU with plugins";
        Error::tool("cycle plugin", problem)
    };
    let sums = record.sums.ok_or_else(missing)?;
    let names = record.counts.parts.into_iter().map(|(name, _)| name);
    Ok(CountedCycles {
        named,
        blob,
        total: sums.total,
        parts: names.zip(sums.parts).collect(),
        stack_bytes: record.counts.stack_bytes,
    })
}

fn human(r: &CycleReport) -> String {
    format!(
        "{}\nestimated cycles; flash lines: mean error {:.2} %, largest {:.2} %",
        super::human(&r.cycles),
        100.0 * r.flash_mean_error,
        100.0 * r.flash_largest_error
    )
}
