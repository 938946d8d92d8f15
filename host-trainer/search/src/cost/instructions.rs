//! The instruction model: a kernel's instruction count is a linear function of its loop counts.
//!
//! Loop counts (calls, rows, tiles, taps) follow from the shapes alone ([`work`]). The
//! coefficients, instructions per loop iteration, are fitted once per core by `supernano dev
//! calibrate` and read from a table file that states their origin ([`InstructionTable`]). A result
//! of the model is always called modelled, never counted.

mod fit;
mod work;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use supernano_base::error::{Error, Result, parser_words};
use supernano_base::files;
use supernano_core::graph::{Header, KernelKind, Op};
use supernano_facts::{Core, FirmwareBuild, FirmwareKernels};

use super::memory::Overhead;

pub use work::{
    LAYERS, LOOPS, Loop, Work, image_work, kernel_name, kernel_named, kernel_names, kernel_of, work,
};

/// The coefficients of one processor core.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstructionTable {
    /// Core, such as `cortex-m4`.
    pub core: String,
    /// `instructions`, `cycles` measured on a board, or `estimated cycles`
    /// ([`super::estimate::CycleTable`]). They are never mixed.
    pub unit: String,
    /// Clock of the board, Hz. Present if the unit is cycles.
    pub clock_hz: Option<u64>,
    /// Number of counted operations in the fit; 0 for an estimate.
    pub counted: usize,
    /// Number of counted networks held out from the fit.
    pub judged: usize,
    /// Largest relative error on the held-out networks, as a fraction.
    pub largest_error: f64,
    /// Origin of the coefficients.
    pub provenance: String,
    /// Memory in addition to blob and arena.
    pub overhead: Overhead,
    /// Instructions per iteration, `[kernel][loop]`.
    pub terms: BTreeMap<String, BTreeMap<String, f64>>,
}

impl InstructionTable {
    /// Unit of cycles that no device has measured.
    pub const ESTIMATED_CYCLES: &'static str = "estimated cycles";

    /// Built-in tables: the names of the cores and the TOML texts.
    const SHIPPED: [(&'static str, &'static str); 6] = [
        ("cortex-m0", include_str!("../../tables/cortex-m0.toml")),
        ("cortex-m3", include_str!("../../tables/cortex-m3.toml")),
        ("cortex-m4", include_str!("../../tables/cortex-m4.toml")),
        ("cortex-m7", include_str!("../../tables/cortex-m7.toml")),
        ("cortex-m33", include_str!("../../tables/cortex-m33.toml")),
        ("cortex-m55", include_str!("../../tables/cortex-m55.toml")),
    ];

    /// Returns the built-in table of a core, such as `cortex-m4`, with the footprint of
    /// [`FirmwareBuild::Small`] and the kernels of residual networks.
    ///
    /// # Errors
    /// [`Error::Invalid`], which lists the known cores, for a core without a built-in table.
    pub fn of_core(core: &str) -> Result<Self> {
        let Some((name, text)) = Self::SHIPPED.iter().find(|(name, _)| *name == core) else {
            let known = Self::SHIPPED.map(|(name, _)| name).join(", ");
            let expected = format!("one of {known}");
            return Err(Error::invalid("instruction table", "core", expected, core));
        };
        let mut table = Self::parse(text, &format!("{name}.toml"))?;
        table.overhead =
            table.overhead.with(name, FirmwareBuild::Small, FirmwareKernels::Residual)?;
        Ok(table)
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
            Error::invalid(place, "TOML", "an instruction table", parser_words(&e).trim())
        })?;
        if !(table.unit == "instructions" || table.unit == "cycles") {
            return Err(Error::invalid(place, "unit", "`instructions` or `cycles`", &table.unit));
        }
        if table.unit == "cycles" && table.clock_hz.is_none_or(|hertz| hertz == 0) {
            let found = format!("{:?}", table.clock_hz);
            return Err(Error::invalid(place, "clock_hz", "the board's clock", found));
        }
        if table.terms.contains_key("direct") && !table.terms.contains_key("strided") {
            let expected = "terms of this version: calibrate again";
            return Err(Error::invalid(place, "terms.strided", expected, "none"));
        }
        for (kernel, coefficients) in &table.terms {
            let known = LOOPS.iter().chain(LAYERS).find(|(name, _)| name == kernel);
            let known = known.map_or(&[][..], |(_, loops)| loops);
            for (name, value) in coefficients {
                let field = format!("terms.{kernel}.{name}");
                if !known.contains(&name.as_str()) {
                    return Err(Error::invalid(place, field, "a term of this version", "another"));
                }
                if !value.is_finite() {
                    return Err(Error::invalid(place, field, "a finite number", value));
                }
            }
        }
        Ok(table)
    }

    /// True if the unit is cycles measured on a board.
    pub fn is_cycles(&self) -> bool {
        self.unit == "cycles"
    }

    /// True for a core that executes vectors.
    fn vectors(&self) -> bool {
        self.core == Core::M55.name()
    }

    /// True if the table has coefficients for this kernel.
    pub fn knows(&self, kind: KernelKind) -> bool {
        self.terms.contains_key(kernel_name(kind))
    }

    /// The kernel of the first operation for which the table has no coefficients, so that it would cost
    /// nothing.
    pub fn lacks(&self, header: &Header<'_>) -> Option<&'static str> {
        let mut kernels = header.ops.iter().map(|op| kernel_of(header, op));
        kernels.find(|kernel| !self.terms.contains_key(*kernel))
    }

    /// Modelled instructions of these loop counts, at least 0. A loop without a coefficient costs
    /// nothing.
    pub fn instructions(&self, work: &Work) -> f64 {
        let coefficient = |(kernel, name): &Loop| {
            self.terms.get(*kernel).and_then(|loops| loops.get(*name)).copied().unwrap_or(0.0)
        };
        let loops = work::executed(work, self.vectors());
        loops.map(|(each, count)| coefficient(each) * count).sum::<f64>().max(0.0)
    }

    /// Modelled instructions of one operation, rounded to a whole number.
    pub fn operation(&self, header: &Header<'_>, op: &Op) -> u64 {
        self.instructions(&work(header, op)).round() as u64
    }

    /// Modelled instructions for loading the image, rounded to a whole number.
    pub fn image(&self, header: &Header<'_>) -> u64 {
        self.instructions(&image_work(header.input().len())).round() as u64
    }

    /// Modelled instructions of one inference: image and all operations.
    pub fn network(&self, header: &Header<'_>) -> u64 {
        let ops: u64 = header.ops.iter().map(|op| self.operation(header, op)).sum();
        self.image(header) + ops
    }

    /// Fits the coefficients to counted operations: loop counts, instructions, and the share of the
    /// operation in the instructions of its network, 0 to 1. The fit minimises the squared relative
    /// error, weighted by the share. A kernel without counts keeps the coefficients of this table.
    pub fn fitted(&self, counts: &[(Work, u64, f64)]) -> Self {
        let mut fitted = Self { counted: counts.len(), ..self.clone() };
        let vectors = self.vectors();
        for &(kernel, _) in LOOPS.iter().chain(LAYERS) {
            let own: Vec<&(Work, u64, f64)> =
                counts.iter().filter(|(work, n, _)| work[0].0.0 == kernel && *n > 0).collect();
            if !own.is_empty() {
                fitted.terms.insert(kernel.to_owned(), fit::relative_least_squares(&own, vectors));
            }
        }
        fitted
    }
}

#[cfg(test)]
mod tests;
