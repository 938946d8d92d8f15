//! Output of results, tables and progress.

use std::io::{IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use supernano_base::progress::{Progress, Task};

/// Writes results to stdout, as text or as one JSON object, and progress to stderr.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    /// Output as text, or with `json` as one JSON object.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// True for output as one JSON object.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints the result of a command: as a JSON object, or as the text that `human` makes of it. A
    /// closed stdout is no error.
    pub fn emit<T: Serialize>(&self, value: &T, human: impl FnOnce(&T) -> String) {
        let text = if self.json {
            serde_json::to_string(value).unwrap_or_else(|e| format!("{{\"error\":\"{e}\"}}"))
        } else {
            human(value)
        };
        let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
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
        eprintln!("{line}");
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
        self.0.suspend(|| eprintln!("{text}"));
    }

    fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// A plain table with a header line. Columns of numbers are aligned to the right.
pub fn table<H: ToString, C: ToString>(header: &[H], rows: &[Vec<C>]) -> String {
    use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_HORIZONTAL_ONLY)
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
