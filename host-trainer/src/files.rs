//! Whole files in and out: nothing half-written ever stays.

use std::io::Write as _;
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
