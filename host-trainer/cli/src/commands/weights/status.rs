//! `supernano status`: the state of a run.

use std::path::PathBuf;

use supernano_base::error::Result;

use crate::output::{Output, table};
use crate::project::state::{State, state};

/// Show what is done in a run and what comes next.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  supernano status runs/demo")]
pub struct Args {
    /// Run directory [default: the current one].
    #[arg(default_value = ".")]
    run: PathBuf,
}

/// Prints the stages of the run.
///
/// # Errors
/// The errors of [`state`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    out.emit(&state(&args.run)?, text)
}

fn text(state: &State) -> String {
    let rows: Vec<Vec<String>> = state
        .stages
        .iter()
        .map(|s| {
            let done = if s.done { "done" } else { "open" };
            vec![s.command.to_owned(), done.to_owned(), s.detail.clone()]
        })
        .collect();
    let next = state.next.as_ref().map_or_else(String::new, |n| format!("\nNext: {n}"));
    format!("{}{next}", table(&["stage", "state", "result"], &rows))
}
