//! The `[data]` table of a configuration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use supernano_core::space::Shape;

use super::range;
use crate::error::Result;

/// Most images of a split, and of a recalibration.
pub(super) const MOST_IMAGES: usize = 10_000_000;

/// Which data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataSource {
    /// Generated shapes; needs no download.
    Glyphs,
    /// CIFAR-100 from its official binary archive or directory.
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
    pub name: DataSource,
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

    /// Checks the sizes of the splits. The source checks them again for what it can give.
    pub(super) fn validate(&self, place: &str) -> Result<()> {
        if let Some(train) = self.train {
            range(place, "data.train", train, 1, MOST_IMAGES)?;
        }
        // Statistics of one image have no variance.
        range(place, "data.validation", self.validation, 2, MOST_IMAGES)?;
        range(place, "data.test", self.test.unwrap_or(0), 0, MOST_IMAGES)
    }
}
