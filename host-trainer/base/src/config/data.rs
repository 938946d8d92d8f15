//! The `[data]` table of a configuration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use supernano_core::space::Shape;

use super::range;
use crate::error::Result;

/// Most images of a split, and of a recalibration.
pub(super) const MOST_IMAGES: usize = 10_000_000;

/// A data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataSource {
    /// Generated shapes, which need no file.
    Glyphs,
    /// CIFAR-100 from its official binary archive or directory.
    Cifar100,
}

/// The training images that become validation images, for a set without a validation split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holdout {
    /// Drawn at random with the seed.
    #[default]
    Random,
    /// The last images of the file, so that the others keep their places.
    Last,
}

/// The `[data]` table of a configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    /// The data set.
    pub name: DataSource,
    /// Archive or directory. The generated set has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Number of training images. Default: 4,000 glyphs, or all that are not validation images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<usize>,
    /// Number of validation images. They are taken from the training images of a set without a
    /// validation split.
    #[serde(default = "default_validation")]
    pub validation: usize,
    /// The training images that become validation images.
    #[serde(default)]
    pub holdout: Holdout,
    /// Number of test images. Default: 2,000 glyphs, or all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<usize>,
    /// Seed of the generation and of the validation split.
    #[serde(default)]
    pub seed: u64,
    /// Shape of the images, glyphs only. Default: 32x32x3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// Number of classes, 2 to 10, glyphs only. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<u16>,
}

fn default_validation() -> usize {
    1000
}

impl DataSpec {
    /// The defaults of a set: 1,000 validation images, seed 0.
    pub fn new(name: DataSource) -> Self {
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

    /// Checks the sizes of the splits. The source of the data compares them with its own size.
    pub(super) fn validate(&self, place: &str) -> Result<()> {
        if let Some(train) = self.train {
            range(place, "data.train", train, 1, MOST_IMAGES)?;
        }
        // Statistics of one image have no variance.
        range(place, "data.validation", self.validation, 2, MOST_IMAGES)?;
        range(place, "data.test", self.test.unwrap_or(0), 0, MOST_IMAGES)
    }
}
