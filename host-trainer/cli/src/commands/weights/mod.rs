//! Commands over floating-point weights: training, ranking, search and export.

mod export;
mod import_pytorch;
mod int8_rank;
mod merge;
mod new;
mod predict;
mod rank;
mod run;
mod search;
mod ship;
mod standalone;
mod status;
mod train;

use clap::Subcommand;
use supernano_base::error::Result;
use supernano_base::run_dir::RunDirectory;
use supernano_gpu::device::Device;

use crate::output::Output;

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    New(new::Args),
    Run(run::Args),
    Status(status::Args),
    Train(train::Args),
    ImportPytorch(import_pytorch::Args),
    Rank(rank::Args),
    Merge(merge::Args),
    Predict(predict::Args),
    Standalone(standalone::Args),
    Search(search::Args),
    Export(export::Args),
    Ship(ship::Args),
    Int8Rank(int8_rank::Args),
    /// Exit with 0 if the device computes; `train --device` asks it.
    #[command(hide = true)]
    ProbeDevice {
        /// The device.
        device: Device,
    },
}

impl Command {
    /// The run on which the command works, if it adds to one.
    pub(super) fn run_directory(&self) -> Option<RunDirectory> {
        let run = match self {
            Self::Train(args) => return args.run(),
            Self::ImportPytorch(args) => &args.output,
            Self::Rank(args) => &args.run,
            Self::Search(args) => &args.run,
            Self::Export(args) => &args.run,
            Self::Ship(args) => &args.run,
            _ => return None,
        };
        Some(RunDirectory::new(run))
    }
}

pub(super) fn run(command: &Command, out: &Output) -> Result<()> {
    match command {
        Command::New(args) => new::run(args, out),
        Command::Run(args) => run::run(args, out),
        Command::Status(args) => status::run(args, out),
        Command::Train(args) => train::run(args, out),
        Command::ImportPytorch(args) => import_pytorch::run(args, out),
        Command::Rank(args) => rank::run(args, out),
        Command::Merge(args) => merge::run(args, out),
        Command::Predict(args) => predict::run(args, out),
        Command::Standalone(args) => standalone::run(args, out),
        Command::Search(args) => search::run(args, out),
        Command::Export(args) => export::run(args, out),
        Command::Ship(args) => ship::run(args, out),
        Command::Int8Rank(args) => int8_rank::run(args, out),
        Command::ProbeDevice { device } => device.touch(),
    }
}
