//! Parameters of scaled samples of sensors.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use supernano_core::frontend::{self as core, AXIS_BYTES, Axis, MAX_AXES, MAX_ROWS};

use super::{Description, in_range};

/// Largest magnitude of an end of an axis, in steps of the sensor.
const LARGEST: f64 = 2_147_483_648.0;
/// Largest right shift that is used. It leaves multipliers and offsets of 31 and 62 bits to
/// every valid axis.
const SHIFT: u8 = 40;

/// Parameters of scaled samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SensorSpec {
    /// Samples of the network's input: its height.
    pub rows: u16,
    /// The axes of a sample, at most 64: the channels of the network's input.
    pub axes: Vec<AxisSpec>,
}

/// The range of an axis. A sample becomes `255 (sample - low) / (high - low)`, rounded to the
/// nearest integer and saturated to a byte.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AxisSpec {
    /// The sample that becomes 0, in steps of the sensor.
    pub low: f64,
    /// The sample that becomes 255, in steps of the sensor; above `low`.
    pub high: f64,
}

impl SensorSpec {
    /// Makes the description.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the field.
    pub(super) fn build(&self, place: &str) -> Result<Description> {
        in_range(place, "rows", self.rows.into(), (1.0, MAX_ROWS as f64))?;
        in_range(place, "axes", self.axes.len() as f64, (1.0, MAX_AXES as f64))?;
        let axes = self.axes.iter().enumerate().map(|(i, axis)| axis.build(place, i));
        let axes: Vec<Axis> = axes.collect::<Result<_>>()?;
        let parts = core::SensorParts { rows: self.rows, axes: &axes };
        let limit = 16 + AXIS_BYTES * axes.len();
        Description::write(place, limit, |out| core::write_sensor(&parts, out))
    }
}

impl AxisSpec {
    /// The integers of axis `index`, with as many bits of fraction as fit.
    fn build(self, place: &str, index: usize) -> Result<Axis> {
        let field = |name: &str| format!("axes[{index}].{name}");
        in_range(place, &field("low"), self.low, (-LARGEST, LARGEST))?;
        in_range(place, &field("high"), self.high, (-LARGEST, LARGEST))?;
        // The multiplier of a smaller range exceeds 31 bits.
        if self.high - self.low < 1e-6 {
            let expected = format!("{} or more", self.low + 1e-6);
            return Err(Error::invalid(place, field("high"), expected, self.high));
        }
        let factor = 255.0 / (self.high - self.low);
        let offset = 0.5 - self.low * factor;
        let fits = |shift: &u8| {
            let unit = 2f64.powi(i32::from(*shift));
            factor * unit < 2_147_483_647.0 && (offset * unit).abs() < 2f64.powi(61)
        };
        let shift = (0..=SHIFT).rev().find(fits).ok_or_else(|| {
            Error::invalid(place, field("low"), "a range that is not as far from 0", self.low)
        })?;
        let unit = 2f64.powi(i32::from(shift));
        let multiplier = (factor * unit).round() as i32;
        Ok(Axis { multiplier, shift, offset: (offset * unit).round() as i64 })
    }
}
