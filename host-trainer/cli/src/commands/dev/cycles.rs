//! `supernano dev cycles`: estimated cycles against the cycles that a board measures.

use std::path::PathBuf;

use serde::Serialize;
use supernano_base::blob::Blob;
use supernano_base::cycles::Cycles;
use supernano_base::error::{Error, Result};
use supernano_base::progress::{Progress as _, Task};
use supernano_core::wire::CountUnit;
use supernano_device::{Estimate, LatencyOptions, LatencyReport, LayerCount, Target, latency};

use crate::commands::latency::estimate;
use crate::options::{LineArgs, OutputArgs};
use crate::output::{Output, table};

/// Compare estimated cycles with the cycles that a board measures.
///
/// The board runs the network and counts its cycles. QEMU runs the same network on the same core, and
/// the cycles of every layer are estimated.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  \
    supernano dev cycles net.snb --target probe -o cycles.json\n\n\
    No board has been compared yet. Please send the file in: docs/cycles.md says where to and what it \
    decides.")]
pub struct Args {
    /// Exported network.
    network: PathBuf,
    /// Board: probe[:VID:PID][@CHIP], serial:PATH or tcp:HOST:PORT.
    #[arg(id = "board", long = "target", default_value = "probe", help_heading = "Device")]
    target: String,
    /// Number of inferences that the board measures; the median is compared.
    #[arg(long, value_name = "N", default_value_t = 5,
        value_parser = clap::value_parser!(u16).range(1..))]
    repeats: u16,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    line: LineArgs,
}

/// Cycles of a part of an inference.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Row {
    /// Name of the operation.
    name: String,
    /// Instructions in the emulator.
    instructions: u32,
    /// Estimated cycles without wait states.
    cycles_estimated: Cycles,
    /// Cycles that the board has measured.
    cycles_measured: u32,
    /// Measured divided by estimated cycles.
    ratio: f64,
}

/// The file to send in.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Comparison {
    /// Version of this program.
    version: &'static str,
    /// Chip, as the board reports it.
    chip: String,
    /// Core, as the board reports it.
    core: String,
    /// Clock of the board, Hz.
    clock_hz: u32,
    /// Code and checksum of the network.
    network: String,
    checksum: u32,
    /// Largest minus smallest measured count.
    spread: u32,
    /// The whole inference.
    total: Row,
    /// The estimate, with the wait states of the chip's flash if they are modelled.
    estimate: Estimate,
    /// Every part.
    layers: Vec<Row>,
}

/// Measures on the board, estimates in QEMU and prints both.
///
/// # Errors
/// [`Error::Invalid`] for a device that counts no cycles or has a core without published timings; as
/// [`latency`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let blob = Blob::read(&args.network)?;
    let target: Target = args.target.parse()?;
    if matches!(target, Target::Host | Target::Qemu(_)) {
        let expected = "a board: probe, serial:PATH or tcp:HOST:PORT";
        return Err(Error::invalid("option --target", "target", expected, target));
    }
    let bar = out.task(u64::from(args.repeats) + 1, "cycles");
    let measured = counts(args, &blob, (&target, None), &*bar)?;
    if measured.device.unit != CountUnit::Cycles {
        let found = "a device that counts instructions";
        return Err(Error::invalid("option --target", "target", "a board", found));
    }
    let core = measured.device.core.clone();
    let Some(machine) = estimate::machine_of(&core) else {
        let expected = "a core with published timings: cortex-m0, cortex-m0+, cortex-m3, cortex-m4";
        return Err(Error::invalid("board", "core", expected, core));
    };
    let chip = estimate::chip(Some(&measured.device.chip)).ok().flatten();
    let emulated = counts(args, &blob, (&Target::Qemu(*machine), Some(&core)), &*bar)?;
    bar.finish();
    let mut emulated = emulated;
    let estimated = estimate::of_core(machine, chip, &core);
    let clock = Some(measured.device.clock_hz.into());
    estimate::complete(&mut emulated, &blob, estimated, (clock, chip))?;
    let comparison = compare(&measured, &emulated)?;
    args.output.write(&comparison)?;
    out.emit(&comparison, text)
}

/// Counts the network on a target. `core` is the core whose cycles an emulator estimates.
fn counts(
    args: &Args,
    blob: &Blob,
    (target, core): (&Target, Option<&str>),
    progress: &dyn Task,
) -> Result<LatencyReport> {
    let estimated = match (target, core) {
        (Target::Qemu(machine), Some(core)) => estimate::of_core(machine, None, core),
        _ => None,
    };
    let options = LatencyOptions {
        elf: None,
        repeats: if core.is_some() { 1 } else { args.repeats.into() },
        clock_hz: None,
        reconnect: args.line.reconnect(),
        device: None,
        estimated,
        progress,
    };
    latency(blob, target, &options)
}

fn compare(measured: &LatencyReport, emulated: &LatencyReport) -> Result<Comparison> {
    let estimate = emulated.estimate.clone();
    let estimate = estimate.ok_or_else(|| Error::tool("estimate", "there is none"))?;
    let row = |name: &str, instructions: u32, estimated: Cycles, measured: u32| Row {
        name: name.to_owned(),
        instructions,
        cycles_estimated: estimated,
        cycles_measured: measured,
        ratio: f64::from(measured) / estimated.mid.max(1) as f64,
    };
    let layer = |(on_board, in_qemu): (&LayerCount, &LayerCount)| {
        let estimated = in_qemu.cycles_estimated.unwrap_or_default();
        row(&on_board.name, in_qemu.count.value(), estimated, on_board.count.value())
    };
    Ok(Comparison {
        version: env!("CARGO_PKG_VERSION"),
        chip: measured.device.chip.clone(),
        core: measured.device.core.clone(),
        clock_hz: measured.device.clock_hz,
        network: measured.code.clone(),
        checksum: measured.checksum,
        spread: measured.spread,
        total: row(
            "total",
            emulated.total.value(),
            estimate.cycles_estimated,
            measured.total.value(),
        ),
        estimate,
        layers: measured.layers.iter().zip(&emulated.layers).map(layer).collect(),
    })
}

fn text(c: &Comparison) -> String {
    let cells = |row: &Row| {
        let Cycles { low, mid, high } = row.cycles_estimated;
        vec![
            row.name.clone(),
            row.instructions.to_string(),
            mid.to_string(),
            format!("{low} to {high}"),
            row.cycles_measured.to_string(),
            format!("{:.3}", row.ratio),
        ]
    };
    let rows: Vec<Vec<String>> =
        c.layers.iter().chain(std::iter::once(&c.total)).map(cells).collect();
    let header =
        ["operation", "instructions", "cycles, estimated", "range", "cycles, board", "ratio"];
    let waits = c.estimate.with_flash.map_or_else(String::new, |flash| {
        format!(
            "\nwith {} wait states of the flash: {} cycles, estimated; ratio {:.3}",
            flash.wait_states,
            flash.cycles_estimated,
            f64::from(c.total.cycles_measured) / flash.cycles_estimated.max(1) as f64
        )
    });
    format!(
        "{}\n{} at {:.1} MHz; the estimate is that of a {} without wait states{waits}",
        table(&header, &rows),
        c.chip,
        f64::from(c.clock_hz) / 1e6,
        c.estimate.core
    )
}

#[cfg(test)]
mod tests;
