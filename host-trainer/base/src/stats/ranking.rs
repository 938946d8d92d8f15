//! The quality of a ranking, compared with trivial predictors.

use serde::{Deserialize, Serialize};
use supernano_core::arch::Arch;
use supernano_core::plan::{BranchScheme, Enhancement, cost, resolve};
use supernano_core::space::Space;

use super::{
    Coefficient, Interval, Resampling, best_tenth, kendall_tau_b, pearson, regret, spearman,
};

/// Coefficients without intervals. An undefined one (of a constant series) is `null`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Number of pairs.
    pub n: usize,
    /// Pearson's r.
    pub pearson: Option<f64>,
    /// Spearman's rho.
    pub spearman: Option<f64>,
    /// Kendall's tau-b.
    pub kendall_tau_b: Option<f64>,
}

impl Quality {
    /// The coefficients of these pairs.
    pub fn of(score: &[f64], truth: &[f64]) -> Self {
        Self {
            n: score.len(),
            pearson: finite(pearson(score, truth)),
            spearman: finite(spearman(score, truth)),
            kendall_tau_b: finite(kendall_tau_b(score, truth)),
        }
    }
}

/// The quality of a trivial predictor, on all networks and on the best tenth by truth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// On all networks.
    #[serde(flatten)]
    pub all: Quality,
    /// On the ceil(n / 10) highest truths.
    pub best_tenth: Quality,
    /// Regret of its highest prediction, in the unit of the truths.
    pub top1_regret: f64,
}

/// The width of the single layer that predicts best (by absolute Pearson correlation).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WidthBaseline {
    /// The layer, counted from 1.
    pub layer: usize,
    /// Its quality as a predictor.
    #[serde(flatten)]
    pub baseline: Baseline,
}

/// Predictors that need no supernet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// Multiply-accumulates of the nominal sub-network.
    pub macs: Baseline,
    /// Parameters of the nominal sub-network.
    pub params: Baseline,
    /// Nominal width of one layer.
    pub width: WidthBaseline,
}

/// The result of `supernano correlate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Number of sub-networks with a score and a truth.
    pub n: usize,
    /// Pearson's r.
    pub pearson: Option<f64>,
    /// Its bootstrap interval.
    pub pearson_ci: Option<Interval>,
    /// Spearman's rho.
    pub spearman: Option<f64>,
    /// Its bootstrap interval.
    pub spearman_ci: Option<Interval>,
    /// Kendall's tau-b.
    pub kendall_tau_b: Option<f64>,
    /// Its bootstrap interval.
    pub kendall_ci: Option<Interval>,
    /// Confidence of the intervals.
    pub confidence: f64,
    /// On the ceil(n / 10) highest truths.
    pub best_tenth: Quality,
    /// Best truth minus the truth of the highest score, in the unit of the truths.
    pub top1_regret: f64,
    /// Best truth minus the best truth among the ten highest scores.
    pub top10_regret: f64,
    /// Root mean square residual of the least-squares line from scores to truths, in the unit of the
    /// truths.
    pub rmse: Option<f64>,
    /// Trivial predictors.
    pub baselines: Baselines,
    /// The compared pairs, if requested ([`Report::with_pairs`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<Pair>,
}

/// One sub-network's score and truth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Its code.
    pub code: String,
    /// Its score.
    pub score: f64,
    /// Its true accuracy.
    pub truth: f64,
}

impl Report {
    /// Adds the compared pairs, for plots.
    pub fn with_pairs(
        self,
        space: &Space<'_>,
        archs: &[Arch],
        score: &[f64],
        truth: &[f64],
    ) -> Self {
        let pairs = archs.iter().zip(score).zip(truth).map(|((arch, &score), &truth)| Pair {
            code: arch.display(space).to_string(),
            score,
            truth,
        });
        Self { pairs: pairs.collect(), ..self }
    }
}

fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

fn baseline(predictor: &[f64], truth: &[f64], tenth: &[usize]) -> Baseline {
    let at = |v: &[f64]| -> Vec<f64> { tenth.iter().map(|&i| v[i]).collect() };
    Baseline {
        all: Quality::of(predictor, truth),
        best_tenth: Quality::of(&at(predictor), &at(truth)),
        top1_regret: regret(predictor, truth, 1),
    }
}

/// Compares scores with truths; `archs[i]` has `score[i]` and `truth[i]`.
///
/// # Panics
/// If the three have different lengths or are empty.
pub fn report(
    space: &Space<'_>,
    archs: &[Arch],
    score: &[f64],
    truth: &[f64],
    resampling: &Resampling,
) -> Report {
    assert!(!archs.is_empty() && archs.len() == score.len() && score.len() == truth.len());
    let tenth = best_tenth(truth);
    let scored = baseline(score, truth, &tenth);
    let intervals = resampling.intervals(
        score,
        truth,
        [Coefficient::Pearson, Coefficient::Spearman, Coefficient::Kendall],
    );
    let [pearson_ci, spearman_ci, kendall_ci] =
        intervals.map(|i| i.iter().all(|v| v.is_finite()).then_some(i));
    let costs: Vec<_> = archs
        .iter()
        .map(|a| cost(space, &resolve(space, a, Enhancement::NONE, BranchScheme::Shared)))
        .collect();
    let macs: Vec<f64> = costs.iter().map(|c| c.macs as f64).collect();
    let params: Vec<f64> = costs.iter().map(|c| c.params as f64).collect();
    let width = space
        .free_layers()
        .filter(|&i| !space.layers[i].expands)
        .map(|i| {
            let widths: Vec<f64> = archs.iter().map(|a| f64::from(a.nominal(space, i).0)).collect();
            WidthBaseline { layer: i + 1, baseline: baseline(&widths, truth, &tenth) }
        })
        .max_by(|a, b| strength(a).total_cmp(&strength(b)))
        .expect("a validated space has a free layer");
    Report {
        n: score.len(),
        pearson: scored.all.pearson,
        pearson_ci,
        spearman: scored.all.spearman,
        spearman_ci,
        kendall_tau_b: scored.all.kendall_tau_b,
        kendall_ci,
        confidence: resampling.confidence,
        best_tenth: scored.best_tenth,
        top1_regret: scored.top1_regret,
        top10_regret: regret(score, truth, 10),
        rmse: scored.all.pearson.map(|r| {
            let n = truth.len() as f64;
            let mean = truth.iter().sum::<f64>() / n;
            let squares = truth.iter().map(|t| (t - mean).powi(2)).sum::<f64>();
            (squares / n * (1.0 - r * r)).sqrt()
        }),
        baselines: Baselines {
            macs: baseline(&macs, truth, &tenth),
            params: baseline(&params, truth, &tenth),
            width,
        },
        pairs: Vec::new(),
    }
}

fn strength(w: &WidthBaseline) -> f64 {
    w.baseline.all.pearson.map_or(-1.0, f64::abs)
}
