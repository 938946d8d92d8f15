//! The part of `supernano rank` that evaluates a few codes and predicts the others.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use supernano_base::codes::scores::Scores;
use supernano_base::codes::truth::Form;
use supernano_base::codes::{Coded, read_codes};
use supernano_base::error::{Error, Result};
use supernano_core::arch::Arch;
use supernano_core::space::Space;
use supernano_search::predict::{ModelReport, Predicted, Predictor, Truths, model_path, write};
use supernano_search::surrogate::{CrossValidation, FEWEST, Link, design};

use crate::output::{Output, table};

/// What is predicted from what.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Evaluate only this many of the codes, drawn at random by --seed, and predict all.
    #[arg(long, value_name = "N", conflicts_with = "shard")]
    surrogate: Option<usize>,
    /// Evaluate the codes of this file instead of drawing them, and predict all.
    #[arg(long, value_name = "FILE", conflicts_with = "shard")]
    evaluate: Option<PathBuf>,
    #[command(flatten)]
    truth: TruthArgs,
}

/// True accuracies that correct predictions.
#[derive(clap::Args, Debug)]
pub struct TruthArgs {
    /// Stand-alone accuracies of some of the codes; predictions are then of such accuracies.
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
    /// Which networks the truths are of, where the file has no column `as` [default: nominal].
    #[arg(long = "as", value_enum, requires = "truth")]
    pub form: Option<Form>,
}

impl TruthArgs {
    /// The truths of `codes`.
    ///
    /// # Errors
    /// As [`Truths::read`].
    pub fn read(&self, space: &Space<'_>, codes: &[Arch]) -> Result<Option<Truths>> {
        self.truth.as_deref().map(|p| Truths::read(p, space, self.form, codes)).transpose()
    }
}

impl Args {
    /// Which of the codes are evaluated, ascending; `None` where all are and nothing is predicted.
    ///
    /// # Errors
    /// [`Error::Invalid`] for truths without predictions, too few codes, or a code of --evaluate
    /// that is not among them; as [`Truths::read`], before anything is evaluated.
    pub fn choose(
        &self,
        all: &[Coded],
        space: &Space<'_>,
        seed: u64,
    ) -> Result<Option<Vec<usize>>> {
        let chosen = match (&self.evaluate, self.surrogate) {
            (Some(path), _) => {
                let position: HashMap<&Arch, usize> =
                    all.iter().enumerate().map(|(i, c)| (&c.arch, i)).collect();
                let find = |c: Coded| {
                    position.get(&c.arch).copied().ok_or_else(|| {
                        let place = path.display();
                        Error::invalid(place, "code", "one of the ranked codes", &c.written)
                    })
                };
                let mut found: Vec<usize> =
                    read_codes(path, space)?.into_iter().map(find).collect::<Result<_>>()?;
                found.sort_unstable();
                found.dedup();
                found
            }
            (None, Some(n)) => design::random(all.len(), n, seed),
            (None, None) if self.truth.truth.is_some() => {
                let expected = "--surrogate N or --evaluate FILE beside it";
                return Err(Error::invalid("command line", "--truth", expected, "neither"));
            }
            (None, None) => return Ok(None),
        };
        if chosen.len() < FEWEST {
            let expected = format!("{FEWEST} codes or more to evaluate");
            return Err(Error::invalid("command line", "--surrogate", expected, chosen.len()));
        }
        let archs: Vec<Arch> = all.iter().map(|c| c.arch.clone()).collect();
        self.truth.read(space, &archs)?;
        Ok(Some(chosen))
    }

    /// Fits the model to what was evaluated, predicts all codes, writes and prints them.
    ///
    /// # Errors
    /// As [`Predictor::fit`], [`Truths::read`] and [`write()`].
    pub fn finish(
        &self,
        space: &Space<'_>,
        all: &[Coded],
        (chosen, scores): (&[usize], &Scores),
        output: &Path,
        out: &Output,
    ) -> Result<()> {
        let archs: Vec<Arch> = all.iter().map(|c| c.arch.clone()).collect();
        let truths = self.truth.read(space, &archs)?;
        let samples: Vec<(Arch, f64)> = chosen
            .iter()
            .zip(scores)
            .map(|(&i, (_, score))| (archs[i].clone(), score.acc))
            .collect();
        let model = Predictor::fit(space, &samples, Link::Logit, truths.as_ref())?;
        predict_all(space, all, &samples, &model, Some(output), out)
    }
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a Path>,
    codes: usize,
    microseconds_per_code: f64,
    model: ModelReport<'a>,
    scores: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    id: String,
    #[serde(flatten)]
    predicted: Predicted,
}

/// Predicts all codes, writes them where an output is given, and prints them.
///
/// # Errors
/// As [`write()`].
pub fn predict_all(
    space: &Space<'_>,
    all: &[Coded],
    samples: &[(Arch, f64)],
    model: &Predictor,
    output: Option<&Path>,
    out: &Output,
) -> Result<()> {
    let evaluated: HashMap<&Arch, f64> = samples.iter().map(|(a, s)| (a, *s)).collect();
    let started = std::time::Instant::now();
    let predictions: Vec<(String, Predicted)> = all
        .iter()
        .map(|coded| {
            let own = evaluated.get(&coded.arch).copied();
            let predicted = model.line(space, &coded.arch, &coded.written, own);
            (coded.id.clone(), predicted)
        })
        .collect();
    let seconds = started.elapsed().as_secs_f64();
    if let Some(output) = output {
        write(output, &predictions, model)?;
    }
    let report = Report {
        output,
        codes: all.len(),
        microseconds_per_code: 1e6 * seconds / all.len().max(1) as f64,
        model: model.report(),
        scores: predictions.into_iter().map(|(id, predicted)| Line { id, predicted }).collect(),
    };
    out.emit(&report, |r| human(r, model.cross_validation(), samples.len()));
    Ok(())
}

fn human(report: &Report<'_>, cv: CrossValidation, evaluations: usize) -> String {
    let mut best: Vec<&Line> = report.scores.iter().collect();
    best.sort_by(|a, b| b.predicted.acc.total_cmp(&a.predicted.acc));
    let rows: Vec<Vec<String>> = best
        .iter()
        .take(20)
        .map(|l| {
            let p = &l.predicted;
            let own = p.evaluated.map_or_else(String::new, |e| format!("{e:.4}"));
            vec![p.arch.clone(), format!("{:.4}", p.top1), format!("{:.4}", p.top1_se), own]
        })
        .collect();
    let written = report.output.map_or_else(String::new, |path| {
        format!("\nall in {}, the model in {}", path.display(), model_path(path).display())
    });
    format!(
        "{}\n{} codes predicted from {evaluations} evaluations, best first (20 at most shown); \
         held-out error {:.4}, Pearson {:.4}{written}",
        table(&["code", "predicted", "s.e.", "evaluated"], &rows),
        report.codes,
        cv.rmse,
        cv.pearson,
    )
}
