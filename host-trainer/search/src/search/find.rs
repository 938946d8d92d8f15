//! A complete search, from scores, a budget and a space to the content of `front.json`.
//!
//! [`find`] fits a surrogate, searches the space and selects the listed networks. Reading runs and
//! measuring accuracies are left to the caller.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use rayon::prelude::*;
use supernano_base::error::{Error, Result};
use supernano_base::objective::ScoreMetric;
use supernano_base::progress::Progress;
use supernano_base::stats::table;
use supernano_core::arch::Arch;
use supernano_core::plan::Enhancement;
use supernano_core::space::{Head, Space};
use supernano_facts::FirmwareBuild;

use super::among::{self, Candidates, Measured};
use super::budget::Budget;
use super::file::{Comparison, Front, FrontNetwork, InstructionModel, Sample, SurrogateSummary};
use super::{Method, Problem, ScoreModel, ScoredNetwork, front, search_with, uniform};
use crate::cost::device::{DeviceCosts, kind};
use crate::cost::instructions::{InstructionTable, kernel_name};
use crate::cost::memory::logits_bytes;
use crate::cost::{CostModel as _, Limits};
use crate::surrogate::{Choices, Link, Prediction, Surrogate, Terms};

/// Largest number of evaluated sub-networks that `front.json` lists.
const SAMPLES: usize = 2000;

/// The quantity that the search maximises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// Top-1 accuracy.
    #[default]
    Top1,
    /// The negative cross-entropy, which ranks better after short training.
    CrossEntropy,
    /// R2 of values ([`ScoreMetric::R2`]).
    R2,
    /// Macro AUC of labels ([`ScoreMetric::MacroAuc`]).
    MacroAuc,
}

impl Metric {
    /// Name in `front.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Top1 => "top1",
            Self::CrossEntropy => "ce",
            Self::R2 => ScoreMetric::R2.name(),
            Self::MacroAuc => ScoreMetric::MacroAuc.name(),
        }
    }

    /// This quantity for a head: accuracies are of classes, and other heads have their own scores.
    pub const fn of_head(self, head: Head) -> Self {
        match (self, ScoreMetric::of(head)) {
            (Self::Top1, Some(ScoreMetric::R2)) => Self::R2,
            (Self::Top1, Some(ScoreMetric::MacroAuc)) => Self::MacroAuc,
            _ => self,
        }
    }

    /// Columns or keys of a score file, and the sign that makes a higher value better.
    const fn columns(self) -> (&'static [&'static str], f64) {
        match self {
            Self::Top1 => (&["top1", "acc"], 1.0),
            Self::CrossEntropy => (&["ce", "ce_loss"], -1.0),
            Self::R2 | Self::MacroAuc => (&["acc"], 1.0),
        }
    }

    const fn link(self) -> Link {
        match self {
            Self::Top1 | Self::MacroAuc => Link::Logit,
            Self::CrossEntropy | Self::R2 => Link::Identity,
        }
    }

    /// Reads evaluated sub-networks from a score file. A higher value in the result is better.
    ///
    /// # Errors
    /// The errors of [`table::read`].
    pub fn samples(self, path: &Path, space: &Space<'_>) -> Result<Vec<(Arch, f64)>> {
        let (columns, sign) = self.columns();
        let entries = table::read(path, space, columns).map_err(|error| match error {
            Error::Missing { path, .. } => {
                let needed_for =
                    "scores of evaluated sub-networks; `supernano rank` makes them".into();
                Error::Missing { path, needed_for }
            }
            other => other,
        })?;
        Ok(entries.into_iter().map(|e| (e.arch, sign * e.value)).collect())
    }
}

/// The selection of the listed networks of a front.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Number of networks with the best scores.
    pub top: Option<usize>,
    /// Number of networks that represent the front ([`front::spread`]). `None` stands for 8, or for 0
    /// if [`Self::top`] is given.
    pub spread: Option<usize>,
}

impl Listing {
    /// Selects networks, best score first, each once. Never empty.
    fn of(self, found: &[ScoredNetwork]) -> Vec<ScoredNetwork> {
        let spread = self.spread.unwrap_or(if self.top.is_some() { 0 } else { 8 });
        let top = self.top.unwrap_or(0).max(usize::from(spread == 0));
        let mut networks: Vec<ScoredNetwork> = found.iter().take(top).cloned().collect();
        networks.extend(front::spread(found, spread));
        networks.sort_by(front::order);
        networks.dedup_by(|a, b| a.arch == b.arch);
        networks
    }
}

/// The inputs of a complete search.
#[derive(Clone)]
pub struct SearchRequest<'a> {
    /// The search space.
    pub space: &'a Space<'a>,
    /// Enhancement of the weights that will ship.
    pub enhancement: Enhancement,
    /// Size of the class labels and of the front end in a network file, bytes.
    pub label_bytes: usize,
    /// Evaluated sub-networks ([`Metric::samples`]).
    pub samples: &'a [(Arch, f64)],
    /// The quantity that is maximised.
    pub metric: Metric,
    /// Limits and instruction table.
    pub budget: &'a Budget,
    /// Settings of the search.
    pub method: &'a Method,
    /// Selection of the listed networks.
    pub listing: Listing,
    /// True to accept a surrogate that is no better than a trivial predictor.
    pub force: bool,
    /// The sub-networks that the search chooses from.
    pub candidates: Candidates,
    /// Shows the progress.
    pub progress: &'a dyn Progress,
}

/// The result of a complete search. `front.networks[i]` describes `listed[i]`.
#[derive(Clone, Debug)]
pub struct SearchOutcome {
    /// The content of `front.json`.
    pub front: Front,
    /// The listed networks, best score first. Never empty.
    pub listed: Vec<ScoredNetwork>,
    /// The best network of uniform width within the same limits.
    pub uniform: Option<ScoredNetwork>,
}

/// Fits a surrogate to the samples and searches the space.
///
/// # Errors
/// The errors of [`Surrogate::fit_with`], [`CrossValidation::require_useful`], [`search_with`] and
/// [`among::search`].
///
/// [`CrossValidation::require_useful`]: crate::surrogate::CrossValidation::require_useful
pub fn find(request: &SearchRequest<'_>) -> Result<SearchOutcome> {
    let SearchRequest { space, metric, .. } = *request;
    let budget = &request.budget.for_space(space)?;
    // The model, the network of uniform width, and the costs of the listed networks.
    let task = request.progress.task(3, "search");
    let additive = Choices { terms: vec![Terms::Additive], ..Choices::default() };
    let surrogate = Surrogate::fit_with(space, request.samples, metric.link(), &additive)?;
    let (measured, remark) = judged(request, &surrogate)?;
    task.advance(1);
    let costs = DeviceCosts {
        space,
        enhancement: request.enhancement,
        labels: request.label_bytes,
        table: budget.table.clone(),
    };
    if !space.is_residual() {
        known(&costs, Arch::largest(space))?;
        known(&costs, Arch::smallest(space))?;
    }
    let evaluated: HashMap<&Arch, f64> = request.samples.iter().map(|(a, s)| (a, *s)).collect();
    let scores = measured.then_some(Measured(&evaluated));
    let score: &dyn ScoreModel = match &scores {
        Some(scores) => scores,
        None => &surrogate,
    };
    let problem = Problem { space, score, costs: &costs, limits: budget.limits };
    let start = Instant::now();
    let found = match measured {
        true => {
            let archs: Vec<Arch> = request.samples.iter().map(|(arch, _)| arch.clone()).collect();
            among::search(&problem, &archs, &*task)
        }
        false => search_with(&problem, request.method, &*task),
    };
    let found = found.map_err(|error| named(error, budget))?;
    let seconds = start.elapsed().as_secs_f64();
    let uniform = uniform::best(&problem)?.filter(|u| !measured || evaluated.contains_key(&u.arch));
    task.advance(1);
    // An evolution may have missed the network of uniform width, which can dominate others.
    let whole = front::pareto(found.front.iter().chain(&uniform).cloned().collect());
    let listed = request.listing.of(&whole);

    let overhead = budget.table.overhead;
    let logits = logits_bytes(space.classes.into());
    // A limit of estimated time is searched in cycles; the front lists instructions all the same.
    let counted = match budget.limit_cycles() {
        Some(_) => InstructionTable::of_core(budget.table.core.trim_end_matches('+'))?,
        None => budget.table.clone(),
    };
    let modelled = |c: &ScoredNetwork| {
        let code = c.arch.display(space).to_string();
        let lowered = costs.lowered(&c.arch, &code, &c.kinds);
        let time = budget.time.as_ref().and_then(|model| model.of(&lowered.header));
        (counted.network(&lowered.header), time)
    };
    let described = |c: &ScoredNetwork| {
        let (instructions, time) = modelled(c);
        let predicted = surrogate.predict(space, &c.arch);
        let Prediction { se, interval, .. } =
            scores.as_ref().map_or(predicted, |scores| scores.about(&c.arch, predicted));
        FrontNetwork {
            code: c.arch.display(space).to_string(),
            score: c.score,
            score_se: se,
            interval,
            evaluated: evaluated.get(&c.arch).copied(),
            flash_bytes: c.costs.flash_bytes,
            ram_bytes: c.costs.ram_bytes,
            blob_bytes: c.costs.flash_bytes - overhead.code,
            arena_bytes: c.costs.ram_bytes - logits - overhead.stack - overhead.statics,
            logits_bytes: logits,
            instructions,
            time,
            kernels: kernels(space, &c.kinds),
            verified: None,
        }
    };
    let comparison = uniform.as_ref().map(|uniform| {
        let pair = [&listed[0].arch, &uniform.arch];
        let difference = match &scores {
            Some(scores) => scores.difference(&surrogate, space, pair),
            None => surrogate.difference(space, pair[0], pair[1]),
        };
        Comparison {
            measured: false,
            winner: listed[0].score,
            uniform: uniform.score,
            difference,
            better: difference.low > 0.0,
        }
    });
    let samples = request.samples.par_iter().zip(&surrogate.held_out).take(SAMPLES);
    let samples = samples.map(|((arch, score), held_out)| {
        let code = arch.display(space).to_string();
        let memory = costs.costs(arch, &[]);
        let instructions = counted.network(&costs.lowered(arch, &code, &[]).header);
        let (flash_bytes, ram_bytes) = (memory.flash_bytes, memory.ram_bytes);
        let (score, held_out) = (*score, *held_out);
        Sample { code, score, held_out, flash_bytes, ram_bytes, instructions }
    });
    let samples = samples.collect();
    let front = Front {
        space: space.name.to_owned(),
        chip: budget.chip.as_ref().map(|c| c.name.clone()),
        limits: budget.limits,
        firmware: budget.firmware.map_or("table", FirmwareBuild::name).to_owned(),
        overhead,
        examined: found.examined,
        seconds,
        exhaustive: found.exhaustive,
        optimal: found.optimal,
        bound: found.bound,
        front_size: whole.len(),
        surrogate: SurrogateSummary {
            metric: metric.name().to_owned(),
            samples: surrogate.samples,
            lambda: surrogate.lambda,
            cross_validation: surrogate.cross_validation,
        },
        instructions: instruction_model(&counted),
        time: budget.time.as_ref().map(|model| model.summary(budget.limit_cycles())),
        networks: listed.iter().map(described).collect(),
        winner: listed[0].arch.display(space).to_string(),
        uniform: uniform.as_ref().map(described),
        comparison,
        dominated: Vec::new(),
        samples,
        evaluated_only: measured,
        remark,
    };
    task.finish();
    Ok(SearchOutcome { front, listed, uniform })
}

/// True if only measured scores count, with a remark about a surrogate that is not useful.
fn judged(request: &SearchRequest<'_>, surrogate: &Surrogate) -> Result<(bool, Option<String>)> {
    let (judgement, n) = (surrogate.cross_validation, surrogate.samples);
    let measured = match request.candidates {
        Candidates::All => false,
        Candidates::Evaluated => true,
        Candidates::Auto => !judgement.is_useful(n),
    };
    match judgement.require_useful(n, request.force || measured) {
        Ok(Some(reason)) if measured => Ok((
            true,
            Some(format!("the winner is one of the {n} evaluated sub-networks, because {reason}")),
        )),
        Ok(remark) => Ok((measured, remark)),
        Err(Error::No(text)) => Err(Error::No(format!(
            "{text}, or choose among the evaluated ones with `--candidates evaluated`"
        ))),
        Err(other) => Err(other),
    }
}

/// Succeeds if the table has coefficients for every kernel of a sub-network.
fn known(costs: &DeviceCosts<'_>, arch: Arch) -> Result<()> {
    let code = arch.display(costs.space).to_string();
    let lowered = costs.lowered(&arch, &code, &[]);
    let Some(kernel) = costs.table.lacks(&lowered.header) else { return Ok(()) };
    let expected = format!("a table with terms of `{kernel}` layers, as those of the cores");
    let found =
        format!("{} of {}, which counts them as nothing", costs.table.unit, costs.table.core);
    Err(Error::invalid("option --core", "core", expected, found))
}

/// Names the limit that the user has set: a time becomes a limit of estimated cycles.
fn named(error: Error, budget: &Budget) -> Error {
    let [.., instructions] = Limits::NAMES;
    match error {
        Error::No(text) if budget.limit_cycles().is_some() => {
            Error::No(text.replace(instructions, "--latency, in estimated cycles,"))
        }
        other => other,
    }
}

/// The model behind the instructions, for `front.json`.
fn instruction_model(table: &InstructionTable) -> InstructionModel {
    InstructionModel {
        core: table.core.clone(),
        unit: table.unit.clone(),
        modelled: true,
        counted: table.counted,
        largest_error: table.largest_error,
        provenance: table.provenance.clone(),
    }
}

/// Name of the kernel of every layer. Empty in spaces of other than residual networks, where every
/// kernel is the default.
fn kernels(space: &Space<'_>, kinds: &[u8]) -> Vec<String> {
    if !space.is_residual() {
        return Vec::new();
    }
    let name = |layer| kernel_name(kind(space, kinds, layer)).to_owned();
    (0..space.layers.len()).map(name).collect()
}
