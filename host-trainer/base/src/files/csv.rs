//! CSV texts in both directions: quoted fields (RFC 4180), columns found by name.

use std::cell::RefCell;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

pub use ::csv::StringRecord;
use ::csv::{ReaderBuilder, Trim, WriterBuilder};

use super::{ITEMS, without_mark};
use crate::error::{Error, Result};

/// Starts a comment line, where comments are allowed.
const COMMENT: u8 = b'#';

/// Parsed after the text. A quoted field that is not closed contains it.
const END: &str = "\u{3}";

/// The end of such a field: a line feed is parsed before [`END`].
const OPEN: &str = "\n\u{3}";

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
    let text = without_mark(text).as_bytes();
    rows_of(text, place, comments, separator, |line, cells| each(line, cells).map(|()| true))
}

/// As [`rows`], for a text in UTF-8 that is read piece by piece, until `each` returns false.
///
/// # Errors
/// Those of [`rows`]; [`Error::Io`] with the error of the reader.
pub(super) fn rows_of(
    text: impl Read,
    place: &str,
    comments: bool,
    separator: u8,
    mut each: impl FnMut(usize, &StringRecord) -> Result<bool>,
) -> Result<()> {
    let lines = Rc::new(RefCell::new(Lines::new(comments)));
    let text = Watched { text, lines: Rc::clone(&lines) };
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .trim(Trim::All)
        .comment(comments.then_some(COMMENT))
        .from_reader(text.chain(b"\n".as_slice()).chain(END.as_bytes()));
    let mut last = 1;
    let mut width = None;
    let mut record = StringRecord::new();
    let failed = |e: ::csv::Error| match e.into_kind() {
        ::csv::ErrorKind::Io(e) => Error::io(Path::new(place), e),
        other => Error::invalid(place, "CSV", "records", format!("{other:?}")),
    };
    while reader.read_record(&mut record).map_err(failed)? {
        let start = record.position().map_or(0, ::csv::Position::byte);
        let mut lines = lines.borrow_mut();
        let (line, rest) = lines.of(start);
        if record.len() == 1 && &record[0] == END && !rest.starts_with(END.as_bytes()) {
            return Ok(());
        }
        last = line;
        let blank = record.len() == 1 && record[0].is_empty() && !rest.starts_with(b"\"");
        if blank || (comments && rest.starts_with(&[COMMENT])) {
            continue;
        }
        // A quote that stays open takes the rest of the text into its field.
        if record.get(record.len() - 1).is_some_and(|cell| cell.ends_with(OPEN)) {
            break;
        }
        let first = *width.get_or_insert(record.len());
        if first != record.len() {
            let place = format!("{place}:{line}");
            return Err(Error::invalid(place, "cells", first, record.len()));
        }
        if !each(line, &record)? {
            return Ok(());
        }
    }
    let place = format!("{place}:{last}");
    Err(Error::invalid(place, "quoted field", "a closing quote", "the end of the text"))
}

/// A text whose bytes are noted when they are read.
struct Watched<R> {
    text: R,
    lines: Rc<RefCell<Lines>>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.text.read(into)?;
        self.lines.borrow_mut().seen.extend_from_slice(&into[..n]);
        Ok(n)
    }
}

/// Counts lines up to increasing offsets of a text.
struct Lines {
    /// The text that was read, from byte `from` on.
    seen: Vec<u8>,
    from: u64,
    /// The place in `seen` up to which lines are counted, and the line there.
    at: usize,
    line: usize,
    comments: bool,
}

impl Lines {
    /// Bytes behind which counted ones are dropped.
    const DROPPED: usize = 1 << 16;

    fn new(comments: bool) -> Self {
        Self { seen: Vec::new(), from: 0, at: 0, line: 1, comments }
    }

    /// The line of the record for which the parser started at byte `start`, and the text from that
    /// record on. The parser ignores lines between `start` and the record.
    fn of(&mut self, start: u64) -> (usize, &[u8]) {
        if self.at > Self::DROPPED {
            self.seen.drain(..self.at);
            self.from += self.at as u64;
            self.at = 0;
        }
        let mut to = (start.saturating_sub(self.from) as usize).clamp(self.at, self.seen.len());
        loop {
            let rest = &self.seen[to..];
            to += rest.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
            let rest = &self.seen[to..];
            match rest.iter().position(|&b| b == b'\n') {
                Some(end) if self.comments && rest[0] == COMMENT => to += end,
                _ => break,
            }
        }
        self.line += self.seen[self.at..to].iter().filter(|&&b| b == b'\n').count();
        self.at = to;
        let rest = &self.seen[to..];
        let spaces = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        (self.line, &rest[spaces..])
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
