//! `supernano latency`: what one inference costs, operation by operation.

use std::path::{Path, PathBuf};

use supernano_base::blob::Blob;
use supernano_base::config::RunConfig;
use supernano_base::error::Result;
use supernano_base::{files, stats};
use supernano_core::arch::Arch;
use supernano_device as device;
use supernano_device::{LatencyReport, Options, Patience};

use crate::options::device::{DeviceArgs, LineArgs};
use crate::output::{Output, table};

/// Count inferences on a device, operation by operation.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: supernano latency runs/demo/networks/16-4-8-8-8-8.snb \
    --target qemu-m4\n\nAn emulator counts retired instructions, never cycles. A board counts \
    cycles; at another clock (--clock) they are scaled, not measured. Results are added to \
    latency/table.csv of the run that the network lies in, beside its rank score.")]
pub struct Args {
    /// Exported network.
    network: PathBuf,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    line: LineArgs,
    /// How often to count; the median and the spread are reported.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    repeats: u16,
    /// Another clock, MHz, to scale measured cycles to.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    clock: Option<u32>,
    /// Also write the report as JSON.
    #[arg(short, long)]
    output: Option<PathBuf>,
}

/// Counts and reports.
///
/// # Errors
/// What is missing, wrong or fails.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let blob = Blob::read(&args.network)?;
    let options = Options {
        elf: args.device.firmware(),
        repeats: args.repeats.into(),
        clock_hz: args.clock.map(|mhz| u64::from(mhz) * 1_000_000),
        patience: Patience { limit: args.line.reconnect(), progress: None },
        device: None,
    };
    let report = device::latency(&blob, &args.device.target()?, &options)?;
    if let Some(path) = &args.output {
        files::write_json(path, &report)?;
    }
    if let Some(run) = crate::options::device::run_of(&args.network) {
        append(&run, &report)?;
    }
    out.emit(&report, text);
    Ok(())
}

const HEADER: &str = "code,rank_score,target,chip,clock_hz,unit,count,spread,repeats,milliseconds";

/// Adds a line to the run's table of counts.
fn append(run: &Path, r: &LatencyReport) -> Result<()> {
    let path = run.join("latency").join("table.csv");
    let mut text = if path.is_file() { files::read_text(&path)? } else { format!("{HEADER}\n") };
    let score = score(run, &r.code).map_or_else(String::new, |s| s.to_string());
    let milliseconds = r.milliseconds.map_or_else(String::new, |ms| format!("{ms:.3}"));
    text += &format!(
        "{},{score},{},{},{},{},{},{},{},{milliseconds}\n",
        r.code,
        r.target.replace(',', ";"),
        r.device.chip.replace(',', ";"),
        r.device.clock_hz,
        r.unit,
        r.total.value(),
        r.spread,
        r.repeats,
    );
    files::write(&path, text.as_bytes())
}

/// The network's top-1 with inherited weights, where the run has ranked it.
fn score(run: &Path, code: &str) -> Option<f64> {
    let scores = run.join("scores.json");
    let config = RunConfig::read(&run.join("config.toml")).ok()?;
    let space = config.space();
    let arch = Arch::parse(&space, code).ok()?;
    let entries = stats::table::read(&scores, &space, &["top1", "acc"]).ok()?;
    entries.into_iter().find(|e| e.arch == arch).map(|e| e.value)
}

fn text(r: &LatencyReport) -> String {
    let rows: Vec<Vec<String>> = r
        .layers
        .iter()
        .enumerate()
        .map(|(i, l)| {
            let count = l.count.value();
            let each = f64::from(count) / l.macs as f64;
            let each = if l.macs == 0 { "-".into() } else { format!("{each:.2}") };
            vec![
                i.to_string(),
                l.name.clone(),
                count.to_string(),
                l.spread.to_string(),
                l.macs.to_string(),
                each,
            ]
        })
        .collect();
    let header = ["#", "operation", r.unit, "spread", "MACs", "a MAC"];
    let time = r.milliseconds.map_or_else(String::new, |ms| {
        format!(", {ms:.3} ms at {:.1} MHz", f64::from(r.device.clock_hz) / 1e6)
    });
    let scaled = r.scaled.as_ref().map_or_else(String::new, |s| {
        format!("; {:.3} ms at {:.1} MHz ({})", s.milliseconds, s.clock_hz as f64 / 1e6, s.note)
    });
    format!(
        "{}\n{} {} in all (median of {}, spread {}){time}{scaled}",
        table(&header, &rows),
        r.total.value(),
        r.unit,
        r.repeats,
        r.spread
    )
}
