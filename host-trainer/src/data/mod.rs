//! Image data sets: the built-in glyphs and CIFAR-100, their splits, batches and augmentation.

pub mod augment;
pub mod cifar100;
pub mod glyphs;
pub mod rng;

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use supernano_core::space::Shape;

use crate::config::RunConfig;
use crate::error::{Error, Result};
pub use augment::Augmentation;
pub use rng::Key;

/// Which data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Generated shapes ([`glyphs`]); needs no download.
    Glyphs,
    /// CIFAR-100 from its official binary archive or directory ([`cifar100`]).
    Cifar100,
}

/// Which training images of a set without a split of its own become the validation images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holdout {
    /// Drawn with the seed.
    #[default]
    Random,
    /// The last of the file, so that the first keep their places.
    Last,
}

/// The `[data]` table of a configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    /// Which data set.
    pub name: Source,
    /// Archive or directory; the generated set needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Training images; default 4,000 glyphs, or all that the validation split leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<usize>,
    /// Validation images; taken off the training set where the set has no split of its own.
    #[serde(default = "default_validation")]
    pub validation: usize,
    /// Which images those are, where they are taken off the training set.
    #[serde(default)]
    pub holdout: Holdout,
    /// Test images; default 2,000 glyphs, or all there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<usize>,
    /// Seed of generation and of the validation split.
    #[serde(default)]
    pub seed: u64,
    /// Image shape, glyphs only; default 32x32x3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// Classes, glyphs only, 2 to 10; default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<u16>,
}

fn default_validation() -> usize {
    1000
}

impl DataSpec {
    /// The set's defaults: 1,000 validation images, seed 0.
    pub fn new(name: Source) -> Self {
        Self {
            name,
            path: None,
            train: None,
            validation: default_validation(),
            holdout: Holdout::Random,
            test: None,
            seed: 0,
            shape: None,
            classes: None,
        }
    }
}

/// Images of one split, as a camera gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Shape of one image.
    pub shape: Shape,
    /// Pixels `[len, height, width, channels]`.
    pub pixels: Vec<u8>,
    /// Class of each image, `[len]`.
    pub labels: Vec<u16>,
}

impl Images {
    /// No images of this shape.
    pub fn empty(shape: Shape) -> Self {
        Self { shape, pixels: Vec::new(), labels: Vec::new() }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True where there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Pixels of image `i`, `[height, width, channels]`.
    pub fn image(&self, i: usize) -> &[u8] {
        let size = self.shape.len();
        &self.pixels[i * size..(i + 1) * size]
    }

    /// The images at `indices`, in that order.
    pub fn select(&self, indices: &[u32]) -> Self {
        let mut chosen = Self::empty(self.shape);
        for &i in indices {
            chosen.pixels.extend_from_slice(self.image(i as usize));
            chosen.labels.push(self.labels[i as usize]);
        }
        chosen
    }
}

/// A data set in memory, with its normalisation.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// Shape of an image.
    pub shape: Shape,
    /// Names of the classes, in the order of the labels.
    pub classes: Vec<String>,
    /// For training and for recalibrating batch-norm statistics.
    pub train: Images,
    /// For scores and choices.
    pub validation: Images,
    /// For the figures that are reported.
    pub test: Images,
    /// Mean of each channel, of pixel / 255.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel, of pixel / 255.
    pub std: Vec<f32>,
}

impl Dataset {
    /// Images at `indices` of a split of this set, normalised: `(pixel / 255 - mean) / std`,
    /// `[indices.len(), channels, height, width]`.
    pub fn batch(&self, split: &Images, indices: &[u32]) -> Vec<f32> {
        self.fill(indices, |i, out| {
            let pixels: Vec<f32> =
                split.image(i as usize).iter().map(|&p| f32::from(p) / 255.0).collect();
            augment::normalise(&pixels, self.shape, &self.mean, &self.std, out);
        })
    }

    /// Augmented and normalised training images at `indices`,
    /// `[indices.len(), channels, height, width]`. What happens to image `i` depends on `key` and
    /// `i` alone, not on the batch it is in.
    pub fn augmented(&self, indices: &[u32], how: &Augmentation, key: Key) -> Vec<f32> {
        self.fill(indices, |i, out| {
            let mut rng = key.rng(rng::Purpose::Augment, u64::from(i));
            let pixels = how.apply(self.train.image(i as usize), self.shape, &mut rng);
            augment::normalise(&pixels, self.shape, &self.mean, &self.std, out);
        })
    }

    /// Classes of the training images at `indices`.
    pub fn labels(&self, indices: &[u32]) -> Vec<u16> {
        indices.iter().map(|&i| self.train.labels[i as usize]).collect()
    }

    fn fill(&self, indices: &[u32], one: impl Fn(u32, &mut [f32]) + Sync) -> Vec<f32> {
        let size = self.shape.len();
        let mut out = vec![0.0; indices.len() * size];
        out.par_chunks_exact_mut(size).zip(indices).for_each(|(out, &i)| one(i, out));
        out
    }
}

/// Reads or generates a data set.
///
/// # Errors
/// [`Error::Missing`] where there is no such file; [`Error::Invalid`] naming file or field where
/// the contents or the specification are not as they should be.
pub fn load(spec: &DataSpec) -> Result<Dataset> {
    match spec.name {
        Source::Glyphs => glyphs::generate(spec),
        Source::Cifar100 => {
            for (field, set) in
                [("shape", spec.shape.is_some()), ("classes", spec.classes.is_some())]
            {
                if set {
                    return Err(Error::invalid(
                        "data",
                        field,
                        "nothing: CIFAR-100 has its own",
                        "a value",
                    ));
                }
            }
            cifar100::load(spec)
        }
    }
}

/// Mean and standard deviation of each channel of pixel / 255.
fn channel_statistics(images: &Images) -> (Vec<f32>, Vec<f32>) {
    let channels = usize::from(images.shape.channels);
    let n = (images.pixels.len() / channels.max(1)).max(1) as f64;
    (0..channels)
        .map(|c| {
            let values = || images.pixels.iter().skip(c).step_by(channels);
            let sum: u64 = values().map(|&p| u64::from(p)).sum();
            let squares: u64 = values().map(|&p| u64::from(p).pow(2)).sum();
            let mean = sum as f64 / n;
            let variance = (squares as f64 / n - mean * mean).max(1.0);
            ((mean / 255.0) as f32, (variance.sqrt() / 255.0) as f32)
        })
        .unzip()
}

/// Loads a configuration's data, from `path` where one is given.
///
/// # Errors
/// As [`load`].
pub fn of_run(config: &RunConfig, path: Option<&Path>) -> Result<Dataset> {
    let mut spec = config.data.clone();
    if let Some(path) = path {
        spec.path = Some(path.to_path_buf());
    }
    load(&spec)
}

#[cfg(test)]
mod tests;
