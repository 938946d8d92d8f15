//! Limits and a table of costs from a user's options: a chip, sizes, a time.

use std::path::Path;

use supernano_base::error::{Error, Result};
use supernano_core::space::Space;
use supernano_facts::{FirmwareBuild, FirmwareKernels};

use super::time::{self, TimeModel};
use crate::chip::ChipSpec;
use crate::cost::Limits;
use crate::cost::instructions::InstructionTable;
use crate::cost::memory::kernels_of;
use crate::{chip, size};

/// The options of a user, as text.
#[derive(Clone, Copy, Debug, Default)]
pub struct BudgetOptions<'a> {
    /// Name of a chip.
    pub chip: Option<&'a str>,
    /// Core, such as `m4`, if there is no chip.
    pub core: Option<&'a str>,
    /// Largest flash.
    pub flash: Option<&'a str>,
    /// Largest RAM.
    pub ram: Option<&'a str>,
    /// Largest number of instructions of an inference.
    pub instructions: Option<&'a str>,
    /// Longest time of an inference.
    pub latency: Option<&'a str>,
    /// Path of a table that replaces the built-in one.
    pub table: Option<&'a Path>,
    /// FirmwareBuild around the network.
    pub firmware: Option<&'a str>,
}

/// The budget of a search.
#[derive(Clone, Debug)]
pub struct Budget {
    /// The chip, if one was named.
    pub chip: Option<ChipSpec>,
    /// Limits. [`crate::cost::memory`] has the parts of flash and RAM.
    pub limits: Limits,
    /// FirmwareBuild of the overhead; `None` if a user's table has the overhead.
    pub firmware: Option<FirmwareBuild>,
    /// Coefficients of the core, and its overhead. The unit is instructions, cycles measured on a
    /// board, or estimated cycles if a time is limited without such a table.
    pub table: InstructionTable,
    /// Estimated times, for a core with published timings and without cycles measured on a board.
    pub time: Option<TimeModel>,
}

/// Core without a chip or an option.
const DEFAULT_CORE: &str = "m4";

impl Budget {
    /// The limit of estimated cycles, if a time is limited by them.
    pub fn limit_cycles(&self) -> Option<u64> {
        self.limits.instructions.filter(|_| self.table.unit == InstructionTable::ESTIMATED_CYCLES)
    }

    /// Parses the options. A chip sets the limits that no option sets.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an unknown chip, core or size, for a size above the chip's memory, for
    /// a table of another core, and for a time without any cycles or without a clock.
    pub fn new(options: &BudgetOptions<'_>) -> Result<Self> {
        let chip = options.chip.map(chip::find).transpose()?;
        if let (Some(chip), Some(core)) = (&chip, options.core)
            && chip.core != core
        {
            let expected = format!("{}, the core of the {}, or none", chip.core, chip.name);
            return Err(Error::invalid("option --core", "core", expected, core));
        }
        let core = chip.as_ref().map(|c| c.core.as_str()).or(options.core).unwrap_or(DEFAULT_CORE);
        let core = format!("cortex-{core}");
        let mut table = match options.table {
            Some(path) => {
                let table = InstructionTable::read(path)?;
                let named = options.chip.or(options.core).is_some();
                if named && table.core != core {
                    let expected = format!("`{core}`");
                    return Err(Error::invalid(path.display(), "core", expected, table.core));
                }
                table
            }
            None => InstructionTable::of_core(&core)?,
        };
        let firmware = match (options.firmware, options.table) {
            (Some(name), _) => Some(firmware_named(name)?),
            (None, Some(_)) => None,
            (None, None) => Some(FirmwareBuild::Small),
        };
        if let Some(firmware) = firmware {
            table.overhead =
                table.overhead.with(&table.core, firmware, FirmwareKernels::Residual)?;
        }
        let [flash, ram, instructions] = Limits::NAMES;
        let memory = |option: &str, text: Option<&str>, kib: fn(&ChipSpec) -> u64| {
            memory_limit(option, text, chip.as_ref().map(|c| (c, kib(c) << 10)))
        };
        let flash_bytes = memory(flash, options.flash, |c| c.flash)?;
        let ram_bytes = memory(ram, options.ram, |c| c.ram)?;
        let counted =
            options.instructions.map(|text| size::parse(instructions, text)).transpose()?;
        let own = !table.is_cycles();
        let time = if own { TimeModel::new(&table.core, chip.as_ref())? } else { None };
        let timed =
            options.latency.map(|text| time::limit(text, &table, time.as_ref())).transpose()?;
        let (timed, table) = timed.map_or((None, table), |(cycles, table)| (Some(cycles), table));
        let limits = Limits { flash_bytes, ram_bytes, instructions: counted.or(timed) };
        Ok(Self { chip, limits, firmware, table, time })
    }

    /// This budget with the firmware and the stack that the networks of a space need.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a firmware that the core lacks.
    pub fn for_space(&self, space: &Space) -> Result<Self> {
        let (mut budget, kernels) = (self.clone(), kernels_of(space));
        let mut overhead = budget.table.overhead;
        if let Some(firmware) = budget.firmware {
            overhead = overhead.with(&budget.table.core, firmware, kernels)?;
        }
        budget.table.overhead = overhead.for_kernels(kernels);
        Ok(budget)
    }
}

/// The firmware with this name.
///
/// # Errors
/// [`Error::Invalid`], which lists the names, for an unknown one.
pub fn firmware_named(name: &str) -> Result<FirmwareBuild> {
    FirmwareBuild::ALL.into_iter().find(|firmware| firmware.name() == name).ok_or_else(|| {
        let expected = FirmwareBuild::ALL.map(FirmwareBuild::name).join(", ");
        Error::invalid("option --firmware", "firmware", expected, name)
    })
}

/// The limit on a memory, bytes: the size in `text`, otherwise the whole memory of the chip.
/// `memory` is the chip and its memory in bytes.
fn memory_limit(
    option: &str,
    text: Option<&str>,
    memory: Option<(&ChipSpec, u64)>,
) -> Result<Option<u64>> {
    let wanted = text.map(|text| size::parse(option, text)).transpose()?;
    match (wanted, memory) {
        (Some(wanted), Some((chip, bytes))) if wanted > bytes => {
            let expected = format!("at most the {bytes} bytes of the {}", chip.name);
            Err(Error::invalid(option, "size", expected, wanted))
        }
        (wanted, memory) => Ok(wanted.or(memory.map(|(_, bytes)| bytes))),
    }
}

#[cfg(test)]
mod tests;
