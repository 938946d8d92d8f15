//! The integer front end of sensor windows: from values to steps of the sensor, and to bytes.

use supernano_base::config::WindowSpec;
use supernano_base::error::{Error, Result};
use supernano_base::frontend::{AxisSpec, Description, FrontEndSpec, SensorSpec};
use supernano_core::frontend::FrontEnd;

use super::super::items::{Kept, Loaded};
use super::super::splits::{Key, hash};
use super::copies;

/// Bytes of a description before its axes.
pub const FIXED: usize = 16;
/// Steps that the smallest range of an axis has at least, if the unit is chosen.
const STEPS: f64 = 10_000.0;

/// The scale of the axes.
pub struct Scale {
    /// The windows with their unit and ranges.
    pub window: WindowSpec,
    /// The front end.
    pub description: Description,
    unit: f64,
}

impl Scale {
    /// The scale of a configuration. Unit and ranges that it leaves out are those of the training
    /// windows, each `[samples, axes]`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for ranges of another number of axes, and as [`FrontEndSpec::build`].
    pub fn new(
        window: &WindowSpec,
        axes: &[String],
        training: impl Iterator<Item = Result<Vec<f32>>>,
    ) -> Result<Self> {
        let count = axes.len();
        let (found, whole) = ranges(count, training)?;
        let ranges = window.ranges.clone().unwrap_or(found);
        if ranges.len() != count {
            let expected = format!("{count}, one for each of {}", axes.join(", "));
            return Err(Error::invalid("data", "window.ranges", expected, ranges.len()));
        }
        let unit = window.unit.unwrap_or_else(|| if whole { 1.0 } else { step(&ranges) });
        let axis = |&(low, high): &(f64, f64)| AxisSpec { low: low / unit, high: high / unit };
        let rows = u16::try_from(window.samples).unwrap_or(u16::MAX);
        let spec = SensorSpec { rows, axes: ranges.iter().map(axis).collect() };
        let description = FrontEndSpec::Sensor(spec).build("data.window")?;
        let window = WindowSpec { unit: Some(unit), ranges: Some(ranges), ..window.clone() };
        Ok(Self { window, description, unit })
    }

    /// The network's input for values `[samples, axes]`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another number of values.
    pub fn bytes(&self, values: &[f32]) -> Result<Vec<u8>> {
        let FrontEnd::Sensor(sensor) = self.description.front_end() else {
            return Err(Error::invalid("data.window", "front end", "one of sensors", "sound"));
        };
        // The cast saturates.
        let steps: Vec<i32> =
            values.iter().map(|&v| (f64::from(v) / self.unit).round() as i32).collect();
        let mut out = vec![0; sensor.output_bytes()];
        sensor
            .run(&steps, &mut out)
            .map_err(|e| Error::invalid("data.window", "window", "values of all axes", e))?;
        Ok(out)
    }

    /// A changed copy of an item with these values; `place` holds the seed and the number of the copy.
    ///
    /// # Errors
    /// As [`Scale::bytes`].
    pub fn copy(&self, item: &Kept, values: &[f32], place: (u64, usize)) -> Result<Loaded> {
        let ranges = self.window.ranges.as_deref().unwrap_or_default();
        let changed = copies::copy(&self.window, values, ranges, &item.key.content, place);
        let content = hash(bytemuck::cast_slice(&changed));
        Ok(Loaded {
            place: format!("{}, copy {}", item.place, place.1),
            key: Key { content, ..item.key.clone() },
            pixels: self.bytes(&changed)?,
            targets: item.targets.clone(),
        })
    }

    /// Lines about the axes.
    pub fn notes(&self, axes: &[String]) -> Vec<String> {
        let ranges = self.window.ranges.iter().flatten();
        let one = |(axis, (low, high)): (&String, &(f64, f64))| {
            format!("axis {axis}: bytes 0 to 255 are {low} to {high}, in steps of {}", self.unit)
        };
        axes.iter().zip(ranges).map(one).collect()
    }
}

/// Lowest and highest value of each axis, the highest above the lowest; and whether all values are
/// whole numbers.
fn ranges(
    axes: usize,
    windows: impl Iterator<Item = Result<Vec<f32>>>,
) -> Result<(Vec<(f64, f64)>, bool)> {
    let mut ranges = vec![(f32::INFINITY, f32::NEG_INFINITY); axes];
    let mut whole = true;
    for values in windows {
        for (i, value) in values?.into_iter().enumerate() {
            whole &= value.fract() == 0.0;
            let (low, high) = &mut ranges[i % axes];
            (*low, *high) = (low.min(value), high.max(value));
        }
    }
    let in_decimals = |(low, high)| (decimal(low), decimal(high));
    let mut ranges: Vec<(f64, f64)> = ranges.into_iter().map(in_decimals).collect();
    for (low, high) in &mut ranges {
        if *low >= *high {
            (*low, *high) = (*low - 1.0, *low + 1.0);
        }
    }
    Ok((ranges, whole))
}

/// The value with the shortest decimal text, as the file had it.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

/// A power of ten of which every range has [`STEPS`] or more, and no value more than 31 bits.
fn step(ranges: &[(f64, f64)]) -> f64 {
    let smallest = ranges.iter().map(|(low, high)| high - low).fold(f64::INFINITY, f64::min);
    let largest = ranges.iter().map(|(low, high)| low.abs().max(high.abs())).fold(0.0, f64::max);
    let fine = (smallest / STEPS).log10().floor();
    let coarse = (largest / f64::from(1 << 30)).log10().ceil();
    10f64.powi(fine.max(coarse) as i32)
}
