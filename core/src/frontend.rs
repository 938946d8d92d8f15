//! Front ends: what a device computes from samples before the network, in integers
//! (`core/docs/frontend.md`).
//!
//! [`FrontEnd::new_checked`] checks a description and gives access to it without copies. A [`Sound`]
//! makes log-mel or MFCC features, and a [`Sensor`] scales samples of several axes; both make the
//! bytes of a network's input, from a whole recording or continuously ([`SoundStream`],
//! [`SensorStream`]). [`write_sound`] and [`write_sensor`] make a description.

mod error;
mod features;
mod fft;
mod log;
mod parts;
mod rows;
mod sensor;
mod sound;
mod spectrum;
mod stream;
#[allow(clippy::indexing_slicing, reason = "only hosts write descriptions")]
mod write;

pub use error::{Field, FrontEndError, Memory, Table};
pub use fft::{MAX_FFT, MIN_FFT};
pub use sensor::{AXIS_BYTES, Axis, MAX_AXES, Sensor, SensorStream};
pub use sound::{MAX_BANDS, MAX_SHIFT, Peak, Rounding, Sound, Transform};
pub use stream::SoundStream;
pub use write::{SensorParts, SoundParts, write_sensor, write_sound};

use parts::Reader;

/// First bytes of a description.
pub const MAGIC: [u8; 4] = *b"SNF\0";
/// Version of the format.
pub const VERSION: u16 = 1;
/// Alignment of a description in memory and of its tables, bytes.
pub const ALIGNMENT: usize = 4;
/// Largest number of rows of a network's input.
pub const MAX_ROWS: usize = 4096;

/// Values of the byte at 6.
mod kind {
    pub const SOUND: u8 = 1;
    pub const SENSOR: u8 = 2;
}

/// Bytes of the fixed part of each kind.
const SOUND_FIXED: usize = 40;
const SENSOR_FIXED: usize = 16;

/// A checked description of a front end.
#[derive(Clone, Copy, Debug)]
pub enum FrontEnd<'a> {
    /// Features of sound.
    Sound(Sound<'a>),
    /// Scaled samples of sensors.
    Sensor(Sensor<'a>),
}

impl<'a> FrontEnd<'a> {
    /// Checks a description. Bytes behind its end are ignored. Afterwards the only errors are a
    /// wrong number of samples and too little memory, and no arithmetic overflows.
    ///
    /// # Errors
    /// The first violation of the format.
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, FrontEndError> {
        let (mut reader, kind) = Reader::new(bytes)?;
        match kind {
            kind::SOUND => Sound::read(&mut reader).map(Self::Sound),
            kind::SENSOR => Sensor::read(&mut reader).map(Self::Sensor),
            found => Err(FrontEndError::Kind { found }),
        }
    }

    /// Rows, columns and channels of the network's input.
    pub const fn shape(&self) -> [usize; 3] {
        match self {
            Self::Sound(sound) => [sound.frames(), sound.features(), 1],
            Self::Sensor(sensor) => [sensor.rows(), 1, sensor.axes()],
        }
    }
}

#[cfg(target_endian = "big")]
compile_error!("descriptions are read in place and are little-endian");

#[cfg(test)]
mod tests;
