//! A whole ranking: from a run directory and a selection of codes to a file of scores.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use serde::Serialize;
use supernano_base::codes::Coded;
use supernano_base::codes::scores::{Score, Scores, write_scores};
use supernano_base::codes::select::CodeSelection;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::progress::Progress;
use supernano_base::run_dir::RunDirectory;
use supernano_core::arch::Arch;
use supernano_core::plan::cost;
use supernano_search::predict::{EvaluationChoice, Predictions, TruthFile, predict_all};
use supernano_search::surrogate::Link;

use super::shard::{Identity, PlacedScore, Shard, ShardNumber};
use super::{Effort, MacCounts, Ranker, ScoreRequest, Settings};
use crate::run::Run;

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
    /// Score file; `None` for `scores.json` or the part's file in the run directory.
    pub output: Option<&'a Path>,
    /// Whether a score file that exists may be replaced. The run's `scores.json` may always be.
    pub overwrite: bool,
}

/// The result of a ranking.
pub enum RankOutcome {
    /// The file of the part holds its scores already.
    AlreadyScored(PathBuf),
    /// All codes were evaluated.
    Scored(RankReport),
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
    /// Wall time of recalibration and evaluation.
    pub seconds: f64,
    /// Codes per second of that time.
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
    let output = output(request);
    if request.output.is_some() && request.part.is_none() {
        files::claim(&output, request.overwrite)?;
    }
    files::probe(&output)?;
    let all = request.codes.read(&run.space(), SEED)?;
    let chosen = choose(request, &all, &run)?;
    let dataset = run.dataset(request.data)?;
    let ranker = Ranker::new(&run, &dataset, request.images, request.effort)?;
    let ranking = request.part.map(|_| Identity::of(&run, &ranker, &all));
    if let (Some(part), Some(ranking)) = (request.part, &ranking)
        && Shard::read(&output).is_ok_and(|s| s.shard == part && s.ranking == *ranking)
    {
        return Ok(RankOutcome::AlreadyScored(output));
    }
    if request.part.is_some() {
        files::claim(&output, request.overwrite)?;
    }
    let positions = match (request.part, &chosen) {
        (Some(part), _) => part.positions(&all),
        (None, Some(chosen)) => chosen.clone(),
        (None, None) => (0..all.len()).collect(),
    };
    let codes: Vec<&Coded> = positions.iter().map(|&i| &all[i]).collect();
    let started = Instant::now();
    let (scores, work) = evaluate(&ranker, &codes, progress)?;
    let seconds = started.elapsed().as_secs_f64();
    if chosen.is_some() {
        let sample = |(c, (_, s)): (&&Coded, &(String, Score))| (c.arch.clone(), s.acc);
        let samples: Vec<(Arch, f64)> = codes.iter().zip(&scores).map(sample).collect();
        let (space, truths) = (run.space(), &request.truths);
        return predict_all(&space, &all, &samples, Link::Logit, truths, Some(&output))
            .map(|predictions| RankOutcome::Predicted(Box::new(predictions)));
    }
    match request.part.zip(ranking) {
        Some((shard, ranking)) => {
            let placed = positions.iter().zip(scores.iter().cloned());
            let placed = placed.map(|(&position, (id, score))| PlacedScore { position, id, score });
            Shard { shard, ranking, scores: placed.collect() }.write(&output)?;
        }
        None => write_scores(&output, &scores)?,
    }
    Ok(RankOutcome::Scored(RankReport {
        run: request.run.to_path_buf(),
        step: run.step,
        settings: ranker.settings(),
        shard: request.part,
        output,
        seconds,
        codes_per_s: codes.len() as f64 / seconds,
        threads: rayon::current_num_threads(),
        work,
        scores: costed(&run, &codes, scores),
    }))
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
    request.truths.read(&space, all)?;
    Ok(chosen)
}

fn output(request: &RankRequest<'_>) -> PathBuf {
    let directory = RunDirectory::new(request.run);
    let own = || match request.part {
        Some(part) => directory.shard(part.index, part.of),
        None => directory.scores(),
    };
    request.output.map_or_else(own, Path::to_path_buf)
}

/// Scores codes, in their order.
fn evaluate(
    ranker: &Ranker<'_>,
    codes: &[&Coded],
    progress: &dyn Progress,
) -> Result<(Scores, MacCounts)> {
    let task = progress.task(codes.len() as u64, "rank");
    let done = Mutex::new((0.0, 0));
    let advance = |part: f64| {
        if let Ok(mut done) = done.lock() {
            done.0 += part;
            let whole = done.0 as u64;
            task.advance(whole - done.1);
            done.1 = whole;
        }
    };
    let archs: Vec<&Arch> = codes.iter().map(|c| &c.arch).collect();
    let (found, work) = ranker.evaluate(&archs, &advance);
    task.finish();
    let score =
        |(c, found): (&&Coded, _)| Ok((c.id.clone(), ranker.checked(&c.id, &c.written, found)?));
    Ok((codes.iter().zip(found).map(score).collect::<Result<_>>()?, work))
}

fn costed(run: &Run, codes: &[&Coded], scores: Scores) -> Vec<RankedCode> {
    let space = run.space();
    let one = |((id, score), coded): ((String, Score), &&Coded)| {
        let cost = cost(&space, &run.plan(&coded.arch));
        RankedCode { id, score, macs: cost.macs, params: cost.params }
    };
    scores.into_iter().zip(codes).map(one).collect()
}
