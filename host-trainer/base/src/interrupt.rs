//! Ctrl-C: exit code 130, and no temporary file stays.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::console;
use crate::error::{Error, Result};

/// The exit code of an interrupted command.
const INTERRUPTED: i32 = 130;

/// Held while a file is written and renamed.
static WRITING: Mutex<()> = Mutex::new(());
/// Temporary files in use.
static TEMPORARY: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Installs the handlers of signals. An interrupt ends the process with exit code 130, after the
/// current file (if any) has its final name and temporary files are removed. A write beyond the
/// process's file size limit becomes an error instead of the end of the process.
///
/// # Errors
/// [`Error::Tool`] if the system refuses a handler.
pub fn handle() -> Result<()> {
    ctrlc::set_handler(|| {
        let _writing = lock(&WRITING);
        for path in lock(&TEMPORARY).drain(..) {
            let _ = std::fs::remove_file(path);
        }
        console::note("interrupted");
        std::process::exit(INTERRUPTED);
    })
    .map_err(|e| Error::tool("interrupt handler", e))?;
    #[cfg(unix)]
    {
        // The default action kills the process; with any handler the write fails with `EFBIG`.
        let reached = std::sync::Arc::default();
        signal_hook::flag::register(signal_hook::consts::SIGXFSZ, reached)
            .map_err(|e| Error::tool("file size handler", e))?;
    }
    Ok(())
}

/// Delays interrupts until it is dropped.
pub type Hold = MutexGuard<'static, ()>;

/// Delays interrupts until the result is dropped. A thread holds one at a time.
pub fn hold() -> Hold {
    lock(&WRITING)
}

/// A temporary file that other processes can open while this value lives.
///
/// On Linux it has no name in any directory, so that nothing stays however this process ends. Elsewhere
/// a drop and an interrupt remove it.
pub struct Temporary {
    file: std::fs::File,
    path: PathBuf,
    named: Option<tempfile::TempPath>,
}

impl Temporary {
    /// An empty file in the system's temporary directory.
    ///
    /// # Errors
    /// [`Error::Tool`] if the system refuses it.
    pub fn new() -> Result<Self> {
        let failed = |e: std::io::Error| Error::tool("temporary file", e);
        #[cfg(target_os = "linux")]
        {
            use std::os::fd::AsRawFd as _;
            let file = tempfile::tempfile().map_err(failed)?;
            let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
            if Path::new(&path).exists() {
                return Ok(Self { file, path: path.into(), named: None });
            }
        }
        let _writing = hold();
        let (file, path) = tempfile::NamedTempFile::new().map_err(failed)?.into_parts();
        lock(&TEMPORARY).push(path.to_path_buf());
        Ok(Self { file, path: path.to_path_buf(), named: Some(path) })
    }

    /// The file.
    pub fn file(&self) -> &std::fs::File {
        &self.file
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.named.is_some() {
            lock(&TEMPORARY).retain(|path| *path != self.path);
        }
    }
}
