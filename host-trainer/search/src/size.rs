//! Parsing of sizes and times as a user writes them: `64KiB`, `1.5MiB`, `5M`, `20480`, `60ms`.

use supernano_base::error::{Error, Result};

/// Units of a size and their factors. `KB` is another spelling of `kB`.
const SIZE_UNITS: [(&str, u64); 11] = [
    ("", 1),
    ("B", 1),
    ("k", 1_000),
    ("kB", 1_000),
    ("KB", 1_000),
    ("KiB", 1 << 10),
    ("M", 1_000_000),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("G", 1_000_000_000),
    ("GiB", 1 << 30),
];

/// Units of a time and their lengths in nanoseconds.
const TIME_UNITS: [(&str, f64); 4] = [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9)];

/// Parses a number of bytes or instructions. Fractions of one are dropped. `option` is the name of
/// the option for error messages.
///
/// ```
/// use supernano_search::size;
///
/// assert_eq!(size::parse("--flash", "64KiB")?, 65_536);
/// assert_eq!(size::parse("--instructions", "1.5M")?, 1_500_000);
/// let error = size::parse("--flash", "64 apples").unwrap_err().to_string();
/// assert!(error.starts_with("--flash: size: expected a number above 0"));
/// # Ok::<(), supernano_base::error::Error>(())
/// ```
///
/// # Errors
/// [`Error::Invalid`], which names the option and the units, for text without a number, with an
/// unknown unit, or with a value of 0 or above the range of `u64`.
pub fn parse(option: &str, text: &str) -> Result<u64> {
    let refuse = || {
        let expected = "a number above 0 with no unit or one of B, k, kB, KiB, M, MB, MiB, G, GiB";
        Error::invalid(option, "size", expected, format!("`{text}`"))
    };
    let (number, unit) = split(text);
    let &(_, factor) = SIZE_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(refuse)?;
    let value = match number.parse::<u64>() {
        Ok(whole) => whole.checked_mul(factor).ok_or_else(refuse)?,
        Err(_) => {
            let value = number.parse::<f64>().map_err(|_| refuse())? * factor as f64;
            if value >= u64::MAX as f64 {
                return Err(refuse());
            }
            value as u64
        }
    };
    if value == 0 { Err(refuse()) } else { Ok(value) }
}

/// Parses a time, such as `60ms`, and returns it in nanoseconds. `option` is the name of the option
/// for error messages.
///
/// # Errors
/// [`Error::Invalid`], which names the option and the units, for text without a number, without a
/// known unit, or with a value below 1 ns or above the range of `u64`.
pub fn nanoseconds(option: &str, text: &str) -> Result<u64> {
    let refuse = || {
        let expected = "a number above 0 with one of ns, us, ms, s";
        Error::invalid(option, "time", expected, format!("`{text}`"))
    };
    let (number, unit) = split(text);
    let &(_, factor) = TIME_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(refuse)?;
    let value = number.parse::<f64>().map_err(|_| refuse())? * factor;
    if value >= 1.0 && value < u64::MAX as f64 { Ok(value as u64) } else { Err(refuse()) }
}

/// Splits text into its number and its unit, without the space around either.
fn split(text: &str) -> (&str, &str) {
    let trimmed = text.trim();
    let end = trimmed.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(end);
    (number, unit.trim_start())
}
