//! `supernano correlate`: how well scores order sub-networks whose true accuracy is known.

use std::path::PathBuf;

use supernano_base::error::Result;
use supernano_base::files;
use supernano_base::run_dir::RunDirectory;
use supernano_base::stats::compare::{CompareRequest, compare};
use supernano_base::stats::{Interval, Quality, Report, Resampling};

use crate::output::{Output, table};

/// Compare scores with true accuracies.
///
/// The report holds correlations with intervals, the regret of the best picks, and the same figures
/// of trivial predictors.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  \
    supernano correlate scores.json truth.csv --space resnet20\n\n\
    SCORES is the challenge's JSON ({\"arch1\": {\"acc\": 0.41, \"arch\": \"4-8-..\"}}), the output of \
    `supernano rank`, or CSV with the columns code (or arch) and score. TRUTH has the same formats; its \
    column is standalone_top1. Both may be compressed with gzip. The trivial predictors use the widths \
    in the codes. If SCORES lies in a run directory, the result goes to correlation.json there, which \
    `supernano report` shows.")]
pub struct Args {
    /// Scores of sub-networks; those without a truth are ignored.
    scores: PathBuf,
    /// True accuracies; each of these sub-networks must have a score.
    truth: PathBuf,
    /// Search space: name of a built-in space, configuration (TOML) or run directory [default: the
    /// built-in space that the first code fits].
    #[arg(long)]
    space: Option<String>,
    /// Column or key of the scores [default: score, acc or top1].
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    /// Bootstrap resamples for the intervals.
    #[arg(long, value_name = "N", default_value_t = 1000,
        value_parser = clap::value_parser!(u32).range(10..))]
    resamples: u32,
    /// List code, score and truth of each sub-network in the JSON.
    #[arg(long)]
    pairs: bool,
    /// Seed of the bootstrap.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Args {
    /// The run in whose directory the scores lie.
    pub(super) fn run(&self) -> Option<RunDirectory> {
        let run = RunDirectory::new(self.scores.parent()?);
        run.config_file().is_file().then_some(run)
    }
}

/// Compares, keeps the result in the run of the scores and prints it.
///
/// # Errors
/// The errors of [`compare`] and [`files::write_json`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let (resamples, seed) = (args.resamples, args.seed);
    let report = compare(&CompareRequest {
        scores: &args.scores,
        truths: &args.truth,
        space: args.space.as_deref(),
        column: args.column.as_deref(),
        resampling: Resampling { resamples, seed, ..Resampling::default() },
        pairs: true,
    })?;
    if let Some(run) = args.run() {
        files::write_json(&run.correlation(), &report)?;
    }
    let shown = Report { pairs: if args.pairs { report.pairs } else { Vec::new() }, ..report };
    out.emit(&shown, text)?;
    Ok(())
}

fn number(x: Option<f64>) -> String {
    x.map_or_else(|| "undefined".into(), |x| format!("{x:.4}"))
}

/// A row of the table: a predictor with its correlations and, if it picks a network, its regret.
fn row(name: &str, q: &Quality, regret: Option<f64>) -> Vec<String> {
    let regret = regret.map_or_else(String::new, |r| format!("{r:.4}"));
    let n = q.n.to_string();
    vec![name.into(), n, number(q.pearson), number(q.spearman), number(q.kendall_tau_b), regret]
}

fn text(r: &Report) -> String {
    let interval = |i: Option<Interval>| {
        i.map_or_else(|| "undefined".into(), |[a, b]| format!("{a:.4} to {b:.4}"))
    };
    let (pearson, spearman, kendall_tau_b) = (r.pearson, r.spearman, r.kendall_tau_b);
    let all = Quality { n: r.n, pearson, spearman, kendall_tau_b };
    let b = &r.baselines;
    let width = format!("width of layer {}", b.width.layer);
    let rows = [
        row("scores", &all, Some(r.top1_regret)),
        vec![
            format!("  {:.0} % interval", 100.0 * r.confidence),
            String::new(),
            interval(r.pearson_ci),
            interval(r.spearman_ci),
            interval(r.kendall_ci),
            String::new(),
        ],
        row("scores, best tenth", &r.best_tenth, None),
        row("MACs", &b.macs.all, Some(b.macs.top1_regret)),
        row("  best tenth", &b.macs.best_tenth, None),
        row("parameters", &b.params.all, Some(b.params.top1_regret)),
        row("  best tenth", &b.params.best_tenth, None),
        row(&width, &b.width.baseline.all, Some(b.width.baseline.top1_regret)),
        row("  best tenth", &b.width.baseline.best_tenth, None),
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
