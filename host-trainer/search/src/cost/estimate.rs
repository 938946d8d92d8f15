//! Estimated clock cycles of networks, for cores whose timings Arm publishes.
//!
//! A [`CycleTable`] models cycles as an [`InstructionTable`] models instructions: as a linear function
//! of loop counts. Its meter is QEMU's plugin, which adds up the timings of every executed
//! instruction; no cycle is measured. The table is for memory without wait states. A second table
//! gives the reads of flash lines that a core with wait states waits for.

mod fit;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use supernano_base::cycles::{Cycles, FlashReads};
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_core::graph::{Header, Op};

pub use self::fit::{
    CountedCycles, CycleReport, CycleSums, TOLERANCE, calibrate_cycles, judge_cycles,
};
use super::instructions::{InstructionTable, Work, image_work, work};

/// Factors from an estimate to the ends of its range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// Factor of the lower end, at most 1.
    pub low: f64,
    /// Factor of the upper end, at least 1.
    pub high: f64,
}

/// The modelled reads of flash lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlashTable {
    /// Bytes of a line.
    pub line_bytes: u32,
    /// Lines of code in the buffer.
    pub code_lines: u32,
    /// Lines of constants in the buffer.
    pub constant_lines: u32,
    /// Largest relative error of the number of lines on networks that the table was not fitted to.
    pub largest_error: f64,
    /// Lines of code per iteration, `[kernel][loop]`.
    pub code: BTreeMap<String, BTreeMap<String, f64>>,
    /// Lines of constants per iteration, `[kernel][loop]`.
    pub constants: BTreeMap<String, BTreeMap<String, f64>>,
}

/// The coefficients of one core.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CycleTable {
    /// Estimated cycles per iteration of every loop.
    pub cycles: InstructionTable,
    /// Range of the estimate, by kernel.
    pub range: BTreeMap<String, Range>,
    /// Reads of flash.
    pub flash: Option<FlashTable>,
}

impl CycleTable {
    /// Built-in tables: the names of the cores and the TOML texts.
    const SHIPPED: [(&'static str, &'static str); 3] = [
        ("cortex-m0+", include_str!("../../tables/cycles/cortex-m0+.toml")),
        ("cortex-m3", include_str!("../../tables/cycles/cortex-m3.toml")),
        ("cortex-m4", include_str!("../../tables/cycles/cortex-m4.toml")),
    ];

    /// Returns the built-in table of a core, such as `cortex-m4`. `None` for a core without a
    /// table: Arm publishes no timings of the Cortex-M7, M33, M55 and M85.
    ///
    /// # Errors
    /// [`Error::Invalid`], never for a built-in table.
    pub fn of_core(core: &str) -> Result<Option<Self>> {
        let shipped = Self::SHIPPED.iter().find(|(name, _)| *name == core);
        shipped.map(|(name, text)| Self::parse(text, &format!("{name}.toml"))).transpose()
    }

    /// The cores with a table, for a message.
    pub fn cores() -> String {
        Self::SHIPPED.map(|(name, _)| name).join(", ")
    }

    /// Reads a table file.
    ///
    /// # Errors
    /// [`Error::Missing`] if the file does not exist; [`Error::Invalid`], which names the file and
    /// the field, if its content is not valid.
    pub fn read(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        Self::parse(&files::read_text_within(path, &files::CONFIGURATION)?, &place)
    }

    fn parse(text: &str, place: &str) -> Result<Self> {
        let table: Self = toml::from_str(text).map_err(|e| {
            Error::invalid(place, "TOML", "a table of estimated cycles", e.to_string().trim())
        })?;
        if table.cycles.unit != InstructionTable::ESTIMATED_CYCLES {
            let expected = format!("`{}`", InstructionTable::ESTIMATED_CYCLES);
            return Err(Error::invalid(place, "cycles.unit", expected, &table.cycles.unit));
        }
        Ok(table)
    }

    fn cycles_of(&self, work: &Work) -> Cycles {
        let mid = self.cycles.instructions(work);
        let range = work.first().and_then(|((kernel, _), _)| self.range.get(*kernel));
        let Range { low, high } = range.copied().unwrap_or(Range { low: 1.0, high: 1.0 });
        let whole = |cycles: f64| cycles.round() as u64;
        Cycles { low: whole(mid * low), mid: whole(mid), high: whole(mid * high) }
    }

    /// Estimated cycles of one operation.
    pub fn operation(&self, header: &Header<'_>, op: &Op) -> Cycles {
        self.cycles_of(&work(header, op))
    }

    /// Estimated cycles for loading the image, then of every operation.
    pub fn parts(&self, header: &Header<'_>) -> Vec<Cycles> {
        let image = self.cycles_of(&image_work(header.input().len()));
        let ops = header.ops.iter().map(|op| self.operation(header, op));
        std::iter::once(image).chain(ops).collect()
    }

    /// The kernel of the first operation that the table does not know.
    pub fn lacks(&self, header: &Header<'_>) -> Option<&'static str> {
        self.cycles.lacks(header)
    }

    /// Estimated cycles of one inference.
    pub fn network(&self, header: &Header<'_>) -> Cycles {
        self.parts(header).into_iter().sum()
    }

    /// Modelled reads of flash lines of one inference. The table has no number of constant words.
    pub fn flash_reads(&self, header: &Header<'_>) -> Option<FlashReads> {
        let flash = self.flash.as_ref()?;
        let works = std::iter::once(image_work(header.input().len()))
            .chain(header.ops.iter().map(|op| work(header, op)));
        let with = |terms: &BTreeMap<String, BTreeMap<String, f64>>, work: &Work| {
            let table = InstructionTable { terms: terms.clone(), ..self.cycles.clone() };
            table.instructions(work)
        };
        let (mut code, mut constants) = (0.0, 0.0);
        for work in works {
            code += with(&flash.code, &work);
            constants += with(&flash.constants, &work);
        }
        Some(FlashReads {
            code_lines: code.round() as u64,
            constant_lines: constants.round() as u64,
            constant_words: 0,
        })
    }
}

#[cfg(test)]
mod tests;
