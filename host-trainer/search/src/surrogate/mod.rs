//! Models that predict the scores and true accuracies of all sub-networks from a few evaluated
//! ones.
//!
//! [`Surrogate`] is fitted to scores with inherited weights. It is a sum of effects that never
//! decrease when a layer becomes wider, or another option larger ([`Terms`]). A supernet underrates the computation in its
//! early layers, and an unconstrained regression learns this bias as negative effects. A network
//! that is trained alone does not become worse in expectation when it becomes wider, so the fit
//! excludes negative effects. [`Calibrated`] corrects a surrogate with a few true accuracies, and
//! [`design`] selects the sub-networks to evaluate.

pub mod calibrated;
mod covariance;
mod cross_validation;
pub mod design;
mod features;
mod folds;
mod link;
mod process;
mod ridge;

use serde::{Deserialize, Serialize};
use supernano_base::error::{Error, Result};
use supernano_base::stats::Difference;
use supernano_core::arch::Arch;
use supernano_core::space::{PlacedBlock, Space};

pub use calibrated::Calibrated;
pub use cross_validation::CrossValidation;
use cross_validation::{HeldOut, held_out};
pub use features::{Terms, ln_costs, widths};
pub use link::Link;
use ridge::Ridge;
pub use ridge::Sign;

/// Smallest number of evaluated sub-networks for a fit.
pub const FEWEST: usize = 10;

/// Folds of the cross-validation.
const FOLDS: usize = 10;

/// Default ridge strengths, for standardised features and a sum of squares.
const LAMBDAS: [f64; 9] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0];

/// The prediction for one sub-network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Predicted score, in the unit of the fitted scores.
    pub score: f64,
    /// Standard error of the prediction: that of the fit and the spread of single sub-networks
    /// around it.
    pub se: f64,
    /// Interval at 95 %, calibrated on held-out sub-networks. A sub-network that is predicted worse or
    /// better than every fitted one has a longer interval: it reaches back to the fitted sub-networks,
    /// because scores often saturate where nothing was evaluated.
    pub interval: [f64; 2],
}

/// The alternatives of a fit. Cross-validation selects among them.
#[derive(Clone, Debug, PartialEq)]
pub struct Choices {
    /// Sets of features.
    pub terms: Vec<Terms>,
    /// Ridge strengths.
    pub lambdas: Vec<f64>,
    /// Signs that the coefficients may have.
    pub sign: Sign,
}

impl Default for Choices {
    /// Both sets of features, nine strengths, and non-negative coefficients.
    fn default() -> Self {
        Self {
            terms: vec![Terms::Additive, Terms::Pairs],
            lambdas: LAMBDAS.to_vec(),
            sign: Sign::NonNegative,
        }
    }
}

/// A fitted model of one search space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Surrogate {
    /// Name of the space.
    pub space: String,
    /// Number of evaluated sub-networks in the fit.
    pub samples: usize,
    /// Scale on which the model is linear.
    pub link: Link,
    /// Selected set of features.
    pub terms: Terms,
    /// Selected ridge strength.
    pub lambda: f64,
    /// Error on held-out sub-networks.
    pub cross_validation: CrossValidation,
    /// Prediction for each sample by a fit to the samples of the other folds.
    #[serde(default)]
    pub held_out: Vec<f64>,
    /// Mean of [`Link::information`] over the samples.
    information: f64,
    /// Mean of [`Self::linear`] over the samples.
    centre: f64,
    /// Linear score if all terms are 0.
    intercept: f64,
    /// Coefficients that are not 0.
    coefficients: Vec<Coefficient>,
    /// Linear score of every option of a layer, `[free layer][option]`.
    tables: Vec<Vec<f64>>,
    /// The regression, for standard errors.
    ridge: Ridge,
    /// The fitted sub-networks with the lowest and the highest prediction.
    #[serde(default)]
    edges: Option<[Edge; 2]>,
}

/// A fitted sub-network at an end of the range of predictions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Edge {
    /// Predicted score on the linear scale.
    linear: f64,
    /// Interval of the prediction, in the unit of the scores.
    interval: [f64; 2],
}

/// The coefficient of a feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coefficient {
    /// Index of the feature in [`Terms::of`].
    column: usize,
    /// Name of the feature.
    pub feature: String,
    /// Linear score per unit of the feature.
    pub value: f64,
}

/// A set of features with its selected strength.
struct Selected {
    terms: Terms,
    /// Features, `[sample][feature]`.
    rows: Vec<Vec<f64>>,
    lambda: f64,
    cross_validation: CrossValidation,
}

impl Surrogate {
    /// Fits the model with the default choices.
    ///
    /// ```
    /// use supernano_base::codes::random_codes;
    /// use supernano_core::space::RESNET8;
    /// use supernano_search::surrogate::{Link, Surrogate, widths};
    ///
    /// // Made-up scores that grow with the widths.
    /// let samples: Vec<_> = random_codes(&RESNET8, 40, 1)
    ///     .into_iter()
    ///     .map(|coded| {
    ///         let sum: f64 = widths(&RESNET8, &coded.arch).iter().map(|&w| f64::from(w).ln()).sum();
    ///         (coded.arch, 0.03 * sum)
    ///     })
    ///     .collect();
    /// let model = Surrogate::fit(&RESNET8, &samples, Link::Identity)?;
    /// let (arch, score) = &samples[0];
    /// assert!((model.predict(&RESNET8, arch).score - score).abs() < 0.01);
    /// assert!(model.cross_validation.pearson > 0.99);
    /// # Ok::<(), supernano_base::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`Self::fit_with`].
    pub fn fit(space: &Space<'_>, samples: &[(Arch, f64)], link: Link) -> Result<Self> {
        Self::fit_with(space, samples, link, &Choices::default())
    }

    /// Fits the model to evaluated sub-networks and their scores. Higher scores are better.
    ///
    /// # Errors
    /// [`Error::Invalid`] for fewer than [`FEWEST`] samples, for a score that the link does not
    /// admit ([`Link::admits`]), for scores that are all equal, and for choices without features or
    /// without strengths, or with a strength that is not finite and above 0.
    pub fn fit_with(
        space: &Space<'_>,
        samples: &[(Arch, f64)],
        link: Link,
        choices: &Choices,
    ) -> Result<Self> {
        if let Some(bad) = choices.lambdas.iter().find(|l| !(l.is_finite() && **l > 0.0)) {
            return Err(Error::invalid("surrogate", "lambda", "a finite strength above 0", bad));
        }
        check(space, samples, link)?;
        let scores: Vec<f64> = samples.iter().map(|&(_, score)| score).collect();
        let selected = select(space, samples, &scores, link, choices);
        let Some(Selected { terms, rows, lambda, cross_validation }) = selected else {
            return Err(Error::invalid("surrogate", "choices", "at least one", "none"));
        };
        let mut cross_validation = cross_validation;
        let held_out = held_out(&rows, &scores, link, lambda, choices.sign);
        let error = |(p, &score): (&HeldOut, &f64)| (score - p.score).abs() / p.se;
        let errors = held_out.iter().zip(&scores).map(error).collect();
        cross_validation.interval_factor = folds::interval_factor(errors);
        let costs: Vec<[f64; 2]> = samples.iter().map(|(arch, _)| ln_costs(space, arch)).collect();
        cross_validation.trivial_pearson = folds::trivial_pearson(&costs, &scores, FOLDS);
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
            held_out: held_out.into_iter().map(|p| p.score).collect(),
            information: information / samples.len() as f64,
            centre: 0.0,
            intercept: ridge.raw_intercept(),
            tables: features::tables(space, coefficients.iter().map(|c| (c.column, c.value))),
            coefficients,
            ridge,
            edges: None,
        };
        let linear: Vec<f64> = samples.iter().map(|(arch, _)| model.linear(space, arch)).collect();
        model.centre = linear.iter().sum::<f64>() / samples.len() as f64;
        let ends = [
            linear.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)),
            linear.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)),
        ];
        if let [Some(lowest), Some(highest)] = ends {
            model.edges = Some([lowest, highest].map(|(sample, &linear)| {
                let interval = model.predict(space, &samples[sample].0).interval;
                Edge { linear, interval }
            }));
        }
        Ok(model)
    }

    /// The coefficients that are not 0.
    pub fn coefficients(&self) -> &[Coefficient] {
        &self.coefficients
    }

    /// Predicted score on the scale on which the model is linear.
    pub fn linear(&self, space: &Space<'_>, arch: &Arch) -> f64 {
        let options = arch.options();
        // The tables of a space with other choices than widths are empty.
        let layers = space.free_layers().zip(&self.tables);
        let layers: f64 = layers.map(|(i, table)| table[usize::from(options[i])]).sum();
        let coefficients = self.coefficients.iter().map(|c| (c.column, c.value));
        self.intercept + layers + features::beyond_layers(space, arch, coefficients)
    }

    /// Converts a linear score to the unit of the scores by the tangent of the link at the mean of
    /// the samples. The result is as linear in the effects as the linear score; far from the mean it
    /// can leave the range 0 to 1.
    pub fn accuracy(&self, linear: f64) -> f64 {
        let score = self.link.score(self.centre);
        score + self.link.information(score) * (linear - self.centre)
    }

    /// Predicted score without its standard error.
    pub fn score(&self, space: &Space<'_>, arch: &Arch) -> f64 {
        self.link.score(self.linear(space, arch))
    }

    /// Predicted score with its standard error.
    pub fn predict(&self, space: &Space<'_>, arch: &Arch) -> Prediction {
        let linear = self.linear(space, arch);
        let score = self.link.score(linear);
        let slope = self.link.information(score);
        let row = self.terms.of(space, arch);
        let se = slope * self.ridge.standard_error(&row, slope / self.information);
        let half = self.cross_validation.interval_factor * se;
        let mut interval = [score - half, score + half].map(|end| self.link.clamp(end));
        if let Some([lowest, highest]) = self.edges {
            if linear < lowest.linear {
                interval[1] = interval[1].max(lowest.interval[1]);
            }
            if linear > highest.linear {
                interval[0] = interval[0].min(highest.interval[0]);
            }
        }
        Prediction { score, se, interval }
    }

    /// Predicted score of `first` minus that of `second`, with the interval of the difference of two
    /// such sub-networks. Errors of the fit that both have in common cancel.
    pub fn difference(&self, space: &Space<'_>, first: &Arch, second: &Arch) -> Difference {
        let [a, b] = [first, second].map(|arch| self.score(space, arch));
        let slopes = [a, b].map(|score| self.link.information(score));
        let rows = [first, second].map(|arch| self.terms.of(space, arch));
        let weights = slopes.map(|slope| slope / self.information);
        let error = self.ridge.difference_error([&rows[0], &rows[1]], weights);
        let slope = (slopes[0] + slopes[1]) / 2.0;
        Difference::about(a - b, self.cross_validation.interval_factor * slope * error)
    }
}

/// The terms of the model by block, for [`crate::search::ScoreModel`].
impl Surrogate {
    /// Linear score if all terms are 0.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// Linear score of the layers of `block` with these options.
    pub fn block_term(&self, space: &Space<'_>, block: PlacedBlock, options: &[u8]) -> f64 {
        let first = space.free_layers().take_while(|&i| i < block.first).count();
        let layers = (block.first..=block.last()).zip(options);
        let free = layers.filter(|(i, _)| space.layers[*i].same_as.is_none());
        free.zip(&self.tables[first..]).map(|((_, &o), table)| table[usize::from(o)]).sum()
    }

    /// Coefficients of ln MACs and ln parameters.
    pub fn log_coefficients(&self) -> [f64; 2] {
        let of = |column: usize| self.coefficients.iter().filter(move |c| c.column == column);
        [0, 1].map(|column| of(column).map(|c| c.value).sum())
    }

    /// Converts a linear score to a score.
    pub fn from_linear(&self, linear: f64) -> f64 {
        self.link.score(linear)
    }
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

/// Selects the features and the strength with the least cross-validated error. Returns `None`
/// without choices.
fn select(
    space: &Space<'_>,
    samples: &[(Arch, f64)],
    scores: &[f64],
    link: Link,
    choices: &Choices,
) -> Option<Selected> {
    let mut best: Option<Selected> = None;
    for &terms in &choices.terms {
        let rows: Vec<Vec<f64>> = samples.iter().map(|(arch, _)| terms.of(space, arch)).collect();
        let (lambda, cross_validation) =
            ridge::choose(&rows, scores, link, &choices.lambdas, FOLDS, choices.sign)?;
        let rmse = cross_validation.rmse;
        if best.as_ref().is_none_or(|b| rmse.total_cmp(&b.cross_validation.rmse).is_lt()) {
            best = Some(Selected { terms, rows, lambda, cross_validation });
        }
    }
    best
}

#[cfg(test)]
mod tests;
