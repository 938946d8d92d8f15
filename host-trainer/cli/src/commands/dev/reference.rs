//! `supernano dev reference`: the reference of the commands, for the documentation.

use clap::CommandFactory;
use supernano_base::error::Result;

use crate::output::print;

/// Print the reference of all commands, in Markdown.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  supernano dev reference > docs/reference/commands.md")]
pub struct Args {}

/// Prints the reference of the command line `C`.
///
/// # Errors
/// The errors of [`print`].
pub fn run<C: CommandFactory>(_args: &Args) -> Result<()> {
    print(markdown::<C>().trim_end()).map(|_| ())
}

/// The reference of a command line.
pub fn markdown<C: CommandFactory>() -> String {
    let options = clap_markdown::MarkdownOptions::new()
        .title("Commands".into())
        .show_footer(false)
        .show_aliases(false);
    let body = clap_markdown::help_markdown_command_custom(&C::command(), &options);
    let note =
        "<!-- Made by `supernano dev reference`. A test compares this page with the program. -->";
    // Lists and headings of the generator end in spaces.
    let lines: Vec<&str> = body.lines().map(str::trim_end).collect();
    format!("{note}\n\n{}\n", lines.join("\n").trim())
}
