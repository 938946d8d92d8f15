//! `supernano predict`: scores of any sub-networks from a file of a few scores.

use std::path::PathBuf;

use supernano_base::codes::{Coded, read_codes};
use supernano_base::error::Result;
use supernano_base::stats::table::{self, space_for};
use supernano_search::predict::Predictor;
use supernano_search::surrogate::{Link, design};

use super::rank_surrogate::{TruthArgs, predict_all};
use crate::output::Output;

/// Predict scores of any sub-networks from the scores of a few; no network is evaluated.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  supernano predict scores.csv archs.json -o predicted.json\n  \
    supernano predict scores.json archs.json --truth truth.csv --as nominal -o predicted.json\n\n\
    As `supernano rank --surrogate`, which evaluates the few itself. The model, its coefficients \
    and its cross-validated error are written to predicted.model.json."
)]
pub struct Args {
    /// Scores of evaluated sub-networks: JSON or CSV, also .gz.
    scores: PathBuf,
    /// Files of codes to predict; default those of SCORES.
    codes: Vec<PathBuf>,
    /// Fit on this many of the scores, drawn at random; default all.
    #[arg(long, value_name = "N")]
    surrogate: Option<usize>,
    /// Seed of the draw.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Search space, as in `supernano correlate`.
    #[arg(long)]
    space: Option<String>,
    /// Column or key of the scores, instead of score, acc or top1.
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    /// The scores are cross-entropies: less is better, and minus them is predicted.
    #[arg(long)]
    loss: bool,
    #[command(flatten)]
    truth: TruthArgs,
    /// File of predictions, JSON or CSV, compressed where it ends in `.gz`.
    #[arg(short, long)]
    output: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// Of the files; as [`Predictor::fit`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let columns: Vec<&str> = match (&args.column, args.loss) {
        (Some(name), _) => vec![name],
        (None, true) => vec!["ce", "ce_loss"],
        (None, false) => table::SCORE.to_vec(),
    };
    let space = space_for(args.space.as_deref(), &args.scores, &columns)?;
    let space = &space.get();
    let entries = table::read(&args.scores, space, &columns)?;
    let sign = if args.loss { -1.0 } else { 1.0 };
    let link = if args.loss { Link::Identity } else { Link::Logit };
    let chosen = design::random(entries.len(), args.surrogate.unwrap_or(entries.len()), args.seed);
    let samples: Vec<_> =
        chosen.iter().map(|&i| (entries[i].arch.clone(), sign * entries[i].value)).collect();
    let mut codes: Vec<Coded> = Vec::new();
    for path in &args.codes {
        codes.extend(read_codes(path, space)?);
    }
    if codes.is_empty() {
        codes = entries
            .iter()
            .enumerate()
            .map(|(i, e)| Coded {
                id: format!("arch{}", i + 1),
                written: e.text.clone(),
                arch: e.arch.clone(),
            })
            .collect();
    }
    supernano_base::codes::distinct(&codes)?;
    let archs: Vec<_> = codes.iter().map(|c| c.arch.clone()).collect();
    let truths = args.truth.read(space, &archs)?;
    let model = Predictor::fit(space, &samples, link, truths.as_ref())?;
    predict_all(space, &codes, &samples, &model, args.output.as_deref(), out)
}
