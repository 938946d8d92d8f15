//! Windows over recordings of sensors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MOST_IMAGES, is_default};
use crate::config::range;
use crate::error::Result;

/// Most copies of a training window.
const MOST_COPIES: usize = 100;

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

    pub(super) fn validate(&self, place: &str) -> Result<()> {
        range(place, "data.window.samples", self.samples, 1, MOST_IMAGES)?;
        range(place, "data.window.stride", self.step(), 1, MOST_IMAGES)?;
        range(place, "data.window.copies", self.copies, 0, MOST_COPIES)?;
        range(place, "data.window.shift", self.shift, 0, self.samples)?;
        range(place, "data.window.scale", self.scale, 0.0, 1.0)?;
        range(place, "data.window.rotation", self.rotation, 0.0, 180.0)?;
        range(place, "data.window.jitter", self.jitter, 0.0, 1.0)?;
        range(place, "data.window.unit", self.unit.unwrap_or(1.0), 1e-9, 1e9)
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
