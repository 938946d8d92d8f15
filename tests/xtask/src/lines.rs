//! Lines on stdout and stderr. A reader that has gone is no error, and no line panics.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _};

use crate::process::Failure;

/// Writes a line to stdout.
macro_rules! say {
    ($($line:tt)*) => { $crate::lines::say(format_args!($($line)*)) };
}

/// Writes a line to stderr.
macro_rules! note {
    ($($line:tt)*) => { $crate::lines::note(format_args!($($line)*)) };
}

/// Writes a line to stdout. Ends the process if the line is lost for another reason than a closed
/// pipe.
pub fn say(line: Arguments<'_>) {
    match std::io::stdout().write_all(format!("{line}\n").as_bytes()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            let failure = Failure::tool(format!("standard output: {e}"));
            note(format_args!("error: {failure}"));
            std::process::exit(failure.code.into());
        }
        _ => {}
    }
}

/// Writes a line to stderr. No place is left to report a failure.
pub fn note(line: Arguments<'_>) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
