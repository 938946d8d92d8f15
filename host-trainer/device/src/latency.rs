//! Counts of one inference, operation by operation.

mod report;
mod table;

use std::path::Path;
use std::time::Duration;

use supernano_base::blob::{self, Blob};
use supernano_base::error::{Error, Result};
use supernano_base::images::Images;
use supernano_base::progress::Task;
use supernano_core::exec::macs;
use supernano_core::wire::{self, CountUnit, Refusal, Request};

pub use self::report::{Count, Estimate, FlashTime, LatencyReport, LayerCount, ScaledTime};
pub use self::table::append_counts;
use crate::connection::{Connection, Patience};
use crate::cycles::{CyclePlugin, Estimated, InferenceSums, Sought, cycle_plugin};
use crate::link::open;
use crate::placed::{placed_bytes, placed_file};
use crate::qemu::{Counting, Qemu};
use crate::session::{Counts, DeviceInfo, Session, unit_name};
use crate::target::{Machine, Target, known};

/// Longest time of one counted inference.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Options of a latency run.
#[derive(Clone, Copy, Debug)]
pub struct LatencyOptions<'a> {
    /// The emulator's agent, an ELF file. `None` selects the one beside the executable.
    pub elf: Option<&'a Path>,
    /// Inferences to count; 0 counts as 1.
    pub repeats: usize,
    /// Another clock, Hz, to which measured cycles are scaled. A device that counts instructions
    /// has no cycles to scale.
    pub clock_hz: Option<u64>,
    /// Longest wait for a board whose line is lost.
    pub reconnect: Duration,
    /// The only device that may answer. If it is given, the run waits for a line that does not open at
    /// first as well.
    pub device: Option<&'a DeviceInfo>,
    /// Core and flash whose cycles QEMU's plugin estimates. Without the plugin the report has no
    /// estimates.
    pub estimated: Option<Estimated<'a>>,
    /// Advances by one for each repeat, and receives messages about lost lines.
    pub progress: &'a dyn Task,
}

/// Counts inferences on `target`, with interrupts masked.
///
/// # Errors
/// [`Error::Invalid`] for the host, and for a clock if the device has no cycles;
/// [`Error::Line`], [`Error::Firmware`], [`Error::Refused`] or [`Error::Tool`] if the device fails;
/// [`Error::No`] if its answer is wrong.
pub fn latency(
    blob: &Blob,
    target: &Target,
    options: &LatencyOptions<'_>,
) -> Result<LatencyReport> {
    let patience = |limit| Patience { limit, progress: options.progress };
    match target {
        Target::Host => {
            let expected = format!("a device, one of {}", known());
            Err(Error::invalid("option --target", "target", expected, target))
        }
        Target::Qemu(machine) => {
            // The image is placed as well: an emulated UART is slow.
            let image = image(blob)?;
            let placed = placed_file(&placed_bytes(blob.bytes(), &image, image.len()))?;
            let (mut qemu, plugin) = started(blob, machine, options, placed.path())?;
            // An emulator that ends has failed, so the run does not wait for it.
            let patience = patience(Duration::ZERO);
            let open = &mut || qemu.link();
            let begun = Connection::new(open, blob, TIMEOUT, patience, options.device);
            drop(placed); // The emulator has read it.
            let counted = begun.and_then(|mut connection| {
                let device = connection.device().clone();
                Ok((device, count(blob, target, options, (&mut connection, plugin.as_ref()))?))
            });
            let (device, report) = counted.map_err(|error| qemu.explained(error))?;
            qemu.check_agent(&device).map(|()| report)
        }
        _ => {
            let open = &mut || open(target);
            let patience = patience(options.reconnect);
            let mut connection = Connection::new(open, blob, TIMEOUT, patience, options.device)?;
            count(blob, target, options, (&mut connection, None))
        }
    }
}

/// Starts an emulator that counts, with the plugin for cycles if there is one and QEMU runs it.
fn started(
    blob: &Blob,
    machine: &Machine,
    options: &LatencyOptions<'_>,
    placed: &Path,
) -> Result<(Qemu, Option<CyclePlugin>)> {
    let start = |counting: Counting<'_>| Qemu::start(machine, options.elf, Some(placed), counting);
    let sought = match options.estimated {
        Some(estimated) => Some(Sought::Cycles(estimated)),
        None => machine.vectors().then_some(Sought::Vectors),
    };
    if let Some((sought, path)) = sought.zip(cycle_plugin()) {
        let timed = options.estimated.is_some();
        let plugin = CyclePlugin::new(blob, timed)?;
        let arguments = plugin.arguments(&path, machine, &sought);
        match start(Counting::Plugin(&arguments)) {
            Ok(qemu) => return Ok((qemu, Some(plugin))),
            Err(error @ Error::Tool { .. }) => options.progress.note(&format!(
                "QEMU does not run the plugin for cycles{}: {error}",
                if timed { ", so a table models them" } else { " and vector instructions" }
            )),
            Err(error) => return Err(error),
        }
    }
    Ok((start(Counting::Instructions)?, None))
}

/// Counts of all repeats.
struct Repeats {
    totals: Vec<u32>,
    /// `[operation][repeat]`; operation 0 is the conversion of the image.
    parts: Vec<Vec<u32>>,
    stack_bytes: u32,
    open_stack_bytes: u32,
    /// Sums of the plugin over the last repeat.
    sums: Option<InferenceSums>,
}

fn count(
    blob: &Blob,
    target: &Target,
    options: &LatencyOptions<'_>,
    (connection, plugin): (&mut Connection<'_>, Option<&CyclePlugin>),
) -> Result<LatencyReport> {
    let view = blob.view()?;
    let device = connection.device().clone();
    let unit = device.unit;
    if options.clock_hz.is_some() && unit == CountUnit::Instructions && options.estimated.is_none()
    {
        let expected = "a device that counts cycles, or an emulator of a core with published timings; \
                        instructions have no clock";
        return Err(Error::invalid("option --clock", "target", expected, target));
    }
    let Repeats { mut totals, mut parts, stack_bytes, open_stack_bytes, sums } =
        repeat((blob, target), options, (connection, plugin))?;
    // The plugin sums up cycles, or else vector instructions.
    let (timed, vectors) = match options.estimated {
        Some(_) => (sums.as_ref(), None),
        None => (None, sums.as_ref()),
    };
    let network = connection.first_load();
    let repeats = totals.len();
    let (total, spread) = median(&mut totals);
    let milliseconds = |hertz: u64| f64::from(total) / hertz as f64 * 1e3;
    let ops = view.header().ops;
    let named = std::iter::once(("image".to_owned(), 0))
        .chain(ops.iter().map(|op| (blob::kind(op), macs(&view, op))));
    Ok(LatencyReport {
        target: target.to_string(),
        code: view.header().code.to_owned(),
        unit: unit_name(unit),
        total: Count::new(unit, total),
        spread,
        repeats,
        milliseconds: (unit == CountUnit::Cycles && device.clock_hz > 0)
            .then(|| milliseconds(device.clock_hz.into())),
        scaled: options.clock_hz.filter(|&hertz| hertz > 0 && unit == CountUnit::Cycles).map(
            |clock_hz| ScaledTime {
                clock_hz,
                milliseconds: milliseconds(clock_hz),
                note: "scaled, not measured",
            },
        ),
        device,
        network,
        traffic: connection.traffic(),
        arena_bytes: network.map_or(0, |n| n.opened.arena_bytes),
        stack_bytes,
        open_stack_bytes,
        checksum: view.checksum(),
        vector_instructions: vectors.map(|sums| sums.total.vector),
        estimate: timed.zip(options.estimated).map(|(sums, estimated)| {
            let total = sums.total;
            Estimate::counted(estimated.core, total.instructions, total.cycles, total.flash)
        }),
        layers: named
            .zip(&mut parts)
            .enumerate()
            .map(|(i, ((name, macs), counts))| {
                let (count, spread) = median(counts);
                let sum = sums.as_ref().and_then(|sums| sums.parts.get(i));
                LayerCount {
                    name,
                    count: Count::new(unit, count),
                    spread,
                    macs,
                    vector_instructions: vectors.and_then(|_| Some(sum?.vector)),
                    cycles_estimated: timed.and_then(|_| Some(sum?.cycles)),
                    flash_reads: timed.and_then(|_| Some(sum?.flash)),
                }
            })
            .collect(),
    })
}

/// Counts one image again and again, and compares every answer with the host's.
fn repeat(
    (blob, target): (&Blob, &Target),
    options: &LatencyOptions<'_>,
    (connection, plugin): (&mut Connection<'_>, Option<&CyclePlugin>),
) -> Result<Repeats> {
    let view = blob.view()?;
    let operations = view.header().ops.len();
    let pixels = image(blob)?;
    let run = match target {
        Target::Qemu(_) => Request::RunPlaced { index: 0 },
        _ => Request::Run { checksum: wire::checksum(&pixels) },
    };
    let image = Images::new(view.header().input(), pixels, vec![0]);
    let expected = blob.logits(&image)?;
    let right = |session: &Session, found: Vec<i32>| {
        let wrong = || Error::No(format!("{}: its answer differs from the host's", session.name()));
        (found == expected).then_some(()).ok_or_else(wrong)
    };
    let classify = |session: &mut Session| match target {
        Target::Qemu(_) => session.logits(&run),
        _ => session.classify(&image.pixels),
    };
    let mut all = Repeats {
        totals: Vec::new(),
        parts: vec![Vec::new(); operations + 1],
        stack_bytes: 0,
        open_stack_bytes: 0,
        sums: None,
    };
    // Number of the load after which the image was sent: a network that is loaded again has no image.
    let mut sent = None;
    for _ in 0..options.repeats.max(1) {
        let counts = connection.run(|session, loads| {
            if sent != Some(loads) {
                let found = classify(session)?;
                right(session, found)?;
                sent = Some(loads);
            }
            let counts = match session.counts() {
                // The device was reset: its flash has the network, but its memory has no image.
                Err(Error::Refused { refusal: Refusal::ImageLength { .. }, .. }) => {
                    let found = session.classify(&image.pixels)?;
                    right(session, found)?;
                    session.counts()?
                }
                counts => counts?,
            };
            // The counted image is still in memory, and so is its answer.
            let found = session.logits(&run)?;
            right(session, found)?;
            Ok(counts)
        })?;
        all.sums = plugin.map(|plugin| plugin.sums(&counts)).transpose()?;
        let Counts { total, parts, stack_bytes, open_stack_bytes } = counts;
        if parts.len() != all.parts.len() {
            let problem = format!("{} counts for {operations} operations", parts.len());
            return Err(Error::tool(connection.name(), problem));
        }
        all.totals.push(total);
        all.parts.iter_mut().zip(parts).for_each(|(all, count)| all.push(count));
        all.stack_bytes = all.stack_bytes.max(stack_bytes);
        all.open_stack_bytes = all.open_stack_bytes.max(open_stack_bytes);
        options.progress.advance(1);
    }
    Ok(all)
}

/// The image that is counted.
fn image(blob: &Blob) -> Result<Vec<u8>> {
    Ok((0..blob.view()?.image_len()).map(|i| (i * 37 % 251) as u8).collect())
}

/// Median (the lower of two) and largest minus smallest count; zeros for an empty list.
fn median(counts: &mut [u32]) -> (u32, u32) {
    counts.sort_unstable();
    match (counts.first(), counts.get(counts.len().saturating_sub(1) / 2), counts.last()) {
        (Some(least), Some(&middle), Some(most)) => (middle, most - least),
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests;
