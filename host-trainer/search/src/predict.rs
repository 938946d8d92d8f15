//! Predictions for all sub-networks of a list, from evaluated scores and optional true accuracies.
//!
//! [`Predictor::fit`] fits a [`Surrogate`] and, with [`Truths`], its correction. [`write`](write()) writes
//! the predictions and, beside them, a report of the model. Evaluation and training are left to the
//! caller.

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
use crate::surrogate::calibrated::Components;
use crate::surrogate::{
    Calibrated, Coefficient, CrossValidation, Link, Prediction, Surrogate, Terms,
};

/// One entry of a file of predictions. `acc` and `arch` are the fields of the challenge's format.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Predicted {
    /// Value to rank by. With truths it equals `top1`. Otherwise it is `score` on the scale of
    /// `top1`, by a straight line ([`Surrogate::accuracy`]). It has the order of `score` and the
    /// same Pearson correlation with true accuracies.
    pub acc: f64,
    /// Value to compare with true accuracies. With truths it equals `top1`. Otherwise it is on the
    /// linear scale of the model: the logit of `top1`, or for losses `top1` itself.
    pub score: f64,
    /// Code as the user wrote it.
    pub arch: String,
    /// Predicted top-1, 0 to 1: of the network trained alone if the model has truths, otherwise
    /// with inherited weights.
    pub top1: f64,
    /// Standard error of `top1` for a single sub-network.
    pub top1_se: f64,
    /// Interval of `top1` at 95 %, calibrated on held-out sub-networks.
    pub interval: [f64; 2],
    /// Evaluated score, if the sub-network was evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluated: Option<f64>,
}

/// True accuracies of networks of one form.
pub struct Truths {
    /// Form of the trained networks.
    pub form: Form,
    /// Sub-networks and accuracies, 0 to 1.
    pub samples: Vec<(Arch, f64)>,
}

impl Truths {
    /// Reads a truth file. Its sub-networks need not be among those that are predicted. The column
    /// `as` states the form of a row; it must agree with `form`, and it decides if `form` is `None`.
    /// Without both the form is nominal.
    ///
    /// # Errors
    /// As [`table::read`] and [`table::common_form`].
    pub fn read(path: &Path, space: &Space<'_>, form: Option<Form>) -> Result<Self> {
        let entries = table::read(path, space, table::TRUTH)?;
        let form = table::common_form(&entries, form)?;
        let samples = entries.into_iter().map(|e| (e.arch, e.value)).collect();
        Ok(Self { form, samples })
    }
}

/// A surrogate, corrected if truths are known.
pub struct Predictor {
    surrogate: Surrogate,
    correction: Option<Correction>,
}

/// A correction and the truths behind it.
struct Correction {
    form: Form,
    truths: usize,
    model: Calibrated,
}

/// A description of the model, as written beside the predictions.
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

impl Correction {
    fn report(&self) -> CorrectionReport {
        let variances = self.model.variances().into_iter();
        CorrectionReport {
            truths: self.truths,
            form: self.form,
            effects: self.model.effects(),
            variances: variances.map(|(of, value)| Variance { of, value }).collect(),
            cross_validation: self.model.cross_validation,
        }
    }
}

impl Predictor {
    /// Fits the model to evaluated sub-networks and their scores, and corrects it with truths.
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
        let correction = match truths {
            Some(Truths { form, samples }) => {
                let model = Calibrated::fit(space, &surrogate, samples, Components::default())?;
                Some(Correction { form: *form, truths: samples.len(), model })
            }
            None => None,
        };
        Ok(Self { surrogate, correction })
    }

    /// Predicts a sub-network as an entry of a file. `written` is its code as the user wrote it.
    pub fn line(
        &self,
        space: &Space<'_>,
        arch: &Arch,
        written: &str,
        evaluated: Option<f64>,
    ) -> Predicted {
        let Prediction { score: top1, se: top1_se, interval } = self.predict(space, arch);
        let (acc, score) = match self.correction {
            Some(_) => (top1, top1),
            None => {
                let linear = self.surrogate.linear(space, arch);
                (self.surrogate.accuracy(linear), linear)
            }
        };
        let arch = written.to_owned();
        Predicted { acc, score, arch, top1, top1_se, interval, evaluated }
    }

    /// Predicted top-1 of any sub-network.
    pub fn predict(&self, space: &Space<'_>, arch: &Arch) -> Prediction {
        match &self.correction {
            Some(correction) => correction.model.predict(space, arch),
            None => self.surrogate.predict(space, arch),
        }
    }

    /// Error on held-out sub-networks: of the truths if the model has any, otherwise of the scores.
    pub fn cross_validation(&self) -> CrossValidation {
        let scores = self.surrogate.cross_validation;
        self.correction.as_ref().map_or(scores, |correction| correction.model.cross_validation)
    }

    /// Number of sub-networks behind [`Self::cross_validation`].
    pub fn samples(&self) -> usize {
        self.correction.as_ref().map_or(self.surrogate.samples, |correction| correction.truths)
    }

    /// Describes the model.
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
            correction: self.correction.as_ref().map(Correction::report),
        }
    }
}

/// Path of the model report of a file of predictions: `scores.model.json` beside `scores.json`.
pub fn model_path(output: &Path) -> PathBuf {
    let name = output.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = name.trim_end_matches(".gz");
    let stem = stem.strip_suffix(".json").or(stem.strip_suffix(".csv")).unwrap_or(stem);
    output.with_file_name(format!("{stem}.model.json"))
}

/// Writes predictions with their identifiers, and the model report beside them. The name of the
/// file decides the format: CSV for `.csv`, otherwise the challenge's JSON; compressed for `.gz`. A
/// device or a pipe receives the predictions alone.
///
/// # Errors
/// [`Error::Io`].
pub fn write(output: &Path, predictions: &[(String, Predicted)], model: &Predictor) -> Result<()> {
    let name = output.to_string_lossy();
    let text = if name.trim_end_matches(".gz").ends_with(".csv") {
        let record = |(id, p): &(String, Predicted)| {
            let evaluated = p.evaluated.map_or_else(String::new, |e| e.to_string());
            let [score, acc, top1, se] = [p.score, p.acc, p.top1, p.top1_se].map(|x| x.to_string());
            let [low, high] = p.interval.map(|x| x.to_string());
            [id.clone(), p.arch.clone(), score, acc, top1, se, evaluated, low, high]
        };
        let header = ["id", "arch", "score", "acc", "top1", "top1_se", "evaluated", "low", "high"];
        files::csv_text(header, predictions.iter().map(record))
    } else {
        let all = Ordered(predictions.to_vec());
        let text = serde_json::to_string_pretty(&all)
            .map_err(|e| Error::invalid(output.display(), "JSON", "predictions", e))?;
        text + "\n"
    };
    if !files::is_stream(output)? {
        files::write_json(&model_path(output), &model.report())?;
    }
    files::write_text(output, &text)
}

#[cfg(test)]
mod tests;
