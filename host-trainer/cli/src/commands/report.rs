//! `supernano report`: one HTML page about a run.

use std::path::PathBuf;

use serde::Serialize;
use supernano_base::error::Result;

use crate::output::Output;

/// Write one self-contained HTML page about a run: tables and plots.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: supernano report runs/demo\n\n\
    Reads RUN/results.json and RUN/metrics.jsonl, writes RUN/report.html; what is missing is left \
    out of the page.")]
pub struct Args {
    /// Directory of the run.
    run: PathBuf,
}

#[derive(Serialize)]
struct Answer {
    report: PathBuf,
}

/// Writes the page and prints its path.
///
/// # Errors
/// As [`crate::report::write`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let answer = Answer { report: crate::report::write(&args.run)? };
    out.emit(&answer, |a| a.report.display().to_string());
    Ok(())
}
