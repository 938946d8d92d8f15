//! The fit of a core's instruction table to networks that a device has counted.
//!
//! [`Sample`] draws the networks, [`Counted`] pairs one of them with its counts, and [`calibrate`]
//! fits the table and measures its error on held-out networks. Counting is left to the caller.

mod report;
mod shaped;

use rand::Rng as _;
use serde::{Deserialize, Serialize};
use supernano_base::blob::Blob;
use supernano_base::codes::uniform;
use supernano_base::error::{Error, Result};
use supernano_base::fixed;
use supernano_base::rng::{Key, Purpose};
use supernano_core::arch::Arch;
use supernano_core::exec::Network;
use supernano_core::graph::{Activation, Observer};
use supernano_core::kernel::{Host, Packed};
use supernano_core::plan::{ActivationScope, BranchScheme, Enhancement, Plan, WidthRule, resolve};
use supernano_core::space::{RESNET8, RESNET20, Space};

pub use self::report::{CalibrationReport, CountedPart, JudgedNetwork, TOLERANCE};
use self::shaped::SHAPED;
use super::device::KINDS;
use super::instructions::{InstructionTable, Work, image_work, work};
use super::memory::Overhead;

/// A network to be counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Specimen {
    /// Built-in space.
    pub space: &'static Space<'static>,
    /// Widths.
    pub arch: Arch,
    /// Enhancement.
    pub enhancement: Enhancement,
    /// Kernel kinds of each block ([`super::BlockCost::kinds`]).
    pub kinds: Vec<u8>,
    /// True for a network of the fit, false for a held-out one.
    pub fitted: bool,
}

/// A network to be counted, as reports name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Name of the space or of the family.
    pub space: String,
    /// Code, or number.
    pub code: String,
    /// True for a network of the fit, false for a held-out one.
    pub fitted: bool,
}

impl Specimen {
    /// Its names.
    pub fn named(&self) -> Named {
        let code = self.arch.display(self.space).to_string();
        Named { space: self.space.name.to_owned(), code, fitted: self.fitted }
    }
}

/// The built-in spaces of residual networks.
const RESIDUAL: [&Space<'static>; 2] = [&RESNET20, &RESNET8];

/// Index of the first network that judges a table. Those of a fit start at 0.
pub const JUDGES: u32 = 1 << 20;

/// Round of the first network that judges.
const JUDGED_ROUNDS: u32 = 1 << 17;

/// A network of a calibration.
#[derive(Clone, Debug)]
pub enum Sample {
    /// A network of layers that residual networks do not have.
    Layered(Named, Blob),
    /// A residual network, whose file is still to be made.
    Residual(Specimen),
}

impl Sample {
    /// Draws network `index`, which belongs to the fit if it is below [`JUDGES`]. The families of
    /// [`fixed::random`], the spaces of residual networks, residual networks of other shapes, and
    /// families with PReLU take turns.
    ///
    /// # Errors
    /// [`Error::Core`], never for these networks.
    pub fn draw(seed: u64, index: u32) -> Result<Self> {
        let (families, spaces) = (fixed::FAMILIES, RESIDUAL.len() as u32);
        let fitted = index < JUDGES;
        let (first, index) = if fitted { (0, index) } else { (JUDGED_ROUNDS, index - JUDGES) };
        let turns = families + spaces + 2;
        let (round, turn) = (first + index / turns, index % turns);
        let residual = match turn.checked_sub(families) {
            None => {
                let (named, blob) = layered(seed, round * families + turn, fitted)?;
                return Ok(Self::Layered(named, blob));
            }
            Some(turn) if turn < spaces => specimen(seed, round * spaces + turn, fitted)?,
            Some(turn) if turn == spaces => shaped(seed, round, fitted)?,
            Some(_) => {
                let net = fixed::random_prelu(seed, round);
                let (named, blob) = built(&net, seed, round, fitted)?;
                return Ok(Self::Layered(named, blob));
            }
        };
        Ok(Self::Residual(residual))
    }
}

/// Draws network `index` of the families of layers that residual networks do not have. Every other
/// network of a family is rolled as far as that makes its arena smaller.
///
/// # Errors
/// [`Error::Core`], never for these networks.
pub fn layered(seed: u64, index: u32, fitted: bool) -> Result<(Named, Blob)> {
    built(&fixed::random(seed, index), seed, index, fitted)
}

/// Builds network `index` of the families.
fn built(net: &fixed::Fixed, seed: u64, index: u32, fitted: bool) -> Result<(Named, Blob)> {
    let limit = if (index / fixed::FAMILIES).is_multiple_of(2) { usize::MAX } else { 0 };
    let prelu = if net.activation == Activation::Prelu { " (PReLU)" } else { "" };
    let named = Named { space: format!("{}{prelu}", net.name), code: index.to_string(), fitted };
    Ok((named, fixed::blob(net, limit, seed + u64::from(index))?))
}

/// Draws residual network `index` of a calibration, with random widths, enhancement and kernels. The
/// spaces of residual networks alternate. Half of the networks of the fit are narrow, so that short
/// loops have as much weight as long ones.
///
/// # Errors
/// [`Error::Core`], never for a built-in space.
pub fn specimen(seed: u64, index: u32, fitted: bool) -> Result<Specimen> {
    of_residual(RESIDUAL[index as usize % RESIDUAL.len()], seed, index, fitted)
}

/// As [`specimen`], with the spaces of other shapes.
fn shaped(seed: u64, index: u32, fitted: bool) -> Result<Specimen> {
    of_residual(&SHAPED[index as usize % SHAPED.len()], seed, index, fitted)
}

fn of_residual(
    space: &'static Space<'static>,
    seed: u64,
    index: u32,
    fitted: bool,
) -> Result<Specimen> {
    let mut rng = Key::new(seed).rng(Purpose::Sample, u64::from(index));
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
    let choices = |layers: usize| KINDS.len().pow(layers as u32) as u8;
    let kinds = space.blocks.iter().map(|b| rng.random_range(0..choices(b.layers()))).collect();
    Ok(Specimen { space, arch, enhancement, kinds, fitted })
}

/// A random network of a space.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// Its name.
    pub named: Named,
    /// The resolved sub-network.
    pub plan: Plan,
    /// The network with random weights. Layers roll as far as that makes the arena smaller. `None` for
    /// a network with projections.
    pub blob: Option<Blob>,
}

/// Draws network `index` of a space, with random options and enhancement of widths, to judge a table.
///
/// # Errors
/// [`Error::Core`], never for a validated space.
pub fn drawn(space: &Space<'_>, seed: u64, index: u32) -> Result<Drawn> {
    let mut rng = Key::new(seed).rng(Purpose::Sample, u64::from(index));
    let arch = uniform(space, &mut rng)?;
    let enhancement = if rng.random() { Enhancement::OE } else { Enhancement::NONE };
    let plan = resolve(space, &arch, enhancement, BranchScheme::Shared);
    let code = arch.display(space).to_string();
    let named = Named { space: space.name.to_owned(), code, fitted: false };
    let net = fixed::of_plan(space, &plan).filter(|_| !space.is_residual());
    let blob = net.map(|net| fixed::blob(&net, 0, seed + u64::from(index))).transpose()?;
    Ok(Drawn { named, plan, blob })
}

/// Judges a table by counted networks.
///
/// # Errors
/// [`Error::Core`], never for checked networks.
pub fn judge(
    counted: &[Counted],
    table: &InstructionTable,
    device: &CountingDevice,
) -> Result<CalibrationReport> {
    CalibrationReport::new(counted, table, device, 0)
}

/// Counts of one inference, as a device reports them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawCounts {
    /// Count of the whole inference.
    pub total: u32,
    /// Names and counts of the conversion of the image, then of every operation.
    pub parts: Vec<(String, u32)>,
    /// Stack of the inference, bytes.
    pub stack_bytes: u32,
}

/// A network with its counts.
#[derive(Clone, Debug)]
pub struct Counted {
    named: Named,
    blob: Blob,
    total: u32,
    stack_bytes: u32,
    /// Name, loop counts and count of the conversion of the image, then of every operation.
    parts: Vec<(String, Work, u64)>,
}

impl Counted {
    /// Pairs the counts of a network with the loop counts of each part.
    ///
    /// # Errors
    /// [`Error::Core`], never for a checked blob.
    pub fn new(named: Named, blob: Blob, counts: &RawCounts) -> Result<Self> {
        let works = works(&blob)?;
        let separate = separated(counts, &reads(&blob)?);
        let names = counts.parts.iter().map(|(name, _)| name.clone());
        let parts = names.zip(works).zip(separate).map(|((name, work), n)| (name, work, n));
        let (total, stack_bytes) = (counts.total, counts.stack_bytes);
        Ok(Self { named, parts: parts.collect(), blob, total, stack_bytes })
    }

    /// Names of the kernels: the conversion of the image, then every operation.
    pub fn kernels(&self) -> Vec<&'static str> {
        self.parts.iter().map(|(_, work, _)| work[0].0.0).collect()
    }
}

/// Loop counts of each counted part: the conversion of the image, then every operation.
fn works(blob: &Blob) -> Result<Vec<Work>> {
    let view = blob.view()?;
    let header = view.header();
    let ops = header.ops.iter().map(|op| work(&header, op));
    Ok(std::iter::once(image_work(header.input().len())).chain(ops).collect())
}

/// Reads of the counter for each part: one whenever the execution turns to it.
fn reads(blob: &Blob) -> Result<Vec<f64>> {
    struct Reads(Vec<f64>);
    impl Observer for Reads {
        fn enter(&mut self, op: usize) {
            if let Some(reads) = self.0.get_mut(op + 1) {
                *reads += 1.0;
            }
        }
    }
    let view = blob.view()?;
    let network = Network::new(&view, Packed(Host::default()));
    let (mut arena, mut logits) = (vec![0; network.arena_words()], vec![0; view.classes()]);
    let mut reads = Reads(vec![0.0; network.ops() + 1]);
    // The image is entered once.
    reads.0[0] = 1.0;
    network
        .run(&vec![0; view.image_len()], &mut arena, &mut logits, &mut reads)
        .map_err(|e| Error::core("reads of the counter", e))?;
    Ok(reads.0)
}

/// Counts of the parts without the cost of reading the counter. The sum of the parts exceeds the total
/// by the cost of all reads.
fn separated(counts: &RawCounts, reads: &[f64]) -> Vec<u64> {
    let sum: f64 = counts.parts.iter().map(|(_, n)| f64::from(*n)).sum();
    let each = (sum - f64::from(counts.total)) / reads.iter().sum::<f64>();
    let without = |((_, n), reads): (&(String, u32), &f64)| {
        (f64::from(*n) - each * reads).max(0.0).round() as u64
    };
    counts.parts.iter().zip(reads).map(without).collect()
}

/// The device that counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountingDevice {
    /// The target, as the user spelled it.
    pub target: String,
    /// Name of the core's table: `cortex-m4`.
    pub core: String,
    /// Name of the chip and its clock in Hz, if the device counts cycles.
    pub cycles_of: Option<(String, u64)>,
}

/// Settings of a calibration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CalibrationOptions {
    /// Seed of the networks.
    pub seed: u64,
    /// Code and constants of the runtime, bytes; `None` keeps the value of the built-in table.
    pub code: Option<u64>,
    /// Static variables other than the arena, bytes; `None` keeps the value of the built-in table.
    pub statics: Option<u64>,
}

/// Fits the table of a core to counted networks and measures its error on those that are not
/// [`Named::fitted`]. Kernels without counts keep the coefficients of the built-in table.
///
/// # Errors
/// [`Error::Invalid`] for a core without a built-in table.
pub fn calibrate(
    counted: &[Counted],
    device: &CountingDevice,
    options: CalibrationOptions,
) -> Result<(InstructionTable, CalibrationReport)> {
    let shipped = InstructionTable::of_core(&device.core)?;
    let shares = |c: &Counted| -> Vec<(Work, u64, f64)> {
        let share = |n: u64| n as f64 / f64::from(c.total.max(1));
        c.parts.iter().map(|(_, work, n)| (work.clone(), *n, share(*n))).collect()
    };
    let fit: Vec<(Work, u64, f64)> =
        counted.iter().filter(|c| c.named.fitted).flat_map(shares).collect();
    let mut table = shipped.fitted(&fit);
    if let Some((_, clock_hz)) = device.cycles_of {
        table.unit = "cycles".into();
        table.clock_hz = Some(clock_hz);
    }
    table.overhead = Overhead {
        code: options.code.unwrap_or(shipped.overhead.code),
        stack: counted.iter().map(|c| u64::from(c.stack_bytes)).max().unwrap_or(0),
        stack_of_all: None,
        statics: options.statics.unwrap_or(shipped.overhead.statics),
    };
    let report = CalibrationReport::new(counted, &table, device, fit.len())?;
    table.judged = report.judged().count();
    table.largest_error = (report.largest_error * 1e6).round() / 1e6;
    table.provenance = report.provenance(device, options);
    Ok((table, report))
}

#[cfg(test)]
mod tests;
