//! The command line: a file a subcommand.

#[cfg(feature = "train")]
pub mod calibrate;
pub mod check;
pub mod correlate;
pub mod device;
#[cfg(feature = "train")]
pub mod export;
#[cfg(feature = "probe")]
pub mod flash;
#[cfg(feature = "train")]
pub mod gpu;
#[cfg(feature = "train")]
pub mod import_pytorch;
#[cfg(feature = "train")]
pub mod int8_rank;
pub mod latency;
#[cfg(feature = "train")]
pub mod merge;
pub mod output;
#[cfg(feature = "train")]
pub mod predict;
#[cfg(feature = "train")]
pub mod rank;
#[cfg(feature = "train")]
pub mod rank_study;
#[cfg(feature = "train")]
pub mod rank_surrogate;
pub mod report;
#[cfg(feature = "train")]
pub mod room;
#[cfg(feature = "train")]
pub mod search;
pub mod selftest;
#[cfg(feature = "train")]
pub mod ship;
pub mod spaces;
#[cfg(feature = "train")]
pub mod standalone;
#[cfg(feature = "train")]
pub mod synthetic;
#[cfg(feature = "train")]
pub mod train;
pub mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[cfg(feature = "train")]
use crate::backend::device::Device;
use crate::error::Result;
use crate::interrupt;
pub use output::Output;

/// One-shot neural architecture search over channel widths that ends on a microcontroller.
#[derive(Parser, Debug)]
#[command(version, about, propagate_version = true)]
#[command(after_help = "Exit codes: 0 done; 1 the answer is no (mismatch, nothing feasible); \
    2 wrong use, missing or invalid input; 3 a tool, driver, device or disk failed; \
    130 interrupted.")]
struct Cli {
    /// Print one JSON object on stdout instead of a table.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    #[cfg(feature = "train")]
    #[command(flatten)]
    Weights(Weights),
    Correlate(correlate::Args),
    Check(check::Args),
    Latency(latency::Args),
    #[cfg(feature = "probe")]
    Flash(flash::Args),
    Watch(watch::Args),
    Report(report::Args),
    Selftest(selftest::Args),
    /// List the built-in search spaces.
    Spaces,
}

/// What needs floating-point weights.
#[cfg(feature = "train")]
#[derive(Subcommand, Debug)]
enum Weights {
    Train(train::Args),
    Gpu(gpu::Args),
    ImportPytorch(import_pytorch::Args),
    Rank(rank::Args),
    Merge(merge::Args),
    Predict(predict::Args),
    RankStudy(rank_study::Args),
    Search(search::Args),
    Standalone(standalone::Args),
    Export(export::Args),
    Ship(ship::Args),
    Int8Rank(int8_rank::Args),
    Calibrate(calibrate::Args),
    Synthetic(synthetic::Args),
    /// Exit with 0 where a device computes; `train --device` asks it.
    #[command(hide = true)]
    ProbeDevice {
        /// The device.
        device: Device,
    },
}

fn run(cli: &Cli, out: &Output) -> Result<()> {
    match &cli.command {
        #[cfg(feature = "train")]
        Command::Weights(command) => weights(command, out),
        Command::Correlate(args) => correlate::run(args, out),
        Command::Check(args) => check::run(args, out),
        Command::Latency(args) => latency::run(args, out),
        #[cfg(feature = "probe")]
        Command::Flash(args) => flash::run(args, out),
        Command::Watch(args) => watch::run(args, out),
        Command::Report(args) => report::run(args, out),
        Command::Selftest(args) => selftest::run(args, out),
        Command::Spaces => spaces::run(out),
    }
}

#[cfg(feature = "train")]
fn weights(command: &Weights, out: &Output) -> Result<()> {
    match command {
        Weights::Train(args) => train::run(args, out),
        Weights::Gpu(args) => gpu::run(args, out),
        Weights::ImportPytorch(args) => import_pytorch::run(args, out),
        Weights::Rank(args) => rank::run(args, out),
        Weights::Merge(args) => merge::run(args, out),
        Weights::Predict(args) => predict::run(args, out),
        Weights::RankStudy(args) => rank_study::run(args, out),
        Weights::Search(args) => search::run(args, out),
        Weights::Standalone(args) => standalone::run(args, out),
        Weights::Export(args) => export::run(args, out),
        Weights::Ship(args) => ship::run(args, out),
        Weights::Int8Rank(args) => int8_rank::run(args, out),
        Weights::Calibrate(args) => calibrate::run(args, out),
        Weights::Synthetic(args) => synthetic::run(args, out),
        Weights::ProbeDevice { device } if device.touch() => Ok(()),
        Weights::ProbeDevice { device } => {
            Err(crate::error::Error::tool(device, "does not compute"))
        }
    }
}

/// Parses the arguments, runs the subcommand, prints an error with its hint on stderr and returns
/// the exit code. A closed stdout is success.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let out = Output::new(cli.json);
    match interrupt::handle().and_then(|()| run(&cli, &out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
