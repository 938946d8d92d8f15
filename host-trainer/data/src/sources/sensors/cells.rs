//! The cells of some rows and columns of a table.

use std::ops::Range;

use supernano_base::config::TargetRow;
use supernano_base::error::{Error, Result};

use super::columns::Role;
use super::table::Table;

impl Table {
    /// True if a column holds classes.
    pub fn has_label(&self) -> bool {
        self.columns.iter().any(|c| c.role == Role::Label)
    }

    /// The numbers of columns that must be there.
    ///
    /// # Errors
    /// As [`Table::wanted`].
    pub fn all_wanted(&self, names: &[String]) -> Result<Vec<usize>> {
        names.iter().map(|name| self.wanted(name)).collect()
    }

    /// The values of these rows in these columns, `[rows, columns]`.
    pub fn some_of(&self, rows: Range<usize>, columns: &[usize]) -> Vec<f32> {
        let of_row = |row: usize| columns.iter().map(move |&column| self.value(row, column));
        rows.flat_map(of_row).collect()
    }

    /// The target in a column of a window of these rows.
    pub fn target(&self, rows: Range<usize>, column: usize, of: TargetRow) -> f32 {
        let value = |row: usize| self.value(row, column);
        match of {
            TargetRow::Last => value(rows.end - 1),
            TargetRow::Mean => {
                let count = rows.len() as f64;
                (rows.map(|row| f64::from(value(row))).sum::<f64>() / count) as f32
            }
        }
    }

    /// Checks that columns of labels hold 0 or 1. Cells that are no numbers are found elsewhere.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the row, counted from 1 without the header.
    pub fn check_labels(&self, columns: &[String]) -> Result<()> {
        for (name, column) in columns.iter().zip(self.all_wanted(columns)?) {
            let mut cells = (0..self.rows()).map(|row| (row, self.value(row, column)));
            if let Some((row, value)) = cells.find(|(_, v)| ![0.0, 1.0].contains(v) && !v.is_nan())
            {
                let field = format!("row {}, column `{name}`", row + 1);
                return Err(Error::invalid(&self.place, field, "0 or 1", value));
            }
        }
        Ok(())
    }

    /// The text of a column in a row; empty without one.
    pub fn text(&self, column: &str, row: usize) -> &str {
        self.column(column).map_or("", |c| c.texts.of(row))
    }
}
