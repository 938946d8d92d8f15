//! Training of a whole run within a limit of time.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;
use supernano_base::config::RunConfig;
use supernano_base::error::Result;
use supernano_base::progress::Progress;
use supernano_base::run_dir::RunDirectory;
use supernano_data::Dataset;

use super::{Accelerator, Begin, Epoch, Stop, train_stopping};
use crate::run::checkpoint;

/// A run to be trained.
#[derive(Clone, Copy)]
pub struct TrainRequest<'a> {
    /// The configuration.
    pub config: &'a RunConfig,
    /// Run directory.
    pub run: &'a Path,
    /// Treatment of a run that is in the directory already.
    pub begin: Begin,
    /// The processor that trains.
    pub accelerator: &'a dyn Accelerator,
    /// Minutes after which training ends, at the end of an epoch; `None` for no limit.
    pub minutes: Option<f64>,
    /// Seconds after which training ends, within an epoch; `None` for no limit. It takes the place of
    /// `minutes`.
    pub deadline: Option<f64>,
}

/// The result of a training.
#[derive(Clone, Debug, Serialize)]
pub struct TrainReport {
    /// Run directory.
    pub run: PathBuf,
    /// Wall time.
    pub seconds: f64,
    /// Whether all steps are trained.
    pub finished: bool,
    /// Epochs that were trained.
    pub epochs: Vec<Epoch>,
}

/// Loads the data set and trains every step that is not finished, or as many epochs as the limit of
/// time allows.
///
/// # Errors
/// As [`supernano_data::of_config`] and [`train_stopping`].
pub fn train_for(request: &TrainRequest<'_>, progress: &dyn Progress) -> Result<TrainReport> {
    let started = Instant::now();
    let TrainRequest { config, run, begin, accelerator, minutes, deadline } = *request;
    let dataset = supernano_data::of_config_cached(
        config,
        None,
        &RunDirectory::new(run).data_cache(),
        progress,
    )?;
    dataset.notes.iter().for_each(|note| progress.note(&format!("data: {note}")));
    let config = &with_facts(config, &dataset);
    let after = |limit: Option<f64>| limit.is_some_and(|s| started.elapsed().as_secs_f64() > s);
    let late = || after(deadline);
    let ends = |_, _| after(minutes.map(|m| 60.0 * m));
    let stop = if deadline.is_some() { Stop::BeforeUpdate(&late) } else { Stop::AfterEpoch(&ends) };
    let epochs = train_stopping(config, &dataset, run, begin, accelerator, progress, stop)?;
    let finished = checkpoint::latest_finished(run, config) == Some(config.steps.len());
    let seconds = started.elapsed().as_secs_f64();
    Ok(TrainReport { run: run.to_path_buf(), seconds, finished, epochs })
}

/// The configuration with what only the data tells: names of the classes, scales of targets, and ranges of
/// sensors. The
/// run keeps them, whatever is added to the data later.
pub(super) fn with_facts(config: &RunConfig, dataset: &Dataset) -> RunConfig {
    RunConfig { data: dataset.with_facts(&config.data), ..config.clone() }
}
