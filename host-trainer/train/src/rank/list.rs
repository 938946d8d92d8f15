//! A whole ranking: from a run directory and a selection of codes to a file of scores.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use serde::Serialize;
use supernano_base::codes::Coded;
use supernano_base::codes::scores::{Score, Scores, write_scores};
use supernano_base::codes::select::CodeSelection;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::objective::ScoreMetric;
use supernano_base::progress::Progress;
use supernano_base::run_dir::RunDirectory;
use supernano_base::stats::{not_learnt, score_not_learnt};
use supernano_core::arch::Arch;
use supernano_core::plan::cost;
use supernano_core::space::Head;
use supernano_search::predict::{EvaluationChoice, Predictions, TruthFile, predict_all};
use supernano_search::surrogate::Link;

use super::shard::{Identity, PlacedScore, Shard, positions};
use super::store::Store;
use super::{Effort, MacCounts, Ranker, ScoreRequest, Settings};
use crate::run::Run;
use crate::shard::ShardNumber;

/// Seed of random choices, if none is given.
const SEED: u64 = 1;

/// A ranking of a list of codes.
#[derive(Clone, Debug)]
pub struct RankRequest<'a> {
    /// Run directory.
    pub run: &'a Path,
    /// Training step whose weights are used, from 1; `None` for the last finished step.
    pub step: Option<usize>,
    /// Codes to score.
    pub codes: &'a CodeSelection,
    /// Directory or archive of the data set; `None` for the run's.
    pub data: Option<&'a Path>,
    /// Images and batch-norm statistics.
    pub images: ScoreRequest,
    /// How the work is done.
    pub effort: Effort,
    /// Part of the codes to score; `None` for all.
    pub part: Option<ShardNumber>,
    /// Codes to evaluate, if the others are predicted. Not together with [`Self::part`].
    pub evaluate: EvaluationChoice,
    /// Known true accuracies, which correct predictions.
    pub truths: TruthFile,
    /// Score file; `None` for the scores that accumulate in the run directory, or the part's file.
    pub output: Option<&'a Path>,
    /// Whether a score file that exists may be replaced. Scores are added to the run's own.
    pub overwrite: bool,
    /// True to start a new list of scores in the run directory.
    pub fresh: bool,
    /// True to accept a surrogate that is no better than a trivial predictor.
    pub force: bool,
}

/// The result of a ranking.
pub enum RankOutcome {
    /// The file of the part holds its scores already.
    AlreadyScored(PathBuf),
    /// All codes were evaluated.
    Scored(Box<RankReport>),
    /// Some codes were evaluated and all were predicted.
    Predicted(Box<Predictions>),
}

/// Scores of a list of codes.
#[derive(Clone, Debug, Serialize)]
pub struct RankReport {
    /// Run directory.
    pub run: PathBuf,
    /// Training step whose weights were used, from 1.
    pub step: usize,
    /// Images and statistics that a score is of.
    #[serde(flatten)]
    pub settings: Settings,
    /// The part of the codes that was scored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardNumber>,
    /// Score file.
    pub output: PathBuf,
    /// Number of scores in the file.
    pub total: usize,
    /// Number of scores that the run had already, and that were not computed again.
    pub known: usize,
    /// Accuracy of guessing, 0 to 1; of other scores, that of an answer that does not depend on the input.
    pub chance: f64,
    /// What `acc` of the scores is, unless it is the top-1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<ScoreMetric>,
    /// The sentence that says so if the supernet has not learnt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// Wall time of recalibration and evaluation.
    pub seconds: f64,
    /// Evaluated codes per second of that time.
    pub codes_per_s: f64,
    /// Threads that computed.
    pub threads: usize,
    /// Multiply-accumulates.
    #[serde(flatten)]
    pub work: MacCounts,
    /// Scores, in the order of the codes.
    pub scores: Vec<RankedCode>,
}

/// A score with the costs of its sub-network.
#[derive(Clone, Debug, Serialize)]
pub struct RankedCode {
    /// Id in the list of codes.
    pub id: String,
    /// Its score.
    #[serde(flatten)]
    pub score: Score,
    /// Multiply-accumulates of an image.
    pub macs: u64,
    /// Parameters.
    pub params: u64,
}

/// Scores a list of codes and writes the scores.
///
/// # Errors
/// Those of the run, the codes, the data, the truths and the score file; [`Error::Invalid`] for truths
/// without predictions.
pub fn rank(request: &RankRequest<'_>, progress: &dyn Progress) -> Result<RankOutcome> {
    let run = match request.step {
        Some(step) => Run::open_step(request.run, step)?,
        None => Run::open(request.run)?,
    };
    request.images.bn.statistics(&run)?;
    let all = request.codes.read(&run.space(), SEED)?;
    let chosen = choose(request, &all, &run)?;
    let output = output(request, chosen.is_some());
    let adds = chosen.is_none() && keeps(request, false);
    // Scores accumulate in the run, and a shard may be there already; predictions are new.
    if request.part.is_none() && !adds && (request.output.is_some() || chosen.is_some()) {
        files::claim(&output, request.overwrite)?;
    }
    files::probe(&output)?;
    let dataset = run.dataset_shown(request.data, progress)?;
    let ranker = Ranker::new(&run, &dataset, request.images, request.effort)?;
    let ranking = Identity::of(&run, &ranker, &all);
    if let Some(part) = request.part
        && Shard::read(&output).is_ok_and(|s| s.shard == part && s.ranking == ranking)
    {
        return Ok(RankOutcome::AlreadyScored(output));
    }
    if request.part.is_some() {
        files::claim(&output, request.overwrite)?;
    }
    let space = run.space();
    let store = keeps(request, chosen.is_some())
        .then(|| Store::new(RunDirectory::new(request.run), ranking.key()));
    if let Some(store) = store.as_ref().filter(|_| !request.fresh) {
        store.check()?;
    }
    let positions = match (request.part, &chosen) {
        (Some(part), _) => positions(part, &all),
        (None, Some(chosen)) => chosen.clone(),
        (None, None) => (0..all.len()).collect(),
    };
    let codes: Vec<&Coded> = positions.iter().map(|&i| &all[i]).collect();
    let known = match &store {
        Some(store) if !request.fresh => store.known(&space)?,
        _ => HashMap::new(),
    };
    let started = Instant::now();
    let Scored { scores, work, evaluated } = evaluate(&ranker, &codes, &known, progress)?;
    let seconds = started.elapsed().as_secs_f64();
    let accuracies: Vec<f64> = scores.iter().map(|(_, score)| score.acc).collect();
    let images = ranker.settings().images;
    let metric = ScoreMetric::of(space.head);
    let remark = match metric {
        None => not_learnt("the supernet", &accuracies, space.classes.into(), images),
        Some(metric) => score_not_learnt("the supernet", &accuracies, metric),
    };
    if let Some(remark) = &remark {
        progress.note(remark);
    }
    let mut total = scores.len();
    if let Some(store) = &store {
        total = store.add(&space, &scores, request.fresh)?;
    }
    if chosen.is_some() {
        let sample = |(c, (_, s)): (&&Coded, &(String, Score))| (c.arch.clone(), s.acc);
        let samples: Vec<(Arch, f64)> = codes.iter().zip(&scores).map(sample).collect();
        let RankRequest { truths, force, .. } = request;
        return predict_all(
            &space,
            &all,
            &samples,
            link(space.head),
            truths,
            Some(&output),
            *force,
        )
        .map(|predictions| RankOutcome::Predicted(Box::new(predictions)));
    }
    match request.part {
        Some(shard) => {
            let placed = positions.iter().zip(scores.iter().cloned());
            let placed = placed.map(|(&position, (id, score))| PlacedScore { position, id, score });
            Shard { shard, ranking, scores: placed.collect() }.write(&output)?;
        }
        None if store.is_some() => {}
        None => write_scores(&output, &scores)?,
    }
    Ok(RankOutcome::Scored(Box::new(RankReport {
        run: request.run.to_path_buf(),
        step: run.step,
        settings: ranker.settings(),
        shard: request.part,
        output,
        total,
        known: codes.len() - evaluated,
        chance: metric.map_or(1.0 / f64::from(space.classes), ScoreMetric::chance),
        metric,
        remark,
        seconds,
        codes_per_s: evaluated as f64 / seconds,
        threads: rayon::current_num_threads(),
        work,
        scores: costed(&run, &codes, scores),
    })))
}

/// The scale on which the scores of a head are predicted: R2 has no lower bound.
const fn link(head: Head) -> Link {
    match head {
        Head::Classes | Head::Labels => Link::Logit,
        Head::Values => Link::Identity,
    }
}

/// Positions of the codes to evaluate; `None` if nothing is predicted. The truths are read here as
/// well, so that a wrong file is found before anything is evaluated.
fn choose(request: &RankRequest<'_>, all: &[Coded], run: &Run) -> Result<Option<Vec<usize>>> {
    let space = run.space();
    if request.evaluate == EvaluationChoice::All && request.truths.path.is_some() {
        let expected = "--surrogate N or --evaluate FILE beside it";
        return Err(Error::invalid("command line", "--truth", expected, "neither"));
    }
    let seed = request.codes.seed.unwrap_or(SEED);
    let chosen = request.evaluate.positions(all, &space, seed)?;
    request.truths.read(&space)?;
    Ok(chosen)
}

/// True if the scores accumulate in the run: without another file for them. Predictions do not take
/// the place of scores, so the evaluated scores of a prediction accumulate in any case.
fn keeps(request: &RankRequest<'_>, predicts: bool) -> bool {
    let own = RunDirectory::new(request.run).scores();
    let elsewhere = request.output.is_some_and(|path| path != own);
    request.part.is_none() && (predicts || !elsewhere)
}

fn output(request: &RankRequest<'_>, predicts: bool) -> PathBuf {
    let directory = RunDirectory::new(request.run);
    let own = || match request.part {
        Some(part) => directory.shard(part.index, part.of),
        None if predicts => directory.predictions(),
        None => directory.scores(),
    };
    request.output.map_or_else(own, Path::to_path_buf)
}

/// Scores of codes, in their order.
struct Scored {
    scores: Scores,
    work: MacCounts,
    /// Number of codes that were evaluated.
    evaluated: usize,
}

/// Scores codes. Known scores are not computed again.
fn evaluate(
    ranker: &Ranker<'_>,
    codes: &[&Coded],
    known: &HashMap<Arch, Score>,
    progress: &dyn Progress,
) -> Result<Scored> {
    let unknown: Vec<&Coded> =
        codes.iter().copied().filter(|coded| !known.contains_key(&coded.arch)).collect();
    let task = progress.task(unknown.len() as u64, "rank");
    let done = Mutex::new((0.0, 0));
    let advance = |part: f64| {
        if let Ok(mut done) = done.lock() {
            done.0 += part;
            let whole = done.0 as u64;
            task.advance(whole - done.1);
            done.1 = whole;
        }
    };
    let archs: Vec<&Arch> = unknown.iter().map(|c| &c.arch).collect();
    let (found, work) = ranker.evaluate(&archs, &advance)?;
    task.finish();
    let mut found = found.into_iter();
    let score = |coded: &&Coded| match known.get(&coded.arch) {
        Some(score) => {
            Some(Ok((coded.id.clone(), Score { arch: coded.written.clone(), ..score.clone() })))
        }
        None => found
            .next()
            .map(|found| Ok((coded.id.clone(), ranker.checked(&coded.id, &coded.written, found)?))),
    };
    let scores = codes.iter().filter_map(score).collect::<Result<_>>()?;
    Ok(Scored { scores, work, evaluated: unknown.len() })
}

fn costed(run: &Run, codes: &[&Coded], scores: Scores) -> Vec<RankedCode> {
    let space = run.space();
    let one = |((id, score), coded): ((String, Score), &&Coded)| {
        let cost = cost(&space, &run.plan(&coded.arch));
        RankedCode { id, score, macs: cost.macs, params: cost.params }
    };
    scores.into_iter().zip(codes).map(one).collect()
}
