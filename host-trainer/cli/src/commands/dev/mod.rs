//! `supernano dev`: commands for developers of supernano.

#[cfg(feature = "train")]
mod calibrate;
mod cycles;
#[cfg(feature = "train")]
mod gpu;
mod selftest;
#[cfg(feature = "train")]
mod synthetic;
mod upgrade;

use clap::Subcommand;
use supernano_base::error::Result;

use crate::output::Output;

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Selftest(selftest::Args),
    Cycles(cycles::Args),
    Upgrade(upgrade::Args),
    #[cfg(feature = "train")]
    #[command(flatten)]
    Weights(Weights),
}

#[cfg(feature = "train")]
#[derive(Subcommand, Debug)]
pub(super) enum Weights {
    Calibrate(calibrate::Args),
    Synthetic(synthetic::Args),
    Gpu(gpu::Args),
}

pub(super) fn run(command: &Command, out: &Output) -> Result<()> {
    match command {
        Command::Selftest(args) => selftest::run(args, out),
        Command::Cycles(args) => cycles::run(args, out),
        Command::Upgrade(args) => upgrade::run(args, out),
        #[cfg(feature = "train")]
        Command::Weights(Weights::Calibrate(args)) => calibrate::run(args, out),
        #[cfg(feature = "train")]
        Command::Weights(Weights::Synthetic(args)) => synthetic::run(args, out),
        #[cfg(feature = "train")]
        Command::Weights(Weights::Gpu(args)) => gpu::run(args, out),
    }
}
