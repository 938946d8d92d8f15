//! Models of sub-networks' scores and true accuracies: a few evaluated ones predict all others.
//!
//! [`Surrogate`] is fitted on scores with inherited weights: a sum of effects that never fall when
//! a layer becomes wider ([`Terms`]). A supernet underrates what costs computation in its early
//! layers; a free regression learns that as effects below zero, of whole layers and of the costs.
//! No network trained alone becomes worse in expectation by being wider, so those effects are
//! excluded before anything is fitted. [`Calibrated`] corrects it with a few true accuracies.

pub mod calibrated;
pub mod design;
mod features;
mod kernels;
mod link;
mod process;
mod ridge;

use serde::{Deserialize, Serialize};
use supernano_base::error::{Error, Result};
use supernano_core::arch::Arch;
use supernano_core::space::{PlacedBlock, Space};

pub use calibrated::Calibrated;
pub use features::{Terms, ln_costs, widths};
pub use link::Link;
use ridge::Ridge;
pub use ridge::Sign;

/// Fewest evaluated sub-networks that a model is fitted on.
pub const FEWEST: usize = 10;

/// Folds of the cross-validation.
const FOLDS: usize = 10;

/// Strengths that the cross-validation chooses from, for standardised features and summed squares.
const LAMBDAS: [f64; 9] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0];

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

/// What a fit may choose from.
#[derive(Clone, Debug, PartialEq)]
pub struct Choices {
    /// Sets of features, of which cross-validation takes the one with the least error.
    pub terms: Vec<Terms>,
    /// Strengths of the ridge, chosen in the same way.
    pub lambdas: Vec<f64>,
    /// Sign of the coefficients.
    pub sign: Sign,
}

impl Default for Choices {
    /// Both sets, effects of 0 or more.
    fn default() -> Self {
        Self {
            terms: vec![Terms::Additive, Terms::Pairs],
            lambdas: LAMBDAS.to_vec(),
            sign: Sign::NotNegative,
        }
    }
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
    /// Features, as cross-validation chose them.
    pub terms: Terms,
    /// Ridge strength, likewise.
    pub lambda: f64,
    /// Error on held-out sub-networks.
    pub cross_validation: CrossValidation,
    /// Mean of [`Link::information`] over the evaluated ones.
    information: f64,
    /// Mean of [`Self::linear`] over the evaluated ones.
    centre: f64,
    /// Linear score where all terms are 0.
    intercept: f64,
    /// Linear score per feature, for the features that have an effect.
    coefficients: Vec<Coefficient>,
    /// Linear score of every option of a layer, `[free layer][option]`.
    tables: Vec<Vec<f64>>,
    /// The fit itself, for standard errors.
    ridge: Ridge,
}

/// Effect of a feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coefficient {
    /// Position in [`Terms::of`].
    column: usize,
    /// What it is.
    pub feature: String,
    /// Linear score per unit.
    pub value: f64,
}

fn check(space: &Space<'_>, samples: &[(Arch, f64)], link: Link) -> Result<()> {
    if samples.len() < FEWEST {
        let expected = format!("at least {FEWEST}");
        return Err(Error::invalid("scores", "evaluated sub-networks", expected, samples.len()));
    }
    if let Some((arch, score)) = samples.iter().find(|(_, score)| !link.admits(*score)) {
        return Err(Error::invalid("scores", arch.display(space), link.expected(), score));
    }
    if samples.iter().all(|s| s.1 == samples[0].1) {
        return Err(Error::invalid("scores", "score", "scores that differ", samples[0].1));
    }
    Ok(())
}

impl Surrogate {
    /// [`Self::fit_with`] the default choices.
    ///
    /// # Errors
    /// As [`Self::fit_with`].
    pub fn fit(space: &Space<'_>, samples: &[(Arch, f64)], link: Link) -> Result<Self> {
        Self::fit_with(space, samples, link, &Choices::default())
    }

    /// Fits the model to evaluated sub-networks and their scores, higher being better.
    ///
    /// # Errors
    /// [`Error::Invalid`] for fewer than [`FEWEST`] of them, a score that is not finite (for
    /// [`Link::Logit`]: not from 0 to 1), scores that are all the same, or choices without a set
    /// of features or without a finite strength above 0.
    pub fn fit_with(
        space: &Space<'_>,
        samples: &[(Arch, f64)],
        link: Link,
        choices: &Choices,
    ) -> Result<Self> {
        if let Some(bad) = choices.lambdas.iter().find(|l| !(l.is_finite() && **l > 0.0)) {
            return Err(Error::invalid("surrogate", "lambda", "a finite strength above 0", bad));
        }
        if choices.lambdas.is_empty() || choices.terms.is_empty() {
            return Err(Error::invalid("surrogate", "choices", "at least one", "none"));
        }
        check(space, samples, link)?;
        let scores: Vec<f64> = samples.iter().map(|&(_, score)| score).collect();
        let candidates = choices.terms.iter().map(|&terms| {
            let rows: Vec<Vec<f64>> = samples.iter().map(|(a, _)| terms.of(space, a)).collect();
            let (lambda, found) =
                ridge::choose(&rows, &scores, link, &choices.lambdas, FOLDS, choices.sign);
            (terms, rows, lambda, found)
        });
        let (terms, rows, lambda, cross_validation) = candidates
            .min_by(|a, b| a.3.rmse.total_cmp(&b.3.rmse))
            .expect("at least one set of features");
        let (targets, weights) = link.targets(&scores);
        let ridge = Ridge::fit(&rows, &targets, &weights, lambda, choices.sign);
        let information: f64 = scores.iter().map(|&s| link.information(s)).sum();
        let names = terms.names(space);
        let coefficients: Vec<Coefficient> = ridge
            .raw_coefficients()
            .map(|(column, value)| Coefficient { column, feature: names[column].clone(), value })
            .collect();
        let mut model = Self {
            space: space.name.to_owned(),
            samples: samples.len(),
            link,
            terms,
            lambda,
            cross_validation,
            information: information / samples.len() as f64,
            centre: 0.0,
            intercept: ridge.raw_intercept(),
            tables: features::tables(space, coefficients.iter().map(|c| (c.column, c.value))),
            coefficients,
            ridge,
        };
        let linear: f64 = samples.iter().map(|(arch, _)| model.linear(space, arch)).sum();
        model.centre = linear / samples.len() as f64;
        Ok(model)
    }

    /// The features that have an effect.
    pub fn coefficients(&self) -> &[Coefficient] {
        &self.coefficients
    }

    /// Predicted score on the scale on which the model is linear: a look-up per free layer, the
    /// two costs, and the pairs that matter.
    pub fn linear(&self, space: &Space<'_>, arch: &Arch) -> f64 {
        let options = arch.options();
        let layers = space.free_layers().zip(&self.tables);
        let own: f64 = layers.map(|(i, table)| table[usize::from(options[i])]).sum();
        let others = self.coefficients.iter().map(|c| (c.column, c.value));
        self.intercept + own + features::beyond_layers(space, arch, others)
    }

    /// A linear score as a score, by the straight line that touches the link in the middle of the
    /// evaluated sub-networks: accuracies that are as linear in the model's effects as the linear
    /// score is. Far from the middle it is no accuracy and may leave 0 to 1.
    pub fn accuracy(&self, linear: f64) -> f64 {
        let score = self.link.score(self.centre);
        score + self.link.information(score) * (linear - self.centre)
    }

    /// Predicted score alone.
    pub fn score(&self, space: &Space<'_>, arch: &Arch) -> f64 {
        self.link.score(self.linear(space, arch))
    }

    /// Predicted score with its standard error.
    pub fn predict(&self, space: &Space<'_>, arch: &Arch) -> Prediction {
        let score = self.score(space, arch);
        let slope = self.link.information(score);
        let row = self.terms.of(space, arch);
        Prediction { score, se: slope * self.ridge.standard_error(&row, slope / self.information) }
    }
}

/// The terms that the search adds up: all there are of a model that was fitted with
/// [`Terms::Additive`] alone. Pairs are of layers far apart and have no place in its tables.
/// The model taken apart, for a search over blocks.
impl Surrogate {
    /// The part of the linear score that no width changes.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// What the layers of `block` add to the linear score with these options.
    pub fn block_term(&self, space: &Space<'_>, block: PlacedBlock, options: &[u8]) -> f64 {
        let first = space.free_layers().take_while(|&i| i < block.first).count();
        let own = (block.first..=block.last()).zip(options);
        let free = own.filter(|(i, _)| space.layers[*i].same_as.is_none());
        free.zip(&self.tables[first..]).map(|((_, &o), terms)| terms[usize::from(o)]).sum()
    }

    /// Coefficients of ln MACs and ln parameters.
    pub fn log_coefficients(&self) -> [f64; 2] {
        let of = |column: usize| self.coefficients.iter().filter(move |c| c.column == column);
        [0, 1].map(|column| of(column).map(|c| c.value).sum())
    }

    /// From the linear score to the scale of the scores.
    pub fn from_linear(&self, linear: f64) -> f64 {
        self.link.score(linear)
    }
}

#[cfg(test)]
mod tests;
