//! Predictions for a list of codes, or for the codes of files.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Serialize, Serializer};
use supernano_base::codes::{Coded, distinct, read_codes};
use supernano_base::error::Result;
use supernano_base::stats::table::{self, CodeValue, space_for};
use supernano_core::arch::Arch;
use supernano_core::space::Space;

use super::{Predicted, Predictor, TruthFile, write};
use crate::surrogate::{Link, design};

/// Predictions for a list of codes, with their model.
#[derive(Serialize)]
pub struct Predictions {
    /// File of the predictions, if they were written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<PathBuf>,
    /// Number of predicted codes.
    pub codes: usize,
    /// Time of one prediction, microseconds.
    pub microseconds_per_code: f64,
    /// The model.
    #[serde(serialize_with = "report")]
    pub model: Predictor,
    /// The predictions, in the order of the codes.
    pub scores: Vec<PredictedCode>,
    /// Number of scores in the fit.
    #[serde(skip)]
    pub evaluations: usize,
    /// The reason why the model is not useful; `None` for a useful one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// A prediction with the id of its code.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PredictedCode {
    /// Id in the list of codes.
    pub id: String,
    /// The prediction.
    #[serde(flatten)]
    pub predicted: Predicted,
}

fn report<S: Serializer>(model: &Predictor, to: S) -> Result<S::Ok, S::Error> {
    model.report().serialize(to)
}

/// Fits a model to `samples`, predicts all codes, and writes the predictions to `output` if there is
/// one. `force` accepts a model that is not useful.
///
/// # Errors
/// As [`TruthFile::read`], [`Predictor::fit`], [`CrossValidation::require_useful`] and [`write()`].
///
/// [`CrossValidation::require_useful`]: crate::surrogate::CrossValidation::require_useful
pub fn predict_all(
    space: &Space<'_>,
    all: &[Coded],
    samples: &[(Arch, f64)],
    link: Link,
    truths: &TruthFile,
    output: Option<&Path>,
    force: bool,
) -> Result<Predictions> {
    let truths = truths.read(space)?;
    let model = Predictor::fit(space, samples, link, truths.as_ref())?;
    let remark = model.cross_validation().require_useful(model.samples(), force)?;
    let evaluated: HashMap<&Arch, f64> = samples.iter().map(|(a, s)| (a, *s)).collect();
    let started = Instant::now();
    let predictions: Vec<(String, Predicted)> = all
        .iter()
        .map(|coded| {
            let own = evaluated.get(&coded.arch).copied();
            (coded.id.clone(), model.line(space, &coded.arch, &coded.written, own))
        })
        .collect();
    let seconds = started.elapsed().as_secs_f64();
    if let Some(output) = output {
        write(output, &predictions, &model)?;
    }
    let named = |(id, predicted)| PredictedCode { id, predicted };
    Ok(Predictions {
        output: output.map(Path::to_path_buf),
        codes: all.len(),
        microseconds_per_code: 1e6 * seconds / all.len().max(1) as f64,
        model,
        scores: predictions.into_iter().map(named).collect(),
        evaluations: samples.len(),
        remark,
    })
}

/// The inputs of a prediction from a file of scores.
#[derive(Clone, Debug)]
pub struct PredictRequest<'a> {
    /// Scores of evaluated sub-networks.
    pub scores: &'a Path,
    /// Files of codes to predict; the codes of `scores` if there is none.
    pub codes: &'a [PathBuf],
    /// Number of random scores in the fit; `None` for all.
    pub samples: Option<usize>,
    /// Seed of the draw.
    pub seed: u64,
    /// Search space, as [`space_for`] reads it.
    pub space: Option<&'a str>,
    /// Column or key of the scores; `None` for the usual names.
    pub column: Option<&'a str>,
    /// True for cross-entropies. The predictions are then their negatives.
    pub loss: bool,
    /// Known true accuracies.
    pub truths: &'a TruthFile,
    /// File of predictions.
    pub output: Option<&'a Path>,
    /// True to accept a model that is no better than a trivial predictor.
    pub force: bool,
}

/// Fits a model to a file of scores and predicts codes.
///
/// # Errors
/// As [`space_for`], [`table::read`], [`read_codes`] and [`predict_all`].
pub fn predict_file(request: &PredictRequest<'_>) -> Result<Predictions> {
    let columns: Vec<&str> = match (request.column, request.loss) {
        (Some(name), _) => vec![name],
        (None, true) => vec!["ce", "ce_loss"],
        (None, false) => table::SCORE.to_vec(),
    };
    let space = space_for(request.space, request.scores, &columns)?;
    let space = &space.get();
    let entries = table::read(request.scores, space, &columns)?;
    let (sign, link) = if request.loss { (-1.0, Link::Identity) } else { (1.0, Link::Logit) };
    let count = request.samples.unwrap_or(entries.len());
    let chosen = design::random(entries.len(), count, request.seed);
    let samples: Vec<(Arch, f64)> =
        chosen.iter().map(|&i| (entries[i].arch.clone(), sign * entries[i].value)).collect();
    let mut codes: Vec<Coded> = Vec::new();
    for path in request.codes {
        codes.extend(read_codes(path, space)?);
    }
    if request.codes.is_empty() {
        codes = scored(entries);
    }
    distinct(&codes)?;
    let PredictRequest { truths, output, force, .. } = *request;
    predict_all(space, &codes, &samples, link, truths, output, force)
}

/// The codes of a score file.
fn scored(entries: Vec<CodeValue>) -> Vec<Coded> {
    let coded = |(i, e): (usize, CodeValue)| Coded {
        id: format!("arch{}", i + 1),
        written: e.text,
        arch: e.arch,
    };
    entries.into_iter().enumerate().map(coded).collect()
}
