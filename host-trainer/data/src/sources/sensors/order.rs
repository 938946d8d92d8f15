//! Whether the rows of a table follow each other in time.

use super::columns::Role;
use super::runs::{Recordings, Run};
use super::table::Table;

/// Rows of a recording, at least, that say something about its order.
const ROWS: usize = 8;
/// Rows that are looked at, about.
const MOST: usize = 20_000;
/// Largest autocorrelation of rows without an order, beside its random error.
const LIMIT: f64 = 0.1;
/// Standard errors of an autocorrelation that are put down to chance.
const ERRORS: f64 = 3.0;

impl Recordings {
    /// True for a single table without a column of time, subjects or recordings, in each axis of which
    /// a row is no more like the next one than like any other of its recording: the largest
    /// autocorrelation at lag 1 is below 0.1 and three standard errors.
    pub fn rows_are_unordered(&self) -> bool {
        let [table] = self.tables.as_slice() else { return false };
        let ordered =
            |role: Role| matches!(role, Role::Group | Role::Recording | Role::Split | Role::Time);
        if table.columns.iter().any(|column| ordered(column.role)) {
            return false;
        }
        let Ok(axes) = table.all_wanted(&self.layout.axes) else { return false };
        let mut rows = 0;
        let long = self.runs.iter().filter(|run| run.rows.len() >= ROWS);
        let looked_at: Vec<&Run> = long
            .take_while(|run| {
                let more = rows < MOST;
                rows += run.rows.len();
                more
            })
            .collect();
        let rows: usize = looked_at.iter().map(|run| run.rows.len()).sum();
        if rows < 2 * ROWS {
            return false;
        }
        let limit = LIMIT + ERRORS / (rows as f64).sqrt();
        axes.iter().all(|&axis| autocorrelation(table, &looked_at, axis).abs() < limit)
    }
}

/// The autocorrelation of a column at lag 1 within recordings, -1 to 1; 0 for one that does not vary.
fn autocorrelation(table: &Table, runs: &[&Run], column: usize) -> f64 {
    let (mut together, mut square) = (0.0, 0.0);
    for run in runs {
        let values = run.rows.clone().map(|row| f64::from(table.value(row, column)));
        let mean = values.clone().sum::<f64>() / run.rows.len() as f64;
        let mut last = None;
        for value in values.map(|value| value - mean) {
            together += last.replace(value).map_or(0.0, |last| last * value);
            square += value * value;
        }
    }
    if square > 0.0 { together / square } else { 0.0 }
}
