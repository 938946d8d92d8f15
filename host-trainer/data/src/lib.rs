//! Data sets: generated glyphs, CIFAR, and the user's own pictures, arrays and recordings, with their
//! splits, batches and augmentation.
//!
//! [`of_config`] turns the `[data]` table of a configuration into a [`Dataset`] in memory. Training
//! reads augmented batches from it; ranking and export read batches without augmentation.

#![forbid(unsafe_code)]

mod archive;
pub mod augment;
mod cache;
mod cifar;
mod examples;
pub mod glyphs;
mod labels;
mod of_network;
pub mod sheet;
mod show;
pub mod sources;

use std::borrow::Cow;
use std::path::Path;

use augment::Augment as _;
pub use examples::{ExampleMaker, Examples};
pub use labels::{CIFAR100_LABELS, front_end_bytes, label_bytes};
pub use of_network::of_network;
use rayon::prelude::*;
pub use show::add_pictures;
use supernano_base::config::{Augmentation, DataSource, DataSpec, RunConfig, WindowSpec};
use supernano_base::error::{Error, Result};
use supernano_base::frontend::Description;
use supernano_base::images::Images;
use supernano_base::objective::Objective;
use supernano_base::progress::{Progress, Silent};
use supernano_base::quality::Measured;
use supernano_base::rng::{Key, Purpose};
use supernano_core::space::Shape;

/// A data set with its normalisation. The images of a large one lie in a mapped file.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Name of the set.
    pub name: String,
    /// Shape of an image.
    pub shape: Shape,
    /// Names of the classes in the order of the labels, or of the outputs; none for reconstructions.
    pub classes: Vec<String>,
    /// The meaning of the outputs of networks for this set.
    pub objective: Objective,
    /// Images for training and for recalibration of batch-norm statistics.
    pub train: Images,
    /// Images for scores and choices.
    pub validation: Images,
    /// Images for reported accuracies.
    pub test: Images,
    /// Mean of each channel, of pixel / 255.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel, of pixel / 255.
    pub std: Vec<f32>,
    /// The front end that computed the images from samples, if there is one.
    pub front_end: Option<Description>,
    /// The windows of sensor recordings, with the unit and the ranges that only the data tells.
    pub window: Option<WindowSpec>,
    /// Remarks for the user: files that were left out, items that stand twice, ranges of axes.
    pub notes: Vec<String>,
}

impl Dataset {
    /// Normalised images at `indices` of a split of this set: `(pixel / 255 - mean) / std`,
    /// `[indices.len(), channels, height, width]`.
    pub fn batch(&self, split: &Images, indices: &[u32]) -> Vec<f32> {
        normalised(split, indices, &self.mean, &self.std)
    }

    /// Augmented and normalised training images at `indices`,
    /// `[indices.len(), channels, height, width]`. The augmentation of image `i` depends on `key` and
    /// `i` only, not on its batch.
    pub fn augmented(&self, indices: &[u32], how: &Augmentation, key: Key) -> Vec<f32> {
        fill(self.shape, indices, |i, out| {
            let mut rng = key.rng(Purpose::Augment, u64::from(i));
            let pixels = how.apply(self.train.image(i as usize), self.shape, &mut rng);
            augment::normalise(&pixels, self.shape, &self.mean, &self.std, out);
        })
    }

    /// Classes of the training images at `indices`.
    pub fn labels(&self, indices: &[u32]) -> Vec<u16> {
        indices.iter().map(|&i| self.train.labels[i as usize]).collect()
    }

    /// Targets of the outputs of a network for images of a split, on the scale on which they are learnt,
    /// `[indices.len(), outputs]`; none for classes. `values` are the normalised images,
    /// `[indices.len(), channels, height, width]`.
    pub fn targets(&self, split: &Images, indices: &[u32], values: &[f32]) -> Vec<f32> {
        let rows = || indices.iter().map(|&i| split.target(i as usize));
        match &self.objective {
            Objective::Classes => Vec::new(),
            Objective::Labels => rows().flatten().copied().collect(),
            Objective::Values(spreads) => {
                let row = |row: &[f32]| -> Vec<f32> {
                    let pairs = row.iter().zip(spreads);
                    pairs.map(|(&t, spread)| spread.standardised(t.into()) as f32).collect()
                };
                rows().flat_map(row).collect()
            }
            Objective::Reconstruction => values.to_vec(),
        }
    }

    /// What is needed to measure outputs for images of this set.
    pub fn measured(&self) -> Measured {
        Measured {
            objective: self.objective.clone(),
            names: self.classes.clone(),
            mean: self.mean.clone(),
            std: self.std.clone(),
        }
    }

    /// Number of outputs of a network for this set.
    pub fn outputs(&self) -> usize {
        match self.objective {
            Objective::Reconstruction => self.shape.len(),
            _ => self.classes.len(),
        }
    }

    /// The set with images of `shape`, which has as many channels: those of a network with another
    /// resolution ([`Images::resized`]). The normalisation stays the same.
    ///
    /// # Errors
    /// The errors of [`Images::resized`].
    pub fn at(&self, shape: Shape) -> Result<Cow<'_, Self>> {
        if shape == self.shape {
            return Ok(Cow::Borrowed(self));
        }
        Ok(Cow::Owned(Self {
            shape,
            train: self.train.resized(shape)?,
            validation: self.validation.resized(shape)?,
            test: self.test.resized(shape)?,
            name: self.name.clone(),
            classes: self.classes.clone(),
            objective: self.objective.clone(),
            mean: self.mean.clone(),
            std: self.std.clone(),
            front_end: self.front_end.clone(),
            window: self.window.clone(),
            notes: self.notes.clone(),
        }))
    }

    /// The table of a configuration with what only the data tells: names of the classes, scales of
    /// targets, and ranges of sensors. A run keeps them, whatever is added to the data later.
    pub fn with_facts(&self, spec: &DataSpec) -> DataSpec {
        let mut spec = spec.clone();
        if !spec.name.is_own() {
            return spec;
        }
        match &self.objective {
            Objective::Classes | Objective::Labels => {
                spec.labels.get_or_insert_with(|| self.classes.clone());
            }
            Objective::Values(spreads) => {
                spec.target_scales = Some(spreads.iter().map(|s| (s.mean, s.std)).collect());
            }
            Objective::Reconstruction => {}
        }
        if let Some(window) = &self.window {
            spec.window = Some(window.clone());
        }
        spec
    }

    /// Checks that a network reads these images and has these classes.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the data set, the network's value as expected and the data set's as
    /// found.
    pub fn check_fit(&self, input: Shape, classes: usize) -> Result<()> {
        let place = || format!("data set {}", self.name);
        if self.shape != input {
            let text = |s: Shape| format!("{}x{}x{}", s.height, s.width, s.channels);
            let expected = format!("{}, the network's input", text(input));
            return Err(Error::invalid(place(), "image shape", expected, text(self.shape)));
        }
        if self.outputs() != classes {
            let expected = format!("{classes}, those of the network");
            let found = format!("{} ({})", self.outputs(), listed(&self.classes));
            return Err(Error::invalid(place(), "classes", expected, found));
        }
        Ok(())
    }
}

/// Images at `indices` as `(pixel / 255 - mean) / std`, `[indices.len(), channels, height, width]`.
pub fn normalised(split: &Images, indices: &[u32], mean: &[f32], std: &[f32]) -> Vec<f32> {
    fill(split.shape, indices, |i, out| {
        let pixels: Vec<f32> =
            split.image(i as usize).iter().map(|&p| f32::from(p) / 255.0).collect();
        augment::normalise(&pixels, split.shape, mean, std, out);
    })
}

/// Values of images of `shape`, computed in parallel.
fn fill(shape: Shape, indices: &[u32], one: impl Fn(u32, &mut [f32]) + Sync) -> Vec<f32> {
    let size = shape.len();
    let mut out = vec![0.0; indices.len() * size];
    out.par_chunks_exact_mut(size).zip(indices).for_each(|(out, &i)| one(i, out));
    out
}

/// Reads or generates a built-in data set.
///
/// # Errors
/// [`Error::Missing`] for a file that does not exist; [`Error::Invalid`] naming the file or the field
/// for invalid contents and for an invalid specification.
pub fn load(spec: &DataSpec) -> Result<Dataset> {
    spec.check_fields("configuration")?;
    match spec.name {
        DataSource::Glyphs => glyphs::generate(spec),
        DataSource::Cifar100 => cifar::load(&cifar::CIFAR100, spec),
        DataSource::Cifar10 => cifar::load(&cifar::CIFAR10, spec),
        DataSource::Pictures
        | DataSource::Idx
        | DataSource::Numpy
        | DataSource::Sensors
        | DataSource::Sound => {
            let found = format!("`{}`", spec.name.name());
            Err(Error::invalid("data", "name", "a built-in set", found))
        }
    }
}

/// Mean and standard deviation of each channel of pixel / 255.
fn channel_statistics(images: &Images) -> (Vec<f32>, Vec<f32>) {
    let channels = usize::from(images.shape.channels);
    let n = (images.pixels.len() / channels.max(1)).max(1) as f64;
    // One pass, because the images may lie in a file.
    let mut sums = vec![(0u64, 0u64); channels];
    for pixel in images.pixels.chunks_exact(channels.max(1)) {
        for ((sum, squares), &p) in sums.iter_mut().zip(pixel) {
            *sum += u64::from(p);
            *squares += u64::from(p).pow(2);
        }
    }
    sums.into_iter()
        .map(|(sum, squares)| {
            let mean = sum as f64 / n;
            let variance = (squares as f64 / n - mean * mean).max(1.0);
            ((mean / 255.0) as f32, (variance.sqrt() / 255.0) as f32)
        })
        .unzip()
}

/// The first names of a list.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 10;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown}, ..") } else { shown }
}

/// Loads the data of a configuration, from `path` instead of the configured path if it is given.
///
/// # Errors
/// As [`load`], [`sources::load`] and [`Dataset::check_fit`]; [`Error::Invalid`] for data with fewer
/// training items than a batch of the recalibration has.
pub fn of_config(config: &RunConfig, path: Option<&Path>) -> Result<Dataset> {
    of_config_shown(config, path, &Silent)
}

/// As [`of_config`]; files that are read advance a task of `progress`.
///
/// # Errors
/// The errors of [`of_config`].
pub fn of_config_shown(
    config: &RunConfig,
    path: Option<&Path>,
    progress: &dyn Progress,
) -> Result<Dataset> {
    loaded(config, path, |spec, input| sources::load_shown(spec, input, progress))
}

/// As [`of_config_shown`]. The inputs of own files are kept in the file `cache`, and are read from it if
/// neither the files nor the settings have changed.
///
/// # Errors
/// The errors of [`of_config`].
pub fn of_config_cached(
    config: &RunConfig,
    path: Option<&Path>,
    cache: &Path,
    progress: &dyn Progress,
) -> Result<Dataset> {
    let mut fresh = None;
    let dataset = loaded(config, path, |spec, input| {
        let (dataset, made) = cache::load(spec, input, cache, progress)?;
        fresh = made;
        Ok(dataset)
    })?;
    if let Some(fresh) = fresh {
        fresh.keep(&dataset, progress);
    }
    Ok(dataset)
}

fn loaded(
    config: &RunConfig,
    path: Option<&Path>,
    own: impl FnOnce(&DataSpec, Shape) -> Result<Dataset>,
) -> Result<Dataset> {
    let mut spec = config.data.clone();
    if let Some(path) = path {
        spec.path = Some(path.to_path_buf());
    }
    let space = config.space();
    let dataset = match spec.name.is_own() {
        true => own(&spec, space.input)?,
        false => load(&spec)?,
    };
    dataset.check_fit(space.input, space.classes.into())?;
    let head = dataset.objective.head();
    if head != space.head {
        let place = format!("data set {}", dataset.name);
        let expected = format!("{:?}, the head of space {}", space.head, space.name);
        return Err(Error::invalid(place, "outputs", expected, format!("{head:?}")));
    }
    let (batch, items) = (config.recalibration.batch, dataset.train.len());
    if items < batch {
        let expected = format!("at most {items}, the training items of the data");
        return Err(Error::invalid("configuration", "recalibration.batch", expected, batch));
    }
    Ok(dataset)
}

#[cfg(all(test, target_os = "linux"))]
mod memory_tests;
#[cfg(test)]
mod tests;
