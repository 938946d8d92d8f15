//! `cargo xtask rank-study`: how well scores, surrogate and truths predict true accuracies, and what
//! each part contributes.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;
use study::{DesignRow, Effort, Row, Sample};
use supernano::output::{Output, table};
use supernano_base::error::{Error, Result};
use supernano_base::stats::table::{self as files, space_for};

mod study;

/// Measure how well scores, surrogate and truths predict true accuracies.
#[derive(Parser, Debug)]
#[command(
    after_help = "Example: cargo xtask rank-study -- scores.csv truth.csv --space resnet20\n\n\
    Rows with truths are means over random splits, judged only on sub-networks whose truth was \
    not used; the model is chosen and fitted inside each split."
)]
struct Args {
    /// Print one JSON object on stdout instead of a table.
    #[arg(long)]
    json: bool,
    /// Scores of the sub-networks: columns top1 (or acc) and ce (or ce_loss).
    scores: PathBuf,
    /// Their true accuracies.
    truth: PathBuf,
    /// Search space, as in `supernano correlate`.
    #[arg(long)]
    space: Option<String>,
    /// Random splits of every row that draws.
    #[arg(long, default_value_t = 40)]
    splits: usize,
    /// Seed of the first split.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Bootstrap resamples of the intervals.
    #[arg(long, default_value_t = 2000)]
    resamples: u32,
    /// Also compare ways to choose what is evaluated, on this large file of scores.
    #[arg(long, value_name = "FILE")]
    designs: Option<PathBuf>,
    /// Column of that file, in percent.
    #[arg(long, value_name = "NAME", default_value = "acc", requires = "designs")]
    percent_column: String,
}

#[derive(Serialize)]
struct Report {
    effort: Effort,
    rows: Vec<Row>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    designs: Vec<DesignRow>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args, &Output::new(args.json)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
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
            let scores = files::read(path, space, &[&args.percent_column])?;
            let fraction = |e: files::CodeValue| match e.value {
                v if (0.0..=100.0).contains(&v) => Ok((e.arch, v / 100.0)),
                v => Err(Error::invalid(e.place, &args.percent_column, "percent", v)),
            };
            let scores: Vec<_> = scores.into_iter().map(fraction).collect::<Result<_>>()?;
            study::designs(space, &scores, 2000, args.splits.min(10))?
        }
        None => Vec::new(),
    };
    out.emit(&Report { effort, rows, designs }, human);
    Ok(())
}

fn human(report: &Report) -> String {
    let rows: Vec<Vec<String>> = report
        .rows
        .iter()
        .map(|r| {
            let with = |value: f64, spread: f64, interval: usize, digits: usize| match (
                &r.intervals,
                r.splits,
            ) {
                (Some(ci), _) if interval < 2 => {
                    let [low, high] = ci[interval];
                    format!("{value:.digits$} ({low:.digits$} to {high:.digits$})")
                }
                (_, 1) => format!("{value:.digits$}"),
                _ => format!("{value:.digits$} ± {spread:.digits$}"),
            };
            let (m, s) = (&r.mean, &r.spread);
            vec![
                r.method.clone(),
                r.evaluations.to_string(),
                r.truths.to_string(),
                r.judged.to_string(),
                with(m.pearson, s.pearson, 0, 4),
                with(m.kendall_tau_b, s.kendall_tau_b, 1, 3),
                with(m.best_tenth_pearson, s.best_tenth_pearson, 2, 2),
                with(m.best_tenth_tau, s.best_tenth_tau, 2, 2),
                with(m.top1_regret, s.top1_regret, 2, 2),
                with(m.top10_regret, s.top10_regret, 2, 2),
                with(m.rmse, s.rmse, 2, 2),
            ]
        })
        .collect();
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
    let mut text = format!(
        "{}\n{} splits where anything is drawn; ± is the spread over them, brackets are 95 % \
         bootstrap intervals; regret and RMSE in points",
        table(&header, &rows),
        report.effort.splits
    );
    if !report.designs.is_empty() {
        let rows: Vec<Vec<String>> = report
            .designs
            .iter()
            .map(|d| {
                let error = format!("{:.3} ± {:.3}", d.rmse, d.spread);
                vec![d.design.clone(), d.evaluations.to_string(), error, d.repeats.to_string()]
            })
            .collect();
        let header = ["design", "evaluations", "RMSE of other scores, points", "repeats"];
        text = format!("{text}\n{}", table(&header, &rows));
    }
    text
}
