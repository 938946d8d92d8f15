//! `cargo xtask paper-tables`: trains the supernets of Tables 1 and 2 of the paper as long as the paper
//! does. This takes days on a GPU. It has not been run yet.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use crate::process::{self, Failure, Result, cargo, program, root};

/// The three runs with the supernets of the tables: the stages of each run, and the Pearson
/// correlations of the paper. Stage n of a run is its step n + 1.
const RUNS: [(&str, &[(u32, f64)]); 3] = [
    ("base", &[(1, 0.96341), (2, 0.96732), (3, 0.96686)]),
    ("oe", &[(1, 0.96944)]),
    ("prelu-oe", &[(1, 0.97321), (2, 0.97648), (3, 0.97696)]),
];

/// Arguments of `cargo xtask paper-tables`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Each call continues the last one. The results and the figures of the \
    paper are in OUTPUT/tables.json.")]
pub struct Args {
    /// Codes and stand-alone accuracies of the compared sub-networks: CSV with the columns arch and
    /// standalone_top1.
    #[arg(long)]
    truths: PathBuf,
    /// Directory or archive of CIFAR-100.
    #[arg(long)]
    data: PathBuf,
    /// Directory of the runs.
    #[arg(long, default_value = "runs/paper")]
    output: PathBuf,
    /// Stop training after the epoch in which this many minutes have passed.
    #[arg(long)]
    minutes: Option<f64>,
    /// More arguments for `supernano train`, such as a device.
    #[arg(last = true)]
    train: Vec<String>,
}

/// Continues the training, scores every trained supernet, and writes the table.
pub fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    process::run(&mut cargo(["build", "--release", "--package", "supernano"]))?;
    let mut rows = Vec::new();
    let mut complete = true;
    for (name, stages) in RUNS {
        let run = args.output.join(name);
        complete &= train(args, name, &run, start)?;
        for &(stage, paper) in stages {
            if let Some(found) = correlation(args, &run, stage)? {
                rows.push(json!({
                    "supernet": name,
                    "stage": stage,
                    "paper_pearson": paper,
                    "pearson": found["pearson"],
                    "pearson_ci": found["pearson_ci"],
                    "kendall_tau_b": found["kendall_tau_b"],
                    "n": found["n"],
                }));
            }
        }
    }
    let table = json!({ "complete": complete, "rows": rows });
    let file = root().join(&args.output).join("tables.json");
    fs::write(&file, format!("{table:#}\n"))
        .map_err(|e| Failure::tool(format!("{}: {e}", file.display())))?;
    say!("{table}");
    Ok(())
}

fn supernano(arguments: &[&str]) -> std::process::Command {
    program(root().join("target/release/supernano"), arguments)
}

/// Trains a run within the time limit. Returns true if the run is finished.
fn train(args: &Args, name: &str, run: &Path, start: Instant) -> Result<bool> {
    let left = args.minutes.map(|m| m - start.elapsed().as_secs_f64() / 60.0);
    if left.is_some_and(|m| m <= 0.0) {
        return Ok(false);
    }
    let mut command =
        supernano(&["train", &format!("tests/experiments/configs/paper/{name}.toml")]);
    command.arg("--output").arg(run).arg("--data").arg(&args.data).arg("--json");
    if root().join(run).join("checkpoints").exists() {
        command.arg("--resume");
    }
    if let Some(minutes) = left {
        command.arg("--minutes").arg(minutes.to_string());
    }
    command.args(&args.train);
    Ok(process::json(&mut command)?["finished"] == true)
}

/// Correlation of a stage's scores on the test images with the stand-alone accuracies, or `None` if the
/// stage is not trained.
fn correlation(args: &Args, run: &Path, stage: u32) -> Result<Option<Value>> {
    let step = stage + 1;
    if !root().join(run).join(format!("checkpoints/step-{step}.snw")).exists() {
        return Ok(None);
    }
    let scores = run.join(format!("scores-stage-{stage}.json"));
    if !root().join(&scores).exists() {
        let mut rank = supernano(&["rank"]);
        rank.arg(run).arg(&args.truths).args(["--step", &step.to_string(), "--split", "test"]);
        process::run(rank.arg("--output").arg(&scores))?;
    }
    let mut correlate = supernano(&["correlate"]);
    correlate.arg(&scores).arg(&args.truths).args(["--space", "resnet20", "--json"]);
    process::json(&mut correlate).map(Some)
}
