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

<<<<<<< HEAD
#[derive(Serialize)]
struct Check {
    device: String,
    card: Option<String>,
    agrees: bool,
    comparisons: Vec<Comparison>,
}

#[derive(Serialize)]
struct Bench {
    device: String,
    card: Option<String>,
    space: String,
    timings: DeviceTimings,
}

#[derive(Serialize)]
struct Trained {
    device: String,
    card: Option<String>,
    finished: bool,
    epochs: usize,
    of_epochs: usize,
    updates: u64,
    seconds: f64,
    /// Of the last epoch, ms.
    step_ms: f64,
    /// Not measured: the time of 300 epochs of it, hours.
    extrapolated_300_epochs_h: f64,
    last: Option<supernano_train::training::Epoch>,
}

#[derive(Serialize)]
struct Report {
    output: PathBuf,
    finished: bool,
    check: serde_json::Value,
    bench: serde_json::Value,
    train: serde_json::Value,
}

/// Runs it.
=======
/// Checks, times and trains, and prints the report.
>>>>>>> h-cli
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
    out.emit(&session.run(out)?, text);
    Ok(())
}

<<<<<<< HEAD
fn checked(args: &Args, file: &Path) -> Result<()> {
    let comparisons = args.device.run(Agreement { precision: args.precision })?;
    let agrees = comparisons.iter().all(Comparison::agrees);
    for c in &comparisons {
        let mark = if c.agrees() { "agrees" } else { "DIFFERS" };
        eprintln!(
            "{mark}: {} (differs by {:.2e}, at most {:.0e})",
            c.what, c.difference, c.tolerance
        );
    }
    let (device, card) = (args.device.to_string(), card(args.device));
    if !agrees {
        let what = format!("--device {device} computes something else than the CPU");
        return Err(Error::No(what));
    }
    files::write_json(file, &Check { device, card, agrees, comparisons })
}

fn timed(args: &Args, config: &RunConfig, dataset: &Dataset, file: &Path) -> Result<()> {
    let (updates, sliced_updates) = (args.updates, args.sliced_updates);
    let bench = DeviceBench { config, dataset, updates, sliced_updates, precision: args.precision };
    let timings = args.device.run(bench)?;
    for s in &timings.steps {
        eprintln!("{} in {}: {:.1} ms an update", s.execution, s.precision, s.step_ms);
    }
    let (device, card) = (args.device.to_string(), card(args.device));
    files::write_json(file, &Bench { device, card, space: config.space().name.to_owned(), timings })
}

/// Trains as long as there is time; true where all steps are finished.
fn trained(
    args: &Args,
    accelerator: &dyn Accelerator,
    config: &RunConfig,
    dataset: &Dataset,
    started: Instant,
    file: &Path,
    out: &Output,
) -> Result<bool> {
    let run = args.output.join("run");
    let begin = if run.join("config.toml").exists() { Begin::Resume } else { Begin::New };
    let late = |_, _| started.elapsed().as_secs_f64() > 60.0 * args.minutes;
    let steps = config.steps.len();
    if checkpoint::latest_finished(&run, config) != Some(steps) && !late(0, 0) {
        train_until(config, dataset, &run, begin, accelerator, out, &late)?;
    }
    let finished = checkpoint::latest_finished(&run, config) == Some(steps);
    let epochs = metrics(&run)?;
    let step_ms = epochs.last().map_or(0.0, |e| 1e3 * e.seconds / e.updates.max(1) as f64);
    let per_epoch = epochs.last().map_or(0.0, |e| e.seconds);
    let trained = Trained {
        device: args.device.to_string(),
        card: card(args.device),
        finished,
        epochs: epochs.len(),
        of_epochs: config.steps.iter().map(|s| s.epochs as usize).sum(),
        updates: epochs.iter().map(|e| e.updates).sum(),
        seconds: epochs.iter().map(|e| e.seconds).sum(),
        step_ms,
        extrapolated_300_epochs_h: 300.0 * per_epoch / 3600.0,
        last: epochs.last().cloned(),
    };
    files::write_json(file, &trained)?;
    Ok(finished)
}

/// The card's name and driver, as NVIDIA's own tool gives them.
fn card(device: Device) -> Option<String> {
    if device != Device::Cuda {
        return None;
    }
    let query = ["--query-gpu=name,driver_version", "--format=csv,noheader"];
    let output = std::process::Command::new("nvidia-smi").args(query).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

fn describe(report: &Report) -> String {
    let rows: Vec<Vec<String>> = report.bench["timings"]["steps"]
        .as_array()
        .into_iter()
        .flatten()
=======
fn text(report: &GpuReport) -> String {
    let rows: Vec<Vec<String>> = report
        .bench
        .timings
        .steps
        .iter()
>>>>>>> h-cli
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
