//! Files that several processes add to.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use crate::error::{Error, Result};

/// Waits until no other process holds this file, and holds it until the value is dropped. `None` if
/// there is no such file.
///
/// Each process reads the file, adds to it and writes it while it holds it, so that none loses what
/// another has added. On a file system without locks nothing is held.
///
/// # Errors
/// [`Error::Io`].
pub fn hold(path: &Path) -> Result<Option<File>> {
    let failed = |e| Error::io(path, e);
    loop {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(failed(e)),
        };
        match file.lock() {
            Err(e) if e.kind() != ErrorKind::Unsupported => return Err(failed(e)),
            _ => {}
        }
        // A writer replaces the file: another one may have this name now.
        if is_at(&file, path) {
            return Ok(Some(file));
        }
    }
}

/// True if the open file is the one with this name.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let place = |m: std::fs::Metadata| (m.dev(), m.ino());
        let own = file.metadata().ok().map(place);
        own.is_some() && own == std::fs::metadata(path).ok().map(place)
    }
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        true
    }
}
