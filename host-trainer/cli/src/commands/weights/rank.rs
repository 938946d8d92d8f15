//! `supernano rank`: scores of sub-networks with inherited weights.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use serde::Serialize;
use supernano_base::codes::scores::{Score, write_scores};
use supernano_base::codes::{Coded, distinct, random_codes, read_codes};
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::progress::Progress as _;
use supernano_core::arch::Arch;
use supernano_core::plan::cost;
use supernano_train::rank::shard::{Identity, Part, Placed, Shard};
use supernano_train::rank::{BnSource, Effort, Ranker, Request, Settings, Split, Work};
use supernano_train::run::Run;

use crate::output::{Output, table};

/// Score sub-networks: recalibrate batch norm, evaluate, write the challenge's JSON.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  supernano rank runs/demo --random 64\n  \
    supernano rank runs/demo archs.json.gz -o scores.json --split test --images 2000\n  \
    supernano rank runs/demo archs.json --shard 3/8\n  \
    supernano rank runs/demo archs.json --surrogate 300 --truth truth.csv -o scores.json\n  \
    supernano rank runs/demo 16-16-32-32-64-64\n\n\
    What sub-networks have in common is computed once; the scores are those of each on its own.")]
pub struct Args {
    /// Run directory.
    run: PathBuf,
    /// Files of codes (challenge JSON, JSON list, CSV, lines; also .gz), or codes.
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
    /// Only the first images of the split.
    #[arg(long, value_name = "N")]
    images: Option<usize>,
    /// Where batch-norm statistics come from.
    #[arg(long, value_enum, default_value_t = BnSource::Recalibrate)]
    bn: BnSource,
    /// Training images that the statistics are taken over, the first, not augmented; default the
    /// run's.
    #[arg(long, value_name = "N")]
    bn_images: Option<usize>,
    /// Training step whose weights are used, from 1; default the last finished one.
    #[arg(long)]
    step: Option<usize>,
    /// Data set's directory or archive, instead of the run's.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Share nothing between sub-networks; the same scores, later.
    #[arg(long)]
    plain: bool,
    /// Most MiB of feature maps and weights, beside the data set; less shares less.
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    memory: u64,
    /// Score part I of N of the codes; see `supernano merge`.
    #[arg(long, value_name = "I/N")]
    shard: Option<Part>,
    #[command(flatten)]
    predict: super::rank_surrogate::Args,
    /// Score file, JSON or CSV (`.csv`), compressed where it ends in `.gz`; default `scores.json`
    /// in the run directory, or `shards/I-of-N.json`.
    #[arg(short, long)]
    output: Option<PathBuf>,
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
    #[serde(flatten)]
    settings: Settings,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<Part>,
    output: PathBuf,
    /// Of recalibration and evaluation.
    seconds: f64,
    codes_per_s: f64,
    threads: usize,
    #[serde(flatten)]
    work: Work,
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
    let all = codes(args, &run)?;
    distinct(&all)?;
    let chosen = args.predict.choose(&all, run.space(), args.seed)?;
    let dataset = run.dataset(args.data.as_deref())?;
    let Args { split, images, bn, bn_images, .. } = *args;
    let effort = Effort { share: !args.plain, memory: args.memory.saturating_mul(1 << 20) };
    let ranker = Ranker::new(&run, &dataset, Request { split, images, bn, bn_images }, effort)?;
    let output = output(args);
    let positions = match (args.shard, &chosen) {
        (Some(part), _) => part.positions(&all),
        (None, Some(chosen)) => chosen.clone(),
        (None, None) => (0..all.len()).collect(),
    };
    let ranking = args.shard.map(|_| Identity::of(&run, &ranker, &all));
    if let (Some(part), Some(ranking)) = (args.shard, &ranking)
        && Shard::read(&output).is_ok_and(|s| s.shard == part && s.ranking == *ranking)
    {
        out.note(&format!("{} is done already", output.display()));
        return Ok(());
    }
    let codes: Vec<&Coded> = positions.iter().map(|&i| &all[i]).collect();
    let started = Instant::now();
    let (scores, work) = evaluate(&ranker, &codes, out)?;
    let seconds = started.elapsed().as_secs_f64();
    if let Some(chosen) = &chosen {
        return args.predict.finish(run.space(), &all, (chosen, &scores), &output, out);
    }
    match args.shard.zip(ranking) {
        Some((shard, ranking)) => {
            let placed = positions.iter().zip(scores.iter().cloned());
            let scores =
                placed.map(|(&position, (id, score))| Placed { position, id, score }).collect();
            let shard = Shard { shard, ranking, scores };
            let text = serde_json::to_string_pretty(&shard)
                .map_err(|e| Error::invalid(output.display(), "JSON", "scores", e))?;
            files::write_text(&output, &text)?;
        }
        None => write_scores(&output, &scores)?,
    }
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
        settings: ranker.settings(),
        shard: args.shard,
        output,
        seconds,
        codes_per_s: codes.len() as f64 / seconds,
        threads: rayon::current_num_threads(),
        work,
        scores,
    };
    out.emit(&report, describe);
    Ok(())
}

fn output(args: &Args) -> PathBuf {
    args.output.clone().unwrap_or_else(|| match args.shard {
        Some(p) => args.run.join("shards").join(format!("{}-of-{}.json", p.index, p.of)),
        None => args.run.join("scores.json"),
    })
}

/// Scores codes, in their order.
fn evaluate(
    ranker: &Ranker<'_>,
    codes: &[&Coded],
    out: &Output,
) -> Result<(Vec<(String, Score)>, Work)> {
    let bar = out.task(codes.len() as u64, "rank");
    let done = Mutex::new((0.0, 0));
    let progress = |part: f64| {
        if let Ok(mut done) = done.lock() {
            done.0 += part;
            let whole = done.0 as u64;
            bar.advance(whole - done.1);
            done.1 = whole;
        }
    };
    let archs: Vec<&Arch> = codes.iter().map(|c| &c.arch).collect();
    let (found, work) = ranker.evaluate(&archs, &progress);
    bar.finish();
    let score =
        |(c, found): (&&Coded, _)| Ok((c.id.clone(), ranker.checked(&c.id, &c.written, found)?));
    Ok((codes.iter().zip(found).map(score).collect::<Result<_>>()?, work))
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
        let alone = codes.is_empty();
        codes.extend(random_codes(run.space(), n, args.seed).into_iter().map(|c| match alone {
            true => c,
            false => Coded { id: c.id.replace("arch", "random"), ..c },
        }));
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
    let Settings { split, images, bn, bn_images, .. } = report.settings;
    let text = |name: &dyn std::fmt::Debug| format!("{name:?}").to_lowercase();
    format!(
        "{}\n{} sub-networks, best first (20 at most shown), in {:.1} s, {:.2} of their MACs \
         computed; all in {}\n{images} {} images, batch norm {} ({bn_images} images)",
        table(&["code", "top-1 %", "s.e. %", "loss", "M MACs", "parameters"], &rows),
        report.scores.len(),
        report.seconds,
        report.work.macs_computed as f64 / report.work.macs.max(1) as f64,
        report.output.display(),
        text(&split),
        text(&bn),
    )
}
