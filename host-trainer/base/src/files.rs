//! Whole files in and out: nothing half-written ever stays.

use std::io::{Read as _, Write as _};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// Reads a file.
///
/// # Errors
/// [`Error::Missing`] or [`Error::Io`] with the path.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| Error::io(path, e))
}

/// Reads a text file, decompressed where it begins as gzip does.
///
/// # Errors
/// As [`read`]; [`Error::Invalid`] where it is not whole, or no UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    let mut bytes = read(path)?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        flate2::read::MultiGzDecoder::new(bytes.as_slice())
            .read_to_end(&mut plain)
            .map_err(|e| Error::invalid(path.display(), "gzip", "a whole file", e))?;
        bytes = plain;
    }
    String::from_utf8(bytes).map_err(|e| Error::invalid(path.display(), "text", "UTF-8", e))
}

/// Writes a file as [`write()`] does, compressed where the name ends in `.gz`.
///
/// # Errors
/// As [`write()`].
pub fn write_text(path: &Path, text: &str) -> Result<()> {
    if path.extension().is_none_or(|e| e != "gz") {
        return write(path, text.as_bytes());
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let bytes = gzip.write_all(text.as_bytes()).and_then(|()| gzip.finish());
    write(path, &bytes.map_err(|e| Error::io(path, e))?)
}

/// Writes a file under a temporary name, syncs it and renames it into place. Makes the directory.
///
/// # Errors
/// [`Error::Io`] with the path; the old file, if any, is then untouched.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |source| Error::Io { path: path.to_path_buf(), source };
    let directory = match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(directory).map_err(failed)?;
    let _until_renamed = crate::interrupt::hold();
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o644);
        file.as_file().set_permissions(mode).map_err(failed)?;
    }
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}

/// Reads a JSON file.
///
/// # Errors
/// As [`read`]; [`Error::Invalid`] with line and column where it is not what `T` says.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_slice(&read(path)?).map_err(|e| {
        let place = format!("{}:{}:{}", path.display(), e.line(), e.column());
        Error::invalid(place, "JSON", std::any::type_name::<T>(), e)
    })
}

/// Writes a JSON file, indented, atomically.
///
/// # Errors
/// As [`write()`].
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|e| Error::invalid(path.display(), "JSON", "finite values", e))?;
    bytes.push(b'\n');
    write(path, &bytes)
}
