//! Searches the sub-networks of a run for the best ones under a budget.

use std::path::{Path, PathBuf};

use supernano_base::codes::scores::read_scores;
use supernano_base::config::RunConfig;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::objective::ScoreMetric;
use supernano_base::progress::Progress;
use supernano_base::run_dir::RunDirectory;
use supernano_base::stats::{not_learnt, score_not_learnt};
use supernano_core::arch::Arch;
use supernano_core::space::Head;
use supernano_data::{front_end_bytes, label_bytes};
use supernano_search::search::Method;
use supernano_search::search::among::Candidates;
use supernano_search::search::budget::Budget;
use supernano_search::search::file::Front;
use supernano_search::search::find::{Listing, Metric, SearchRequest, find};

use crate::run::Run;
use crate::run::checkpoint::latest_finished;
use crate::verify::verify_front;

/// A search over the sub-networks of a run.
#[derive(Clone, Debug)]
pub struct RunSearch<'a> {
    /// Run directory.
    pub run: &'a Path,
    /// Scores of evaluated sub-networks; `None` for `scores.json` of the run.
    pub scores: Option<&'a Path>,
    /// The quantity that is maximised.
    pub metric: Metric,
    /// Limits, and the costs of the core.
    pub budget: &'a Budget,
    /// Which networks are listed.
    pub listing: Listing,
    /// How the listed networks are evaluated; `None` for predictions only.
    pub verification: Option<Verification<'a>>,
    /// Seed of an evolution; `None` for the run's.
    pub seed: Option<u64>,
    /// File that holds the state of an unfinished search; `None` for `search-state.json` of the run.
    pub state: Option<&'a Path>,
    /// File for the result; `None` for `front.json` of the run.
    pub output: Option<&'a Path>,
    /// True to accept a surrogate that is no better than a trivial predictor.
    pub force: bool,
    /// The sub-networks that the search chooses from.
    pub candidates: Candidates,
}

/// How listed networks are evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verification<'a> {
    /// Validation images.
    pub images: usize,
    /// Directory or archive of the data set; `None` for the run's.
    pub data: Option<&'a Path>,
}

/// Searches a run, evaluates the listed networks if that is requested, and writes the result. Returns
/// the result and its file.
///
/// # Errors
/// Those of the run and of the score file; as [`find`] and [`verify_front`].
pub fn search_run(request: &RunSearch<'_>, progress: &dyn Progress) -> Result<(Front, PathBuf)> {
    let directory = RunDirectory::new(request.run);
    let config = directory.config()?;
    let space = config.space();
    let step = latest_finished(request.run, &config).filter(|step| *step > 0).ok_or_else(|| {
        let needed_for = "a finished training step, whose weights would ship; `supernano train` \
                          makes it";
        Error::Missing { path: request.run.join("checkpoints"), needed_for: needed_for.into() }
    })?;
    let or = |path: Option<&Path>, own: PathBuf| path.map_or(own, Path::to_path_buf);
    let (state, output) =
        (or(request.state, directory.search_state()), or(request.output, directory.front()));
    // A small space is enumerated, which needs no state.
    if request.state.is_some() {
        files::probe(&state)?;
    }
    files::probe(&output)?;
    let scores = or(request.scores, directory.scores());
    let metric = request.metric.of_head(space.head);
    if request.verification.is_some() && space.head != Head::Classes {
        let expected = "networks of classes: only their answers are right or wrong";
        return Err(Error::invalid("command line", "--verify", expected, space.name));
    }
    let samples = metric.samples(&scores, &space)?;
    if let Some(remark) = remark(metric, &scores, &samples, &config) {
        progress.note(&remark);
    }
    let method = Method {
        seed: request.seed.unwrap_or(config.seed),
        state: Some(state),
        ..Method::default()
    };
    let mut outcome = find(&SearchRequest {
        space: &space,
        enhancement: config.steps[step - 1].enhancement(config.enhancement),
        label_bytes: label_bytes(&config) + front_end_bytes(&config)?,
        samples: &samples,
        metric,
        budget: request.budget,
        method: &method,
        listing: request.listing,
        force: request.force,
        candidates: request.candidates,
        progress,
    })?;
    if let Some(Verification { images, data }) = request.verification {
        let run = Run::open(request.run)?;
        let dataset = run.dataset_shown(data, progress)?;
        verify_front(&run, &dataset, &mut outcome, images, progress)?;
    }
    files::write_json(&output, &outcome.front)?;
    Ok((outcome.front, output))
}

/// A sentence if the scores say that the supernet has not learnt. A score file that does not state
/// its images has those of the validation split.
fn remark(
    metric: Metric,
    file: &Path,
    samples: &[(Arch, f64)],
    config: &RunConfig,
) -> Option<String> {
    let classes = usize::from(config.space().classes);
    match metric {
        Metric::Top1 => {
            let stated = read_scores(file).ok().and_then(|s| s.iter().map(|s| s.1.images).min());
            let images = stated.filter(|&n| n > 0).unwrap_or(config.data.validation_images());
            let accuracies: Vec<f64> = samples.iter().map(|(_, score)| *score).collect();
            not_learnt("the supernet", &accuracies, classes, images)
        }
        Metric::R2 | Metric::MacroAuc => {
            let found: Vec<f64> = samples.iter().map(|(_, score)| *score).collect();
            score_not_learnt("the supernet", &found, ScoreMetric::of(config.space().head)?)
        }
        Metric::CrossEntropy if config.space().head != Head::Classes => None,
        Metric::CrossEntropy => {
            let mean = -samples.iter().map(|s| s.1).sum::<f64>() / samples.len().max(1) as f64;
            let chance = (classes as f64).ln();
            (mean >= chance).then(|| {
                format!(
                    "the supernet has not learnt: the mean cross-entropy of {} sub-networks is \
                     {mean:.3} nats, and that of guessing is {chance:.3}",
                    samples.len()
                )
            })
        }
    }
}
