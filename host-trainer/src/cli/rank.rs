//! `supernano rank`: scores of sub-networks with inherited weights.

use std::path::PathBuf;

use serde::Serialize;
use supernano_core::arch::Arch;
use supernano_core::plan::cost;

use super::output::{Output, table};
use crate::error::{Error, Result};
use crate::rank::{Coded, EvalSet, Score, random_codes, read_codes, score, write_scores};
use crate::train::Run;

/// Score sub-networks: recalibrate batch norm, evaluate, write the challenge's JSON.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  supernano rank runs/demo --random 64\n  \
    supernano rank runs/demo archs.json -o scores.json\n  \
    supernano rank runs/demo 16-16-32-32-64-64")]
pub struct Args {
    /// Run directory.
    run: PathBuf,
    /// Files of codes (challenge JSON, JSON list, CSV, lines), or codes.
    codes: Vec<String>,
    /// Score this many random sub-networks as well.
    #[arg(long, value_name = "N")]
    random: Option<usize>,
    /// Seed of --random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Images to score on.
    #[arg(long, value_enum, default_value_t = Split::Validation)]
    split: Split,
    /// At most this many images.
    #[arg(long, value_name = "N")]
    images: Option<usize>,
    /// Training step whose weights are used, from 1; default the last finished one.
    #[arg(long)]
    step: Option<usize>,
    /// Data set's directory or archive, instead of the run's.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Score file, JSON or (`.csv`) CSV; default `scores.json` in the run directory.
    #[arg(short, long)]
    output: Option<PathBuf>,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Split {
    Validation,
    Test,
}

#[derive(Serialize)]
struct Row {
    id: String,
    #[serde(flatten)]
    score: Score,
    macs: u64,
    params: u64,
}

#[derive(Serialize)]
struct Report {
    run: PathBuf,
    step: usize,
    split: Split,
    output: PathBuf,
    seconds: f64,
    scores: Vec<Row>,
}

/// Runs it.
///
/// # Errors
/// Of the run, the codes, the data or the output.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let run = match args.step {
        Some(step) => Run::open_step(&args.run, step)?,
        None => Run::open(&args.run)?,
    };
    let codes = codes(args, &run)?;
    let dataset = run.dataset(args.data.as_deref())?;
    let split = match args.split {
        Split::Validation => &dataset.validation,
        Split::Test => &dataset.test,
    };
    let started = std::time::Instant::now();
    let set = EvalSet::new(&dataset, split, args.images.unwrap_or(usize::MAX));
    let bar = out.progress(codes.len() as u64, "rank");
    let mut scores = Vec::with_capacity(codes.len());
    for Coded { id, written, arch } in &codes {
        let score = Score { arch: written.clone(), ..score(&run, arch, &dataset, &set) };
        scores.push((id.clone(), score));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let output = args.output.clone().unwrap_or_else(|| args.run.join("scores.json"));
    write_scores(&output, &scores)?;
    let scores = scores
        .into_iter()
        .zip(&codes)
        .map(|((id, score), coded)| {
            let cost = cost(run.space(), &run.plan(&coded.arch));
            Row { id, score, macs: cost.macs, params: cost.params }
        })
        .collect();
    let report = Report {
        run: args.run.clone(),
        step: run.step,
        split: args.split,
        output,
        seconds: started.elapsed().as_secs_f64(),
        scores,
    };
    out.emit(&report, describe);
    Ok(())
}

fn codes(args: &Args, run: &Run) -> Result<Vec<Coded>> {
    let mut codes = Vec::new();
    for text in &args.codes {
        let path = PathBuf::from(text);
        let is_code = text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || c == '-');
        if path.exists() || !is_code {
            codes.extend(read_codes(&path, run.space())?);
        } else {
            let arch = Arch::parse(run.space(), text).map_err(|e| Error::core(text, e))?;
            codes.push(Coded { id: text.clone(), written: text.clone(), arch });
        }
    }
    if let Some(n) = args.random {
        codes.extend(random_codes(run.space(), n, args.seed));
    }
    if codes.is_empty() {
        let expected = "a file of codes, a code, or --random N";
        return Err(Error::invalid("command line", "CODES", expected, "nothing"));
    }
    Ok(codes)
}

fn describe(report: &Report) -> String {
    let mut best: Vec<&Row> = report.scores.iter().collect();
    best.sort_by(|a, b| b.score.acc.total_cmp(&a.score.acc));
    let rows: Vec<Vec<String>> = best
        .iter()
        .take(20)
        .map(|r| {
            vec![
                r.score.arch.clone(),
                format!("{:.2}", 100.0 * r.score.acc),
                format!("{:.2}", 100.0 * r.score.acc_se),
                format!("{:.4}", r.score.ce),
                format!("{:.2}", r.macs as f64 / 1e6),
                r.params.to_string(),
            ]
        })
        .collect();
    format!(
        "{}\n{} sub-networks, best first (20 at most shown), in {:.1} s; all in {}",
        table(&["code", "top-1 %", "s.e. %", "loss", "M MACs", "parameters"], &rows),
        report.scores.len(),
        report.seconds,
        report.output.display()
    )
}
