//! `supernano completions`: completions for shells.

use std::io::Write as _;

use clap_complete::{Shell, generate};
use supernano_base::error::Result;

use super::Cli;
use super::groups::command;
use crate::output::stdout;

/// Print the completions for a shell.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    supernano completions bash > ~/.local/share/bash-completion/completions/supernano\n  \
    supernano completions zsh > ~/.zfunc/_supernano\n  \
    supernano completions fish > ~/.config/fish/completions/supernano.fish")]
pub struct Args {
    /// The shell.
    shell: Shell,
}

/// Prints the script of the shell.
///
/// # Errors
/// The errors of [`stdout`].
pub fn run(args: &Args) -> Result<()> {
    let mut script = Vec::new();
    generate(args.shell, &mut command::<Cli>(), "supernano", &mut script);
    stdout(|out| out.write_all(&script)).map(|_| ())
}
