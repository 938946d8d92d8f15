//! `supernano rank`: scores of sub-networks with inherited weights.

use std::path::PathBuf;

use supernano_base::error::Result;
use supernano_base::numbers::duration;
use supernano_base::objective::ScoreMetric;
use supernano_base::progress::Progress as _;
use supernano_search::predict::EvaluationChoice;
use supernano_train::rank::{
    BnSource, Effort, RankOutcome, RankReport, RankRequest, RankedCode, ScoreRequest, Settings,
    Split, rank,
};

use super::predict;
use crate::options::{CodesArgs, DataArgs, ForceArgs, OverwriteArgs, RARE, ShardArgs, TruthArgs};
use crate::output::{Output, table};

/// Score sub-networks with inherited weights.
///
/// The command recalibrates the batch norm of each sub-network and evaluates it. It computes common
/// prefixes of sub-networks once; the scores are those of each sub-network alone. Scores of the same
/// weights, images and settings accumulate in the run directory, and known ones are not computed again.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    supernano rank runs/demo --random 64\n  \
    supernano rank runs/demo archs.json.gz -o scores.json --split test --images 2000\n  \
    supernano rank runs/demo archs.json --shard 3/8\n  \
    supernano rank runs/demo archs.json --surrogate 300 --truth truth.csv -o scores.json\n  \
    supernano rank runs/demo 16-16-32-32-64-64\n\n\
    `supernano merge` joins shards. The score file is the challenge's JSON, or CSV for `.csv`; it is \
    compressed for `.gz`.")]
pub struct Args {
    /// Run directory.
    pub(super) run: PathBuf,
    /// Training step whose weights are used, from 1 [default: the last finished step].
    #[arg(long, help_heading = RARE)]
    step: Option<usize>,
    /// Source of the batch-norm statistics.
    #[arg(long, value_enum, default_value_t = BnSource::Recalibrate, help_heading = RARE)]
    bn: BnSource,
    /// Number of training images for the statistics, from the first [default: that of the run].
    #[arg(long, value_name = "N", help_heading = RARE)]
    bn_images: Option<usize>,
    /// Disable prefix sharing (same scores, slower).
    #[arg(long, help_heading = RARE)]
    plain: bool,
    /// Limit of memory for feature maps and weights, in MiB, without the data set.
    #[arg(long, value_name = "MIB", default_value_t = 1024, help_heading = RARE)]
    memory: u64,
    /// Score file, which holds these scores only [default: scores.json in the run directory, to which
    /// the scores are added; predicted.json for predictions; shards/I-of-N.json for a shard].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Start a new list of scores in the run directory instead of adding to it.
    #[arg(long, conflicts_with = "shard")]
    fresh: bool,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    #[command(flatten)]
    codes: CodesArgs,
    #[command(flatten)]
    shard: ShardArgs,
    /// Images on which sub-networks are scored.
    #[arg(long, value_enum, default_value_t = Split::Validation, help_heading = "Data")]
    split: Split,
    /// Number of images of the split, from the first [default: all].
    #[arg(long, value_name = "N", help_heading = "Data")]
    images: Option<usize>,
    #[command(flatten)]
    data: DataArgs,
    /// Evaluate only N of the codes, drawn at random, and predict all.
    #[arg(long, value_name = "N", conflicts_with = "shard", help_heading = "Prediction")]
    surrogate: Option<usize>,
    /// Evaluate only the codes of this file, and predict all.
    #[arg(long, value_name = "FILE", conflicts_with = "shard", help_heading = "Prediction")]
    evaluate: Option<PathBuf>,
    #[command(flatten)]
    truth: TruthArgs,
    #[command(flatten)]
    force: ForceArgs,
}

/// Scores the sub-networks and prints the best.
///
/// # Errors
/// The errors of [`rank`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let Args { split, images, bn, bn_images, .. } = *args;
    let request = RankRequest {
        run: &args.run,
        step: args.step,
        codes: &args.codes.selection(),
        data: args.data.path(),
        images: ScoreRequest { split, images, bn, bn_images },
        effort: Effort { share: !args.plain, memory: args.memory.saturating_mul(1 << 20) },
        part: args.shard.part(),
        evaluate: match (&args.evaluate, args.surrogate) {
            (Some(path), _) => EvaluationChoice::File(path.clone()),
            (None, Some(n)) => EvaluationChoice::Random(n),
            (None, None) => EvaluationChoice::All,
        },
        truths: args.truth.file(),
        output: args.output.as_deref(),
        overwrite: args.overwrite.is_allowed(),
        fresh: args.fresh,
        force: args.force.force(),
    };
    match rank(&request, out)? {
        RankOutcome::AlreadyScored(path) => {
            out.note(&format!("{} is done already", path.display()))
        }
        RankOutcome::Scored(report) => out.emit(&*report, text)?,
        RankOutcome::Predicted(predictions) => out.emit(&*predictions, predict::text)?,
    }
    Ok(())
}

fn text(report: &RankReport) -> String {
    let mut best: Vec<&RankedCode> = report.scores.iter().collect();
    best.sort_by(|a, b| b.score.acc.total_cmp(&a.score.acc));
    let rows: Vec<Vec<String>> = best
        .iter()
        .take(20)
        .map(|r| {
            vec![
                r.score.arch.clone(),
                ScoreMetric::cell(report.metric, r.score.acc),
                ScoreMetric::cell(report.metric, r.score.acc_se),
                format!("{:.4}", r.score.ce),
                format!("{:.2}", r.macs as f64 / 1e6),
                r.params.to_string(),
            ]
        })
        .collect();
    let Settings { split, images, bn, bn_images, .. } = report.settings;
    let (score, error) = ScoreMetric::columns(report.metric);
    let name = |value: &dyn std::fmt::Debug| format!("{value:?}").to_lowercase();
    format!(
        "{}\n{} sub-networks, best first (at most 20 shown), in {}, {:.2} of their MACs \
         computed; {} known already; {} scores in {}\n{images} {} images, batch norm {} ({bn_images} \
         images)",
        table(&["code", score, error, "loss", "M MACs", "parameters"], &rows),
        report.scores.len(),
        duration(report.seconds),
        report.work.macs_computed as f64 / report.work.macs.max(1) as f64,
        report.known,
        report.total,
        report.output.display(),
        name(&split),
        name(&bn),
    )
}
