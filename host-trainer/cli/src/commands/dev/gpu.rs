//! `supernano dev gpu`: from the first check of a GPU to a trained and scored run, in short calls.

mod golden;
mod lines;
mod session;

use std::path::PathBuf;
use std::time::Instant;

use supernano_base::config::{Preset, RunConfig};
use supernano_base::error::{Error, Result};
use supernano_base::run_dir::RunDirectory;
use supernano_gpu::device::Device;

use self::session::{GpuReport, GpuSession};
use crate::options::{DataArgs, ProcessorArgs};
use crate::output::Output;
use crate::processor;

/// A part of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Compare the device with the CPU.
    Check,
    /// Time a supernet step in every tiling.
    Bench,
    /// Train the run in the directory.
    Train,
    /// Score the sub-networks of `--codes` with the run's weights.
    Score,
    /// Score them with the weights of `--reference`.
    Reference,
}

/// Check a GPU against the CPU, time it, train on it and score sub-networks.
///
/// Every call continues where the last call ended.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  \
    supernano dev gpu --data cifar-100-binary.tar.gz -o results --deadline 540\n\n\
    The directory is a run. Results are added to its results.jsonl as they come. Parts that are done \
    there are left out.")]
pub struct Args {
    /// Configuration to train (TOML) [default: that of the run, else the paper's preset].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Run directory, also for the results.
    #[arg(short, long, value_name = "RUN", default_value = "runs/gpu")]
    output: PathBuf,
    /// Seconds since the start after which no further comparison, timing or update is begun.
    #[arg(long, value_name = "SECONDS", default_value_t = 540.0)]
    deadline: f64,
    /// Parts to do [default: check, bench, train].
    #[arg(long, value_enum, value_delimiter = ',')]
    part: Vec<Part>,
    /// Number of timed updates.
    #[arg(long, value_name = "N", default_value_t = 30)]
    updates: u64,
    /// Number of timed updates of the sliced execution; 0 disables it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    sliced_updates: u64,
    /// Do not train if an update of the fastest tiling took more milliseconds.
    #[arg(long, value_name = "MS")]
    slowest: Option<f64>,
    /// Choose the epochs of the last step so that training fits before the deadline.
    #[arg(long)]
    fit_epochs: bool,
    /// Codes to score, with their accuracies if they are known (CSV or JSON).
    #[arg(long, value_name = "FILE")]
    codes: Option<PathBuf>,
    /// Run with other weights to score, whose ranking is known.
    #[arg(long, value_name = "RUN")]
    reference: Option<PathBuf>,
    /// Compare the device with these values of the CPU as well, which `--write-golden` has computed.
    #[arg(long, value_name = "FILE")]
    golden: Option<PathBuf>,
    /// Compute the values of `--golden` on the CPU, from the start of the last step of the run in the
    /// directory, and stop.
    #[arg(long, value_name = "FILE")]
    write_golden: Option<PathBuf>,
    /// Largest number of test images to score on.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    images: usize,
    #[command(flatten)]
    processor: ProcessorArgs,
    #[command(flatten)]
    data: DataArgs,
}

/// Runs the parts and prints the last lines of their results.
///
/// # Errors
/// [`Error::Tool`] if the device does not answer; as [`GpuSession::run`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let started = Instant::now();
    let device = args.processor.device(Device::Cuda);
    if args.write_golden.is_none() {
        if device == Device::Cpu {
            return Err(Error::invalid("command line", "--device", "a GPU", device));
        }
        processor::check(device)?;
    }
    let file = RunDirectory::new(&args.output).config_file();
    let mut config = match &args.config {
        Some(path) => RunConfig::read(path)?,
        None if file.exists() => RunConfig::read(&file)?,
        None => RunConfig::preset(Preset::Paper)?,
    };
    if let Some(data) = args.data.path() {
        config.data.path = Some(std::path::absolute(data).map_err(|e| Error::io(data, e))?);
    }
    if let Some(golden) = &args.write_golden {
        let found = golden::write(&config, &args.output, golden)?;
        return out.emit(&found, |_| format!("{}: written", golden.display()));
    }
    let parts = match args.part.as_slice() {
        [] => &[Part::Check, Part::Bench, Part::Train][..],
        named => named,
    };
    let mut session = GpuSession {
        config,
        device,
        tiling: args.processor.tiling(),
        output: &args.output,
        started,
        deadline: args.deadline,
        updates: args.updates,
        sliced_updates: args.sliced_updates,
        slowest: args.slowest,
        fit_epochs: args.fit_epochs,
        codes: args.codes.as_deref(),
        reference: args.reference.as_deref(),
        golden: args.golden.as_deref(),
        images: args.images,
    };
    let report = session.run(parts, out)?;
    out.emit(&report, GpuReport::text)
}
