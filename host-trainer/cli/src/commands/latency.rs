//! `supernano latency`: the cost of one inference, operation by operation.

pub(crate) mod estimate;

use std::path::PathBuf;

use supernano_base::blob::Blob;
use supernano_base::error::Result;
use supernano_base::files;
use supernano_base::numbers::grouped;
use supernano_base::progress::Progress as _;
use supernano_base::run_dir::RunDirectory;
use supernano_device::{LatencyOptions, LatencyReport, LayerCount, append_counts, latency, ready};

use crate::options::{DeviceArgs, LineArgs, OutputArgs};
use crate::output::{Output, table};

/// Count one inference on a device, operation by operation.
///
/// An emulator counts retired instructions, and the cycles of its core are estimated. A board counts
/// cycles.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  \
    supernano latency runs/demo/networks/16-4-8-8-8-8.snb --target qemu-m4\n\n\
    The total is added to latency/table.csv of the run in whose directory the network lies, beside \
    its rank score, and the whole result goes to a file in latency/. Estimated cycles are those of the core with memory without wait states \
    (docs/cycles.md); Arm publishes no timings of the Cortex-M7, M33 and M55.")]
pub struct Args {
    /// Exported network.
    network: PathBuf,
    /// Number of counted inferences; the median and the spread are reported.
    #[arg(long, value_name = "N", default_value_t = 5,
        value_parser = clap::value_parser!(u16).range(1..))]
    repeats: u16,
    /// Chip, in the spelling of probe-rs, whose clock and flash give an estimated time on an emulator.
    #[arg(long)]
    chip: Option<String>,
    /// Another clock in MHz, to which a board's cycles are scaled, or which gives an estimated time.
    #[arg(long, value_name = "MHZ", value_parser = clap::value_parser!(u32).range(1..))]
    clock: Option<u32>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    line: LineArgs,
}

impl Args {
    /// The run in whose directory the network lies.
    pub(super) fn run(&self) -> Option<RunDirectory> {
        RunDirectory::of_network(&self.network)
    }
}

/// Counts and prints the report.
///
/// # Errors
/// As [`latency`] and [`append_counts`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    args.output.claim()?;
    let run = args.run();
    if let Some(run) = &run {
        files::probe(&run.latency_table())?;
    }
    let blob = Blob::read(&args.network)?;
    let target = args.device.target()?;
    ready(&target, args.device.firmware())?;
    let chip = estimate::chip(args.chip.as_deref())?;
    let estimated = estimate::of_target(&target, chip)?;
    let clock_hz = args.clock.map(|mhz| u64::from(mhz) * 1_000_000);
    let bar = out.task(args.repeats.into(), "latency");
    let options = LatencyOptions {
        elf: args.device.firmware(),
        repeats: args.repeats.into(),
        clock_hz,
        reconnect: args.line.reconnect(),
        device: None,
        estimated,
        progress: &*bar,
    };
    let mut report = latency(&blob, &target, &options)?;
    estimate::complete(&mut report, &blob, estimated, (clock_hz, chip))?;
    bar.finish();
    args.output.write(&report)?;
    out.emit(&report, text)?;
    if let Some(run) = &run {
        append_counts(run, &report)?;
        if let Some(path) = run.latency_report(&args.network, &target.to_string()) {
            files::write_json(&path, &report)?;
        }
    }
    Ok(())
}

fn row(i: usize, layer: &LayerCount) -> Vec<String> {
    let count = layer.count.value();
    let each = match layer.macs {
        0 => "-".into(),
        macs => format!("{:.2}", f64::from(count) / macs as f64),
    };
    let (spread, macs) = (layer.spread.to_string(), layer.macs.to_string());
    let mut row = vec![i.to_string(), layer.name.clone(), count.to_string(), spread, macs, each];
    row.extend(layer.vector_instructions.map(|n| n.to_string()));
    row.extend(layer.cycles_estimated.map(|cycles| cycles.mid.to_string()));
    row
}

fn text(r: &LatencyReport) -> String {
    let rows: Vec<Vec<String>> = r.layers.iter().enumerate().map(|(i, l)| row(i, l)).collect();
    let per_mac = format!("{} per MAC", r.unit);
    let mut header = vec!["#", "operation", r.unit, "spread", "MACs", &per_mac];
    header.extend(r.vector_instructions.is_some().then_some("vector"));
    header.extend(r.estimate.is_some().then_some("cycles (estimated)"));
    let time = r.milliseconds.map_or_else(String::new, |ms| {
        format!(", {ms:.3} ms at {:.1} MHz", f64::from(r.device.clock_hz) / 1e6)
    });
    let scaled = r.scaled.as_ref().map_or_else(String::new, |s| {
        format!("; {:.3} ms at {:.1} MHz ({})", s.milliseconds, s.clock_hz as f64 / 1e6, s.note)
    });
    let total = r.total.value();
    let vector = r.vector_instructions.map_or_else(String::new, |vector| {
        format!(
            "\n{} vector and {} scalar instructions; a Cortex-M55 takes two cycles for a vector \
             instruction",
            grouped(vector),
            grouped(u64::from(total).saturating_sub(vector))
        )
    });
    let estimate =
        r.estimate.as_ref().map_or_else(String::new, |e| format!("\n{}", estimate::text(e)));
    format!(
        "{}\n{} {} in total (median of {}, spread {}){time}{scaled}{vector}{estimate}",
        table(&header, &rows),
        grouped(total.into()),
        r.unit,
        r.repeats,
        grouped(r.spread.into())
    )
}
