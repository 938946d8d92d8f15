//! Reads a CSV file of rows of numbers and text.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use supernano_base::config::WindowSpec;
use supernano_base::error::{Error, Result};
use supernano_base::files::{self, StringRecord};
use supernano_base::images::Collector;

use super::columns::Role;
use super::values::{GROWING, Values};

/// Different texts up to which a column of texts may hold classes.
const FEW: usize = 64;
/// Rows of each class, at least, in a column of texts that may hold classes.
const ROWS: usize = 10;
/// Rows of the head of a file.
const HEAD: usize = 10_000;

/// A file of rows.
pub struct Table {
    /// The file, for messages.
    pub place: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// Values `[rows, columns]`; NaN for a cell that is no finite number.
    pub values: Values,
    rows: usize,
    /// True if the first row of the file holds the names of the columns.
    pub has_header: bool,
}

/// A column of a file.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// Its name; `column N` without a header.
    pub name: String,
    /// Its meaning, by its name.
    pub role: Role,
    /// Cells that are finite numbers.
    pub numbers: usize,
    /// Empty cells.
    pub empty: usize,
    /// The first cell that is no finite number, with its line.
    pub bad: Option<(usize, String)>,
    /// The texts of the cells of a label, a group or a split: the different ones, and the index of each
    /// row's.
    pub texts: Texts,
    /// Of a column that may count time: number of values below the one before.
    pub falls: usize,
    /// Of a column that may count time: number of values above the one before.
    pub rises: usize,
    /// Rows in which time starts again: the value falls by more than half of what it has risen.
    pub restarts: Vec<usize>,
    /// The last value, and the first one since the last restart.
    pub ends: Option<(f64, f64)>,
}

/// Texts of the rows of a column.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// The different texts, in the order of their first rows.
    pub names: Vec<String>,
    /// The rows from which on another text stands, ascending, with the indices of the texts.
    pub starts: Vec<(usize, u32)>,
    index: HashMap<String, u32>,
}

impl Texts {
    /// The text of a row; empty without texts.
    pub fn of(&self, row: usize) -> &str {
        let before = self.starts.partition_point(|&(start, _)| start <= row);
        let start = before.checked_sub(1).map(|i| self.starts[i]);
        start.map_or("", |(_, i)| self.names[i as usize].as_str())
    }

    /// Notes the text of the next row. Whole numbers lose their fraction `.0`.
    fn push(&mut self, row: usize, cell: &str) {
        let cell = cell.trim_end_matches(';');
        let cell = match cell.split_once('.') {
            Some((whole, zeros))
                if whole.parse::<i64>().is_ok() && zeros.bytes().all(|b| b == b'0') =>
            {
                whole
            }
            _ if cell.eq_ignore_ascii_case("nan") => "",
            _ => cell,
        };
        let next = self.names.len() as u32;
        let index = match self.index.get(cell) {
            Some(&index) => index,
            None => {
                self.names.push(cell.to_owned());
                self.index.insert(cell.to_owned(), next);
                next
            }
        };
        if self.starts.last().is_none_or(|&(_, last)| last != index) {
            self.starts.push((row, index));
        }
    }
}

/// True if the first lines of a text have numbers between spaces.
fn is_spaced(head: &str) -> bool {
    let lines = head.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    // The first line may be a header.
    let spaced = lines.skip(1).take(1).all(|line| {
        let cells: Vec<&str> = line.split_ascii_whitespace().collect();
        let bare = !line.contains([',', ';', '\t']);
        bare && cells.len() > 1 && cells.iter().all(|cell| number(cell, false).is_some())
    });
    let first = head.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    spaced && !first.contains([',', ';', '\t']) && first.split_whitespace().count() > 1
}

impl Table {
    /// Reads a file; `targets` are the columns that hold what a network shall give. The separator is
    /// found from its first line; beside a semicolon or a tab, numbers may have a decimal comma. Numbers
    /// between spaces are cells too. More values than a few lie in a file of `folder`.
    ///
    /// # Errors
    /// [`Error::Missing`] and [`Error::Io`]; [`Error::Invalid`] for a file without rows, and with the
    /// line for rows of different lengths.
    pub fn read(
        path: &Path,
        window: &WindowSpec,
        targets: &[String],
        folder: &Path,
    ) -> Result<Self> {
        Self::of_rows(path, (window, targets), folder, usize::MAX)
    }

    /// Reads the first rows of a file.
    ///
    /// # Errors
    /// The errors of [`Table::read`].
    pub fn head(path: &Path, window: &WindowSpec) -> Result<Self> {
        Self::of_rows(path, (window, &[]), &std::env::temp_dir(), HEAD)
    }

    fn of_rows(
        path: &Path,
        of: (&WindowSpec, &[String]),
        folder: &Path,
        most: usize,
    ) -> Result<Self> {
        let place = path.display().to_string();
        let rows = files::Rows::open(path)?;
        let (separator, spaced) = (rows.separator(), is_spaced(rows.head()));
        let commas = separator != b',' || spaced;
        let mut first: Option<(usize, StringRecord)> = None;
        let mut table: Option<Self> = None;
        let mut values = Collector::within(folder, GROWING);
        rows.each(separator, spaced, |line, cells| {
            if let Some(table) = &mut table {
                table.push(line, cells, commas, &mut values)?;
                return Ok(table.rows < most);
            }
            let Some((at, head)) = first.take() else {
                first = Some((line, cells.clone()));
                return Ok(true);
            };
            let mut new = Self::new(&place, &head, is_header(&head, cells, commas), of);
            if !new.has_header {
                new.push(at, &head, commas, &mut values)?;
            }
            new.push(line, cells, commas, &mut values)?;
            table = Some(new);
            Ok(true)
        })?;
        if let (None, Some((line, only))) = (&table, first) {
            let has_header = only.iter().any(|cell| number(cell, commas).is_none());
            if !has_header {
                let mut new = Self::new(&place, &only, false, of);
                new.push(line, &only, commas, &mut values)?;
                table = Some(new);
            }
        }
        let mut table =
            table.ok_or_else(|| Error::invalid(&place, "rows", "at least one", "none"))?;
        table.values = Values::of(values.finish()?);
        table.drop_empty(folder)?;
        Ok(table)
    }

    /// A table of windows of values `[rows, names]`.
    pub fn of_values(place: String, names: Vec<String>, values: Values) -> Self {
        let rows = values.len() / names.len().max(1);
        let column = |name| Column { name, numbers: rows, ..Column::default() };
        let columns = names.into_iter().map(column).collect();
        Self { place, columns, values, rows, has_header: true }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Makes the only column of texts, a few different ones, that of the classes.
    pub fn find_label(&mut self) {
        let rows = self.rows;
        let few = |texts: &Texts| (2..=FEW.min(rows / ROWS)).contains(&texts.names.len());
        let holds_texts = |c: &&mut Column| {
            c.role == Role::Axis && c.numbers == 0 && c.empty < rows && few(&c.texts)
        };
        let mut columns = self.columns.iter_mut().filter(holds_texts);
        if let (Some(only), None) = (columns.next(), columns.next()) {
            only.role = Role::Label;
        }
    }

    /// The number in a cell; NaN if it is no finite one.
    pub fn value(&self, row: usize, column: usize) -> f32 {
        self.values.get(row * self.columns.len() + column)
    }

    /// The bytes of all numbers of some rows.
    pub fn bytes(&self, rows: Range<usize>) -> &[u8] {
        let width = self.columns.len();
        self.values.bytes(rows.start * width..rows.end * width)
    }

    /// Names of the columns, for messages.
    pub fn names(&self) -> String {
        self.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn new(
        place: &str,
        first: &StringRecord,
        has_header: bool,
        (window, targets): (&WindowSpec, &[String]),
    ) -> Self {
        let column = |(i, cell): (usize, &str)| {
            let number = format!("column {}", i + 1);
            let role = match (has_header, Role::of(&number, window, targets)) {
                (true, _) => Role::of(cell, window, targets),
                (false, named @ (Role::Label | Role::Group | Role::Target)) => named,
                (false, _) if window.columns.is_none() => Role::Counter,
                (false, _) => Role::Axis,
            };
            let name = if has_header && !cell.is_empty() { cell.to_owned() } else { number };
            Column { name, role, ..Column::default() }
        };
        let mut columns: Vec<Column> = first.iter().enumerate().map(column).collect();
        if !has_header {
            // The only text beside numbers is a label.
            let texts: Vec<usize> = (0..first.len()).filter(|&i| is_text(&first[i])).collect();
            if let ([only], None, []) = (&texts[..], &window.label, targets) {
                columns[*only].role = Role::Label;
            }
        }
        Self { place: place.to_owned(), columns, values: Values::default(), rows: 0, has_header }
    }

    /// Takes a row, whose numbers go to `values`.
    fn push(
        &mut self,
        line: usize,
        cells: &StringRecord,
        commas: bool,
        values: &mut Collector,
    ) -> Result<()> {
        let row = self.rows;
        self.rows += 1;
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            let value = number(cell, commas).filter(|v| v.is_finite());
            values.push(&value.unwrap_or(f32::NAN).to_ne_bytes())?;
            match value {
                Some(_) => column.numbers += 1,
                None => {
                    column.empty += usize::from(cell.is_empty());
                    column.bad.get_or_insert_with(|| (line, cell.to_owned()));
                }
            }
            let is_text = value.is_none() && column.role == Role::Axis && column.numbers == 0;
            if is_text && column.texts.names.len() <= FEW {
                column.texts.push(row, cell);
            }
            if matches!(column.role, Role::Label | Role::Group | Role::Recording | Role::Split) {
                column.texts.push(row, cell);
            }
            if matches!(column.role, Role::Time | Role::Counter)
                && let Some(value) = precise(cell, commas)
            {
                let (last, mut first) = column.ends.unwrap_or((value, value));
                if last - value > (last - first) / 2.0 {
                    column.restarts.push(row);
                    first = value;
                }
                column.falls += usize::from(value < last);
                column.rises += usize::from(value > last);
                column.ends = Some((value, first));
            }
        }
        Ok(())
    }

    /// Removes the columns without any content, which a separator at the end of each line makes.
    fn drop_empty(&mut self, folder: &Path) -> Result<()> {
        let rows = self.rows;
        let kept: Vec<bool> = self.columns.iter().map(|c| c.empty < rows).collect();
        if kept.iter().all(|&k| k) {
            return Ok(());
        }
        let mut values = Collector::within(folder, GROWING);
        for i in 0..self.values.len() {
            if kept[i % kept.len()] {
                values.push(&self.values.get(i).to_ne_bytes())?;
            }
        }
        self.values = Values::of(values.finish()?);
        let mut kept = kept.into_iter();
        self.columns.retain(|_| kept.next().unwrap_or(true));
        Ok(())
    }
}

/// True if the first row holds names: it has a text above a number, or no number at all.
fn is_header(first: &StringRecord, second: &StringRecord, commas: bool) -> bool {
    let no_number = |cell: &str| number(cell, commas).is_none();
    let above = first.iter().zip(second).any(|(a, b)| is_text(a) && no_number(a) && !no_number(b));
    above || first.iter().all(no_number)
}

/// True for a cell that is neither empty nor a number.
fn is_text(cell: &str) -> bool {
    !cell.is_empty() && number(cell, true).is_none()
}

/// The number in a cell, finite or not; with a decimal comma if `commas` are allowed.
fn number(cell: &str, commas: bool) -> Option<f32> {
    parsed(cell, commas)
}

/// As [`number`], in double precision and finite: times need it.
fn precise(cell: &str, commas: bool) -> Option<f64> {
    parsed(cell, commas).filter(|v: &f64| v.is_finite())
}

fn parsed<T: std::str::FromStr>(cell: &str, commas: bool) -> Option<T> {
    // Some files end their rows with a semicolon.
    let cell = cell.trim_end_matches(';');
    match cell.parse() {
        Ok(value) => Some(value),
        Err(_) if commas && cell.contains(',') => cell.replacen(',', ".", 1).parse().ok(),
        Err(_) => None,
    }
}
