//! The table of `docs/ranking.md`: how well scores, surrogate and truths predict true accuracies,
//! and the contribution of each component.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use supernano_base::error::{Error, Result};
use supernano_base::rng::{Key, Purpose};
use supernano_base::stats::{Coefficient, Interval, Resampling};
use supernano_core::arch::Arch;
use supernano_core::space::Space;
use supernano_search::surrogate::calibrated::Components;
use supernano_search::surrogate::{Calibrated, Choices, Link, Sign, Surrogate, Terms};

use crate::quality::Quality;

/// Smallest number of sub-networks of a study.
const FEWEST: usize = 210;

/// Evaluated sub-networks with their truths, all in the same order.
pub struct Sample {
    /// Sub-networks.
    pub archs: Vec<Arch>,
    /// Top-1 with inherited weights, 0 to 1.
    pub top1: Vec<f64>,
    /// Minus the cross-entropy with inherited weights, nats.
    pub negative_ce: Vec<f64>,
    /// Stand-alone top-1, 0 to 1. A method sees as many of them as its row states; the others judge
    /// it.
    pub truth: Vec<f64>,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodRow {
    /// Name of the method.
    pub method: String,
    /// Number of sub-networks evaluated with inherited weights.
    pub evaluations: usize,
    /// Number of true accuracies that the method uses.
    pub truths: usize,
    /// Number of sub-networks that judge a split.
    pub judged: usize,
    /// Number of random splits; 1 for a method without random choices.
    pub splits: usize,
    /// Mean over the splits.
    pub mean: Quality,
    /// Standard deviation over the splits; 0 for a single split.
    pub spread: Quality,
    /// 95 % bootstrap intervals of Pearson's r and Kendall's tau-b, for single splits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intervals: Option<[Interval; 2]>,
}

/// The amount of computation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effort {
    /// Random splits of a method with random choices.
    pub splits: usize,
    /// Seed of the first split.
    pub seed: u64,
    /// Bootstrap resamples.
    pub resamples: u32,
}

struct Study<'a> {
    space: &'a Space<'a>,
    sample: &'a Sample,
    effort: Effort,
}

/// Computes all rows.
///
/// # Errors
/// [`Error::Invalid`] for fewer than 210 sub-networks or no splits; as [`Surrogate::fit`] and
/// [`Calibrated::fit`].
pub fn run(space: &Space<'_>, sample: &Sample, effort: Effort) -> Result<Vec<MethodRow>> {
    let n = sample.archs.len();
    if n < FEWEST || effort.splits == 0 {
        let expected = format!("{FEWEST} and 1 or more");
        let found = format!("{n} and {}", effort.splits);
        return Err(Error::invalid("study", "sub-networks and splits", expected, found));
    }
    let study = Study { space, sample, effort };
    let mut rows = study.without_truths()?;
    rows.extend(study.few_evaluations(100)?);
    for truths in [20, 100, 200] {
        rows.extend(study.with_truths(truths)?);
    }
    Ok(rows)
}

impl Study<'_> {
    /// Methods that use all scores and no truth.
    fn without_truths(&self) -> Result<Vec<MethodRow>> {
        use Terms::{Additive, Pairs};
        let (top1, ce) = (&self.sample.top1, &self.sample.negative_ce);
        let mut rows = vec![self.single("raw top-1", top1), self.single("raw -CE", ce)];
        let everyone: Vec<usize> = (0..top1.len()).collect();
        let additive = vec![Additive];
        let both = vec![Additive, Pairs];
        let tried = [
            ("ridge, any sign", top1, Link::Identity, &additive, Sign::Free),
            ("the same, logit link", top1, Link::Logit, &additive, Sign::Free),
            ("effects not negative", top1, Link::Logit, &additive, Sign::NonNegative),
            ("the same, pairs by CV", top1, Link::Logit, &both, Sign::NonNegative),
            ("the same on -CE", ce, Link::Identity, &both, Sign::NonNegative),
        ];
        for (method, scores, link, terms, sign) in tried {
            let choices = Choices { terms: terms.clone(), sign, ..Choices::default() };
            let model = self.fitted(&everyone, scores, link, &choices)?;
            rows.push(self.single(method, &self.predicted(&model)));
        }
        Ok(rows)
    }

    /// Surrogates of randomly drawn evaluations, judged on all sub-networks and on those that were
    /// not evaluated.
    fn few_evaluations(&self, evaluations: usize) -> Result<Vec<MethodRow>> {
        let n = self.sample.archs.len();
        let split = |split: usize| -> Result<[Quality; 2]> {
            let order = self.order(split);
            let (chosen, others) = order.split_at(evaluations);
            let model = self.fitted(chosen, &self.sample.top1, Link::Logit, &Choices::default())?;
            let predicted = self.predicted(&model);
            Ok([self.judge(&predicted, &order, false), self.judge(&predicted, others, false)])
        };
        let splits: Vec<[Quality; 2]> =
            (0..self.effort.splits).into_par_iter().map(split).collect::<Result<_>>()?;
        let all: Vec<Quality> = splits.iter().map(|s| s[0]).collect();
        let others: Vec<Quality> = splits.iter().map(|s| s[1]).collect();
        let row = |method: &str, judged: usize, splits: &[Quality]| {
            Self::averaged(method, [evaluations, 0, judged], splits)
        };
        Ok(vec![
            row("surrogate, judged on all", n, &all),
            row("surrogate, judged on those not evaluated", n - evaluations, &others),
        ])
    }

    /// Corrections with some truths, judged on the other truths.
    fn with_truths(&self, truths: usize) -> Result<Vec<MethodRow>> {
        let n = self.sample.archs.len();
        let everyone: Vec<usize> = (0..n).collect();
        let model = self.fitted(&everyone, &self.sample.top1, Link::Logit, &Choices::default())?;
        let all = Components::default();
        let line = Components { score: true, layers: false, products: false };
        let tried = [
            ("surrogate + truths", all),
            ("without products of layers", Components { products: false, ..all }),
            ("a straight line alone", line),
            ("truths alone, no supernet", Components { score: false, ..all }),
        ];
        let mut rows = Vec::new();
        for (method, components) in tried {
            let split = |split: usize| -> Result<Quality> {
                let order = self.order(split);
                let (known, judged) = order.split_at(truths);
                let known = self.pairs(known, &self.sample.truth);
                let model = Calibrated::fit(self.space, &model, &known, components)?;
                let archs = self.sample.archs.iter();
                let predicted: Vec<f64> = archs.map(|a| model.score(self.space, a)).collect();
                Ok(self.judge(&predicted, judged, true))
            };
            let splits: Vec<Quality> =
                (0..self.effort.splits).into_par_iter().map(split).collect::<Result<_>>()?;
            let evaluations = if components.score { n } else { 0 };
            rows.push(Self::averaged(method, [evaluations, truths, n - truths], &splits));
        }
        Ok(rows)
    }

    /// Sub-networks and values at these indices.
    fn pairs(&self, which: &[usize], values: &[f64]) -> Vec<(Arch, f64)> {
        which.iter().map(|&i| (self.sample.archs[i].clone(), values[i])).collect()
    }

    /// The random order of a split.
    fn order(&self, split: usize) -> Vec<usize> {
        let seed = self.effort.seed + split as u64;
        let order = Key::new(seed).permutation(Purpose::Split, self.sample.archs.len());
        order.into_iter().map(|i| i as usize).collect()
    }

    fn fitted(
        &self,
        which: &[usize],
        scores: &[f64],
        link: Link,
        choices: &Choices,
    ) -> Result<Surrogate> {
        Surrogate::fit_with(self.space, &self.pairs(which, scores), link, choices)
    }

    /// Linear scores of all sub-networks.
    fn predicted(&self, model: &Surrogate) -> Vec<f64> {
        self.sample.archs.iter().map(|a| model.linear(self.space, a)).collect()
    }

    /// Compares predictions with truths at these indices.
    fn judge(&self, predicted: &[f64], which: &[usize], scale_known: bool) -> Quality {
        let at = |v: &[f64]| -> Vec<f64> { which.iter().map(|&i| v[i]).collect() };
        Quality::of(&at(predicted), &at(&self.sample.truth), scale_known)
    }

    /// The row of a method without random choices.
    fn single(&self, method: &str, predicted: &[f64]) -> MethodRow {
        let everyone: Vec<usize> = (0..predicted.len()).collect();
        let resampling = Resampling { resamples: self.effort.resamples, ..Resampling::default() };
        let intervals = resampling.intervals(
            predicted,
            &self.sample.truth,
            [Coefficient::Pearson, Coefficient::Kendall],
        );
        MethodRow {
            method: method.into(),
            evaluations: predicted.len(),
            truths: 0,
            judged: predicted.len(),
            splits: 1,
            mean: self.judge(predicted, &everyone, false),
            spread: Quality::default(),
            intervals: Some(intervals),
        }
    }

    /// The row of a method over several splits.
    fn averaged(
        method: &str,
        [evaluations, truths, judged]: [usize; 3],
        splits: &[Quality],
    ) -> MethodRow {
        let (mean, spread) = Quality::over(splits);
        MethodRow {
            method: method.into(),
            evaluations,
            truths,
            judged,
            splits: splits.len(),
            mean,
            spread,
            intervals: None,
        }
    }
}

#[cfg(test)]
mod tests;
