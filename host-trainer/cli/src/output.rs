//! Output of results, tables and progress.

use std::io::{self, ErrorKind, IsTerminal as _, Stdout, Write as _};
use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use supernano_base::console;
use supernano_base::error::{Error, Result};
use supernano_base::progress::{Progress, Task};

/// Writes results to stdout, as text or as one JSON object, and progress to stderr.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
    silent: bool,
}

impl Output {
    /// Output as text, or with `json` as one JSON object.
    pub fn new(json: bool) -> Self {
        Self { json, silent: false }
    }

    /// The same, without results.
    pub fn silenced(self) -> Self {
        Self { silent: true, ..self }
    }

    /// True for output as one JSON object.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints the result of a command: as a JSON object, or as the text that `human` makes of it.
    ///
    /// # Errors
    /// As [`print()`]; a reader that has gone is no error.
    pub fn emit<T: Serialize>(&self, value: &T, human: impl FnOnce(&T) -> String) -> Result<()> {
        if self.silent {
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
    /// Draws a bar on stderr; silent if stderr is no terminal.
    fn task(&self, steps: u64, what: &str) -> Box<dyn Task> {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let style = ProgressStyle::with_template(
            "{prefix:>12} [{bar:30}] {pos}/{len} {msg} ({elapsed}, {eta} left)",
        )
        .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(steps), target).with_style(style);
        bar.set_prefix(what.to_owned());
        Box::new(Bar(bar))
    }

    fn note(&self, line: &str) {
        console::note(line);
    }
}

/// A task that is drawn as a bar.
#[derive(Debug)]
struct Bar(ProgressBar);

impl Task for Bar {
    fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }

    fn extend(&self, steps: u64) {
        self.0.inc_length(steps);
    }

    fn message(&self, text: String) {
        self.0.set_message(text);
    }

    fn line(&self, text: &str) {
        self.0.println(text);
    }

    fn note(&self, text: &str) {
        self.0.suspend(|| console::note(text));
    }

    fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// A plain table with a header line. Columns of numbers are aligned to the right.
pub fn table<H: ToString, C: ToString>(header: &[H], rows: &[Vec<C>]) -> String {
    use comfy_table::TableComponent::{
        HorizontalLines, LeftBorderIntersections, MiddleIntersections, RightBorderIntersections,
    };
    use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_HORIZONTAL_ONLY)
        .remove_style(HorizontalLines)
        .remove_style(LeftBorderIntersections)
        .remove_style(MiddleIntersections)
        .remove_style(RightBorderIntersections)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header.iter().map(ToString::to_string));
    for row in rows {
        table.add_row(row.iter().map(ToString::to_string));
    }
    for i in 0..header.len() {
        let numeric = rows.iter().all(|r| {
            r.get(i).is_some_and(|c| {
                c.to_string().starts_with(|ch: char| ch.is_ascii_digit() || "-+.".contains(ch))
            })
        });
        if let (true, Some(column)) = (numeric, table.column_mut(i)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}
