//! `cargo xtask rank-study`: how well scores, surrogate and truths predict true accuracies.

use crate::process::{self, Result, program};

/// Arguments of `cargo xtask rank-study`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example: cargo xtask rank-study -- scores.csv truth.csv --space resnet20\n\n\
    `cargo xtask rank-study -- --help` lists the options."
)]
pub struct Args {
    /// Arguments of the study.
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Builds the study and runs it.
pub fn run(args: &Args) -> Result<()> {
    let path = process::own_program("rank_study")?;
    let mut study = program(path, &args.arguments);
    process::shown_run(&mut study)
}
