//! How well scores, surrogate and truths together predict true accuracies, with what each part
//! contributes: the table of `docs/ranking.md`.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use supernano_base::error::{Error, Result};
use supernano_base::rng::{Key, Purpose};
use supernano_base::stats::{Interval, Resampling, best_tenth, kendall_tau_b, pearson, regret};
use supernano_core::arch::Arch;
use supernano_core::space::Space;
use supernano_search::surrogate::calibrated::Components;
use supernano_search::surrogate::{Calibrated, Choices, Link, Sign, Surrogate, Terms, design};

/// Evaluated sub-networks with their truths, all in one order.
pub struct Sample {
    /// The sub-networks.
    pub archs: Vec<Arch>,
    /// Top-1 with inherited weights, 0 to 1.
    pub top1: Vec<f64>,
    /// Minus the cross-entropy with inherited weights, nats.
    pub negative_ce: Vec<f64>,
    /// Stand-alone top-1, 0 to 1. Judges; a method sees only what its row says.
    pub truth: Vec<f64>,
}

/// Agreement of predictions with truths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Pearson's r.
    pub pearson: f64,
    /// Kendall's tau-b.
    pub kendall_tau_b: f64,
    /// Pearson's r among the ceil(n / 10) highest truths.
    pub best_tenth_pearson: f64,
    /// Kendall's tau-b among them.
    pub best_tenth_tau: f64,
    /// Best truth less the truth of the best pick, points of accuracy.
    pub top1_regret: f64,
    /// Best truth less the best among ten picks, points.
    pub top10_regret: f64,
    /// Root mean square error in points; of methods without truths that of the best straight line
    /// through their scores.
    pub rmse: f64,
}

impl Agreement {
    fn of(said: &[f64], truth: &[f64], scale_known: bool) -> Self {
        let tenth = best_tenth(truth);
        let at = |v: &[f64]| -> Vec<f64> { tenth.iter().map(|&i| v[i]).collect() };
        let n = truth.len() as f64;
        let r = pearson(said, truth);
        let mean = truth.iter().sum::<f64>() / n;
        let squares = truth.iter().map(|t| (t - mean).powi(2)).sum::<f64>();
        let error = match scale_known {
            true => said.iter().zip(truth).map(|(s, t)| (s - t).powi(2)).sum::<f64>(),
            false => squares * (1.0 - r * r),
        };
        Self {
            pearson: r,
            kendall_tau_b: kendall_tau_b(said, truth),
            best_tenth_pearson: pearson(&at(said), &at(truth)),
            best_tenth_tau: kendall_tau_b(&at(said), &at(truth)),
            top1_regret: 100.0 * regret(said, truth, 1),
            top10_regret: 100.0 * regret(said, truth, 10),
            rmse: 100.0 * (error / n).sqrt(),
        }
    }

    fn fields(&self) -> [f64; 7] {
        let Self {
            pearson, kendall_tau_b, best_tenth_pearson, best_tenth_tau, top1_regret, ..
        } = *self;
        let rest = [best_tenth_pearson, best_tenth_tau, top1_regret, self.top10_regret, self.rmse];
        [pearson, kendall_tau_b, rest[0], rest[1], rest[2], rest[3], rest[4]]
    }

    fn from_fields(f: [f64; 7]) -> Self {
        Self {
            pearson: f[0],
            kendall_tau_b: f[1],
            best_tenth_pearson: f[2],
            best_tenth_tau: f[3],
            top1_regret: f[4],
            top10_regret: f[5],
            rmse: f[6],
        }
    }

    /// Mean and standard deviation over splits.
    fn over(all: &[Self]) -> (Self, Self) {
        let n = all.len() as f64;
        let field = |k: usize| all.iter().map(move |a| a.fields()[k]);
        let mean: [f64; 7] = std::array::from_fn(|k| field(k).sum::<f64>() / n);
        let spread: [f64; 7] = std::array::from_fn(|k| {
            (field(k).map(|v| (v - mean[k]).powi(2)).sum::<f64>() / n).sqrt()
        });
        (Self::from_fields(mean), Self::from_fields(spread))
    }
}

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What predicts.
    pub method: String,
    /// Sub-networks evaluated with inherited weights.
    pub evaluations: usize,
    /// True accuracies seen.
    pub truths: usize,
    /// Sub-networks judged on, in each split.
    pub judged: usize,
    /// Random splits; 1 where nothing is drawn.
    pub splits: usize,
    /// Mean over the splits.
    pub mean: Agreement,
    /// Standard deviation over the splits; 0 for a single one.
    pub spread: Agreement,
    /// Bootstrap intervals (95 %) of Pearson's r and Kendall's tau-b, of single splits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intervals: Option<[Interval; 2]>,
}

/// How much is computed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effort {
    /// Random splits of every row that draws.
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

fn choices(terms: &[Terms], sign: Sign) -> Choices {
    Choices { terms: terms.to_vec(), sign, ..Choices::default() }
}

/// All rows.
///
/// # Errors
/// [`Error::Invalid`] for fewer than 210 sub-networks, or no splits; as [`Surrogate::fit`] and
/// [`Calibrated::fit`].
pub fn run(space: &Space<'_>, sample: &Sample, effort: Effort) -> Result<Vec<Row>> {
    let n = sample.archs.len();
    if n < 210 || effort.splits == 0 {
        let found = format!("{n} and {}", effort.splits);
        return Err(Error::invalid("study", "sub-networks and splits", "210 and 1 or more", found));
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
    fn pairs(&self, which: &[usize], scores: &[f64]) -> Vec<(Arch, f64)> {
        which.iter().map(|&i| (self.sample.archs[i].clone(), scores[i])).collect()
    }

    fn order(&self, split: usize) -> Vec<usize> {
        let seed = self.effort.seed + split as u64;
        let order = Key::new(seed).permutation(Purpose::Split, self.sample.archs.len());
        order.into_iter().map(|i| i as usize).collect()
    }

    fn judge(&self, said: &[f64], which: &[usize], scale_known: bool) -> Agreement {
        let at = |v: &[f64]| -> Vec<f64> { which.iter().map(|&i| v[i]).collect() };
        Agreement::of(&at(said), &at(&self.sample.truth), scale_known)
    }

    fn single(&self, method: &str, said: &[f64]) -> Row {
        let everyone: Vec<usize> = (0..said.len()).collect();
        let how = Resampling { resamples: self.effort.resamples, ..Resampling::default() };
        let ci = how.intervals(said, &self.sample.truth, [pearson, kendall_tau_b]);
        Row {
            method: method.into(),
            evaluations: said.len(),
            truths: 0,
            judged: said.len(),
            splits: 1,
            mean: self.judge(said, &everyone, false),
            spread: Agreement::default(),
            intervals: Some(ci),
        }
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

    fn said(&self, model: &Surrogate) -> Vec<f64> {
        self.sample.archs.iter().map(|a| model.linear(self.space, a)).collect()
    }

    fn without_truths(&self) -> Result<Vec<Row>> {
        use Terms::{Additive, Pairs};
        let (top1, ce) = (&self.sample.top1, &self.sample.negative_ce);
        let mut rows = vec![self.single("raw top-1", top1), self.single("raw -CE", ce)];
        let everyone: Vec<usize> = (0..top1.len()).collect();
        let tried = [
            ("ridge, any sign", top1, Link::Identity, choices(&[Additive], Sign::Free)),
            ("the same, logit link", top1, Link::Logit, choices(&[Additive], Sign::Free)),
            ("effects not negative", top1, Link::Logit, choices(&[Additive], Sign::NonNegative)),
            (
                "the same, pairs by CV",
                top1,
                Link::Logit,
                choices(&[Additive, Pairs], Sign::NonNegative),
            ),
            ("the same on -CE", ce, Link::Identity, choices(&[Additive, Pairs], Sign::NonNegative)),
        ];
        for (method, scores, link, choices) in tried {
            let model = self.fitted(&everyone, scores, link, &choices)?;
            rows.push(self.single(method, &self.said(&model)));
        }
        Ok(rows)
    }

    /// Surrogates of randomly drawn evaluations, judged on all and on those not evaluated.
    fn few_evaluations(&self, evaluations: usize) -> Result<Vec<Row>> {
        let n = self.sample.archs.len();
        let split = |split: usize| -> Result<[Agreement; 2]> {
            let order = self.order(split);
            let chosen = &order[..evaluations];
            let model = self.fitted(chosen, &self.sample.top1, Link::Logit, &Choices::default())?;
            let said = self.said(&model);
            Ok([self.judge(&said, &order, false), self.judge(&said, &order[evaluations..], false)])
        };
        let found: Vec<[Agreement; 2]> =
            (0..self.effort.splits).into_par_iter().map(split).collect::<Result<_>>()?;
        let row = |which: usize, method: &str, judged| {
            let all: Vec<Agreement> = found.iter().map(|f| f[which]).collect();
            self.row(method, evaluations, 0, judged, &all)
        };
        Ok(vec![
            row(0, "surrogate, judged on all", n),
            row(1, "surrogate, judged on those not evaluated", n - evaluations),
        ])
    }

    fn row(
        &self,
        method: &str,
        evaluations: usize,
        truths: usize,
        judged: usize,
        all: &[Agreement],
    ) -> Row {
        let (mean, spread) = Agreement::over(all);
        let (method, splits) = (method.into(), all.len());
        Row { method, evaluations, truths, judged, splits, mean, spread, intervals: None }
    }

    fn with_truths(&self, truths: usize) -> Result<Vec<Row>> {
        let n = self.sample.archs.len();
        let everyone: Vec<usize> = (0..n).collect();
        let model = self.fitted(&everyone, &self.sample.top1, Link::Logit, &Choices::default())?;
        let all = Components::default();
        let tried = [
            ("surrogate + truths", all),
            ("without products of layers", Components { products: false, ..all }),
            ("a straight line alone", Components { score: true, layers: false, products: false }),
            ("truths alone, no supernet", Components { score: false, ..all }),
        ];
        let mut rows = Vec::new();
        for (method, parts) in tried {
            let split = |split: usize| -> Result<Agreement> {
                let order = self.order(split);
                let known = self.pairs(&order[..truths], &self.sample.truth);
                let model = Calibrated::fit(self.space, &model, &known, parts)?;
                let said: Vec<f64> =
                    self.sample.archs.iter().map(|a| model.score(self.space, a)).collect();
                Ok(self.judge(&said, &order[truths..], true))
            };
            let found: Vec<Agreement> =
                (0..self.effort.splits).into_par_iter().map(split).collect::<Result<_>>()?;
            let evaluations = if parts.score { n } else { 0 };
            rows.push(self.row(method, evaluations, truths, n - truths, &found));
        }
        Ok(rows)
    }
}

/// How well a surrogate of some evaluations predicts the scores of all others: designs compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DesignRow {
    /// `random` or `informative`.
    pub design: String,
    /// Sub-networks evaluated.
    pub evaluations: usize,
    /// Root mean square error on scores that were not used, points; mean over repeats.
    pub rmse: f64,
    /// Its standard deviation over repeats.
    pub spread: f64,
    /// Repeats, each among other sub-networks.
    pub repeats: usize,
}

/// Compares designs on a large file of accuracies (fractions): each repeat chooses among `among`
/// random ones and is judged on 2,000 others.
///
/// # Errors
/// [`Error::Invalid`] where there are too few; as [`Surrogate::fit`].
pub fn designs(
    space: &Space<'_>,
    scores: &[(Arch, f64)],
    among: usize,
    repeats: usize,
) -> Result<Vec<DesignRow>> {
    const JUDGED: usize = 2000;
    if scores.len() < among + JUDGED || repeats == 0 {
        let found = format!("{} and {repeats}", scores.len());
        let expected = format!("{} and 1 or more", among + JUDGED);
        return Err(Error::invalid("study", "scores and repeats", expected, found));
    }
    let mut rows = Vec::new();
    for (design, evaluations) in
        [("random", 100), ("informative", 100), ("random", 300), ("informative", 300)]
    {
        let repeat = |repeat: usize| -> Result<f64> {
            let order = Key::new(repeat as u64).permutation(Purpose::Split, scores.len());
            let pool: Vec<&(Arch, f64)> =
                order[..among].iter().map(|&i| &scores[i as usize]).collect();
            let chosen = if design == "random" {
                design::random(pool.len(), evaluations, repeat as u64)
            } else {
                let archs: Vec<Arch> = pool.iter().map(|s| s.0.clone()).collect();
                design::informative(space, &archs, evaluations)
            };
            let samples: Vec<(Arch, f64)> = chosen.iter().map(|&i| pool[i].clone()).collect();
            let model = Surrogate::fit(space, &samples, Link::Logit)?;
            let judged = order[among..among + JUDGED].iter().map(|&i| &scores[i as usize]);
            let squares = judged.map(|(a, s)| (model.score(space, a) - s).powi(2)).sum::<f64>();
            Ok(100.0 * (squares / JUDGED as f64).sqrt())
        };
        let found: Vec<f64> = (0..repeats).into_par_iter().map(repeat).collect::<Result<_>>()?;
        let mean = found.iter().sum::<f64>() / repeats as f64;
        let variance = found.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / repeats as f64;
        let design = design.to_owned();
        rows.push(DesignRow { design, evaluations, rmse: mean, spread: variance.sqrt(), repeats });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests;
