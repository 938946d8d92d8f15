//! The files and members of archives in which arrays lie.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use supernano_base::error::{Error, Result};
use supernano_base::files;
use zip::ZipArchive;
use zip::result::ZipError;

/// Bytes that are copied at a time.
const BLOCK: usize = 1 << 20;

/// The place of an array in NPY format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// A member of an archive.
    Member(PathBuf, String),
}

impl Source {
    /// The file, and the member in it.
    pub fn place(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Member(path, name) => format!("{}: {name}", path.display()),
        }
    }

    /// Bytes of the whole array with its header.
    ///
    /// # Errors
    /// The errors of [`Source::read`].
    pub fn length(&self) -> Result<u64> {
        match self {
            Self::File(path) => Ok(std::fs::metadata(path).map_err(|e| Error::io(path, e))?.len()),
            Self::Member(path, name) => {
                let mut archive = archive(path)?;
                let member = archive.by_name(name).map_err(|e| broken(path, e))?;
                Ok(member.size())
            }
        }
    }

    /// Hands the bytes to `each`, as a stream. Errors of the stream are those of [`Source::failed`].
    ///
    /// # Errors
    /// [`Error::Missing`] and [`Error::Io`]; [`Error::Invalid`] for an archive that is none; those of
    /// `each`.
    pub fn read<T>(&self, each: impl FnOnce(&mut dyn Read) -> Result<T>) -> Result<T> {
        match self {
            Self::File(path) => {
                let file = File::open(path).map_err(|e| Error::io(path, e))?;
                each(&mut io::BufReader::with_capacity(1 << 16, file))
            }
            Self::Member(path, name) => {
                let mut archive = archive(path)?;
                let mut member = archive.by_name(name).map_err(|e| broken(path, e))?;
                each(&mut io::BufReader::with_capacity(1 << 16, &mut member))
            }
        }
    }

    /// The error of a stream of this source.
    pub fn failed(&self, e: io::Error) -> Error {
        let (Self::File(path) | Self::Member(path, _)) = self;
        match e.raw_os_error() {
            Some(_) => Error::io(path, e),
            None => Error::invalid(self.place(), "contents", "whole ones", e),
        }
    }

    /// A file in which the bytes lie plainly, and which can be read anywhere: that of the source, or one
    /// without a name in the folder for temporary files.
    ///
    /// # Errors
    /// The errors of [`Source::read`].
    pub fn plain(&self) -> Result<File> {
        if let Self::File(path) = self {
            return File::open(path).map_err(|e| Error::io(path, e));
        }
        let folder = std::env::temp_dir();
        let mut file = files::scratch(&folder)?;
        let mut block = vec![0; BLOCK];
        self.read(|bytes| {
            loop {
                let n = bytes.read(&mut block).map_err(|e| self.failed(e))?;
                if n == 0 {
                    return Ok(());
                }
                io::Write::write_all(&mut file, &block[..n]).map_err(|e| Error::io(&folder, e))?;
            }
        })?;
        file.seek(SeekFrom::Start(0)).map_err(|e| Error::io(&folder, e))?;
        Ok(file)
    }
}

/// The members of an archive that are arrays.
///
/// # Errors
/// The errors of [`Source::read`].
pub fn members(path: &Path) -> Result<Vec<Source>> {
    let archive = archive(path)?;
    let names = archive.file_names().filter(|name| name.ends_with(".npy"));
    Ok(names.map(|name| Source::Member(path.to_path_buf(), name.into())).collect())
}

fn archive(path: &Path) -> Result<ZipArchive<io::BufReader<File>>> {
    let open = || File::open(path).map(io::BufReader::new).map_err(|e| Error::io(path, e));
    let archive = ZipArchive::new(open()?).map_err(|e| broken(path, e))?;
    let (entries, names) = (entries(open()?, archive.central_directory_start()), archive.len());
    if entries != names {
        let found = format!("{entries} members with {names} names");
        return Err(Error::invalid(path.display(), "zip archive", "each name once", found));
    }
    Ok(archive)
}

/// Entries of the directory that starts at `start`. [`ZipArchive`] keeps the last one of each name.
fn entries(mut file: impl io::Read + io::Seek, start: u64) -> usize {
    const SIGNATURE: &[u8] = b"PK\x01\x02";
    // Where an entry has the lengths of its name, its extra field and its comment.
    const LENGTHS: [usize; 3] = [28, 30, 32];
    let mut entry = [0; 46];
    let mut count = 0;
    let mut next = file.seek(SeekFrom::Start(start));
    while next.is_ok() && file.read_exact(&mut entry).is_ok() && entry.starts_with(SIGNATURE) {
        count += 1;
        let lengths = LENGTHS.map(|at| i64::from(u16::from_le_bytes([entry[at], entry[at + 1]])));
        next = file.seek(SeekFrom::Current(lengths.iter().sum()));
    }
    count
}

fn broken(path: &Path, e: ZipError) -> Error {
    match e {
        ZipError::Io(e) if e.raw_os_error().is_some() => Error::io(path, e),
        e => Error::invalid(path.display(), "zip archive", "a whole .npz file", e),
    }
}
