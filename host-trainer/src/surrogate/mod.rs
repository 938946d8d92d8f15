//! A structured ridge model of the score: a few evaluated sub-networks predict all others.
//!
//! Features of a sub-network, standardised over the evaluated ones: ln w, sqrt w and 1/w of the
//! nominal width w of every free layer, ln of its MACs and ln of its parameters. A prediction is a
//! look-up per layer and the two logarithms. The strength of the ridge is chosen by
//! cross-validation on the evaluated sub-networks alone.

mod ridge;

use serde::{Deserialize, Serialize};
use supernano_core::arch::Arch;
use supernano_core::plan::{self, BranchScheme, Cost, Enhancement};
use supernano_core::space::{PlacedBlock, Space};

use crate::error::{Error, Result};
use crate::search::ScoreModel;
use ridge::Ridge;

/// Fewest evaluated sub-networks that a model is fitted on.
pub const FEWEST: usize = 10;

/// Folds of the cross-validation.
const FOLDS: usize = 10;

/// Strengths that the cross-validation chooses from, for standardised features and summed squares.
const LAMBDAS: [f64; 10] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0];

/// The scale on which the model is linear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// That of the scores themselves: losses.
    Identity,
    /// ln(p / (1 - p)) of scores from 0 to 1, each weighing as its p (1 - p): accuracies, which
    /// then stay between 0 and 1 wherever they are predicted.
    Logit,
}

/// Accuracies nearer to 0 or 1 than this are taken to be this far.
const MARGIN: f64 = 1e-3;

impl Link {
    /// Scores on the linear scale, with weights that are 1 on average.
    fn targets(self, scores: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let raw: Vec<f64> = scores.iter().map(|&s| self.information(s)).collect();
        let mean = raw.iter().sum::<f64>() / raw.len() as f64;
        let linear = |&score: &f64| match self {
            Self::Identity => score,
            Self::Logit => {
                let p = score.clamp(MARGIN, 1.0 - MARGIN);
                (p / (1.0 - p)).ln()
            }
        };
        (scores.iter().map(linear).collect(), raw.into_iter().map(|w| w / mean).collect())
    }

    /// Weight of a score, and the slope of [`Self::score`] there.
    fn information(self, score: f64) -> f64 {
        match self {
            Self::Identity => 1.0,
            Self::Logit => {
                let p = score.clamp(MARGIN, 1.0 - MARGIN);
                p * (1.0 - p)
            }
        }
    }

    /// Back to the scale of the scores.
    fn score(self, linear: f64) -> f64 {
        match self {
            Self::Identity => linear,
            Self::Logit => 1.0 / (1.0 + (-linear).exp()),
        }
    }
}

/// What the model says of a sub-network it may never have seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Predicted score, in the unit of the scores that it was fitted on.
    pub score: f64,
    /// Standard error of the prediction: of the fitted surface and of a single sub-network about
    /// it.
    pub se: f64,
}

/// How the model did on sub-networks that a fold held out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CrossValidation {
    /// Folds.
    pub folds: usize,
    /// Root mean square error, in the unit of the scores.
    pub rmse: f64,
    /// Pearson correlation between predicted and evaluated.
    pub pearson: f64,
}

/// A fitted model of one space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Surrogate {
    /// Name of the space.
    pub space: String,
    /// Evaluated sub-networks it was fitted on.
    pub samples: usize,
    /// Scale on which the model is linear.
    pub link: Link,
    /// Ridge strength.
    pub lambda: f64,
    /// Error on held-out sub-networks.
    pub cross_validation: CrossValidation,
    /// Mean of [`Link::information`] over the evaluated ones.
    information: f64,
    /// Linear score where all terms are 0.
    intercept: f64,
    /// Term of an option of a free layer, `[free layer][option]`.
    tables: Vec<Vec<f64>>,
    /// Linear score per ln(MACs).
    ln_macs: f64,
    /// Linear score per ln(parameters).
    ln_params: f64,
    /// The fit itself, for standard errors.
    ridge: Ridge,
}

/// Cost that the features use: that of the nominal widths, which a code says.
fn nominal_cost(space: &Space<'_>, arch: &Arch) -> Cost {
    plan::cost(space, &plan::resolve(space, arch, Enhancement::NONE, BranchScheme::Shared))
}

/// Width features of an option, in the order of the model's columns.
fn width_features(width: u16) -> [f64; 3] {
    let w = f64::from(width);
    [w.ln(), w.sqrt(), 1.0 / w]
}

/// All features of a sub-network, not standardised: three for each free layer, ln MACs, ln
/// parameters.
pub fn features(space: &Space<'_>, arch: &Arch) -> Vec<f64> {
    let cost = nominal_cost(space, arch);
    space
        .free_layers()
        .flat_map(|i| width_features(arch.nominal(space, i).0))
        .chain([(cost.macs as f64).ln(), (cost.params as f64).ln()])
        .collect()
}

impl Surrogate {
    /// [`Self::fit_with`] the strength that cross-validation chooses.
    ///
    /// # Errors
    /// As [`Self::fit_with`].
    pub fn fit(space: &Space<'_>, samples: &[(Arch, f64)], link: Link) -> Result<Self> {
        Self::fit_with(space, samples, link, None)
    }

    /// Fits the model to evaluated sub-networks and their scores, higher being better. `lambda`:
    /// strength of the ridge, above 0, instead of the one that cross-validation chooses.
    ///
    /// # Errors
    /// [`Error::Invalid`] for fewer than [`FEWEST`] of them, a score that is not finite (for
    /// [`Link::Logit`]: not from 0 to 1), or scores that are all the same.
    pub fn fit_with(
        space: &Space<'_>,
        samples: &[(Arch, f64)],
        link: Link,
        lambda: Option<f64>,
    ) -> Result<Self> {
        if let Some(bad) = lambda.filter(|l| !(l.is_finite() && *l > 0.0)) {
            return Err(Error::invalid("surrogate", "lambda", "a finite strength above 0", bad));
        }
        if samples.len() < FEWEST {
            return Err(Error::invalid(
                "scores",
                "evaluated sub-networks",
                format!("at least {FEWEST}"),
                samples.len(),
            ));
        }
        let (fits, expected): (fn(f64) -> bool, _) = match link {
            Link::Identity => (f64::is_finite, "a finite score"),
            Link::Logit => (|s| (0.0..=1.0).contains(&s), "an accuracy from 0 to 1"),
        };
        if let Some((arch, score)) = samples.iter().find(|(_, score)| !fits(*score)) {
            return Err(Error::invalid("scores", arch.display(space), expected, score));
        }
        let rows: Vec<Vec<f64>> = samples.iter().map(|(a, _)| features(space, a)).collect();
        let scores: Vec<f64> = samples.iter().map(|&(_, score)| score).collect();
        if scores.iter().all(|&s| s == scores[0]) {
            return Err(Error::invalid("scores", "score", "scores that differ", scores[0]));
        }
        let (lambda, cross_validation) = match lambda {
            Some(one) => ridge::choose(&rows, &scores, link, &[one], FOLDS),
            None => ridge::choose(&rows, &scores, link, &LAMBDAS, FOLDS),
        };
        let (targets, weights) = link.targets(&scores);
        let ridge = Ridge::fit(&rows, &targets, &weights, lambda);
        let information: f64 = scores.iter().map(|&s| link.information(s)).sum();
        let raw = ridge.raw_coefficients();
        let tables = space
            .free_layers()
            .enumerate()
            .map(|(position, i)| {
                let term = |&w: &u16| -> f64 {
                    let columns = &raw[3 * position..3 * position + 3];
                    columns.iter().zip(width_features(w)).map(|(b, x)| b * x).sum()
                };
                space.layers[i].widths.iter().map(term).collect()
            })
            .collect();
        Ok(Self {
            space: space.name.to_owned(),
            samples: samples.len(),
            link,
            lambda,
            cross_validation,
            information: information / samples.len() as f64,
            intercept: ridge.raw_intercept(),
            tables,
            ln_macs: raw[raw.len() - 2],
            ln_params: raw[raw.len() - 1],
            ridge,
        })
    }

    /// Predicted score alone: a look-up per free layer and two logarithms.
    pub fn score(&self, space: &Space<'_>, arch: &Arch) -> f64 {
        let cost = nominal_cost(space, arch);
        let options = arch.options();
        let widths: f64 =
            space.free_layers().zip(&self.tables).map(|(i, t)| t[usize::from(options[i])]).sum();
        self.link.score(
            self.intercept
                + widths
                + self.ln_macs * (cost.macs as f64).ln()
                + self.ln_params * (cost.params as f64).ln(),
        )
    }

    /// Predicted score with its standard error.
    pub fn predict(&self, space: &Space<'_>, arch: &Arch) -> Prediction {
        let score = self.score(space, arch);
        let slope = self.link.information(score);
        let linear = self.ridge.standard_error(&features(space, arch), slope / self.information);
        Prediction { score, se: slope * linear }
    }
}

/// The terms that the search adds up.
impl ScoreModel for Surrogate {
    fn constant(&self) -> f64 {
        self.intercept
    }

    fn term(&self, space: &Space<'_>, block: PlacedBlock, _: Option<u8>, options: &[u8]) -> f64 {
        let first = space.free_layers().take_while(|&i| i < block.first).count();
        let own = (block.first..=block.last()).zip(options);
        let free = own.filter(|(i, _)| space.layers[*i].same_as.is_none());
        free.zip(&self.tables[first..]).map(|((_, &o), terms)| terms[usize::from(o)]).sum()
    }

    fn logs(&self) -> [f64; 2] {
        [self.ln_macs, self.ln_params]
    }

    fn link(&self, linear: f64) -> f64 {
        self.link.score(linear)
    }
}

#[cfg(test)]
mod tests;
