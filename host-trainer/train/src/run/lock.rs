//! One process at a time in a run directory.

use std::fs::{File, TryLockError};
use std::path::Path;

use supernano_base::error::{Error, Result};

/// A run directory that this process alone changes, until the lock is dropped. The system drops the
/// lock of a process that dies.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "holds the lock")] File);

impl Lock {
    /// Locks a run directory, which is made if there is none.
    ///
    /// # Errors
    /// [`Error::Invalid`] if another process has it, [`Error::Io`].
    pub fn of(run: &Path) -> Result<Self> {
        std::fs::create_dir_all(run).map_err(|e| Error::output(run, e))?;
        let file = opened(run)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => {
                let expected = "one process at a time in a run directory";
                Err(Error::invalid(run.display(), "lock", expected, "another that is training"))
            }
            // A file system without locks: as before there were any.
            Err(TryLockError::Error(e)) if e.kind() == std::io::ErrorKind::Unsupported => {
                Ok(Self(file))
            }
            Err(TryLockError::Error(e)) => Err(Error::io(run, e)),
        }
    }
}

/// The directory itself, so that no file stays behind.
#[cfg(unix)]
fn opened(run: &Path) -> Result<File> {
    File::open(run).map_err(|e| Error::io(run, e))
}

/// A file in the directory: directories cannot be opened here.
#[cfg(not(unix))]
fn opened(run: &Path) -> Result<File> {
    let path = run.join("lock");
    File::create(&path).map_err(|e| Error::io(&path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_is_refused_until_the_first_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let first = Lock::of(&run).unwrap();
        let error = Lock::of(&run).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("run"), "{error}");
        drop(first);
        assert!(Lock::of(&run).is_ok());
        assert_eq!(std::fs::read_dir(&run).unwrap().count(), usize::from(!cfg!(unix)));
    }
}
