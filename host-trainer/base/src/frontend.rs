//! Front ends of sounds and sensors: from parameters to a description that host and device share.
//!
//! A [`FrontEndSpec`] is what a configuration says. [`FrontEndSpec::build`] makes its tables, and
//! the [`Description`] gives the integer front end of `supernano_core::frontend`, which computes the
//! inputs of training and those of the device.

mod sensor;
mod sound;

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use supernano_core::frontend::{FrontEnd, FrontEndError};

pub use self::sensor::{AxisSpec, SensorSpec};
pub use self::sound::{Rounding, SoundSpec, WindowShape};

/// The parameters of a front end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum FrontEndSpec {
    /// Log-mel or MFCC features of sound.
    Sound(SoundSpec),
    /// Scaled samples of sensors.
    Sensor(SensorSpec),
}

impl FrontEndSpec {
    /// Makes the description. `place` names the file and the table of the parameters.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the field.
    pub fn build(&self, place: &str) -> Result<Description> {
        match self {
            Self::Sound(sound) => sound.build(place),
            Self::Sensor(sensor) => sensor.build(place),
        }
    }
}

/// The bytes of a front end (`core/docs/frontend.md`), aligned to 4 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description(Vec<u32>);

impl Description {
    /// A description of at most `limit` bytes that `write` makes.
    fn write(
        place: &str,
        limit: usize,
        write: impl FnOnce(&mut [u8]) -> Result<usize, FrontEndError>,
    ) -> Result<Self> {
        let mut words = vec![0; limit.div_ceil(4)];
        let length = write(bytemuck::cast_slice_mut(&mut words))
            .map_err(|problem| Error::invalid(place, "front end", "valid parts", problem))?;
        words.truncate(length / 4);
        Ok(Self(words))
    }

    /// The description with these bytes; `place` names their file.
    ///
    /// # Errors
    /// [`Error::Invalid`] for bytes that are none.
    pub fn from_bytes(place: &str, bytes: &[u8]) -> Result<Self> {
        let mut words = vec![0; bytes.len().div_ceil(4)];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
        let found = FrontEnd::new_checked(bytemuck::cast_slice(&words)).map(drop);
        found.map_err(|problem| Error::invalid(place, "front end", "valid parts", problem))?;
        Ok(Self(words))
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }

    /// The checked front end.
    ///
    /// # Panics
    /// Never: a description is checked when it is made.
    pub fn front_end(&self) -> FrontEnd<'_> {
        match FrontEnd::new_checked(self.bytes()) {
            Ok(front_end) => front_end,
            Err(problem) => unreachable!("{problem}"),
        }
    }
}

/// Checks that a number of a field is finite and in its range, both ends included.
fn in_range(place: &str, field: &str, found: f64, (low, high): (f64, f64)) -> Result<()> {
    if (low..=high).contains(&found) {
        Ok(())
    } else {
        Err(Error::invalid(place, field, format!("{low} to {high}"), found))
    }
}

#[cfg(test)]
mod tests;
