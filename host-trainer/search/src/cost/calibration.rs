//! A core's table of instructions, fitted to networks that a device has counted.
//!
//! [`specimen`] draws the networks, [`Counted`] is one of them with its counts, and [`calibrate`] fits
//! the table and judges it on networks that were left out of the fit. Counting is the caller's part.

mod report;

use rand::Rng as _;
use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result};
use supernano_base::rng::{Key, Purpose};
use supernano_core::arch::Arch;
use supernano_core::plan::{ActivationScope, Enhancement, WidthRule};
use supernano_core::space::{BUILTIN, Space};

pub use self::report::{CalibrationReport, CountedPart, JudgedNetwork, TOLERANCE};
use super::device::KINDS;
use super::instructions::{InstructionTable, Overhead, Work, image_work, work};

/// A network to be counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Specimen {
    /// Its built-in space.
    pub space: &'static Space<'static>,
    /// Its widths.
    pub arch: Arch,
    /// Its enhancement.
    pub enhancement: Enhancement,
    /// Its kernels ([`super::BlockCost::kinds`]).
    pub kinds: Vec<u8>,
    /// Whether the table is fitted to it. Otherwise the table is judged by it.
    pub fitted: bool,
}

/// Draws network `index` of a calibration: random widths, enhancement and kernels, in the built-in
/// spaces by turns. Half of the networks that the table is fitted to are narrow, so that short loops
/// weigh as much as long ones.
///
/// # Errors
/// [`Error::Core`]; never for a built-in space.
pub fn specimen(seed: u64, index: u32, fitted: bool) -> Result<Specimen> {
    let mut rng = Key::new(seed).rng(Purpose::Sample, u64::from(index));
    let space = &BUILTIN[index as usize % BUILTIN.len()];
    let narrow = fitted && index % 4 >= 2;
    let free: Vec<u8> = space
        .free_layers()
        .map(|i| {
            let options = space.layers[i].widths.len();
            rng.random_range(0..if narrow { options.div_ceil(2) } else { options }) as u8
        })
        .collect();
    let arch = Arch::from_options(space, free).map_err(|e| Error::core("random network", e))?;
    let enhancement = Enhancement {
        widths: if rng.random() { WidthRule::Oe } else { WidthRule::None },
        activation: if rng.random() { ActivationScope::AfterAdd } else { ActivationScope::None },
    };
    let ways = |layers: usize| KINDS.len().pow(layers as u32) as u8;
    let kinds = space.blocks.iter().map(|b| rng.random_range(0..ways(b.layers()))).collect();
    Ok(Specimen { space, arch, enhancement, kinds, fitted })
}

/// Counts of one inference, as a device reports them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawCounts {
    /// Count of the whole inference.
    pub total: u32,
    /// Names and counts: of the image's conversion, then of every operation.
    pub parts: Vec<(String, u32)>,
    /// Bytes of stack of the inference.
    pub stack_bytes: u32,
}

/// A network with its counts.
#[derive(Clone, Debug)]
pub struct Counted {
    specimen: Specimen,
    blob: Blob,
    total: u32,
    stack_bytes: u32,
    /// Name, work and count of the image's conversion and of every operation.
    parts: Vec<(String, Work, u64)>,
}

impl Counted {
    /// Pairs the counts of a network with the work of each part.
    ///
    /// # Errors
    /// [`Error::Core`]; never for a checked blob.
    pub fn new(specimen: Specimen, blob: Blob, counts: &RawCounts) -> Result<Self> {
        let works = works(&blob)?;
        let separate = separated(counts, &works);
        let names = counts.parts.iter().map(|(name, _)| name.clone());
        let parts = names.zip(works).zip(separate).map(|((name, work), n)| (name, work, n));
        let (total, stack_bytes) = (counts.total, counts.stack_bytes);
        Ok(Self { specimen, parts: parts.collect(), blob, total, stack_bytes })
    }
}

/// The work of each counted part: the image's conversion, then every operation.
fn works(blob: &Blob) -> Result<Vec<Work>> {
    let view = blob.view()?;
    let header = view.header();
    let ops = header.ops.iter().map(|op| work(&header, op));
    Ok(std::iter::once(image_work(header.input().len())).chain(ops).collect())
}

/// Counts of the parts without the cost of reading the meter. The meter is read about once for every
/// row, and the sum of the parts exceeds the whole by the cost of all reads.
fn separated(counts: &RawCounts, works: &[Work]) -> Vec<u64> {
    let rows = |work: &Work| -> f64 {
        work.iter().filter(|(term, _)| term.1 == "row").map(|(_, n)| n).sum::<f64>().max(1.0)
    };
    let sum: f64 = counts.parts.iter().map(|(_, n)| f64::from(*n)).sum();
    let each = (sum - f64::from(counts.total)) / works.iter().map(rows).sum::<f64>();
    let without = |((_, n), work): (&(String, u32), &Work)| {
        (f64::from(*n) - each * rows(work)).max(0.0).round() as u64
    };
    counts.parts.iter().zip(works).map(without).collect()
}

/// The device that counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    /// The target, as the user spelled it.
    pub target: String,
    /// Name of the core's table: `cortex-m4`.
    pub core: String,
    /// Name of the chip and its clock in Hz, if the device counts cycles.
    pub cycles_of: Option<(String, u64)>,
}

/// Inputs of a calibration beside its counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CalibrationOptions {
    /// Seed of the networks.
    pub seed: u64,
    /// Bytes of the runtime's code and constants; `None` keeps those of the shipped table.
    pub code: Option<u64>,
    /// Bytes of statics beside the arena; `None` keeps those of the shipped table.
    pub statics: Option<u64>,
}

/// Fits the table of a core to counted networks, and judges it on those that are not
/// [`Specimen::fitted`].
///
/// # Errors
/// [`Error::Invalid`] for a core without a shipped table, whose terms are the starting point.
pub fn calibrate(
    counted: &[Counted],
    meter: &Meter,
    options: CalibrationOptions,
) -> Result<(InstructionTable, CalibrationReport)> {
    let shipped = InstructionTable::of_core(&meter.core)?;
    let fit: Vec<(Work, u64)> = counted
        .iter()
        .filter(|c| c.specimen.fitted)
        .flat_map(|c| c.parts.iter().map(|(_, work, n)| (work.clone(), *n)))
        .collect();
    let mut table = shipped.fitted(&fit);
    if let Some((_, clock_hz)) = meter.cycles_of {
        table.unit = "cycles".into();
        table.clock_hz = Some(clock_hz);
    }
    table.overhead = Overhead {
        code: options.code.unwrap_or(shipped.overhead.code),
        stack: counted.iter().map(|c| u64::from(c.stack_bytes)).max().unwrap_or(0),
        statics: options.statics.unwrap_or(shipped.overhead.statics),
    };
    let report = CalibrationReport::new(counted, &table, meter, fit.len())?;
    table.judged = report.judged().count();
    table.largest_error = (report.largest_error * 1e6).round() / 1e6;
    table.provenance = report.provenance(meter, options.seed);
    Ok((table, report))
}

#[cfg(test)]
mod tests;
