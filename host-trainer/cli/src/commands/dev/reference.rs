//! `supernano dev reference`: the reference of the commands and of the configuration, for the
//! documentation and for editors.

mod configuration;

use clap::{CommandFactory, ValueEnum};
use supernano_base::config::schema::schema;
use supernano_base::error::Result;

use crate::output::print;

/// Print a reference.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  supernano dev reference > docs/reference/commands.md\n  \
    supernano dev reference schema > docs/reference/configuration.schema.json")]
pub struct Args {
    /// What to print.
    #[arg(value_enum, default_value_t = Part::Commands)]
    part: Part,
}

/// A reference.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All commands and their options, in Markdown.
    Commands,
    /// All keys of a configuration, in Markdown.
    Configuration,
    /// The JSON Schema of a configuration.
    Schema,
}

/// Prints a reference; `C` is the command line.
///
/// # Errors
/// The errors of [`print`].
pub fn run<C: CommandFactory>(args: &Args) -> Result<()> {
    print(text::<C>(args.part).trim_end()).map(|_| ())
}

/// A reference as the committed file has it.
pub fn text<C: CommandFactory>(part: Part) -> String {
    match part {
        Part::Commands => commands::<C>(),
        Part::Configuration => configuration::markdown(&schema()),
        Part::Schema => format!("{:#}\n", schema()),
    }
}

/// The reference of a command line.
fn commands<C: CommandFactory>() -> String {
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
