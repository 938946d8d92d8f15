//! Budgets as a user writes them: `64KiB`, `1.5MiB`, `5M`, `300k`, `20480`.

use supernano_base::error::{Error, Result};

/// Units and what they stand for.
const UNITS: [(&str, u64); 10] = [
    ("", 1),
    ("B", 1),
    ("k", 1_000),
    ("kB", 1_000),
    ("KiB", 1 << 10),
    ("M", 1_000_000),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("G", 1_000_000_000),
    ("GiB", 1 << 30),
];

/// Reads the budget given to `option`; fractions of a byte or instruction are dropped.
///
/// # Errors
/// [`Error::Invalid`] that names the option and the units.
pub fn parse(option: &str, text: &str) -> Result<u64> {
    let refuse = || {
        let expected = "a number above 0 with no unit or one of B, k, kB, KiB, M, MB, MiB, G, GiB";
        Error::invalid(option, "size", expected, format!("`{text}`"))
    };
    let trimmed = text.trim();
    let end = trimmed.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(end);
    let unit = unit.trim_start();
    let &(_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(refuse)?;
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

/// Units of time and the nanoseconds in them.
const TIMES: [(&str, f64); 4] = [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9)];

/// Reads the time given to `option`, such as `60ms`, in nanoseconds.
///
/// # Errors
/// [`Error::Invalid`] that names the option and the units.
pub fn nanoseconds(option: &str, text: &str) -> Result<u64> {
    let refuse = || {
        let expected = "a number above 0 with one of ns, us, ms, s";
        Error::invalid(option, "time", expected, format!("`{text}`"))
    };
    let trimmed = text.trim();
    let end = trimmed.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(end);
    let unit = unit.trim_start();
    let &(_, factor) = TIMES.iter().find(|(name, _)| *name == unit).ok_or_else(refuse)?;
    let value = number.parse::<f64>().map_err(|_| refuse())? * factor;
    if value >= 1.0 && value < u64::MAX as f64 { Ok(value as u64) } else { Err(refuse()) }
}
