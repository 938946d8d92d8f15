//! The command line, with one file for each subcommand.
//!
//! Each `run` parses its arguments, calls a library function and prints the result. Commands over
//! floating-point weights are in [`weights`], those for developers of supernano in [`dev`].

mod check;
mod completions;
mod correlate;
#[cfg(feature = "train")]
mod data;
mod dev;
mod doctor;
mod flash;
mod groups;
mod history;
mod latency;
mod man;
mod report;
mod spaces;
mod watch;
#[cfg(feature = "train")]
mod weights;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{FromArgMatches as _, Parser, Subcommand};
#[cfg(feature = "train")]
use supernano_base::error::Error;
use supernano_base::error::Result;
use supernano_base::run_dir::RunDirectory;
use supernano_base::{console, interrupt, threads};

use crate::output::{Output, coloured, stdout};

/// The exit codes, for `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0    success
  1    negative result: a mismatch, or no feasible network
  2    wrong usage; missing or invalid input
  3    a tool, driver, device or disk failed
  130  interrupted";

/// Exit code of wrong arguments.
const USAGE: u8 = 2;

/// One-shot neural architecture search for microcontrollers.
#[derive(Parser, Debug)]
#[command(name = "supernano", version, propagate_version = true, after_help = EXIT_CODES)]
#[command(max_term_width = 100)]
struct Cli {
    /// Print one JSON object on stdout instead of a table.
    #[arg(long, global = true, display_order = 900)]
    json: bool,
    /// Print results and errors only, without progress and remarks.
    #[arg(short, long, global = true, display_order = 901)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    #[cfg(feature = "train")]
    #[command(flatten)]
    Weights(weights::Command),
    #[cfg(feature = "train")]
    Data(data::Args),
    Correlate(correlate::Args),
    Check(check::Args),
    Latency(latency::Args),
    Flash(flash::Args),
    Watch(watch::Args),
    Report(report::Args),
    Spaces(spaces::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
    Man(man::Args),
    /// Commands for developers of supernano.
    #[command(subcommand)]
    Dev(dev::Command),
}

impl Command {
    /// The run on which the command works, if it adds to one.
    fn run_directory(&self) -> Option<RunDirectory> {
        match self {
            #[cfg(feature = "train")]
            Self::Weights(command) => command.run_directory(),
            Self::Correlate(args) => args.run(),
            Self::Check(args) => args.run(),
            Self::Latency(args) => args.run(),
            _ => None,
        }
    }
}

/// Runs a command. `line` has its arguments, for the history of its run.
fn run(cli: &Cli, line: &[String], out: &Output) -> Result<()> {
    history::recorded(cli.command.run_directory(), line, || command(cli, out))
}

fn command(cli: &Cli, out: &Output) -> Result<()> {
    match &cli.command {
        #[cfg(feature = "train")]
        Command::Weights(command) => weights::run(command, out),
        #[cfg(feature = "train")]
        Command::Data(args) => data::run(args, out),
        Command::Correlate(args) => correlate::run(args, out),
        Command::Check(args) => check::run(args, out),
        Command::Latency(args) => latency::run(args, out),
        Command::Flash(args) => flash::run(args, out),
        Command::Watch(args) => watch::run(args, out),
        Command::Report(args) => report::run(args, out),
        Command::Spaces(args) => spaces::run(args, out),
        Command::Doctor(args) => doctor::run(args, out),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args, out),
        Command::Dev(command) => dev::run::<Cli>(command, out),
    }
}

/// Runs the command of a line, without the name of the program.
///
/// # Errors
/// [`Error::Invalid`] for a line that is none; as the command.
#[cfg(feature = "train")]
fn run_line(line: &[&str], out: &Output) -> Result<()> {
    let program = std::iter::once("supernano");
    let cli = Cli::try_parse_from(program.chain(line.iter().copied())).map_err(|e| {
        Error::invalid("command line", line.join(" "), "a command", e.to_string().trim())
    })?;
    let line: Vec<String> = line.iter().map(ToString::to_string).collect();
    run(&cli, &line, out)
}

/// Parses the arguments and runs the command. Prints an error on stderr and returns the exit code. A
/// stdout that nobody reads any more is success.
pub fn main() -> ExitCode {
    let words = arguments();
    let arguments = interrupt::handle().and_then(|()| threads::check()).map(|()| {
        let matches = groups::command::<Cli>().try_get_matches_from(&words);
        matches.and_then(|m| Cli::from_arg_matches(&m))
    });
    let done = match arguments {
        Ok(Ok(cli)) => {
            let line: Vec<String> = words.iter().skip(1).map(shown).collect();
            run(&cli, &line, &Output::new(cli.json, cli.quiet))
        }
        Ok(Err(usage)) if usage.use_stderr() => {
            let _ = usage.print();
            return ExitCode::from(USAGE);
        }
        Ok(Err(help)) => stdout(|_| help.print()).map(|_| ()),
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let word = if coloured() { "\x1b[1;31merror\x1b[0m" } else { "error" };
            console::note(format_args!("{word}: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

/// The arguments of the process. Without any, in a run directory, the command is `status`.
fn arguments() -> Vec<OsString> {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let in_run = || RunDirectory::new(".").config_file().is_file();
    if cfg!(feature = "train") && arguments.len() == 1 && in_run() {
        arguments.push("status".into());
    }
    arguments
}

/// An argument as text.
fn shown(argument: &OsString) -> String {
    argument.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
