//! `cargo xtask method-study`: studies of the method, in slices that continue each other.

use std::path::PathBuf;

use crate::process::{self, Result, program};

/// Arguments of `cargo xtask method-study`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Each call continues the last one. {\"finished\": true} on stdout means \
    that the study is complete. The results are in OUTPUT/STUDY/results.json.")]
pub struct Args {
    /// `small`: Tables 1 and 2 at a small scale; `step2`: correlation over the updates on CIFAR-100;
    /// `step3`: four branches before and after a fine-tune on CIFAR-100.
    #[arg(value_parser = ["small", "step2", "step3"])]
    study: String,
    /// Start no part of the study after this many minutes.
    #[arg(long, default_value_t = 40.0)]
    minutes: f64,
    /// Directory of the state and the runs.
    #[arg(long, default_value = "runs/method-study")]
    output: PathBuf,
    /// Directory of the reference data for CIFAR-100 [default: SUPERNANO_SHARED, or ../shared].
    #[arg(long)]
    shared: Option<PathBuf>,
}

/// Builds and runs the study.
pub fn run(args: &Args) -> Result<()> {
    let path = process::own_program("method_study")?;
    let from_environment = std::env::var_os("SUPERNANO_SHARED").map(PathBuf::from);
    let shared = args.shared.clone().or(from_environment).unwrap_or_else(|| "../shared".into());
    let mut study = program(path, [&args.study]);
    study.arg("--minutes").arg(args.minutes.to_string());
    study.arg("--output").arg(&args.output).arg("--shared").arg(shared);
    say!("{}", process::json(&mut study)?);
    Ok(())
}
