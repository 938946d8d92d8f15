//! Lines on stderr.

use std::fmt::Display;
use std::io::Write as _;

/// Writes a line to stderr. A failure is ignored: no other place is left to report it, and the command
/// itself does not depend on it. `eprintln!` panics there.
pub fn note(line: impl Display) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
