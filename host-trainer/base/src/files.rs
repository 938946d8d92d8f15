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
mod stream;
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
pub use self::stream::{Rows, Text, failed, open};
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
    decode(&read_decompressed(path, limit)?, &path.display().to_string())
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
pub fn decode(bytes: &[u8], place: &str) -> Result<String> {
    stream::whole(bytes, place)
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
