//! Searches the sub-networks of a run for the best ones under a budget.

use std::path::{Path, PathBuf};

use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::progress::Progress;
use supernano_base::run_dir::RunDirectory;
use supernano_data::label_bytes;
use supernano_search::search::Method;
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
    let samples = request.metric.samples(&or(request.scores, directory.scores()), &space)?;
    let method = Method {
        seed: request.seed.unwrap_or(config.seed),
        state: Some(state),
        ..Method::default()
    };
    let mut outcome = find(&SearchRequest {
        space: &space,
        enhancement: config.steps[step - 1].enhancement(config.enhancement),
        label_bytes: label_bytes(&config),
        samples: &samples,
        metric: request.metric,
        budget: request.budget,
        method: &method,
        listing: request.listing,
    })?;
    if let Some(Verification { images, data }) = request.verification {
        let run = Run::open(request.run)?;
        let dataset = run.dataset(data)?;
        verify_front(&run, &dataset, &mut outcome, images, progress)?;
    }
    files::write_json(&output, &outcome.front)?;
    Ok((outcome.front, output))
}
