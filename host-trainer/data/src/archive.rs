//! Reading of `.tar.gz` archives, to their end, so that all checksums are verified.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use supernano_base::error::{Error, Result};
use supernano_base::files::ARCHIVE;

/// Reads the files with these names, in any directory, from an archive of one or more gzip members.
/// The result has no entry for a file that the archive does not contain.
///
/// # Errors
/// [`Error::Missing`] and [`Error::Io`]; [`Error::Invalid`] for an archive that is damaged or
/// truncated, that has a name twice, or that unpacks to more than [`ARCHIVE`] allows.
pub(crate) fn read(path: &Path, names: &[&str]) -> Result<HashMap<String, Vec<u8>>> {
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    let seen = Rc::new(Seen::default());
    let most = ARCHIVE.value()?;
    let plain = Watched { plain: MultiGzDecoder::new(file), most, seen: Rc::clone(&seen) };
    let invalid = |expected: &str, found: &dyn std::fmt::Display| {
        Error::invalid(path.display(), "archive", expected, found)
    };
    let broken = |e: io::Error| {
        if let Err(large) = ARCHIVE.check(path.display(), "unpacked size", seen.bytes.get()) {
            return large;
        }
        match e.raw_os_error() {
            Some(_) => Error::io(path, e),
            None => invalid("a whole gzip-compressed tar file", &e),
        }
    };
    let mut archive = tar::Archive::new(plain);
    let (mut files, mut total) = (HashMap::new(), 0);
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = entry.path().map_err(broken)?;
        let Some(name) = name.file_name().and_then(|n| n.to_str()).filter(|n| names.contains(n))
        else {
            continue;
        };
        let name = name.to_owned();
        let kind = entry.header().entry_type();
        if !kind.is_file() && !kind.is_gnu_sparse() {
            return Err(invalid(&format!("`{name}` as a regular file"), &"another kind of entry"));
        }
        // Sparse files may be far larger than their part of the archive.
        total = entry.size().saturating_add(total);
        ARCHIVE.check(path.display(), &format!("unpacked size with `{name}`"), total)?;
        let length = entry.size() as usize;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|e| Error::io(path, e.into()))?;
        entry.read_to_end(&mut bytes).map_err(broken)?;
        if bytes.len() != length {
            return Err(invalid(&format!("{length} bytes of `{name}`"), &bytes.len()));
        }
        if files.insert(name.clone(), bytes).is_some() {
            return Err(invalid(&format!("`{name}` once"), &"it again"));
        }
    }
    // A block of zeros ends the iteration; without one it ran into the end of the file.
    if seen.ended.get() {
        return Err(invalid("a whole tar file", &"no end of archive"));
    }
    // The checksum of the last member stands behind the tar file's end.
    let (before, mut rest) = (seen.zeros.get(), archive.into_inner());
    let more = io::copy(&mut rest, &mut io::sink()).map_err(broken)?;
    if seen.zeros.get() != before + more {
        return Err(invalid("nothing after the end of the tar file", &"more bytes"));
    }
    Ok(files)
}

/// State of the tar file that is being read.
#[derive(Default)]
struct Seen {
    /// Number of bytes.
    bytes: Cell<u64>,
    /// Number of zeros since the last other byte.
    zeros: Cell<u64>,
    /// Whether a read met the end of the file.
    ended: Cell<bool>,
}

/// A reader that fails after `most` bytes.
struct Watched<R> {
    plain: R,
    most: u64,
    seen: Rc<Seen>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.plain.read(into)?;
        self.seen.ended.set(n == 0 && !into.is_empty());
        let zeros = into[..n].iter().rev().take_while(|b| **b == 0).count();
        let before = if zeros == n { self.seen.zeros.get() } else { 0 };
        self.seen.zeros.set(before + zeros as u64);
        self.seen.bytes.set(self.seen.bytes.get() + n as u64);
        if self.seen.bytes.get() > self.most {
            return Err(io::Error::other("the archive is too large"));
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests;
