//! `supernano dev`: commands for developers of supernano.

#[cfg(feature = "train")]
mod calibrate;
mod cycles;
#[cfg(feature = "train")]
mod gpu;
mod reference;
mod selftest;
#[cfg(feature = "train")]
mod synthetic;
mod upgrade;

use clap::{CommandFactory, Subcommand};
use supernano_base::error::Result;

use crate::output::Output;

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Selftest(selftest::Args),
    Cycles(cycles::Args),
    Upgrade(upgrade::Args),
    Reference(reference::Args),
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

#[cfg(all(test, feature = "train"))]
pub(super) use self::reference::{Part, text};

/// Runs a command; `C` is the command line that `reference` describes.
pub(super) fn run<C: CommandFactory>(command: &Command, out: &Output) -> Result<()> {
    match command {
        Command::Selftest(args) => selftest::run(args, out),
        Command::Cycles(args) => cycles::run(args, out),
        Command::Upgrade(args) => upgrade::run(args, out),
        Command::Reference(args) => reference::run::<C>(args),
        #[cfg(feature = "train")]
        Command::Weights(Weights::Calibrate(args)) => calibrate::run(args, out),
        #[cfg(feature = "train")]
        Command::Weights(Weights::Synthetic(args)) => synthetic::run(args, out),
        #[cfg(feature = "train")]
        Command::Weights(Weights::Gpu(args)) => gpu::run(args, out),
    }
}
