//! The `[data]` table of a configuration.

use std::collections::BTreeSet;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use supernano_core::space::{Head, Shape, Space};

use super::{SoundConfig, range};
use crate::error::{Error, Result};
use crate::names;

/// Most images of a split, and of a recalibration.
pub(super) const MOST_IMAGES: usize = 10_000_000;

/// Most copies of a training window.
const MOST_COPIES: usize = 100;

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

/// Windows over recordings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowSpec {
    /// Samples of a window.
    #[schemars(range(min = 1, max = MOST_IMAGES))]
    pub samples: usize,
    /// Samples from the start of a window to the start of the next one. Default: `samples`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MOST_IMAGES))]
    pub stride: Option<usize>,
    /// The columns of the axes. Default: all columns that are no time, label or group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// The column that holds the class of each row. Default: one named `label`, `class`, `activity` or
    /// the like, if neither folders nor a pattern name the classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The column that holds the subject or the session of each row. Rows of a subject stay in one
    /// split. Default: one named `subject`, `user`, `session` or the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The row of a window whose `targets` are those of the window.
    #[serde(default, skip_serializing_if = "is_default")]
    pub target: TargetRow,
    /// The step of the sensor: the value of the files for which the device gives 1. Default: 1 if all
    /// training values are whole numbers, else a power of ten. A run writes it into its configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1e-9, max = 1e9))]
    pub unit: Option<f64>,
    /// Values of each axis that become the bytes 0 and 255. Default: lowest and highest training
    /// value. A run writes them into its configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranges: Option<Vec<(f64, f64)>>,
    /// Changed copies that are added for each training window.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(max = MOST_COPIES))]
    pub copies: usize,
    /// Largest shift of a copy, samples.
    #[serde(default, skip_serializing_if = "is_default")]
    pub shift: usize,
    /// Largest relative change of the scale of a copy.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub scale: f64,
    /// Largest rotation of a copy, degrees. Each three axes in a row turn about one random direction.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0.0, max = 180.0))]
    pub rotation: f64,
    /// Standard deviation of the noise of a copy, as a share of the range of each axis.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub jitter: f64,
}

impl WindowSpec {
    /// Samples from the start of a window to the start of the next one.
    pub fn step(&self) -> usize {
        self.stride.unwrap_or(self.samples)
    }
}

/// The row of a window whose targets are those of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TargetRow {
    /// The last one.
    #[default]
    Last,
    /// None: the mean over all rows. A label is set if it is in at least half of them.
    Mean,
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
    /// of `sensors`, and of tables of paths of `pictures`.
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
    /// hold 0 or 1. A table of paths may have a column of lists instead, such as `cat|dog`.
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
    pub(super) fn complete(&mut self) {
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

    /// Checks that the fields for heads suit the head of a space with this input and this many outputs.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `place` and the field.
    pub(super) fn check_head(&self, place: &str, space: &Space<'_>) -> Result<()> {
        let fail = |field: &str, expected: String, found: String| {
            Err(Error::invalid(place, format!("data.{field}"), expected, found))
        };
        let outputs = usize::from(space.classes);
        let named = |given: bool| if given { "a value" } else { "nothing" }.to_owned();
        let (values, labels) = (space.head == Head::Values, space.head == Head::Labels);
        for (field, given, head) in [
            ("targets", self.targets.is_some(), values),
            ("reconstruct", self.reconstruct, values),
            ("multilabel", self.multilabel, labels),
        ] {
            if given && !head {
                let expected = format!("nothing for the head of space {}", space.name);
                return fail(field, expected, named(true));
            }
        }
        if values && self.targets.is_some() == self.reconstruct {
            let expected = "names of columns for the head `values`, or `reconstruct = true`".into();
            let both = if self.reconstruct { "both" } else { "neither" };
            return fail("targets", expected, both.into());
        }
        if labels && (!self.multilabel || self.labels.is_none()) {
            let expected = "true, with names of columns as `labels`, for the head `labels`".into();
            return fail("multilabel", expected, named(self.multilabel));
        }
        if self.balance && space.head != Head::Classes {
            return fail("balance", "nothing without classes".into(), named(true));
        }
        if let Some(targets) = self.targets.as_ref().filter(|t| t.len() != outputs) {
            let expected = format!("{outputs} columns, one for each output of the space");
            return fail(
                "targets",
                expected,
                format!("{} ({})", targets.len(), targets.join(", ")),
            );
        }
        let twice = |(i, name): &(usize, &String)| self.target_columns()[..*i].contains(name);
        if let Some((_, name)) = self.target_columns().iter().enumerate().find(twice) {
            return fail("targets", "each name once".into(), format!("`{name}` twice"));
        }
        for (_, std) in self.target_scales.iter().flatten() {
            range(
                place,
                "data.target_scales, standard deviation",
                *std,
                f64::MIN_POSITIVE,
                f64::MAX,
            )?;
        }
        let Shape { height, width, channels } = space.input;
        if self.reconstruct && (space.resolutions.len() > 1 || space.input.len() != outputs) {
            let expected =
                format!("an input of one size and of {outputs} values, the space's outputs");
            return fail("reconstruct", expected, format!("{height}x{width}x{channels}"));
        }
        Ok(())
    }

    /// Checks every value, and that the source has the fields that are set. The source of the data
    /// compares the sizes of the splits with its own.
    pub(super) fn validate(&self, place: &str) -> Result<()> {
        if let Some(train) = self.train {
            range(place, "data.train", train, 1, MOST_IMAGES)?;
        }
        if let Some(validation) = self.validation {
            // Statistics of one image have no variance.
            range(place, "data.validation", validation, 2, MOST_IMAGES)?;
        }
        range(place, "data.test", self.test.unwrap_or(0), 0, MOST_IMAGES)?;
        let (validation, test) = self.shares();
        for (field, share) in [("data.validation_share", validation), ("data.test_share", test)] {
            range(place, field, share, 0.01, 0.9)?;
        }
        if let Some(window) = &self.window {
            range(place, "data.window.samples", window.samples, 1, MOST_IMAGES)?;
            range(place, "data.window.stride", window.step(), 1, MOST_IMAGES)?;
            range(place, "data.window.copies", window.copies, 0, MOST_COPIES)?;
            range(place, "data.window.shift", window.shift, 0, window.samples)?;
            range(place, "data.window.scale", window.scale, 0.0, 1.0)?;
            range(place, "data.window.rotation", window.rotation, 0.0, 180.0)?;
            range(place, "data.window.jitter", window.jitter, 0.0, 1.0)?;
            range(place, "data.window.unit", window.unit.unwrap_or(1.0), 1e-9, 1e9)?;
        }
        if let Some(sound) = &self.sound {
            sound.validate(place)?;
        }
        let mut seen = BTreeSet::new();
        for (i, label) in self.labels.iter().flatten().enumerate() {
            let field = format!("data.labels, name {}", i + 1);
            names::check(place, &field, label)?;
            if !seen.insert(label) {
                return Err(Error::invalid(place, field, "a name that is not there yet", label));
            }
        }
        self.check_fields(place)
    }

    /// Refuses fields that the source does not have.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `place` and the field.
    pub fn check_fields(&self, place: &str) -> Result<()> {
        let name = self.name;
        let own = name.is_own();
        let files = matches!(name, DataSource::Pictures | DataSource::Sensors | DataSource::Sound);
        let tables = matches!(name, DataSource::Pictures | DataSource::Sensors);
        let recordings = matches!(name, DataSource::Sensors | DataSource::Sound);
        let fields = [
            ("labels", self.labels.is_some(), own),
            ("targets", self.targets.is_some(), tables),
            ("target_scales", self.target_scales.is_some(), self.targets.is_some()),
            ("multilabel", self.multilabel, tables),
            ("reconstruct", self.reconstruct, own),
            ("normal", self.normal.is_some(), self.reconstruct),
            ("validation_share", self.validation_share.is_some(), own),
            ("test_share", self.test_share.is_some(), own),
            ("pattern", self.pattern.is_some(), files),
            ("resize", self.resize != Resize::default(), own && !recordings),
            ("window", self.window.is_some(), name == DataSource::Sensors),
            ("sound", self.sound.is_some(), name == DataSource::Sound),
            ("test_files", self.test_files.is_some(), files),
            ("balance", self.balance, own),
            ("skip_bad", self.skip_bad, files),
            ("holdout", self.holdout != Holdout::default(), !own),
            ("shape", self.shape.is_some(), name == DataSource::Glyphs),
            ("classes", self.classes.is_some(), name == DataSource::Glyphs),
        ];
        match fields.into_iter().find(|&(_, set, has)| set && !has) {
            None => Ok(()),
            Some((field, ..)) => {
                let expected = format!("nothing, `{}` has no such field", name.name());
                Err(Error::invalid(place, format!("data.{field}"), expected, "a value"))
            }
        }
    }
}
