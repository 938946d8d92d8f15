//! Output of results, tables and progress.

mod quality;
mod table;

use std::io::{self, ErrorKind, IsTerminal as _, Stdout, Write as _};
use std::ops::ControlFlow;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde::Serialize;
use supernano_base::error::{Error, Result};
use supernano_base::progress::{Progress, Task};
use supernano_base::{console, files};

pub use self::quality::quality_text;
pub use self::table::table;

/// Writes results to stdout, as text or as one JSON object, and progress to stderr.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
    quiet: bool,
    silent: bool,
}

impl Output {
    /// Output as text, or with `json` as one JSON object; with `quiet` without progress and remarks.
    pub fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, silent: false }
    }

    /// The same, without results.
    pub fn silenced(self) -> Self {
        Self { silent: true, ..self }
    }

    /// True for output as one JSON object.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints the result of a command: as a JSON object, or as the text that `human` makes of it. If
    /// an output file of the command is stdout, the text goes to stderr.
    ///
    /// # Errors
    /// As [`print()`]; a reader that has gone is no error.
    pub fn emit<T: Serialize>(&self, value: &T, human: impl FnOnce(&T) -> String) -> Result<()> {
        if self.silent {
            return Ok(());
        }
        if files::stdout_is_output() {
            if !self.json && !self.quiet {
                console::note(human(value).trim_end());
            }
            return Ok(());
        }
        let text = if self.json {
            serde_json::to_string(value)
                .map_err(|e| Error::invalid(STDOUT, "JSON", "a result that JSON can hold", e))?
        } else {
            human(value)
        };
        print(text.trim_end()).map(|_| ())
    }
}

/// The name of stdout in errors.
const STDOUT: &str = "standard output";

/// Writes a line to stdout at once. Returns `Break` if nobody reads it any more.
///
/// # Errors
/// The errors of [`stdout`].
pub fn print(line: &str) -> Result<ControlFlow<()>> {
    stdout(|stdout| writeln!(stdout, "{line}"))
}

/// Writes to stdout, and flushes it. Returns `Break` if nobody reads it any more.
///
/// # Errors
/// [`Error::Io`] for any failure but a closed pipe.
pub fn stdout(write: impl FnOnce(&mut Stdout) -> io::Result<()>) -> Result<ControlFlow<()>> {
    let mut stdout = io::stdout();
    match write(&mut stdout).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(source) => Err(Error::Io { path: STDOUT.into(), source }),
    }
}

impl Progress for Output {
    /// Draws a bar on one line of stderr; silent if stderr is no terminal.
    fn task(&self, steps: u64, what: &str) -> Box<dyn Task> {
        let shown = std::io::stderr().is_terminal() && !self.quiet;
        let target = match shown {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        // The bar takes the width that the rest of the line leaves.
        let (prefix, colour) = if coloured() { (":.bold", ":.cyan") } else { ("", "") };
        let template =
            format!("{{prefix{prefix}}} {{wide_bar{colour}}} {{pos}}/{{len}} {{msg}} {{left}}");
        let style = ProgressStyle::with_template(&template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .with_key("left", left);
        let bar = ProgressBar::with_draw_target(Some(steps), target).with_style(style);
        bar.set_prefix(what.to_owned());
        if shown {
            bar.enable_steady_tick(TICK);
        }
        Box::new(Bar { bar, quiet: self.quiet })
    }

    fn note(&self, line: &str) {
        if !self.quiet {
            console::note(line);
        }
    }
}

/// Time after which a bar is drawn again without a step.
const TICK: Duration = Duration::from_millis(250);

/// The time that a task still takes; the time so far before its first step.
fn left(state: &ProgressState, out: &mut dyn std::fmt::Write) {
    let (time, word) = match state.pos() {
        0 => (state.elapsed(), "so far"),
        _ => (state.eta(), "left"),
    };
    let seconds = time.as_secs();
    let _ = match seconds {
        0..120 => write!(out, "{seconds} s {word}"),
        120..7200 => write!(out, "{} min {word}", seconds / 60),
        _ => write!(out, "{} h {word}", seconds / 3600),
    };
}

/// True if stderr is a terminal that shows colours, and `NO_COLOR` is not set.
pub fn coloured() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stderr().is_terminal() && !refused && !dumb
}

/// A task that is drawn as a bar.
#[derive(Debug)]
struct Bar {
    bar: ProgressBar,
    quiet: bool,
}

impl Task for Bar {
    fn advance(&self, steps: u64) {
        self.bar.inc(steps);
    }

    fn extend(&self, steps: u64) {
        self.bar.inc_length(steps);
    }

    fn message(&self, text: String) {
        self.bar.set_message(text);
    }

    fn line(&self, text: &str) {
        self.bar.println(text);
    }

    fn note(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| console::note(text));
        }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
