//! Estimated times of networks at the clock of a chip.

use serde::{Deserialize, Serialize};
use supernano_base::cycles::{Cycles, ESTIMATED, Milliseconds};
use supernano_base::error::{Error, Result};
use supernano_core::graph::Header;

use crate::chip::ChipSpec;
use crate::cost::estimate::CycleTable;
use crate::cost::instructions::InstructionTable;
use crate::size;

/// Estimated cycles of a core, and the clock of its chip.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeModel {
    /// Estimated cycles without wait states.
    pub table: CycleTable,
    /// Highest clock of the chip, Hz; `None` if only a core is known.
    pub clock_hz: Option<u64>,
}

/// Estimated cycles and time of one inference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EstimatedTime {
    /// Estimated cycles without wait states.
    pub cycles_estimated: Cycles,
    /// Estimated time at the chip's clock, ms; null without a chip.
    pub milliseconds_estimated: Option<Milliseconds>,
}

/// The model behind the estimated times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeSummary {
    /// Core of the timings.
    pub core: String,
    /// Clock of the chip, Hz; null without a chip.
    pub clock_hz: Option<u64>,
    /// Limit of estimated cycles that a limit of time sets; null without one.
    pub limit_cycles: Option<u64>,
    /// Largest relative error of the table on held-out networks, as a fraction. The error against
    /// hardware is unknown.
    pub largest_error: f64,
    /// What the times are.
    pub note: String,
}

impl TimeModel {
    /// The model of a core, such as `cortex-m4`, at the clock of a chip. `None` for a core without
    /// a table of estimated cycles.
    ///
    /// # Errors
    /// The errors of [`CycleTable::of_core`].
    pub fn new(core: &str, chip: Option<&ChipSpec>) -> Result<Option<Self>> {
        // A chip tells a Cortex-M0+ from a Cortex-M0, which have the same code.
        let facts = chip.and_then(|c| supernano_facts::CHIPS.iter().find(|f| f.name == c.name));
        let core = facts.map_or(core, |facts| facts.core.name());
        let clock_hz = chip.map(|c| c.clock * 1_000_000);
        Ok(CycleTable::of_core(core)?.map(|table| Self { table, clock_hz }))
    }

    /// Estimated cycles and time of a network; `None` for one with a kernel that the table lacks.
    pub fn of(&self, header: &Header<'_>) -> Option<EstimatedTime> {
        if self.table.lacks(header).is_some() {
            return None;
        }
        let cycles = self.table.network(header);
        Some(EstimatedTime {
            cycles_estimated: cycles,
            milliseconds_estimated: self.clock_hz.map(|hertz| cycles.milliseconds(hertz)),
        })
    }

    /// The model for `front.json`. `limit_cycles` is the limit that a time sets.
    pub fn summary(&self, limit_cycles: Option<u64>) -> TimeSummary {
        TimeSummary {
            core: self.table.cycles.core.clone(),
            clock_hz: self.clock_hz,
            limit_cycles,
            largest_error: self.table.cycles.largest_error,
            note: ESTIMATED.to_owned(),
        }
    }
}

/// The limit of cycles that a time sets, and the table in whose unit it is: the table of cycles that
/// a board has measured, else that of estimated cycles at the chip's clock.
///
/// # Errors
/// [`Error::Invalid`] for a text that is no time, and for a time without cycles or without a clock.
pub fn limit(
    text: &str,
    table: &InstructionTable,
    model: Option<&TimeModel>,
) -> Result<(u64, InstructionTable)> {
    let nanoseconds = size::nanoseconds("--latency", text)?;
    let at = |hertz: u64| (u128::from(nanoseconds) * u128::from(hertz) / 1_000_000_000) as u64;
    if let (true, Some(hertz)) = (table.is_cycles(), table.clock_hz) {
        return Ok((at(hertz), table.clone()));
    }
    let missing = |expected: String| {
        Error::invalid("option --latency", "time", expected, format!("a table of {}", table.unit))
    };
    match model {
        Some(TimeModel { table: estimated, clock_hz: Some(hertz) }) => {
            let overhead = table.overhead;
            Ok((at(*hertz), InstructionTable { overhead, ..estimated.cycles.clone() }))
        }
        Some(_) => Err(missing(
            "a --chip, whose clock turns estimated cycles into time, or a --table of cycles that \
             `supernano dev calibrate` has measured on a board"
                .into(),
        )),
        None => Err(missing(format!(
            "a core with estimated cycles ({}), or a table of cycles measured on the board (run \
             `supernano dev calibrate` on it, then pass --table FILE); {} has neither, and \
             --instructions limits its instructions",
            CycleTable::cores(),
            table.core
        ))),
    }
}
