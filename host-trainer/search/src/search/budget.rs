//! From what a user has, a chip and limits, to limits of the search and the table it needs.

use std::path::Path;

use supernano_base::error::{Error, Result};

use crate::chip::Chip;
use crate::cost::Limits;
use crate::cost::instructions::InstructionTable;
use crate::{chip, size};

/// What the command line says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes<'a> {
    /// Name of a chip.
    pub chip: Option<&'a str>,
    /// Core, where there is no chip.
    pub core: Option<&'a str>,
    /// Most bytes of flash.
    pub flash: Option<&'a str>,
    /// Most bytes of RAM.
    pub ram: Option<&'a str>,
    /// Most instructions of an inference.
    pub instructions: Option<&'a str>,
    /// Longest time of an inference.
    pub latency: Option<&'a str>,
    /// A table, instead of the core's.
    pub table: Option<&'a Path>,
}

/// What the search needs to know of it.
#[derive(Clone, Debug)]
pub struct Budget {
    /// The chip, where one was named.
    pub chip: Option<Chip>,
    /// Limits on sums: flash = blob + code, RAM = arena + stack + statics.
    pub limits: Limits,
    /// Instructions (or cycles) and overheads.
    pub table: InstructionTable,
}

/// The core where none is named.
const CORE: &str = "m4";

impl Budget {
    /// Reads the wishes.
    ///
    /// # Errors
    /// [`Error::Invalid`] for sizes, chips and cores that there are not, for more than the chip
    /// has, and for a time where nothing was measured on the board.
    pub fn new(wishes: &Wishes<'_>) -> Result<Self> {
        let chip = wishes.chip.map(chip::find).transpose()?;
        if let (Some(chip), Some(core)) = (&chip, wishes.core)
            && chip.core != core
        {
            let expected = format!("{} or none: the {} has it", chip.core, chip.name);
            return Err(Error::invalid("option --core", "core", expected, core));
        }
        let core = chip.as_ref().map(|c| c.core.as_str()).or(wishes.core).unwrap_or(CORE);
        let table = match wishes.table {
            Some(path) => {
                let table = InstructionTable::read(path)?;
                let named = wishes.chip.or(wishes.core).is_some();
                if named && table.core != core_name(core) {
                    let expected = format!("`{}`", core_name(core));
                    return Err(Error::invalid(path.display(), "core", expected, table.core));
                }
                table
            }
            None => InstructionTable::of_core(&core_name(core))?,
        };
        let [flash, ram, instructions] = Limits::NAMES;
        let size = |option: &str, text: Option<&str>, most: Option<u64>| -> Result<Option<u64>> {
            let asked = text.map(|t| size::parse(option, t)).transpose()?;
            match (asked, most.map(|kib| kib << 10)) {
                (Some(asked), Some(most)) if asked > most => {
                    let name = chip.as_ref().map_or("chip", |c| c.name.as_str());
                    let expected = format!("at most the {most} bytes that the {name} has");
                    Err(Error::invalid(option, "size", expected, asked))
                }
                (asked, most) => Ok(asked.or(most)),
            }
        };
        let flash_bytes = size(flash, wishes.flash, chip.as_ref().map(|c| c.flash))?;
        let ram_bytes = size(ram, wishes.ram, chip.as_ref().map(|c| c.ram))?;
        let counted = size(instructions, wishes.instructions, None)?;
        let timed = wishes.latency.map(|text| cycles(text, chip.as_ref(), &table)).transpose()?;
        let limits = Limits { flash_bytes, ram_bytes, instructions: counted.or(timed) };
        Ok(Self { chip, limits, table })
    }
}

fn core_name(core: &str) -> String {
    format!("cortex-{core}")
}

/// Cycles that a time allows, from a table that was measured on a board.
fn cycles(text: &str, chip: Option<&Chip>, table: &InstructionTable) -> Result<u64> {
    let nanoseconds = size::nanoseconds("--latency", text)?;
    let at = |hertz: u64| (u128::from(nanoseconds) * u128::from(hertz) / 1_000_000_000) as u64;
    if let (true, Some(hertz)) = (table.is_cycles(), table.clock_hz) {
        return Ok(at(hertz));
    }
    let hint = chip.map_or_else(String::new, |c| {
        let cycles = at(c.clock * 1_000_000);
        format!(
            "; {text} are {cycles} cycles of the {} at {} MHz, and most instructions take one or \
             more, so that --instructions {cycles} is the most that could be asked for",
            c.name, c.clock
        )
    });
    let expected = format!(
        "a table of cycles measured on the board (`supernano dev calibrate` on it, then --table \
         FILE); for {} there are counted instructions only, which --instructions limits{hint}",
        table.core
    );
    Err(Error::invalid("option --latency", "time", expected, format!("a table of {}", table.unit)))
}

#[cfg(test)]
mod tests;
