//! Files that are read piece by piece: bytes decompressed, texts decoded, records of CSV files.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Chain, Cursor, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::csv::{StringRecord, rows_of, separator};
use super::{GZIP, without_mark};
use crate::error::{Error, Result};

/// Bytes that are read at a time.
const BLOCK: usize = 1 << 16;
/// Lines at the start of a text that tell how it is separated.
const LINES: usize = 20;

/// Opens a file, decompressed if it begins as gzip does. A damaged gzip file is an error of the reader
/// that [`failed`] knows.
///
/// # Errors
/// [`Error::Missing`] and [`Error::Io`].
pub fn open(path: &Path) -> Result<Box<dyn Read + Send>> {
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    let mut file = BufReader::with_capacity(BLOCK, file);
    let start = file.fill_buf().map_err(|e| Error::io(path, e))?;
    if !start.starts_with(&GZIP) {
        return Ok(Box::new(file));
    }
    let place = path.display().to_string();
    Ok(Box::new(Unpacked { plain: MultiGzDecoder::new(file), place }))
}

/// The error of a reader of this file: an [`Error`] that it carries, or [`Error::Io`].
pub fn failed(path: &Path, e: io::Error) -> Error {
    match e.downcast::<Error>() {
        Ok(own) => own,
        Err(e) => Error::io(path, e),
    }
}

/// A gzip file whose damages have the name of the file.
struct Unpacked<R> {
    plain: MultiGzDecoder<R>,
    place: String,
}

impl<R: io::BufRead> Read for Unpacked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.plain.read(into).map_err(|e| match e.raw_os_error() {
            Some(_) => e,
            None => io::Error::other(Error::invalid(&self.place, "gzip", "a whole file", e)),
        })
    }
}

/// How the bytes of a text make characters.
#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    Utf16(fn([u8; 2]) -> u16),
}

/// A text in UTF-8 without its byte-order mark, from a file in UTF-8, or in UTF-16 with a mark.
pub struct Text<R> {
    bytes: R,
    place: String,
    encoding: Option<Encoding>,
    /// Bytes that are read and not decoded yet.
    raw: Vec<u8>,
    /// Text that is decoded and not handed out yet.
    decoded: Cursor<Vec<u8>>,
    /// Lines before `raw`, and bytes of its first line before it.
    line: usize,
    column: usize,
    ended: bool,
}

impl<R: Read> Text<R> {
    /// The text of these bytes; `place` names it in errors.
    pub fn new(bytes: R, place: &str) -> Self {
        let place = place.to_owned();
        let (raw, decoded) = (Vec::new(), Cursor::default());
        Self { bytes, place, encoding: None, raw, decoded, line: 0, column: 0, ended: false }
    }

    fn refused(&self, found: &dyn std::fmt::Display) -> io::Error {
        let expected = "UTF-8, or UTF-16 with a mark";
        io::Error::other(Error::invalid(&self.place, "text", expected, found))
    }

    /// Reads and decodes the next block.
    fn fill(&mut self) -> io::Result<()> {
        let before = self.raw.len();
        self.raw.resize(before + BLOCK, 0);
        let read = self.bytes.read(&mut self.raw[before..]);
        self.raw.truncate(before + *read.as_ref().unwrap_or(&0));
        self.ended = read? == 0;
        let Some(encoding) = self.encoding()? else { return Ok(()) };
        let text = match encoding {
            Encoding::Utf8 => self.of_utf8()?,
            Encoding::Utf16(unit) => self.of_utf16(unit)?,
        };
        if let Some(at) = text.iter().position(|&b| b == 0) {
            let line = self.line + text[..at].iter().filter(|&&b| b == b'\n').count() + 1;
            let found =
                format!("a NUL character in line {line} (UTF-16 without a mark, or no text)");
            return Err(self.refused(&found));
        }
        self.line += text.iter().filter(|&&b| b == b'\n').count();
        self.column = match text.iter().rposition(|&b| b == b'\n') {
            Some(at) => text.len() - at - 1,
            None => self.column + text.len(),
        };
        self.decoded = Cursor::new(text);
        Ok(())
    }

    /// The encoding, as soon as the first bytes tell it. Removes the mark.
    fn encoding(&mut self) -> io::Result<Option<Encoding>> {
        if self.encoding.is_some() || (self.raw.len() < 4 && !self.ended) {
            return Ok(self.encoding);
        }
        // UTF-32 first: its little-endian mark begins with that of UTF-16.
        let (mark, encoding) = match self.raw.as_slice() {
            [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
                return Err(self.refused(&"UTF-32 (save the file as UTF-8)"));
            }
            [0xff, 0xfe, ..] => (2, Encoding::Utf16(u16::from_le_bytes)),
            [0xfe, 0xff, ..] => (2, Encoding::Utf16(u16::from_be_bytes)),
            [0xef, 0xbb, 0xbf, ..] => (3, Encoding::Utf8),
            _ => (0, Encoding::Utf8),
        };
        self.raw.drain(..mark);
        self.encoding = Some(encoding);
        Ok(self.encoding)
    }

    fn of_utf8(&mut self) -> io::Result<Vec<u8>> {
        let valid = match std::str::from_utf8(&self.raw) {
            Ok(text) => text.len(),
            // The next block may go on with the last character.
            Err(e) if e.error_len().is_none() && !self.ended => e.valid_up_to(),
            Err(e) => {
                let (before, rest) = self.raw.split_at(e.valid_up_to());
                let lines = before.iter().filter(|&&b| b == b'\n').count();
                let column = match before.iter().rposition(|&b| b == b'\n') {
                    Some(at) => before.len() - at,
                    None => self.column + before.len() + 1,
                };
                let byte = rest.first().copied().unwrap_or_default();
                return Err(self.refused(&format!(
                    "byte 0x{byte:02x} as byte {column} of line {} (Latin-1 or Windows-1252? Save the \
                     file as UTF-8: iconv -f WINDOWS-1252 -t UTF-8)",
                    self.line + lines + 1
                )));
            }
        };
        let rest = self.raw.split_off(valid);
        Ok(std::mem::replace(&mut self.raw, rest))
    }

    fn of_utf16(&mut self, unit: fn([u8; 2]) -> u16) -> io::Result<Vec<u8>> {
        let (pairs, rest) = self.raw.as_chunks::<2>();
        let mut units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
        let mut left = rest.len();
        // The second half of the last character may follow.
        if !self.ended && units.last().is_some_and(|last| (0xd800..0xdc00).contains(last)) {
            units.pop();
            left += 2;
        }
        let whole = left == 0 || !self.ended;
        let text = String::from_utf16(&units).ok().filter(|_| whole);
        let text = text.ok_or_else(|| self.refused(&"damaged UTF-16 (save the file as UTF-8)"))?;
        self.raw.drain(..self.raw.len() - left);
        Ok(text.into_bytes())
    }
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.decoded.read(into)?;
            if n > 0 || into.is_empty() || self.ended {
                return Ok(n);
            }
            self.fill()?;
        }
    }
}

/// A text that is read record by record.
pub struct Rows {
    path: std::path::PathBuf,
    head: String,
    rest: Chain<Cursor<Vec<u8>>, Text<Box<dyn Read + Send>>>,
}

impl Rows {
    /// Opens a text and reads its first lines.
    ///
    /// # Errors
    /// As [`open`] and [`super::decode`].
    pub fn open(path: &Path) -> Result<Self> {
        let mut text = Text::new(open(path)?, &path.display().to_string());
        let mut bytes = Vec::new();
        let read = (&mut text).take(BLOCK as u64).read_to_end(&mut bytes);
        read.map_err(|e| failed(path, e))?;
        let whole = bytes.len() < BLOCK;
        let head = String::from_utf8_lossy(&bytes).into_owned();
        let mut lines: Vec<&str> = head.split_inclusive('\n').collect();
        if !whole && lines.len() > 1 {
            lines.pop();
        }
        // A quoted field may have several lines.
        let mut open = false;
        let ends: Vec<bool> = lines
            .iter()
            .map(|line| {
                open ^= line.bytes().filter(|&b| b == b'"').count() % 2 == 1;
                !open
            })
            .collect();
        let last = ends.iter().take(LINES).rposition(|&end| end);
        lines.truncate(last.map_or(LINES, |last| last + 1));
        let head = lines.concat();
        Ok(Self { path: path.to_path_buf(), head, rest: Cursor::new(bytes).chain(text) })
    }

    /// The first lines.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Hands the line and the cells of each record to `each`, until it returns false. Lines that start
    /// with `#` are comments. Numbers between spaces are cells, as those between the character that the
    /// first line tells.
    ///
    /// # Errors
    /// As [`super::rows`], [`super::decode`] and [`open`], and those of `each`.
    pub fn each(
        self,
        separator: u8,
        spaced: bool,
        each: impl FnMut(usize, &StringRecord) -> Result<bool>,
    ) -> Result<()> {
        let Self { path, rest, .. } = self;
        let place = path.display().to_string();
        let found = match spaced {
            true => rows_of(Tabs::new(rest), &place, true, b'\t', each),
            false => rows_of(rest, &place, true, separator, each),
        };
        found.map_err(|e| match e {
            Error::Io { source, .. } => failed(&path, source),
            other => other,
        })
    }

    /// The character between the cells, as [`separator`].
    pub fn separator(&self) -> u8 {
        separator(&self.head, true)
    }
}

/// A text whose cells are separated by spaces, with tabs instead.
struct Tabs<R> {
    text: BufReader<R>,
    line: Cursor<Vec<u8>>,
}

impl<R: Read> Tabs<R> {
    fn new(text: R) -> Self {
        Self { text: BufReader::with_capacity(BLOCK, text), line: Cursor::default() }
    }
}

impl<R: Read> Read for Tabs<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.line.read(into)?;
            if n > 0 || into.is_empty() {
                return Ok(n);
            }
            let mut line = Vec::new();
            if self.text.read_until(b'\n', &mut line)? == 0 {
                return Ok(0);
            }
            let cells: Vec<&[u8]> =
                line.split(u8::is_ascii_whitespace).filter(|cell| !cell.is_empty()).collect();
            let mut tabbed = cells.join(&b'\t');
            tabbed.push(b'\n');
            self.line = Cursor::new(tabbed);
        }
    }
}

/// The whole text of these bytes.
///
/// # Errors
/// The errors of [`super::decode`], for bytes that are no text.
pub(super) fn whole(bytes: &[u8], place: &str) -> Result<String> {
    let mut text = Vec::with_capacity(bytes.len());
    let read = Text::new(bytes, place).read_to_end(&mut text);
    read.map_err(|e| failed(Path::new(place), e))?;
    let text = String::from_utf8(text);
    let text = text.map_err(|e| Error::invalid(place, "text", "UTF-8", e.utf8_error()))?;
    Ok(without_mark(&text).to_owned())
}
