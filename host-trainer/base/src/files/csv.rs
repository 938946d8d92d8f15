//! CSV texts in both directions: quoted fields (RFC 4180), columns found by name.

use std::io::Read as _;

pub use ::csv::StringRecord;
use ::csv::{ReaderBuilder, Trim, WriterBuilder};

use super::{ITEMS, without_mark};
use crate::error::{Error, Result};

/// Starts a comment line, where comments are allowed.
const COMMENT: u8 = b'#';

/// Parsed after the text. A quoted field that is not closed contains it.
const END: &str = "\u{3}";

/// The records of a CSV text.
#[derive(Clone, Debug)]
pub struct Csv {
    place: String,
    /// The records. [`Csv::take_header`] removes the first.
    pub records: Vec<Record>,
}

/// A record: its cells without surrounding white space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Line of the text on which it starts, from 1.
    pub line: usize,
    /// The cells; every record of a text has the same number.
    pub cells: Vec<String>,
}

impl Csv {
    /// Parses a text with commas; `place` names it in errors. Blank lines are ignored, and so are
    /// lines that start with `#` if `comments` are allowed.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the line for a record whose number of cells is not that of the
    /// first, and for a quoted field that is not closed; for more than [`ITEMS`] cells.
    pub fn parse(text: &str, place: &str, comments: bool) -> Result<Self> {
        Self::parse_separated(text, place, comments, b',')
    }

    /// As [`Csv::parse`], with the character between the cells.
    ///
    /// # Errors
    /// The errors of [`Csv::parse`].
    pub fn parse_separated(text: &str, place: &str, comments: bool, separator: u8) -> Result<Self> {
        let counted = |b: &u8| *b == separator || matches!(b, b'\n' | b'\r');
        let cells = without_mark(text).bytes().filter(counted).count();
        ITEMS.check(place, "cells", cells as u64)?;
        let mut csv = Self { place: place.to_owned(), records: Vec::new() };
        rows(text, place, comments, separator, |line, cells| {
            csv.records.push(Record { line, cells: cells.iter().map(str::to_owned).collect() });
            Ok(())
        })?;
        Ok(csv)
    }

    /// Takes the first record, the names of the columns.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a text without records.
    pub fn take_header(&mut self) -> Result<Record> {
        if self.records.is_empty() {
            let expected = "a line of column names";
            return Err(Error::invalid(&self.place, "header", expected, "nothing"));
        }
        Ok(self.records.remove(0))
    }

    /// The column of a header that has one of `names`, the first name that is there.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that two columns have.
    pub fn find(&self, header: &Record, names: &[&str]) -> Result<Option<usize>> {
        for name in names {
            let mut columns = (0..header.cells.len()).filter(|&i| header.cells[i] == *name);
            match (columns.next(), columns.next()) {
                (Some(_), Some(_)) => {
                    let expected = format!("a column `{name}` once");
                    return Err(Error::invalid(self.at(header), "header", expected, "it again"));
                }
                (Some(column), None) => return Ok(Some(column)),
                (None, _) => {}
            }
        }
        Ok(None)
    }

    /// As [`Csv::find`], for a column that must be there.
    ///
    /// # Errors
    /// As [`Csv::find`], and [`Error::Invalid`] naming the existing columns.
    pub fn column(&self, header: &Record, names: &[&str]) -> Result<usize> {
        self.find(header, names)?.ok_or_else(|| {
            let expected = format!("a column `{}`", names.join("` or `"));
            Error::invalid(self.at(header), "header", expected, header.cells.join(","))
        })
    }

    /// As [`Csv::column`], for a column that has exactly one of `names`.
    ///
    /// # Errors
    /// As [`Csv::column`], and [`Error::Invalid`] if columns have several of the names.
    pub fn only_column(&self, header: &Record, names: &[&str]) -> Result<usize> {
        let there: Vec<&str> =
            names.iter().copied().filter(|n| header.cells.iter().any(|cell| cell == n)).collect();
        if there.len() > 1 {
            let expected = format!("one column of `{}`", names.join("` and `"));
            let found = format!("`{}`", there.join("` and `"));
            return Err(Error::invalid(self.at(header), "header", expected, found));
        }
        self.column(header, names)
    }

    /// Text and line of a record, for errors.
    pub fn at(&self, record: &Record) -> String {
        format!("{}:{}", self.place, record.line)
    }
}

/// The character between the cells of a text: a semicolon or a tab that stands outside of quotes in
/// the first line, else a comma.
pub fn separator(text: &str, comments: bool) -> u8 {
    let mut lines = without_mark(text).lines().map(str::trim);
    let says =
        |line: &&str| !(line.is_empty() || comments && line.starts_with(char::from(COMMENT)));
    let first = lines.find(says).unwrap_or("");
    // Some files end their rows with a semicolon.
    let first = first.trim_end_matches(';');
    let mut quoted = false;
    let bare = |b: &u8| {
        quoted ^= *b == b'"';
        !quoted
    };
    let outside: Vec<u8> = first.bytes().filter(bare).collect();
    [b';', b'\t'].into_iter().find(|s| outside.contains(s)).unwrap_or(b',')
}

/// Hands the line and the cells of each record of a text to `each`, as [`Csv::parse_separated`] but
/// without a limit: no record is kept.
///
/// # Errors
/// Those of [`Csv::parse`] for records and quotes, and those of `each`.
pub fn rows(
    text: &str,
    place: &str,
    comments: bool,
    separator: u8,
    mut each: impl FnMut(usize, &StringRecord) -> Result<()>,
) -> Result<()> {
    let text = without_mark(text);
    let source = text.as_bytes().chain(b"\n".as_slice()).chain(END.as_bytes());
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .trim(Trim::All)
        .comment(comments.then_some(COMMENT))
        .from_reader(source);
    let mut lines = Lines { text, at: 0, line: 1, comments };
    let mut last = 1;
    let mut width = None;
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|e| Error::invalid(place, "CSV", "records", e))? {
        let start = record.position().map_or(0, |p| p.byte() as usize);
        let (line, rest) = lines.of(start);
        if record.len() == 1 && &record[0] == END && !rest.starts_with(END) {
            return Ok(());
        }
        last = line;
        let blank = record.len() == 1 && record[0].is_empty() && !rest.starts_with('"');
        if blank || (comments && rest.starts_with(char::from(COMMENT))) {
            continue;
        }
        let first = *width.get_or_insert(record.len());
        if first != record.len() {
            let place = format!("{place}:{line}");
            return Err(Error::invalid(place, "cells", first, record.len()));
        }
        each(line, &record)?;
    }
    let place = format!("{place}:{last}");
    Err(Error::invalid(place, "quoted field", "a closing quote", "the end of the text"))
}

/// Counts lines up to increasing offsets of a text.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    comments: bool,
}

impl<'a> Lines<'a> {
    /// The line of the record for which the parser started at byte `start`, and the text from that
    /// record on. The parser ignores lines between `start` and the record.
    fn of(&mut self, start: usize) -> (usize, &'a str) {
        let mut rest = self.text.get(start..).unwrap_or("");
        loop {
            let line = rest.trim_start_matches(['\r', '\n']);
            let skipped = match line.find('\n') {
                Some(end) if self.comments && line.as_bytes()[0] == COMMENT => end,
                _ => {
                    rest = line;
                    break;
                }
            };
            rest = &line[skipped..];
        }
        let to = self.text.len() - rest.len();
        self.line += self.text[self.at..to].matches('\n').count();
        self.at = to;
        (self.line, rest.trim_start_matches([' ', '\t']))
    }
}

/// A CSV text with these column names; cells are quoted if they need it.
pub fn csv_text<H, R>(header: H, records: impl IntoIterator<Item = R>) -> String
where
    H: IntoIterator<Item: AsRef<[u8]>>,
    R: IntoIterator<Item: AsRef<[u8]>>,
{
    let mut writer =
        WriterBuilder::new().comment(Some(COMMENT)).flexible(true).from_writer(Vec::new());
    let mut written = writer.write_record(header);
    for record in records {
        written = written.and_then(|()| writer.write_record(record));
    }
    let bytes = written.ok().and_then(|()| writer.into_inner().ok());
    let bytes = bytes.expect("memory takes every record");
    String::from_utf8(bytes).expect("cells are UTF-8")
}
