//! Checkpoints of the paper's reference code as run directories.
//!
//! `supernano_pt` reads the file: it runs no code of it, and refuses a file that is not whole. Here each
//! tensor of the network is accounted for by name, shape, type and values.

mod fold;
mod names;
mod tensors;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use supernano_base::config::{RunConfig, SpaceSpec};
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_core::plan::BranchScheme;

use crate::run::checkpoint::{Checkpoint, finished_path};
use crate::supernet::{Layout, RunningStats};

/// What was imported.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Imported {
    /// The run directory.
    pub run: PathBuf,
    /// Training step whose weights these are: 1 the largest network, 2 the shared supernet.
    pub step: usize,
    /// Tensors of the file, each accounted for.
    pub tensors: usize,
    /// Weights of the run (batch-norm statistics are kept beside them).
    pub values: usize,
    /// Types of the file that were converted to float32, with how many tensors had each.
    pub converted: BTreeMap<&'static str, usize>,
}

/// Validation images: the last of the training file, so that its first keep their places. The
/// imported weights have seen them in training.
const VALIDATION: usize = 1000;

/// Classes of CIFAR-100, which the reference code trains on.
const CLASSES: u16 = 100;

/// The configuration of an imported run, as the reference code trained it.
fn config(space: &SpaceSpec, classes: u16, step: usize, data: Option<&Path>) -> Result<RunConfig> {
    let name = space.space(None).name;
    let mut text = format!(
        "seed = 1\nspace = \"{name}\"\nenhancement = \"prelu+oe\"\nclasses = {classes}\n\n\
         [data]\nname = \"cifar100\"\nvalidation = {VALIDATION}\nholdout = \"last\"\n\n\
         [[step]]\nkind = \"largest\"\nepochs = 300\nlr = 0.1\nrelu = true\n"
    );
    if step == 2 {
        text += "\n[[step]]\nkind = \"supernet\"\nepochs = 300\nlr = 0.01\n";
    }
    let mut config = RunConfig::parse(&text, "configuration of the import")?;
    if config.classes == Some(space.space(None).classes) {
        config.classes = None;
    }
    config.data.path = match data {
        Some(path) => Some(std::path::absolute(path).map_err(|e| Error::io(path, e))?),
        None => None,
    };
    Ok(config)
}

/// Makes the run directory `run` of a checkpoint: of step 2 where it has PReLU slopes, else of
/// step 1. `data` is where the run's CIFAR-100 is.
///
/// # Errors
/// [`Error::Missing`] and [`Error::Io`]; [`Error::Invalid`] for a file that is no checkpoint or not
/// whole, a tensor that is missing, unexpected or of another shape or type, values that are not finite
/// or not once batch norm is folded in, negative variances, an unknown space, and a directory that
/// holds a run. Nothing is written then.
pub fn import(file: &Path, space: &str, run: &Path, data: Option<&Path>) -> Result<Imported> {
    // The reference code trains residual networks alone.
    let residual = |spec: &SpaceSpec| spec.space(None).is_residual();
    let spec = SpaceSpec::builtin(space).filter(residual).ok_or_else(|| {
        let spaces = supernano_core::space::BUILTIN.iter().filter(|s| s.is_residual());
        let names: Vec<&str> = spaces.map(|s| s.name).collect();
        Error::invalid("--space", "name", names.join(" or "), space)
    })?;
    let config_path = run.join("config.toml");
    if config_path.exists() {
        return Err(Error::invalid(run.display(), "output", "a directory without a run", "a run"));
    }
    let mut tensors = tensors::read(file)?;
    let count = tensors.len();
    let classes = tensors.rows(tensors::CLASSIFIER)?;
    if classes != CLASSES {
        let field = format!("tensor `{}`", tensors::CLASSIFIER);
        let expected = format!("{CLASSES} rows, one for each class of CIFAR-100");
        return Err(Error::invalid(file.display(), field, expected, classes));
    }
    let step = if tensors.any(|name| name.ends_with(names::SLOPE)) { 2 } else { 1 };
    let config = config(&spec, classes, step, data)?;
    let layout = Layout::new(config.shared_space(), config.enhancement, BranchScheme::Shared);
    let mut values = Vec::with_capacity(layout.len());
    let mut statistics = Vec::with_capacity(layout.statistics());
    for entry in &layout.entries {
        let names = names::of(&config.space(), entry);
        match names.tensor.filter(|_| step == 2 || !names.slope) {
            Some(name) => values.extend(tensors.take(&name, &entry.shape)?),
            None => values.extend(std::iter::repeat_n(names::UNUSED_SLOPE, entry.len())),
        }
        if let Some(norm) = names.norm {
            statistics.extend(tensors.take(&format!("{norm}.running_mean"), &entry.shape)?);
            statistics.extend(tensors.variances(&format!("{norm}.running_var"), &entry.shape)?);
            tensors.ignore(&format!("{norm}.num_batches_tracked"))?;
        }
    }
    tensors.finish()?;
    fold::check(file, &layout, &values, &statistics)?;
    let checkpoint = Checkpoint {
        step,
        epoch: config.steps[step - 1].epochs,
        statistics: Some(RunningStats { values: statistics }),
        ..Checkpoint::start(step, values)
    };
    checkpoint.write(&finished_path(run, step))?;
    files::write(&config_path, config.to_toml()?.as_bytes())?;
    let values = checkpoint.values.len();
    let converted = tensors.converted().clone();
    Ok(Imported { run: run.to_path_buf(), step, tensors: count, values, converted })
}

#[cfg(test)]
mod tests;
