//! How well scores, surrogate and truths predict true accuracies, and the contribution of each
//! component: the table of `docs/ranking.md`.
//!
//! `cargo xtask rank-study` builds and runs it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;
use supernano::output::{Output, table};
use supernano_base::error::{Error, Result};
use supernano_base::stats::table::{self as files, space_for};

use designs::{DesignRow, designs};
use study::{Effort, MethodRow, Sample};

mod designs;
mod quality;
mod study;

/// Measure how well scores, surrogate and truths predict true accuracies.
#[derive(Parser, Debug)]
#[command(
    after_help = "Example: cargo xtask rank-study -- scores.csv truth.csv --space resnet20\n\n\
    Rows with truths are means over random splits. They are judged only on sub-networks whose \
    truth the method has not used; the model is selected and fitted inside each split."
)]
struct Args {
    /// Print one JSON object on stdout instead of a table.
    #[arg(long)]
    json: bool,
    /// Scores of the sub-networks: columns top1 (or acc) and ce (or ce_loss).
    scores: PathBuf,
    /// True accuracies of the sub-networks.
    truth: PathBuf,
    /// Search space, as in `supernano correlate`.
    #[arg(long)]
    space: Option<String>,
    /// Random splits of a method with random choices.
    #[arg(long, default_value_t = 40)]
    splits: usize,
    /// Seed of the first split.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Bootstrap resamples of the intervals.
    #[arg(long, default_value_t = 2000)]
    resamples: u32,
    /// Compare designs as well, on this large file of scores.
    #[arg(long, value_name = "FILE")]
    designs: Option<PathBuf>,
    /// Column of the file of --designs, in percent.
    #[arg(long, value_name = "NAME", default_value = "acc", requires = "designs")]
    percent_column: String,
}

#[derive(Serialize)]
struct Report {
    effort: Effort,
    rows: Vec<MethodRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    designs: Vec<DesignRow>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args, &Output::new(args.json, false)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            supernano_base::console::note(format_args!("error: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(args: &Args, out: &Output) -> Result<()> {
    let top1 = &["top1", "acc"][..];
    let space = space_for(args.space.as_deref(), &args.scores, top1)?;
    let space = &space.get();
    let truths = files::read(&args.truth, space, files::TRUTH)?;
    let (archs, top1, truth) =
        files::matched(space, &files::read(&args.scores, space, top1)?, &truths)?;
    let ce = files::read(&args.scores, space, &["ce", "ce_loss"])?;
    let (_, ce, _) = files::matched(space, &ce, &truths)?;
    let negative_ce = ce.into_iter().map(|v| -v).collect();
    let sample = Sample { archs, top1, negative_ce, truth };
    let effort = Effort { splits: args.splits, seed: args.seed, resamples: args.resamples };
    let rows = study::run(space, &sample, effort)?;
    let designs = match &args.designs {
        Some(path) => {
            let mut scores = Vec::new();
            for entry in files::read(path, space, &[&args.percent_column])? {
                if !(0.0..=100.0).contains(&entry.value) {
                    let column = &args.percent_column;
                    return Err(Error::invalid(entry.place, column, "percent", entry.value));
                }
                scores.push((entry.arch, entry.value / 100.0));
            }
            designs(space, &scores, 2000, args.splits.min(10))?
        }
        None => Vec::new(),
    };
    out.emit(&Report { effort, rows, designs }, describe)?;
    Ok(())
}

fn describe(report: &Report) -> String {
    let header = [
        "method",
        "evaluations",
        "truths",
        "judged",
        "Pearson",
        "tau-b",
        "best tenth: Pearson",
        "tau-b",
        "top-1 regret",
        "top-10 regret",
        "RMSE",
    ];
    let rows: Vec<Vec<String>> = report.rows.iter().map(cells).collect();
    let mut text = format!(
        "{}\n{} splits for methods with random choices; ± is the standard deviation over splits, \
         brackets are 95 % bootstrap intervals; regret and RMSE in percentage points",
        table(&header, &rows),
        report.effort.splits
    );
    if !report.designs.is_empty() {
        let mut rows = Vec::new();
        for d in &report.designs {
            let error = format!("{:.3} ± {:.3}", d.rmse, d.spread);
            let evaluations = d.evaluations.to_string();
            rows.push(vec![d.design.clone(), evaluations, error, d.repeats.to_string()]);
        }
        let header = ["design", "evaluations", "RMSE of other scores, points", "repeats"];
        text = format!("{text}\n{}", table(&header, &rows));
    }
    text
}

/// The cells of a row: values with their interval, or with their deviation over several splits.
fn cells(row: &MethodRow) -> Vec<String> {
    let with = |value: f64, spread: f64, interval: Option<usize>, digits: usize| match (
        &row.intervals,
        interval,
    ) {
        (Some(intervals), Some(k)) => {
            let [low, high] = intervals[k];
            format!("{value:.digits$} ({low:.digits$} to {high:.digits$})")
        }
        _ if row.splits == 1 => format!("{value:.digits$}"),
        _ => format!("{value:.digits$} ± {spread:.digits$}"),
    };
    let (m, s) = (&row.mean, &row.spread);
    vec![
        row.method.clone(),
        row.evaluations.to_string(),
        row.truths.to_string(),
        row.judged.to_string(),
        with(m.pearson, s.pearson, Some(0), 4),
        with(m.kendall_tau_b, s.kendall_tau_b, Some(1), 3),
        with(m.best_tenth_pearson, s.best_tenth_pearson, None, 2),
        with(m.best_tenth_tau, s.best_tenth_tau, None, 2),
        with(m.top1_regret, s.top1_regret, None, 2),
        with(m.top10_regret, s.top10_regret, None, 2),
        with(m.rmse, s.rmse, None, 2),
    ]
}
