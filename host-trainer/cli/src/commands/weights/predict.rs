//! `supernano predict`: scores of sub-networks, predicted from the scores of a few.

use std::path::PathBuf;

use supernano_base::error::Result;
use supernano_search::predict::{
    PredictRequest, PredictedCode, Predictions, model_path, predict_file,
};

use crate::options::{ForceArgs, OverwriteArgs, TruthArgs};
use crate::output::{Output, table};

/// Predict scores of sub-networks from the scores of a few.
///
/// No network is evaluated. `supernano rank --surrogate` does the same, but evaluates the few networks
/// itself.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    supernano predict scores.csv archs.json -o predicted.json\n  \
    supernano predict scores.json archs.json --truth truth.csv --as nominal -o predicted.json\n\n\
    The model, its coefficients and its cross-validated error are written to predicted.model.json.")]
pub struct Args {
    /// Scores of evaluated sub-networks: JSON or CSV, also .gz.
    scores: PathBuf,
    /// Files of codes to predict [default: the codes in SCORES].
    codes: Vec<PathBuf>,
    /// Number of scores to fit the model to, drawn at random [default: all].
    #[arg(long, value_name = "N")]
    surrogate: Option<usize>,
    /// Seed of the draw.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Search space: name of a built-in space, configuration (TOML) or run directory [default: the
    /// built-in space that the first code fits].
    #[arg(long)]
    space: Option<String>,
    /// Column or key of the scores [default: score, acc or top1].
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    /// Treat the scores as cross-entropies, and predict their negatives.
    #[arg(long)]
    loss: bool,
    /// File of predictions: JSON, or CSV for `.csv`; compressed for `.gz`.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    #[command(flatten)]
    truth: TruthArgs,
    #[command(flatten)]
    force: ForceArgs,
}

/// Predicts and prints the best predictions.
///
/// # Errors
/// The errors of [`predict_file`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let predictions = predict_file(&PredictRequest {
        scores: &args.scores,
        codes: &args.codes,
        samples: args.surrogate,
        seed: args.seed,
        space: args.space.as_deref(),
        column: args.column.as_deref(),
        loss: args.loss,
        truths: &args.truth.file(),
        output: args.overwrite.claim_any(args.output.as_deref())?,
        force: args.force.force(),
    })?;
    out.emit(&predictions, text)?;
    Ok(())
}

/// The best predictions and the error of the model.
pub(super) fn text(predictions: &Predictions) -> String {
    let mut best: Vec<&PredictedCode> = predictions.scores.iter().collect();
    best.sort_by(|a, b| b.predicted.acc.total_cmp(&a.predicted.acc));
    let rows: Vec<Vec<String>> = best
        .iter()
        .take(20)
        .map(|l| {
            let p = &l.predicted;
            let own = p.evaluated.map_or_else(String::new, |e| format!("{e:.4}"));
            let [low, high] = p.interval;
            vec![p.arch.clone(), format!("{:.4}", p.top1), format!("{low:.4} to {high:.4}"), own]
        })
        .collect();
    let written = predictions.output.as_deref().map_or_else(String::new, |path| {
        format!("\nall in {}, the model in {}", path.display(), model_path(path).display())
    });
    let cv = predictions.model.cross_validation();
    let remark = predictions.remark.iter().map(|remark| format!("\n{remark}")).collect::<String>();
    format!(
        "{}\n{} codes predicted from {} evaluations, best first (at most 20 shown); held-out error \
         {:.4}, Pearson {:.4}; the intervals hold for codes drawn as the evaluated \
         ones{written}{remark}",
        table(&["code", "predicted", "95 %", "evaluated"], &rows),
        predictions.codes,
        predictions.evaluations,
        cv.rmse,
        cv.pearson,
    )
}
