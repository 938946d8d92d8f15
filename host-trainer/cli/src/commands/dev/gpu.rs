//! `supernano dev gpu`: from the first check of a GPU to a trained run, in short calls.

mod report;
mod session;

use std::path::PathBuf;
use std::time::Instant;

use supernano_base::config::{Precision, Preset, RunConfig};
use supernano_base::error::{Error, Result};
use supernano_gpu::device::Device;

use self::report::GpuReport;
use self::session::GpuSession;
use crate::options::{DataArgs, ProcessorArgs};
use crate::output::{Output, table};

/// Check a GPU against the CPU, time it and train on it.
///
/// Every call continues where the last call ended.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  \
    supernano dev gpu --data cifar-100-binary.tar.gz -o results --minutes 9\n\n\
    The command writes check.json, bench.json and train.json to the directory, and trains in run/. It \
    skips the check and the timing if their files exist.")]
pub struct Args {
    /// Configuration to train (TOML) [default: the paper's preset].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Directory for the results.
    #[arg(short, long, value_name = "DIRECTORY", default_value = "runs/gpu")]
    output: PathBuf,
    /// Minutes since the start after which training ends, at the end of an epoch.
    #[arg(long, value_name = "N", default_value_t = 9.0)]
    minutes: f64,
    /// Second precision of convolutions, which is checked and timed as well.
    #[arg(long, value_enum, default_value_t = Precision::Float32)]
    precision: Precision,
    /// Number of timed updates.
    #[arg(long, value_name = "N", default_value_t = 50)]
    updates: u64,
    /// Number of timed updates of the sliced execution; 0 disables it.
    #[arg(long, value_name = "N", default_value_t = 5)]
    sliced_updates: u64,
    #[command(flatten)]
    processor: ProcessorArgs,
    #[command(flatten)]
    data: DataArgs,
}

/// Checks, times and trains, and prints the report.
///
/// # Errors
/// [`Error::Tool`] if the device does not answer; as [`GpuSession::run`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let started = Instant::now();
    let mut config = match &args.config {
        Some(path) => RunConfig::read(path)?,
        None => RunConfig::preset(Preset::Paper)?,
    };
    if let Some(data) = args.data.path() {
        config.data.path = Some(std::path::absolute(data).map_err(|e| Error::io(data, e))?);
    }
    let session = GpuSession {
        config: &config,
        device: args.processor.device(Device::Cuda),
        accelerator: args.processor.accelerator(Device::Cuda)?,
        output: &args.output,
        started,
        minutes: args.minutes,
        precision: args.precision,
        updates: args.updates,
        sliced_updates: args.sliced_updates,
    };
    out.emit(&session.run(out)?, text)?;
    Ok(())
}

fn text(report: &GpuReport) -> String {
    let rows: Vec<Vec<String>> = report
        .bench
        .timings
        .steps
        .iter()
        .map(|s| {
            let (step_ms, loss) = (format!("{:.2}", s.step_ms), format!("{:.3}", s.loss));
            vec![s.execution.to_string(), s.precision.to_string(), step_ms, loss]
        })
        .collect();
    let steps = table(&["execution", "precision", "ms per update", "loss"], &rows);
    let state = if report.finished { "finished" } else { "call again to continue" };
    let train = &report.train;
    format!(
        "{steps}\n{} of {} epochs trained, {:.2} ms per update; {state}",
        train.epochs, train.of_epochs, train.step_ms
    )
}
