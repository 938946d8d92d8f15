//! The `[data]` table of a configuration.

mod checks;
mod window;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use supernano_core::space::Shape;

use super::SoundConfig;
pub use window::{TargetRow, WindowSpec};

/// Most images of a split, and of a recalibration.
pub(super) const MOST_IMAGES: usize = 10_000_000;

/// A data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DataSource {
    /// Generated shapes, which need no file.
    Glyphs,
    /// CIFAR-100 from its official binary archive or directory.
    Cifar100,
    /// CIFAR-10 from its official binary archive or directory.
    Cifar10,
    /// Pictures: a folder for each class, or a CSV file of paths and labels.
    Pictures,
    /// The IDX files of MNIST and its family, compressed with gzip or not.
    Idx,
    /// Arrays of images and labels: an `.npz` file, or a directory of `.npy` files.
    Numpy,
    /// Windows over recordings of sensors in CSV files: one for each class or each recording.
    Sensors,
    /// Windows over recordings of sound: WAV, FLAC and Ogg Vorbis files.
    Sound,
}

impl DataSource {
    /// Every source.
    pub const ALL: [Self; 8] = [
        Self::Glyphs,
        Self::Cifar100,
        Self::Cifar10,
        Self::Pictures,
        Self::Idx,
        Self::Numpy,
        Self::Sensors,
        Self::Sound,
    ];

    /// The name in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Glyphs => "glyphs",
            Self::Cifar100 => "cifar100",
            Self::Cifar10 => "cifar10",
            Self::Pictures => "pictures",
            Self::Idx => "idx",
            Self::Numpy => "numpy",
            Self::Sensors => "sensors",
            Self::Sound => "sound",
        }
    }

    /// The shape and the number of classes of a set that has fixed ones.
    pub const fn fixed(self) -> Option<(Shape, u16)> {
        let shape = Shape { height: 32, width: 32, channels: 3 };
        match self {
            Self::Cifar100 => Some((shape, 100)),
            Self::Cifar10 => Some((shape, 10)),
            _ => None,
        }
    }

    /// True for files of the user's own, whose sizes and classes only the files tell.
    pub const fn is_own(self) -> bool {
        matches!(self, Self::Pictures | Self::Idx | Self::Numpy | Self::Sensors | Self::Sound)
    }
}

/// The way in which a picture of another shape fills the input of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Resize {
    /// The largest centred part with the input's ratio of sides.
    #[default]
    Crop,
    /// The whole picture, with black bars.
    Letterbox,
    /// The whole picture, distorted.
    Stretch,
}

/// The training images that become validation images, for a set without a validation split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Holdout {
    /// Drawn at random with the seed.
    #[default]
    Random,
    /// The last images of the file, so that the others keep their places.
    Last,
}

/// The `[data]` table of a configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    /// The data set.
    pub name: DataSource,
    /// Archive or directory. The generated set has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Number of training images. Default: 4,000 glyphs, or all that are not validation images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MOST_IMAGES))]
    pub train: Option<usize>,
    /// Number of validation images. They are taken from the training images of a set without a
    /// validation split. Default: 1,000, or [`DataSpec::validation_share`] of the user's own files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = MOST_IMAGES))]
    pub validation: Option<usize>,
    /// The training images that become validation images.
    #[serde(default)]
    pub holdout: Holdout,
    /// Number of test images. Default: 2,000 glyphs, or all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = MOST_IMAGES))]
    pub test: Option<usize>,
    /// Seed of the generation and of the validation split.
    #[serde(default)]
    pub seed: u64,
    /// Shape of the images, glyphs only. Default: 32x32x3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::shape")]
    pub shape: Option<Shape>,
    /// Number of classes, 2 to 10, glyphs only. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<u16>,
    /// Names of the classes in the order of the labels, for the user's own files. Default: the names
    /// of the folders or the labels of the file, sorted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// Columns of numbers that a network with the head `values` predicts, in the order of its outputs:
    /// of `sensors`, and of tables of paths of `pictures` and `sound`. Of `numpy` and of arrays of
    /// `sensors`: names for the columns of the labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<String>>,
    /// Mean and standard deviation of each target, for the scale on which it is learnt. Default: those
    /// of the training items. A run writes them into its configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_scales: Option<Vec<(f64, f64)>>,
    /// True if a network with the head `values` gives its normalised input again (an autoencoder).
    #[serde(default, skip_serializing_if = "is_default")]
    pub reconstruct: bool,
    /// The class of normal items for `reconstruct`. Items of all other classes are anomalies, which only
    /// the test split has. Default: there is one class, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normal: Option<String>,
    /// True if an item has several labels, for a network with the head `labels`: the columns `labels`
    /// hold 0 or 1. A table of paths may have a column of lists instead, such as `cat|dog`. Of `numpy`,
    /// `labels` are names for the columns of the labels.
    #[serde(default, skip_serializing_if = "is_default")]
    pub multilabel: bool,
    /// Share of the training items that become validation items, for own files without a validation
    /// split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 0.9))]
    pub validation_share: Option<f64>,
    /// Share of all items that become test items, for own files without a test split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 0.9))]
    pub test_share: Option<f64>,
    /// Pattern of the paths of own files below `path`, such as `{class}_{group}_{}.png`. `{class}`
    /// names the class; items with the same `{group}` stay in one split; `{}` is any text without
    /// `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Regular expression: own files whose paths below `path` it matches are test items, and all other
    /// ones are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_files: Option<String>,
    /// The way in which pictures fill the input of the network.
    #[serde(default, skip_serializing_if = "is_default")]
    pub resize: Resize,
    /// Windows of sensor recordings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowSpec>,
    /// Windows and features of sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sound: Option<SoundConfig>,
    /// True if training items of smaller classes are repeated until every class has as many as the
    /// largest.
    #[serde(default, skip_serializing_if = "is_default")]
    pub balance: bool,
    /// True if files that cannot be read are reported and left out. Otherwise they are an error.
    #[serde(default, skip_serializing_if = "is_default")]
    pub skip_bad: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Validation images of a built-in set.
const VALIDATION: usize = 1000;
/// Share of validation and of test items in own files without splits.
const SHARE: f64 = 0.15;

impl DataSpec {
    /// The defaults of a set.
    pub fn new(name: DataSource) -> Self {
        Self {
            name,
            path: None,
            train: None,
            validation: None,
            holdout: Holdout::Random,
            test: None,
            seed: 0,
            shape: None,
            classes: None,
            labels: None,
            targets: None,
            target_scales: None,
            reconstruct: false,
            normal: None,
            multilabel: false,
            validation_share: None,
            test_share: None,
            pattern: None,
            test_files: None,
            resize: Resize::default(),
            window: None,
            sound: None,
            balance: false,
            skip_bad: false,
        }
    }

    /// Number of validation images of a built-in set.
    pub fn validation_images(&self) -> usize {
        self.validation.unwrap_or(VALIDATION)
    }

    /// Shares of the validation items, of what is not test, and of the test items, of all.
    pub fn shares(&self) -> (f64, f64) {
        (self.validation_share.unwrap_or(SHARE), self.test_share.unwrap_or(SHARE))
    }

    /// Writes the defaults of a built-in set out.
    pub(in crate::config) fn complete(&mut self) {
        if !self.name.is_own() {
            self.validation.get_or_insert(VALIDATION);
        }
    }

    /// The columns of a table that hold what a network shall give; none for classes and
    /// reconstructions.
    pub fn target_columns(&self) -> &[String] {
        let labels = self.labels.as_ref().filter(|_| self.multilabel);
        self.targets.as_ref().or(labels).map_or(&[], Vec::as_slice)
    }
}
