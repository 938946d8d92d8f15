//! Files that are read through memory mapping: the operating system reads the parts that are used, and
//! drops them again if memory is short.

#![allow(unsafe_code)]

use std::fmt;
use std::fs::File;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use crate::error::{Error, Result};

/// The bytes of a file.
pub struct Mapped {
    map: Mmap,
    /// The folder of the file.
    folder: PathBuf,
}

impl Mapped {
    /// Maps a file of `folder`. Its contents must not change as long as it is mapped: it is a
    /// [`scratch`] file, or one that this program only ever replaces as a whole
    /// ([`write_by`](super::write_by)).
    ///
    /// # Errors
    /// [`Error::Io`] naming the folder if the system cannot map the file.
    pub fn new(file: &File, folder: &Path) -> Result<Self> {
        // SAFETY: no process changes or shortens the file while it is mapped, by the contract above. A
        // scratch file has no name, and a replaced file keeps its contents until it is unmapped.
        let map = unsafe { Mmap::map(file) }.map_err(|e| Error::io(folder, e))?;
        Ok(Self { map, folder: folder.to_path_buf() })
    }

    /// The folder of the file.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}

impl fmt::Debug for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mapped({} bytes in {})", self.map.len(), self.folder.display())
    }
}

/// A file without a name in `folder`, which the system removes when it is closed.
///
/// # Errors
/// [`Error::Io`] naming the folder.
pub fn scratch(folder: &Path) -> Result<File> {
    tempfile::tempfile_in(folder).map_err(|e| Error::io(folder, e))
}
