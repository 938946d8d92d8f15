//! The bytes of images.

use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::files::{self, MEMORY, Mapped};

/// Bytes in memory, or a part of a mapped file.
#[derive(Clone)]
pub enum Pixels {
    /// In memory.
    Held(Vec<u8>),
    /// Part of a file.
    Mapped(Arc<Mapped>, Range<usize>),
}

impl Pixels {
    /// The bytes at `range`. A part of a mapped file stays in the file.
    ///
    /// # Panics
    /// If the range exceeds the bytes.
    pub fn part(&self, range: Range<usize>) -> Self {
        match self {
            Self::Held(bytes) => Self::Held(bytes[range].to_vec()),
            Self::Mapped(file, all) => {
                assert!(range.end <= all.len(), "{range:?} of {} bytes", all.len());
                Self::Mapped(file.clone(), all.start + range.start..all.start + range.end)
            }
        }
    }

    /// Cuts the bytes into parts of these lengths.
    ///
    /// # Panics
    /// If the lengths exceed the bytes.
    pub fn parts<const N: usize>(self, lengths: [usize; N]) -> [Self; N] {
        let mut rest = self;
        lengths.map(|length| match &mut rest {
            Self::Held(bytes) => {
                let behind = bytes.split_off(length);
                Self::Held(std::mem::replace(bytes, behind))
            }
            Self::Mapped(file, range) => {
                let start = range.start;
                range.start += length;
                assert!(range.start <= range.end, "{length} bytes of {start}..{}", range.end);
                Self::Mapped(file.clone(), start..range.start)
            }
        })
    }

    /// The folder of the mapped file.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Held(_) => None,
            Self::Mapped(file, _) => Some(file.folder()),
        }
    }
}

impl Deref for Pixels {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Held(bytes) => bytes,
            Self::Mapped(file, range) => &file[range.clone()],
        }
    }
}

impl From<Vec<u8>> for Pixels {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Held(bytes)
    }
}

impl<T: AsRef<[u8]> + ?Sized> PartialEq<T> for Pixels {
    fn eq(&self, other: &T) -> bool {
        **self == *other.as_ref()
    }
}

impl AsRef<[u8]> for Pixels {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(bytes) => write!(f, "{bytes:?}"),
            Self::Mapped(file, range) => write!(f, "{range:?} of {file:?}"),
        }
    }
}

/// Most bytes that a [`Collector`] holds in memory while it grows.
const GROWING: u64 = 32 << 20;

/// Collects bytes: a few in memory, more in a file without a name. At the end they are in memory unless
/// there are more than [`MEMORY`] allows.
pub struct Collector {
    folder: PathBuf,
    most: u64,
    held: Vec<u8>,
    file: Option<BufWriter<File>>,
    length: usize,
}

impl Collector {
    /// An empty collector whose file lies in `folder`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the limit in the environment is no number.
    pub fn new(folder: &Path) -> Result<Self> {
        Ok(Self::within(folder, MEMORY.value()?))
    }

    /// As [`Collector::new`], with at most `most` bytes in memory at any time.
    pub fn within(folder: &Path, most: u64) -> Self {
        Self { folder: folder.to_path_buf(), most, held: Vec::new(), file: None, length: 0 }
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.length
    }

    /// True without bytes.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// [`Error::Io`] naming the folder of the file.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.length += bytes.len();
        if self.file.is_none() && self.length as u64 > self.most.min(GROWING) {
            let mut file = BufWriter::new(files::scratch(&self.folder)?);
            file.write_all(&self.held).map_err(|e| Error::io(&self.folder, e))?;
            (self.held, self.file) = (Vec::new(), Some(file));
        }
        match &mut self.file {
            None => self.held.extend_from_slice(bytes),
            Some(file) => file.write_all(bytes).map_err(|e| Error::io(&self.folder, e))?,
        }
        Ok(())
    }

    /// All bytes.
    ///
    /// # Errors
    /// [`Error::Io`] naming the folder of the file.
    pub fn finish(self) -> Result<Pixels> {
        let Some(file) = self.file else { return Ok(Pixels::Held(self.held)) };
        let failed = |e| Error::io(&self.folder, e);
        let mut file = file.into_inner().map_err(|e| failed(e.into_error()))?;
        if self.length as u64 <= self.most {
            let mut held = Vec::with_capacity(self.length);
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
            file.read_to_end(&mut held).map_err(failed)?;
            return Ok(Pixels::Held(held));
        }
        let mapped = Mapped::new(&file, &self.folder)?;
        Ok(Pixels::Mapped(Arc::new(mapped), 0..self.length))
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Collector({} bytes)", self.length)
    }
}
