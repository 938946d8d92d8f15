//! `supernano man`: manual pages.

use std::io::Write as _;
use std::path::PathBuf;

use clap::CommandFactory as _;
use clap_mangen::Man;
use serde::Serialize;
use supernano_base::error::{Error, Result};
use supernano_base::files;

use super::Cli;
use crate::output::{Output, stdout};

/// Print the manual page, or write the pages of all commands.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    supernano man | man -l -\n  \
    supernano man -o ~/.local/share/man/man1")]
pub struct Args {
    /// Directory for the pages of all commands.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    pages: Vec<PathBuf>,
}

/// Prints the page of the program, or writes every page.
///
/// # Errors
/// The errors of [`stdout`]; those of [`files::write`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let mut command = Cli::command();
    command.build();
    let Some(directory) = &args.output else {
        let page = page(command)?;
        return stdout(|out| out.write_all(&page)).map(|_| ());
    };
    std::fs::create_dir_all(directory)
        .map_err(|source| Error::Io { path: directory.clone(), source })?;
    let mut pages = Vec::new();
    for command in every(command) {
        let name = command.get_display_name().unwrap_or(command.get_name());
        let path = directory.join(format!("{name}.1"));
        files::write(&path, &page(command)?)?;
        pages.push(path);
    }
    out.emit(&Report { pages }, |r| format!("{} pages in {}", r.pages.len(), directory.display()))
}

/// A command and all commands below it that are listed.
pub(super) fn every(command: clap::Command) -> Vec<clap::Command> {
    let listed = |c: &&clap::Command| !c.is_hide_set() && c.get_name() != "help";
    let below: Vec<clap::Command> =
        command.get_subcommands().filter(listed).cloned().flat_map(every).collect();
    std::iter::once(command).chain(below).collect()
}

fn page(command: clap::Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    let rendered = Man::new(command).render(&mut page);
    rendered.map_err(|e| Error::tool("manual page", e))?;
    Ok(page)
}
