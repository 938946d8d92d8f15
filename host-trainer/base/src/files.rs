//! The reader and the writer of all whole files.
//!
//! Texts are UTF-8, with or without a byte-order mark, or UTF-16 with one; plain or compressed with gzip. A file is
//! written under a temporary name and renamed, so that readers see the old or the new file. Sizes are
//! checked before memory is allocated ([`Limit`]).

mod csv;
mod json;
mod limit;
mod mapped;
mod shared;
mod write;

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Write as _};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

pub use self::csv::{Csv, Record, StringRecord, csv_text, rows, separator};
pub(crate) use self::json::{Plain, deserialise, deserialise_with};
pub use self::json::{
    distinct_keys, parse_document, parse_json, read_document, read_json, write_json,
};
pub use self::limit::{
    ARCHIVE, CODES, CONFIGURATION, DOCUMENT, FILE, IMAGES, INPUTS, ITEMS, Limit, MEMORY, PICTURE,
    SOUND, TEXT,
};
pub use self::mapped::{Mapped, scratch};
pub use self::shared::hold;
pub use self::write::{
    claim, create, expect_new, is_stream, probe, refuse_existing, stdout_is_output, write, write_by,
};
use crate::error::{Error, Result};

/// The first two bytes of a gzip member.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Reads a file of at most [`FILE`] bytes.
///
/// # Errors
/// [`Error::Missing`] or [`Error::Io`] with the path; [`Error::Invalid`] for a larger file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    read_within(path, &FILE)
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// The errors of [`read`].
pub fn read_within(path: &Path, limit: &Limit) -> Result<Vec<u8>> {
    let failed = |e| Error::io(path, e);
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    limit.check(path.display(), "size", length)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length as usize).map_err(|e| failed(e.into()))?;
    read_all(file, limit, path, &mut bytes)?.map_err(failed)?;
    Ok(bytes)
}

/// Appends everything from `reader` to `bytes`. The outer error is that of the limit, the inner one
/// that of the reader.
fn read_all(
    reader: impl Read,
    limit: &Limit,
    path: &Path,
    bytes: &mut Vec<u8>,
) -> Result<std::io::Result<()>> {
    // A device reports no length, and a file may grow while it is read.
    let most = limit.value()?;
    if let Err(e) = reader.take(most.saturating_add(1)).read_to_end(bytes) {
        return Ok(Err(e));
    }
    limit.check(path.display(), "size", bytes.len() as u64)?;
    Ok(Ok(()))
}

/// Reads a text of at most [`TEXT`] bytes, decompressed if it begins as gzip does: all members are
/// read and all checksums are verified.
///
/// # Errors
/// As [`read`] and [`decode`]; [`Error::Invalid`] for a gzip file that is damaged, cut, or followed
/// by other bytes.
pub fn read_text(path: &Path) -> Result<String> {
    read_text_within(path, &TEXT)
}

/// As [`read_text`], for a text of at most `limit` bytes.
///
/// # Errors
/// The errors of [`read_text`].
pub fn read_text_within(path: &Path, limit: &Limit) -> Result<String> {
    decode(read_decompressed(path, limit)?, &path.display().to_string())
}

/// Reads a file, decompressed if it begins as gzip does. The limit holds for both sizes.
///
/// # Errors
/// As [`read`]; [`Error::Invalid`] for a gzip file that is damaged, cut, or followed by other bytes.
pub fn read_decompressed(path: &Path, limit: &Limit) -> Result<Vec<u8>> {
    let bytes = read_within(path, limit)?;
    if !bytes.starts_with(&GZIP) {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    read_all(MultiGzDecoder::new(bytes.as_slice()), limit, path, &mut plain)?
        .map_err(|e| Error::invalid(path.display(), "gzip", "a whole file", e))?;
    Ok(plain)
}

/// The text of a file's bytes, without its byte-order mark; `place` names it in errors. UTF-16 with a
/// mark, as spreadsheets write it, is read as well.
///
/// # Errors
/// [`Error::Invalid`] for a text that is neither, naming line and byte, and for one that holds a NUL
/// character.
pub fn decode(bytes: Vec<u8>, place: &str) -> Result<String> {
    let refused = |found: &dyn std::fmt::Display| {
        Error::invalid(place, "text", "UTF-8, or UTF-16 with a mark", found)
    };
    // UTF-32 first: its little-endian mark begins with that of UTF-16.
    if bytes.starts_with(&[0xff, 0xfe, 0, 0]) || bytes.starts_with(&[0, 0, 0xfe, 0xff]) {
        return Err(refused(&"UTF-32 (save the file as UTF-8)"));
    }
    let utf16: Option<fn([u8; 2]) -> u16> = match bytes.first_chunk() {
        Some([0xff, 0xfe]) => Some(u16::from_le_bytes),
        Some([0xfe, 0xff]) => Some(u16::from_be_bytes),
        _ => None,
    };
    let mut text = match utf16 {
        Some(unit) => {
            let (pairs, rest) = bytes.as_chunks::<2>();
            let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
            let text = String::from_utf16(&units).ok().filter(|_| rest.is_empty());
            text.ok_or_else(|| refused(&"damaged UTF-16 (save the file as UTF-8)"))?
        }
        None => String::from_utf8(bytes).map_err(|e| {
            let (before, rest) = e.as_bytes().split_at(e.utf8_error().valid_up_to());
            let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
            let start = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
            let byte = rest.first().copied().unwrap_or_default();
            refused(&format!(
                "byte 0x{byte:02x} as byte {} of line {line} (Latin-1 or Windows-1252? Save the file as \
                 UTF-8: iconv -f WINDOWS-1252 -t UTF-8)",
                before.len() - start + 1
            ))
        })?,
    };
    if let Some(at) = text.find('\0') {
        let line = text[..at].matches('\n').count() + 1;
        let found = format!("a NUL character in line {line} (UTF-16 without a mark, or no text)");
        return Err(refused(&found));
    }
    text.drain(..text.len() - without_mark(&text).len());
    Ok(text)
}

/// `text` without a byte-order mark.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Writes a text as [`write()`] does, compressed if the name ends in `.gz`.
///
/// # Errors
/// The errors of [`write()`].
pub fn write_text(path: &Path, text: &str) -> Result<()> {
    write(path, &encoded(path, text)?)
}

/// Writes a text as [`create()`] does, compressed if the name ends in `.gz`.
///
/// # Errors
/// The errors of [`create()`].
pub fn create_text(path: &Path, text: &str) -> Result<bool> {
    create(path, &encoded(path, text)?)
}

/// The bytes of a text in a file of this name.
fn encoded<'a>(path: &Path, text: &'a str) -> Result<Cow<'a, [u8]>> {
    if path.extension().is_none_or(|e| e != "gz") {
        return Ok(Cow::Borrowed(text.as_bytes()));
    }
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
    let bytes = gzip.write_all(text.as_bytes()).and_then(|()| gzip.finish());
    bytes.map(Cow::Owned).map_err(|e| Error::io(path, e))
}

#[cfg(test)]
mod tests;
