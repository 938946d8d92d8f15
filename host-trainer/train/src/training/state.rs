//! The state of a run directory: where a training starts, and where it resumes.

use std::path::Path;

use supernano_base::config::{OptimizerState, RunConfig};
use supernano_base::error::{Error, Result, parser_words};
use supernano_base::files;
use supernano_base::rng::Key;
use supernano_base::space::SharedSpace;
use supernano_data::Dataset;

use super::{Begin, Epoch};
use crate::run::checkpoint;
use crate::run::checkpoint::Checkpoint;
use crate::supernet::{Layout, Weights};

/// Makes sure that the data set fits the configuration and is large enough.
pub(super) fn check_data(config: &RunConfig, dataset: &Dataset) -> Result<()> {
    let space = config.space();
    let head = dataset.objective.head();
    if head != space.head {
        let place = format!("data set {}", dataset.name);
        let expected = format!("{:?}, the head of space {}", space.head, space.name);
        return Err(Error::invalid(place, "outputs", expected, format!("{head:?}")));
    }
    dataset.check_fit(space.input, space.classes.into())?;
    let needed = config.recalibration.batch.max(2);
    if dataset.train.len() < needed {
        let (place, found) = (format!("data set {}", dataset.name), dataset.train.len());
        let expected = format!("at least {needed} (one batch of recalibration)");
        return Err(Error::invalid(place, "training images", expected, found));
    }
    Ok(())
}

/// Prepares the run directory as `begin` asks and writes the configuration into it.
pub(super) fn prepare(config: &RunConfig, run: &Path, begin: Begin) -> Result<()> {
    let (file, checkpoints) = (run.join("config.toml"), run.join("checkpoints"));
    match begin {
        Begin::Resume => {
            let mut old = RunConfig::read(&file)?;
            old.data.path.clone_from(&config.data.path);
            if old != *config {
                let expected = "the configuration that the run was started with";
                return Err(Error::invalid(file.display(), "--resume", expected, "another"));
            }
        }
        Begin::New if checkpoints.exists() => {
            let expected = "a directory without a run (or --resume, or --overwrite)";
            return Err(Error::invalid(run.display(), "output", expected, "a run"));
        }
        Begin::New | Begin::Overwrite => {
            let metrics = run.join("metrics.jsonl");
            for (path, gone) in [
                (&checkpoints, checkpoints.exists().then(|| std::fs::remove_dir_all(&checkpoints))),
                (&metrics, metrics.exists().then(|| std::fs::remove_file(&metrics))),
            ] {
                gone.unwrap_or(Ok(())).map_err(|e| Error::io(path, e))?;
            }
        }
    }
    files::write(&file, config.to_toml()?.as_bytes())
}

/// The checkpoint from which training resumes: that of the current step, or the start of the next.
pub(super) fn position(config: &RunConfig, run: &Path) -> Result<Checkpoint> {
    let finished = checkpoint::latest_finished(run, config).unwrap_or(0);
    let current = checkpoint::current_path(run);
    if current.is_file() {
        let stored = Checkpoint::read(&current)?;
        // A training that ended between two writes leaves the last checkpoint of a finished step.
        if stored.step() > finished || finished == 0 {
            let stored = stored.checked(config, finished + 1, &current)?;
            return stored.split(&layout(config, finished + 1), &current);
        }
    }
    start(config, run, finished + 1)
}

fn layout(config: &RunConfig, step: usize) -> Layout {
    layout_of(config.shared_space(), config, step)
}

/// The layout of a step's tensors, over a space that may differ from the configuration's.
pub fn layout_of(space: SharedSpace, config: &RunConfig, step: usize) -> Layout {
    Layout::of_step(space, config, step)
}

/// The start of a step: initial weights, or those of the previous step copied to every branch, with
/// its momentum if the step carries it over.
pub(super) fn start(config: &RunConfig, run: &Path, step: usize) -> Result<Checkpoint> {
    let fresh = |values| Checkpoint::start(step, values);
    if step == 1 {
        return Ok(fresh(Weights::initial(layout(config, 1), Key::new(config.seed)).values));
    }
    let path = checkpoint::finished_path(run, step - 1);
    let old = layout(config, step - 1);
    let before = Checkpoint::read(&path)?.checked(config, step - 1, &path)?.split(&old, &path)?;
    let scheme = if step > config.steps.len() { old.scheme } else { config.scheme(step) };
    let origins = old.origins(scheme).ok_or_else(|| {
        Error::invalid(path.display(), "scheme", "one that the step's divides", "another")
    })?;
    let new = old.under(scheme);
    let values = Weights { layout: old, values: before.values }.copied(new, &origins).values;
    if !carries(config, step) {
        return Ok(fresh(values));
    }
    if before.momentum.is_empty() {
        let expected = "the momentum of the step before, or `optimizer_state = \"fresh\"`";
        return Err(Error::invalid(path.display(), "optimiser state", expected, "none"));
    }
    let momentum = origins.iter().map(|&i| before.momentum[i].clone()).collect();
    Ok(Checkpoint { momentum, ..fresh(values) })
}

/// True if `step`, from 1, carries over the momentum of the previous step.
pub(super) fn carries(config: &RunConfig, step: usize) -> bool {
    let own = config.steps.get(step - 1);
    own.is_some_and(|s| s.optimizer_state == OptimizerState::Carried)
}

/// Reads the epochs that a run has trained from `metrics.jsonl`; none without the file.
///
/// # Errors
/// [`Error::Io`], or [`Error::Invalid`] naming the line.
pub fn metrics(run: &Path) -> Result<Vec<Epoch>> {
    let path = run.join("metrics.jsonl");
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = files::read_text(&path)?;
    let parse = |(i, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|e| {
            Error::invalid(
                path.display(),
                format!("line {}", i + 1),
                "an epoch's metrics",
                parser_words(&e),
            )
        })
    };
    text.lines().enumerate().map(parse).collect()
}

/// Removes the metrics of epochs after (`step`, `epoch`).
pub(super) fn keep_metrics(run: &Path, step: usize, epoch: u32) -> Result<()> {
    let path = run.join("metrics.jsonl");
    if !path.exists() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&files::read(&path)?).into_owned();
    let kept: String = text
        .lines()
        .filter(|line| {
            serde_json::from_str::<Epoch>(line).is_ok_and(|e| (e.step, e.epoch) <= (step, epoch))
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    files::write(&path, kept.as_bytes())
}
