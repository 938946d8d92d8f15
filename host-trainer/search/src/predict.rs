//! Predictions from a few evaluated sub-networks and, where there are any, true accuracies.

mod all;
mod choice;

use std::path::{Path, PathBuf};

use serde::Serialize;
use supernano_base::codes::ordered::Ordered;
use supernano_base::codes::truth::Form;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::stats::table;
use supernano_core::arch::Arch;
use supernano_core::space::Space;

pub use self::all::{PredictRequest, PredictedCode, Predictions, predict_all, predict_file};
pub use self::choice::{EvaluationChoice, TruthFile};
use crate::surrogate::calibrated::Parts;
use crate::surrogate::{
    Calibrated, Coefficient, CrossValidation, Link, Prediction, Surrogate, Terms,
};

/// A line of a file of predictions: the challenge's `acc` and `arch`, and more.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Predicted {
    /// What ranks, on a scale of accuracies (of scores that are -CE: of those). Where the model
    /// knows truths, `top1`; else `score` on the straight line that touches `top1` in the middle
    /// of the evaluated sub-networks ([`Surrogate::accuracy`]): the same order, and as linear in
    /// true accuracies as `score` is.
    pub acc: f64,
    /// What to compare with true accuracies: `top1` where the model knows any; else the model's own
    /// scale, on which effects add up (logit of `top1`; of losses, `top1` itself).
    pub score: f64,
    /// The code as it was given.
    pub arch: String,
    /// Predicted top-1, 0 to 1, of the network trained alone where the model knows truths, else
    /// with inherited weights.
    pub top1: f64,
    /// Standard error of `top1` as a prediction of one sub-network.
    pub top1_se: f64,
    /// Its own score, where it was evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluated: Option<f64>,
}

/// True accuracies, all of one form.
pub struct Truths {
    /// Which networks were trained.
    pub form: Form,
    /// Sub-networks and accuracies, 0 to 1.
    pub samples: Vec<(Arch, f64)>,
}

impl Truths {
    /// Reads a truth file. `form`: which networks it is of; the file's column `as` must not say
    /// anything else, and decides where this is `None`; nominal where neither says.
    ///
    /// # Errors
    /// As [`table::read`]; [`Error::Invalid`] naming line and code where two forms are mixed, and
    /// for a code that is none of `codes`.
    pub fn read(
        path: &Path,
        space: &Space<'_>,
        form: Option<Form>,
        codes: &[Arch],
    ) -> Result<Self> {
        let entries = table::read(path, space, table::TRUTH)?;
        let known: std::collections::HashSet<&Arch> = codes.iter().collect();
        let mut all = form;
        for entry in &entries {
            let field = format!("`as` of {}", entry.text);
            let said = match entry.form.as_deref() {
                None => form.unwrap_or(Form::Nominal),
                Some("nominal") => Form::Nominal,
                Some("effective") => Form::Effective,
                Some(other) => {
                    let expected = "nominal or effective";
                    return Err(Error::invalid(&entry.place, field, expected, other));
                }
            };
            if said != *all.get_or_insert(said) {
                let expected = "one form of network (nominal or effective) throughout";
                return Err(Error::invalid(&entry.place, field, expected, "the other"));
            }
            if !known.contains(&entry.arch) {
                let expected = "a code that is ranked";
                return Err(Error::invalid(&entry.place, "code", expected, &entry.text));
            }
        }
        let samples = entries.into_iter().map(|e| (e.arch, e.value)).collect();
        Ok(Self { form: all.unwrap_or(Form::Nominal), samples })
    }
}

/// A model of scores, corrected where truths are known.
pub struct Predictor {
    surrogate: Surrogate,
    correction: Option<(Form, usize, Calibrated)>,
}

/// What the model is, as it is written beside the predictions.
#[derive(Serialize)]
pub struct ModelReport<'a> {
    space: &'a str,
    evaluations: usize,
    link: Link,
    terms: Terms,
    lambda: f64,
    cross_validation: CrossValidation,
    coefficients: &'a [Coefficient],
    #[serde(skip_serializing_if = "Option::is_none")]
    correction: Option<CorrectionReport>,
}

#[derive(Serialize)]
struct CorrectionReport {
    truths: usize,
    #[serde(rename = "as")]
    form: Form,
    /// a and b of logit truth = a + b s + the rest.
    effects: Vec<f64>,
    variances: Vec<Variance>,
    cross_validation: CrossValidation,
}

#[derive(Serialize)]
struct Variance {
    of: String,
    value: f64,
}

impl Predictor {
    /// Fits it to evaluated sub-networks.
    ///
    /// # Errors
    /// As [`Surrogate::fit`] and [`Calibrated::fit`].
    pub fn fit(
        space: &Space<'_>,
        samples: &[(Arch, f64)],
        link: Link,
        truths: Option<&Truths>,
    ) -> Result<Self> {
        let surrogate = Surrogate::fit(space, samples, link)?;
        let correct = |t: &Truths| {
            let model = Calibrated::fit(space, &surrogate, &t.samples, Parts::default())?;
            Ok((t.form, t.samples.len(), model))
        };
        let correction = truths.map(correct).transpose()?;
        Ok(Self { surrogate, correction })
    }

    /// What it says of a sub-network, as a line of a file.
    pub fn line(
        &self,
        space: &Space<'_>,
        arch: &Arch,
        written: &str,
        evaluated: Option<f64>,
    ) -> Predicted {
        let Prediction { score: top1, se: top1_se } = self.predict(space, arch);
        let (acc, score) = match self.correction {
            Some(_) => (top1, top1),
            None => {
                let linear = self.surrogate.linear(space, arch);
                (self.surrogate.accuracy(linear), linear)
            }
        };
        Predicted { acc, score, arch: written.to_owned(), top1, top1_se, evaluated }
    }

    /// What it says of any sub-network.
    pub fn predict(&self, space: &Space<'_>, arch: &Arch) -> Prediction {
        match &self.correction {
            Some((_, _, model)) => model.predict(space, arch),
            None => self.surrogate.predict(space, arch),
        }
    }

    /// Error on held-out sub-networks: of truths where any are known, else of scores.
    pub fn cross_validation(&self) -> CrossValidation {
        let own = self.surrogate.cross_validation;
        self.correction.as_ref().map_or(own, |(_, _, model)| model.cross_validation)
    }

    /// What it is.
    pub fn report(&self) -> ModelReport<'_> {
        let s = &self.surrogate;
        ModelReport {
            space: &s.space,
            evaluations: s.samples,
            link: s.link,
            terms: s.terms,
            lambda: s.lambda,
            cross_validation: s.cross_validation,
            coefficients: s.coefficients(),
            correction: self.correction.as_ref().map(|(form, truths, model)| CorrectionReport {
                truths: *truths,
                form: *form,
                effects: model.effects(),
                variances: model
                    .variances()
                    .into_iter()
                    .map(|(of, value)| Variance { of, value })
                    .collect(),
                cross_validation: model.cross_validation,
            }),
        }
    }
}

/// Where the model of a file of predictions is written: `scores.json` has `scores.model.json`.
pub fn model_path(output: &Path) -> PathBuf {
    let name = output.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = name.trim_end_matches(".gz");
    let stem = stem.strip_suffix(".json").or(stem.strip_suffix(".csv")).unwrap_or(stem);
    output.with_file_name(format!("{stem}.model.json"))
}

/// Writes predictions (JSON as the challenge's, or CSV by the name; compressed where it ends in
/// `.gz`) and, beside them, the model.
///
/// # Errors
/// [`Error::Io`].
pub fn write(output: &Path, predictions: &[(String, Predicted)], model: &Predictor) -> Result<()> {
    let name = output.to_string_lossy();
    let text = if name.trim_end_matches(".gz").ends_with(".csv") {
        let record = |(id, p): &(String, Predicted)| {
            let evaluated = p.evaluated.map_or_else(String::new, |e| e.to_string());
            let [score, acc, top1, se] = [p.score, p.acc, p.top1, p.top1_se].map(|x| x.to_string());
            [id.clone(), p.arch.clone(), score, acc, top1, se, evaluated]
        };
        let header = ["id", "arch", "score", "acc", "top1", "top1_se", "evaluated"];
        files::csv_text(header, predictions.iter().map(record))
    } else {
        let all = Ordered(predictions.to_vec());
        let text = serde_json::to_string_pretty(&all)
            .map_err(|e| Error::invalid(output.display(), "JSON", "predictions", e))?;
        text + "\n"
    };
    files::write_json(&model_path(output), &model.report())?;
    files::write_text(output, &text)
}

#[cfg(test)]
mod tests;
