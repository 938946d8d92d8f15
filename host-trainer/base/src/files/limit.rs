//! Limits on the size of inputs, checked before memory is allocated.

use std::fmt::Display;

use crate::error::{Error, Result};

/// A limit on the size of an input. An environment variable replaces the default.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// The environment variable, in `unit`s.
    variable: &'static str,
    /// The default, in `unit`s.
    default: u64,
    /// The unit and how many bytes or items it has.
    unit: (&'static str, u64),
}

/// The unit of limits on bytes.
const MIB: (&str, u64) = ("MiB", 1 << 20);

/// A file of bytes: a checkpoint, a network, a firmware.
pub const FILE: Limit = Limit { variable: "SUPERNANO_FILE_MIB", default: 256, unit: MIB };
/// A text, after decompression: lists of codes, scores, truths, JSON.
pub const TEXT: Limit = Limit { variable: "SUPERNANO_TEXT_MIB", default: 128, unit: MIB };
/// A configuration.
pub const CONFIGURATION: Limit =
    Limit { variable: "SUPERNANO_CONFIGURATION_MIB", default: 1, unit: MIB };
/// Cells of a CSV file, or values of a JSON file: predictions of all 262,144 networks of resnet8 have
/// ten values each.
pub const ITEMS: Limit =
    Limit { variable: "SUPERNANO_ITEMS", default: 3_000_000, unit: ("items", 1) };
/// Lines of a list of codes, each a sub-network.
pub const CODES: Limit =
    Limit { variable: "SUPERNANO_CODES", default: 1_000_000, unit: ("lines", 1) };
/// Values of a JSON file that is kept whole in memory, about 1 KiB each.
pub const DOCUMENT: Limit =
    Limit { variable: "SUPERNANO_DOCUMENT_ITEMS", default: 500_000, unit: ("items", 1) };
/// An archive of CIFAR after decompression, or each of its files; an array of labels.
pub const ARCHIVE: Limit = Limit { variable: "SUPERNANO_ARCHIVE_MIB", default: 256, unit: MIB };
/// A picture, decoded.
pub const PICTURE: Limit = Limit { variable: "SUPERNANO_PICTURE_MIB", default: 160, unit: MIB };
/// Samples of a recording of one channel, decoded.
pub const SOUND: Limit = Limit { variable: "SUPERNANO_SOUND_MIB", default: 48, unit: MIB };
/// Inputs of all splits of a generated set, a byte for each value.
pub const IMAGES: Limit = Limit { variable: "SUPERNANO_IMAGES_MIB", default: 1024, unit: MIB };
/// Inputs of all splits of a set of own files, a byte for each value, in memory or in a file.
pub const INPUTS: Limit = Limit { variable: "SUPERNANO_INPUTS_MIB", default: 65_536, unit: MIB };
/// Inputs of a set of own files that are held in memory. Those of a larger set are read from a file.
pub const MEMORY: Limit = Limit { variable: "SUPERNANO_MEMORY_MIB", default: 256, unit: MIB };

impl Limit {
    /// The limit in bytes or items.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the environment variable is not a whole number.
    pub fn value(&self) -> Result<u64> {
        let units = match std::env::var(self.variable) {
            Err(std::env::VarError::NotPresent) => Some(self.default),
            Ok(text) => text.parse().ok(),
            Err(_) => None,
        };
        let units = units.ok_or_else(|| {
            let expected = format!("a whole number of {}", self.unit.0);
            Error::invalid("environment", self.variable, expected, "another text")
        })?;
        Ok(units.saturating_mul(self.unit.1))
    }

    /// Checks `found` bytes or items; `place` and `field` name them in the error.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the limit and the variable that raises it.
    pub fn check(&self, place: impl Display, field: &str, found: u64) -> Result<()> {
        let (most, (unit, size)) = (self.value()?, self.unit);
        if found <= most {
            return Ok(());
        }
        let expected =
            format!("at most {} {unit} ({} raises the limit)", most / size, self.variable);
        Err(Error::invalid(place, field, expected, format!("{} {unit}", found.div_ceil(size))))
    }
}
