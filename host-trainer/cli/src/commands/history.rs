//! The line that a command leaves in the history of its run.

use std::time::{Instant, SystemTime};

use supernano_base::error::Result;
use supernano_base::history::{Entry, append, date};
use supernano_base::run_dir::RunDirectory;
use supernano_base::{console, files};

/// Runs a command, and adds it to the history of its run. A history that cannot be written is
/// reported and does not change the result.
///
/// # Errors
/// Those of `work`.
pub(super) fn recorded(
    run: Option<RunDirectory>,
    line: &[String],
    work: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let Some(run) = run else { return work() };
    let (started, clock) = (date(SystemTime::now()), Instant::now());
    let done = work();
    // Without a configuration there is no run: the command has refused its input.
    if run.config_file().is_file() && files::probe(&run.history()).is_ok() {
        let entry = Entry {
            started,
            seconds: (clock.elapsed().as_secs_f64() * 10.0).round() / 10.0,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: line.to_vec(),
            exit_code: done.as_ref().map_or_else(|error| error.exit_code(), |()| 0),
        };
        if let Err(error) = append(&run, &entry) {
            console::note(format_args!("the history of the run lacks this command: {error}"));
        }
    }
    done
}
