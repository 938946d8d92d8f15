//! The number of threads, which the environment may set.

use crate::error::{Error, Result};

/// The variable that the thread pool reads.
const VARIABLE: &str = "RAYON_NUM_THREADS";
/// Largest number of threads. A pool starts all of them before its first work.
const MOST: u64 = 1024;

/// Checks the number of threads that the environment sets, before a thread pool starts.
///
/// # Errors
/// [`Error::Invalid`] for a number above 1,024, and for another text.
pub fn check() -> Result<()> {
    let Some(value) = std::env::var_os(VARIABLE) else { return Ok(()) };
    let value = value.to_string_lossy();
    match value.trim().parse::<u64>() {
        Ok(0..=MOST) => Ok(()),
        _ if value.is_empty() => Ok(()),
        _ => {
            let expected = format!("0 (one a core) to {MOST}");
            Err(Error::invalid("environment", VARIABLE, expected, value))
        }
    }
}
