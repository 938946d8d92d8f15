//! `supernano gpu`: a rented GPU, from the first check to a trained run, in short commands.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;
use supernano_base::config::{Precision, Preset, RunConfig};
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_data::Dataset;
use supernano_data::of_config as load_data;
use supernano_gpu::agreement::{Agreement, Comparison};
use supernano_gpu::bench_device::{DeviceBench, DeviceTimings};
use supernano_gpu::device::Device;
use supernano_train::run::checkpoint;
use supernano_train::training::{Accelerator, Begin, metrics, train_until};

use crate::commands::weights::processor;
use crate::output::{Output, table};

/// Check a GPU against the CPU, time it, then train on it; every call goes on where the last ended.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Writes OUTPUT/check.json, OUTPUT/bench.json and OUTPUT/train.json; the run \
    itself is OUTPUT/run. A part whose file is there is not done again.\n\n\
    Example: supernano gpu --data cifar-100-binary.tar.gz -o results --minutes 9"
)]
pub struct Args {
    /// What is trained (TOML); default the paper's preset.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Data set's directory or archive, instead of the configuration's.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where results are kept.
    #[arg(short, long, default_value = "runs/gpu")]
    output: PathBuf,
    /// What is checked and trains.
    #[arg(long, value_enum, default_value = "cuda")]
    device: Device,
    /// End training after the epoch in which this many minutes have passed since the start.
    #[arg(long, default_value_t = 9.0)]
    minutes: f64,
    /// A second precision of convolutions that is checked and timed.
    #[arg(long, value_enum, default_value_t = Precision::Float32)]
    precision: Precision,
    /// Updates that are timed.
    #[arg(long, default_value_t = 50)]
    updates: u64,
    /// Updates of the sliced execution that are timed; 0 for none.
    #[arg(long, default_value_t = 5)]
    sliced_updates: u64,
}

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
///
/// # Errors
/// [`Error::Tool`] without the device, [`Error::No`] where it does not compute what the CPU does,
/// otherwise as [`train_until`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let started = Instant::now();
    let mut config = match &args.config {
        Some(path) => RunConfig::read(path)?,
        None => RunConfig::preset(Preset::Paper)?,
    };
    if let Some(data) = &args.data {
        config.data.path = Some(std::path::absolute(data).map_err(|e| Error::io(data, e))?);
    }
    let accelerator = processor::of(args.device)?;
    let dataset = load_data(&config, None)?;
    let (check, bench) = (args.output.join("check.json"), args.output.join("bench.json"));
    if !check.exists() {
        checked(args, &check)?;
    }
    if !bench.exists() {
        timed(args, &config, &dataset, &bench)?;
    }
    let train = args.output.join("train.json");
    let finished = trained(args, accelerator, &config, &dataset, started, &train, out)?;
    let report = Report {
        output: args.output.clone(),
        finished,
        check: files::read_json(&check)?,
        bench: files::read_json(&bench)?,
        train: files::read_json(&train)?,
    };
    out.emit(&report, describe);
    Ok(())
}

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
        .map(|s| {
            let text = |key: &str| s[key].as_str().unwrap_or_default().to_owned();
            let number = |key: &str| s[key].as_f64().unwrap_or_default();
            let cells = [format!("{:.2}", number("step_ms")), format!("{:.3}", number("loss"))];
            [text("execution"), text("precision")].into_iter().chain(cells).collect()
        })
        .collect();
    let steps = table(&["execution", "precision", "ms an update", "loss"], &rows);
    let count = |key: &str| report.train[key].as_u64().unwrap_or_default();
    let state = if report.finished { "finished" } else { "call again to go on" };
    format!(
        "{steps}\n{} of {} epochs trained, {:.2} ms an update; {state}",
        count("epochs"),
        count("of_epochs"),
        report.train["step_ms"].as_f64().unwrap_or_default()
    )
}
