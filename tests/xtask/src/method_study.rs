//! `cargo xtask method-study`: does the method work? In slices that go on from each other.

use std::path::PathBuf;

use crate::process::{self, Result, cargo, program, root};

/// Arguments of `cargo xtask method-study`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Each call goes on where the last one stopped; {\"finished\": true} on \
    stdout says that all is done. Results: OUTPUT/STUDY/results.json.")]
pub struct Args {
    /// `small`: Tables 1 and 2 in small; `step2`: CIFAR-100, correlation against updates; `step3`:
    /// CIFAR-100, four branches before and after a fine-tune.
    #[arg(value_parser = ["small", "step2", "step3"])]
    study: String,
    /// Begin no further part after this many minutes.
    #[arg(long, default_value_t = 40.0)]
    minutes: f64,
    /// Where state and runs are kept.
    #[arg(long, default_value = "runs/method-study")]
    output: PathBuf,
    /// Reference data of the CIFAR-100 studies; default SUPERNANO_SHARED, or ../shared.
    #[arg(long)]
    shared: Option<PathBuf>,
}

/// Builds and runs the study.
pub fn run(args: &Args) -> Result<()> {
    let build = ["build", "--release", "--package", "supernano", "--example", "method_study"];
    process::run(&mut cargo(build))?;
    let from_environment = std::env::var_os("SUPERNANO_SHARED").map(PathBuf::from);
    let shared = args.shared.clone().or(from_environment).unwrap_or_else(|| "../shared".into());
    let mut study = program(root().join("target/release/examples/method_study"), [&args.study]);
    study.arg("--minutes").arg(args.minutes.to_string());
    study.arg("--output").arg(&args.output).arg("--shared").arg(shared);
    println!("{}", process::json(&mut study)?);
    Ok(())
}
