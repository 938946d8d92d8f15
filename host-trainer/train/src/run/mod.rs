//! A run directory: its configuration, and the weights of its finished steps.
//!
//! [`Run::open`] is the way into everything that is done with trained weights. [`checkpoint`] has the
//! files; writing them is left to [`crate::training`].

pub mod checkpoint;
pub mod fingerprint;
mod lock;

use std::path::{Path, PathBuf};

use supernano_base::config::{RunConfig, StepKind};
use supernano_base::error::{Error, Result};
use supernano_base::progress::{Progress, Silent};
use supernano_base::run_dir::RunDirectory;
use supernano_core::arch::Arch;
use supernano_core::plan::{Enhancement, Plan, resolve};
use supernano_core::space::Space;
use supernano_data::Dataset;

use self::checkpoint::Checkpoint;
pub use self::lock::Lock;
use crate::supernet::{BnStats, FoldedNet, Layout, RunningStats, SubNet, Weights, recalibrate};

/// A run directory with the weights of its latest finished step.
#[derive(Clone, Debug)]
pub struct Run {
    /// The directory.
    pub path: PathBuf,
    /// Its configuration with every value written out.
    pub config: RunConfig,
    /// Weights at the end of [`Run::step`].
    pub weights: Weights,
    /// Running batch-norm statistics, if the weights came with them (an import).
    pub statistics: Option<RunningStats>,
    /// The latest finished step, from 1.
    pub step: usize,
    /// True if that step used ReLU only.
    relu: bool,
}

impl Run {
    /// Opens a run at its latest finished step.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no run or no finished step, [`Error::Invalid`] for a damaged
    /// file or a configuration that was changed after training.
    pub fn open(path: &Path) -> Result<Self> {
        let config = RunConfig::read(&path.join("config.toml"))?;
        let step = checkpoint::latest_finished(path, &config).ok_or_else(|| Error::Missing {
            path: checkpoint::finished_path(path, 1),
            needed_for: "no training step is finished; see `supernano train --resume`".into(),
        })?;
        Self::open_step(path, step)
    }

    /// Opens a run at the end of `step`, from 1.
    ///
    /// # Errors
    /// The errors of [`Run::open`].
    pub fn open_step(path: &Path, step: usize) -> Result<Self> {
        let config = RunConfig::read(&path.join("config.toml"))?;
        let layout = Layout::of_step(config.shared_space(), &config, step);
        let file = checkpoint::finished_path(path, step);
        let (weights, statistics) =
            Checkpoint::read(&file)?.checked(&config, step, &file)?.weights(layout, &file)?;
        Ok(Self::over(path, config, weights, statistics, step))
    }

    /// Opens a run in the middle of a step, at its current checkpoint. [`Run::step`] is the step in
    /// training.
    ///
    /// # Errors
    /// The errors of [`Run::open`].
    pub fn open_unfinished(path: &Path) -> Result<Self> {
        let config = RunConfig::read(&path.join("config.toml"))?;
        let file = checkpoint::current_path(path);
        let stored = Checkpoint::read(&file)?;
        let step = stored.step();
        let stored = stored.checked(&config, step, &file)?;
        let layout = Layout::of_step(config.shared_space(), &config, step);
        let (weights, statistics) = stored.weights(layout, &file)?;
        Ok(Self::over(path, config, weights, statistics, step))
    }

    fn over(
        path: &Path,
        config: RunConfig,
        weights: Weights,
        statistics: Option<RunningStats>,
        step: usize,
    ) -> Self {
        let relu = config.steps.get(step.wrapping_sub(1)).is_some_and(|s| s.relu);
        Self { path: path.to_path_buf(), config, weights, statistics, step, relu }
    }

    /// True if the weights were trained for many sub-networks at once.
    pub fn is_shared(&self) -> bool {
        let step = self.config.steps.get(self.step.wrapping_sub(1));
        step.is_some_and(|s| s.kind == StepKind::Supernet)
    }

    /// The run's search space.
    pub fn space(&self) -> Space<'_> {
        self.weights.layout.space()
    }

    /// The enhancement that the weights were trained with.
    pub fn enhancement(&self) -> Enhancement {
        let mut enhancement = self.config.enhancement;
        if self.relu {
            enhancement.activation = Enhancement::NONE.activation;
        }
        enhancement
    }

    /// Resolves what a sub-network computes with these weights.
    pub fn plan(&self, arch: &Arch) -> Plan {
        resolve(&self.space(), arch, self.enhancement(), self.weights.layout.scheme)
    }

    /// Cuts out the weights of a sub-network.
    pub fn subnet(&self, arch: &Arch) -> SubNet {
        self.weights.subnet(&self.plan(arch))
    }

    /// Loads the run's data set, from `path` if one is given.
    ///
    /// # Errors
    /// The errors of [`supernano_data::of_config`].
    pub fn dataset(&self, path: Option<&Path>) -> Result<Dataset> {
        self.dataset_shown(path, &Silent)
    }

    /// As [`Run::dataset`]; files that are read advance a task of `progress`.
    ///
    /// # Errors
    /// The errors of [`Run::dataset`].
    pub fn dataset_shown(&self, path: Option<&Path>, progress: &dyn Progress) -> Result<Dataset> {
        let cache = RunDirectory::new(&self.path).data_cache();
        supernano_data::of_config_cached(&self.config, path, &cache, progress)
    }

    /// Computes the batch-norm statistics of a sub-network over the run's recalibration images.
    ///
    /// # Errors
    /// The errors of [`Dataset::at`].
    pub fn recalibrate(&self, subnet: &SubNet, dataset: &Dataset) -> Result<BnStats> {
        let dataset = dataset.at(subnet.input)?;
        let (batch, batches) = recalibration_batches(&dataset, &self.config, usize::MAX);
        Ok(recalibrate(subnet, batch, batches))
    }

    /// Recalibrates and folds a sub-network. The result is what is scored and what ships.
    ///
    /// # Errors
    /// The errors of [`Dataset::at`].
    pub fn folded(&self, arch: &Arch, dataset: &Dataset) -> Result<FoldedNet> {
        let subnet = self.subnet(arch);
        Ok(subnet.fold(&self.recalibrate(&subnet, dataset)?))
    }
}

/// The run's recalibration images, at most `most` of them but at least one batch. Returns the number
/// of images in a batch, and the batches `[batch, channels, height, width]`.
pub fn recalibration_batches(
    dataset: &Dataset,
    config: &RunConfig,
    most: usize,
) -> (usize, Vec<Vec<f32>>) {
    let batch = config.recalibration.batch;
    let images = config.recalibration.images.min(dataset.train.len()).min(most.max(batch));
    let batches = (0..images / batch).map(|b| {
        let indices: Vec<u32> = ((b * batch) as u32..((b + 1) * batch) as u32).collect();
        dataset.batch(&dataset.train, &indices)
    });
    (batch, batches.collect())
}
