//! `supernano report`: one HTML page about a run.

use std::path::PathBuf;

use serde::Serialize;
use supernano_base::error::Result;

use crate::output::Output;
use crate::report::write;

/// Write one HTML page about a run.
///
/// The page holds tables and plots and needs no other file.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  supernano report runs/demo\n\n\
    The command reads results.json and metrics.jsonl of the run and writes report.html. It omits \
    everything for which a file or a figure is missing.")]
pub struct Args {
    /// Run directory.
    run: PathBuf,
}

#[derive(Serialize)]
struct Written {
    report: PathBuf,
}

/// Writes the page and prints its path.
///
/// # Errors
/// The errors of [`write`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let written = Written { report: write(&args.run)? };
    out.emit(&written, |w| w.report.display().to_string())?;
    Ok(())
}
