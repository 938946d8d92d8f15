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
    The command reads the files that other commands have left in the run, and omits everything for \
    which a file is missing. It writes report.html, and report/ with each table as CSV and everything \
    as JSON.")]
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
