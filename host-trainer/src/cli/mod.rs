//! The command line: a file a subcommand.

pub mod calibrate;
pub mod check;
pub mod correlate;
pub mod device;
pub mod export;
pub mod import_pytorch;
pub mod int8_rank;
pub mod latency;
pub mod merge;
pub mod output;
pub mod predict;
pub mod rank;
pub mod rank_study;
pub mod rank_surrogate;
pub mod report;
pub mod room;
pub mod search;
pub mod selftest;
pub mod ship;
pub mod spaces;
pub mod standalone;
pub mod synthetic;
pub mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::backend::device::Device;
use crate::error::{Error, Result};
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
    Train(train::Args),
    ImportPytorch(import_pytorch::Args),
    Rank(rank::Args),
    Merge(merge::Args),
    Predict(predict::Args),
    Correlate(correlate::Args),
    RankStudy(rank_study::Args),
    Search(search::Args),
    Standalone(standalone::Args),
    Export(export::Args),
    Ship(ship::Args),
    Int8Rank(int8_rank::Args),
    Check(check::Args),
    Latency(latency::Args),
    Calibrate(calibrate::Args),
    Report(report::Args),
    Synthetic(synthetic::Args),
    Selftest(selftest::Args),
    /// List the built-in search spaces.
    Spaces,
    /// Exit with 0 where a device computes; `train --device` asks it.
    #[command(hide = true)]
    ProbeDevice {
        /// The device.
        device: Device,
    },
}

fn run(cli: &Cli, out: &Output) -> Result<()> {
    match &cli.command {
        Command::Train(args) => train::run(args, out),
        Command::ImportPytorch(args) => import_pytorch::run(args, out),
        Command::Rank(args) => rank::run(args, out),
        Command::Merge(args) => merge::run(args, out),
        Command::Predict(args) => predict::run(args, out),
        Command::Correlate(args) => correlate::run(args, out),
        Command::RankStudy(args) => rank_study::run(args, out),
        Command::Search(args) => search::run(args, out),
        Command::Standalone(args) => standalone::run(args, out),
        Command::Export(args) => export::run(args, out),
        Command::Ship(args) => ship::run(args, out),
        Command::Int8Rank(args) => int8_rank::run(args, out),
        Command::Check(args) => check::run(args, out),
        Command::Latency(args) => latency::run(args, out),
        Command::Calibrate(args) => calibrate::run(args, out),
        Command::Report(args) => report::run(args, out),
        Command::Selftest(args) => selftest::run(args, out),
        Command::Synthetic(args) => synthetic::run(args, out),
        Command::Spaces => spaces::run(out),
        Command::ProbeDevice { device } if device.touch() => Ok(()),
        Command::ProbeDevice { device } => Err(Error::tool(device, "does not compute")),
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
