//! `supernano correlate`: how well scores order sub-networks whose true accuracy is known.

use std::path::PathBuf;

use supernano_base::error::Result;
use supernano_base::stats;
use supernano_base::stats::table::space_for;
use supernano_base::stats::{Interval, Quality, Report, Resampling, table as files};
use supernano_core::space::Space;

use crate::output::{Output, table};

/// Compare scores with true accuracies: correlations with intervals, regret, trivial baselines.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: supernano correlate scores.json truth.csv --space resnet20\n\n\
    SCORES: the challenge's JSON ({\"arch1\": {\"acc\": 0.41, \"arch\": \"4-8-..\"}}), the output of \
    `supernano rank`, or CSV with columns code (or arch) and score. TRUTH: the same, column \
    standalone_top1. Either may be compressed with gzip. The baselines are of the sub-networks as \
    their codes say.")]
pub struct Args {
    /// Scores of sub-networks; those without a truth are left out.
    scores: PathBuf,
    /// True accuracies; each of these sub-networks must have a score.
    truth: PathBuf,
    /// Search space: a built-in one's name, or a configuration (TOML) or run directory that has
    /// one; default: the built-in one that the first code fits.
    #[arg(long)]
    space: Option<String>,
    /// Column or key of the scores, instead of score, acc or top1.
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    /// Bootstrap resamples of the intervals.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(10..))]
    resamples: u32,
    /// Also list code, score and truth of each sub-network in the JSON, as the report page plots
    /// them.
    #[arg(long)]
    pairs: bool,
    /// Seed of the bootstrap.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Prints a [`Report`].
///
/// # Errors
/// [`Error::Invalid`], [`Error::Core`] and [`Error::Missing`] as [`files::read`] and
/// [`files::matched`] say.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let (space, scores) = read_scores(args)?;
    let truths = files::read(&args.truth, space, files::TRUTH)?;
    let (archs, score, truth) = files::matched(space, &scores, &truths)?;
    let how = Resampling { resamples: args.resamples, seed: args.seed, ..Resampling::default() };
    let mut report = stats::report(space, &archs, &score, &truth, &how);
    if args.pairs {
        report = report.with_pairs(space, &archs, &score, &truth);
    }
    out.emit(&report, human);
    Ok(())
}

/// The columns that hold what is asked for.
fn columns(args: &Args) -> Vec<&str> {
    args.column.as_deref().map_or_else(|| files::SCORE.to_vec(), |name| vec![name])
}

fn read_scores(args: &Args) -> Result<(&'static Space<'static>, Vec<files::CodeValue>)> {
    let columns = columns(args);
    let space = space_for(args.space.as_deref(), &args.scores, &columns)?;
    Ok((space, files::read(&args.scores, space, &columns)?))
}

fn number(x: Option<f64>) -> String {
    x.map_or_else(|| "undefined".into(), |x| format!("{x:.4}"))
}

fn human(r: &Report) -> String {
    let line = |name: &str, q: &Quality, regret: Option<f64>| {
        let regret = regret.map_or_else(String::new, |r| format!("{r:.4}"));
        let n = q.n.to_string();
        vec![name.into(), n, number(q.pearson), number(q.spearman), number(q.kendall_tau_b), regret]
    };
    let interval = |i: Option<Interval>| {
        i.map_or_else(|| "undefined".into(), |[a, b]| format!("{a:.4} to {b:.4}"))
    };
    let all = Quality {
        n: r.n,
        pearson: r.pearson,
        spearman: r.spearman,
        kendall_tau_b: r.kendall_tau_b,
    };
    let b = &r.baselines;
    let width = format!("width of layer {}", b.width.layer);
    let rows = [
        line("scores", &all, Some(r.top1_regret)),
        vec![
            format!("  {:.0} % interval", 100.0 * r.confidence),
            String::new(),
            interval(r.pearson_ci),
            interval(r.spearman_ci),
            interval(r.kendall_ci),
            String::new(),
        ],
        line("scores, best tenth", &r.best_tenth, None),
        line("MACs", &b.macs.all, Some(b.macs.top1_regret)),
        line("  best tenth", &b.macs.best_tenth, None),
        line("parameters", &b.params.all, Some(b.params.top1_regret)),
        line("  best tenth", &b.params.best_tenth, None),
        line(&width, &b.width.baseline.all, Some(b.width.baseline.top1_regret)),
        line("  best tenth", &b.width.baseline.best_tenth, None),
    ];
    let header =
        ["predictor", "n", "Pearson", "Spearman", "Kendall tau-b", "regret of the best pick"];
    format!(
        "{}\nregret of the best ten picks: {:.4}; distance from the best line (RMS): {}",
        table(&header, &rows),
        r.top10_regret,
        number(r.rmse)
    )
}
