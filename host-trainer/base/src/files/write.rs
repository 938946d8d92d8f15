//! Writing: a regular file is replaced as a whole, anything else is written through.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf, is_separator};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::interrupt;

/// Symbolic links that are followed one after another, as many as Linux follows.
const LINKS: usize = 40;

/// Files that [`claim()`] promised not to replace, and that are not written yet.
static NEW: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// True once an output of this process is its standard output.
static STDOUT: AtomicBool = AtomicBool::new(false);

/// True if a file that this process writes, or will write, is its standard output (`/dev/stdout`).
/// Nothing else belongs there then.
pub fn stdout_is_output() -> bool {
    STDOUT.load(Ordering::Relaxed)
}

/// The kind of file at the path of an output.
enum Destination {
    /// A regular file, perhaps one that does not exist yet, behind all symbolic links.
    File(PathBuf, Option<Metadata>),
    /// An open file of this process: its name in the directory of file descriptors.
    Descriptor(String),
    /// A device, a pipe or a socket.
    Stream,
}

/// Writes a file. Makes its directory.
///
/// A regular file is written under a temporary name in the same directory, synced and renamed. The
/// old file is untouched until then, and the new one has its permissions. A symbolic link stays, and
/// its target is replaced. A device, a pipe and an open file (`/dev/stdout`) are written through.
///
/// The first write of a file that [`claim()`] found absent replaces nothing: if another process has
/// made it since, the result goes to a free name beside it, and the error tells that name.
///
/// # Errors
/// [`Error::Io`] with the path; [`Error::Invalid`] for a directory, and for a file that another
/// process made since it was claimed.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |source| Error::Io { path: path.to_path_buf(), source };
    match destination(path)? {
        Destination::File(target, old) => {
            let claimed = NEW.lock().unwrap_or_else(PoisonError::into_inner).remove(&target);
            if claimed {
                return place_new(path, &target, bytes);
            }
            pending(&target, old.as_ref(), bytes).and_then(|file| file.replace(&target))
        }
        Destination::Descriptor(name) => write_descriptor(path, &name, bytes),
        Destination::Stream => OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|stream| write_through(stream, bytes)),
    }
    .map_err(failed)
}

/// Writes a regular file as [`write()`] does, piece by piece: `fill` writes its contents.
///
/// # Errors
/// The errors of [`write()`]; [`Error::Invalid`] for a device, a pipe or an open file.
pub fn write_by(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<()> {
    let Destination::File(target, old) = destination(path)? else {
        return Err(Error::invalid(path.display(), "output", "a regular file", "another kind"));
    };
    pending_by(&target, old.as_ref(), fill)
        .and_then(|file| file.replace(&target))
        .map_err(|source| Error::Io { path: path.to_path_buf(), source })
}

/// Writes a file that does not exist. Returns false if it does, and leaves it.
///
/// # Errors
/// The errors of [`write()`].
pub fn create(path: &Path, bytes: &[u8]) -> Result<bool> {
    match destination(path)? {
        Destination::File(_, Some(_)) => Ok(false),
        Destination::File(target, None) => pending(&target, None, bytes)
            .and_then(|mut file| file.place(&target))
            .map_err(|source| Error::Io { path: path.to_path_buf(), source }),
        _ => write(path, bytes).map(|()| true),
    }
}

/// Writes a claimed file, or beside it if another process has made it.
fn place_new(path: &Path, target: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |source| Error::Io { path: path.to_path_buf(), source };
    let mut file = pending(target, None, bytes).map_err(failed)?;
    if file.place(target).map_err(failed)? {
        return Ok(());
    }
    for n in 1.. {
        let mut beside = target.as_os_str().to_owned();
        beside.push(format!(".{n}"));
        if file.place(Path::new(&beside)).map_err(failed)? {
            let expected = "a file that does not exist yet";
            let beside = Path::new(&beside).display();
            let found =
                format!("one that another process made meanwhile (this result is in {beside})");
            return Err(Error::invalid(path.display(), "output", expected, found));
        }
    }
    unreachable!("a free number")
}

/// Checks before long work that [`write()`] can write this file, and leaves nothing behind.
///
/// # Errors
/// The errors of [`write()`].
pub fn probe(path: &Path) -> Result<()> {
    let failed = |source| Error::Io { path: path.to_path_buf(), source };
    let Destination::File(target, _) = destination(path)? else { return Ok(()) };
    // A missing directory is created later, in the nearest one that exists.
    let mut directory = directory_of(&target);
    while let Err(e) = fs::metadata(directory) {
        // No directory can be made in the place of a link that leads nowhere.
        if e.kind() != ErrorKind::NotFound || fs::symlink_metadata(directory).is_ok() {
            return Err(Error::Io { path: directory.to_path_buf(), source: e });
        }
        directory = directory_of(directory);
    }
    remove_stale(directory);
    Pending::new(directory, &target).map(drop).map_err(failed)
}

/// Checks before long work that a result can be written: that no file is there, unless
/// `overwrite` allows to replace it, and that [`write()`] can make one. Without `overwrite` the first
/// [`write()`] replaces no file that another process made in the meantime.
///
/// # Errors
/// As [`refuse_existing`] and [`probe`].
pub fn claim(path: &Path, overwrite: bool) -> Result<()> {
    if !overwrite {
        refuse_existing(path, "--overwrite replaces it")?;
        expect_new(path)?;
    }
    probe(path)
}

/// The promise of [`claim()`] alone: the first [`write()`] of a file that does not exist replaces none.
///
/// # Errors
/// The errors of [`write()`].
pub fn expect_new(path: &Path) -> Result<()> {
    if let Destination::File(target, None) = destination(path)? {
        NEW.lock().unwrap_or_else(PoisonError::into_inner).insert(target);
    }
    Ok(())
}

/// True for a device, a pipe or an open file of this process: [`write()`] adds to it, and no file lies
/// beside it.
///
/// # Errors
/// The errors of [`write()`].
pub fn is_stream(path: &Path) -> Result<bool> {
    Ok(!matches!(destination(path)?, Destination::File(..)))
}

/// Refuses an output that exists; `hint` tells the user what to do. Devices and pipes pass, because
/// a write destroys nothing there.
///
/// # Errors
/// [`Error::Invalid`] for a file that exists.
pub fn refuse_existing(path: &Path, hint: &str) -> Result<()> {
    match destination(path)? {
        Destination::File(_, Some(_)) => {
            let expected = format!("a file that does not exist yet ({hint})");
            Err(Error::invalid(path.display(), "output", expected, "a file"))
        }
        _ => Ok(()),
    }
}

/// The directory of a file; `.` for a bare name.
fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

fn destination(path: &Path) -> Result<Destination> {
    if path.to_string_lossy().ends_with(is_separator) {
        let found = "the name of a directory";
        return Err(Error::invalid(path.display(), "output", "a file", found));
    }
    let mut target = path.to_path_buf();
    for _ in 0..LINKS {
        if let Some(name) = descriptor(&target) {
            if name == "1" {
                STDOUT.store(true, Ordering::Relaxed);
            }
            return Ok(Destination::Descriptor(name));
        }
        let Ok(link) = fs::read_link(&target) else { break };
        target = directory_of(&target).join(link);
    }
    match fs::metadata(&target) {
        Ok(old) if old.is_file() => Ok(Destination::File(target, Some(old))),
        Ok(old) if old.is_dir() => {
            Err(Error::invalid(path.display(), "output", "a file", "a directory"))
        }
        Ok(_) => Ok(Destination::Stream),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Destination::File(target, None)),
        Err(source) => Err(Error::Io { path: path.to_path_buf(), source }),
    }
}

/// The name of a file descriptor of this process, if `path` is one.
fn descriptor(path: &Path) -> Option<String> {
    let directory = fs::canonicalize(directory_of(path)).ok()?;
    let own = ["/proc/self/fd", "/dev/fd"]
        .iter()
        .any(|fds| fs::canonicalize(fds).is_ok_and(|fds| fds == directory));
    own.then(|| path.file_name().map(|name| name.to_string_lossy().into_owned()))?
}

fn write_descriptor(path: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    match name {
        "1" => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes)?;
            stdout.flush()
        }
        "2" => io::stderr().lock().write_all(bytes),
        // Another description of the same file: append, or it would overwrite the beginning.
        _ => write_through(OpenOptions::new().append(true).open(path)?, bytes),
    }
}

fn write_through(mut stream: File, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    match stream.sync_all() {
        // Pipes and terminals have nothing to sync.
        Err(e) if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

/// Writes and syncs a regular file under a temporary name, with the permissions of the old one.
fn pending(target: &Path, old: Option<&Metadata>, bytes: &[u8]) -> io::Result<Pending> {
    pending_by(target, old, |file| file.write_all(bytes))
}

/// As [`pending`]; `fill` writes the contents.
fn pending_by(
    target: &Path,
    old: Option<&Metadata>,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<Pending> {
    let directory = directory_of(target);
    fs::create_dir_all(directory)?;
    remove_stale(directory);
    let mut pending = Pending::new(directory, target)?;
    fill(&mut pending.file)?;
    if let Some(old) = old {
        keep_access(&pending.file, old)?;
    }
    pending.file.sync_all()?;
    Ok(pending)
}

/// Gives a new file the permissions of the old one and, if the system allows it, its owner.
fn keep_access(file: &File, old: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        // Only the superuser may change the owner.
        let _ = std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid()));
    }
    file.set_permissions(old.permissions())
}

/// Names of temporary files: `.NAME.supernano-PID.tmp`, a number before `.tmp` if that is taken.
const TAG: &str = ".supernano-";
const SUFFIX: &str = ".tmp";
/// Most bytes of the final name in a temporary name: file systems limit the length of names.
const NAME: usize = 100;

/// A file under a temporary name, locked as long as its process lives; removed when dropped. An
/// interrupt waits until then.
struct Pending {
    file: File,
    _hold: interrupt::Hold,
    /// Empty after the file has its final name.
    path: PathBuf,
}

impl Pending {
    fn new(directory: &Path, target: &Path) -> io::Result<Self> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let name = &name[..name.floor_char_boundary(NAME)];
        let process = std::process::id();
        let mut hold = Some(interrupt::hold());
        for n in 0.. {
            let number = if n == 0 { String::new() } else { format!("-{n}") };
            let path = directory.join(format!(".{name}{TAG}{process}{number}{SUFFIX}"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                // A process in another container has the same number.
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
                Ok(file) => {
                    // The lock only protects the file from `remove_stale`, which needs locks too.
                    let _ = file.lock();
                    let own = hold.take().unwrap_or_else(interrupt::hold);
                    let pending = Self { file, _hold: own, path };
                    if pending.is_in_place() {
                        return Ok(pending);
                    }
                }
            }
        }
        unreachable!("a free number")
    }

    /// Gives the file its final name; a file of this name is replaced.
    fn replace(mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.path.clear();
        Ok(())
    }

    /// Gives the file its final name, unless a file has it: then returns false.
    fn place(&mut self, target: &Path) -> io::Result<bool> {
        match fs::hard_link(&self.path, target) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(false),
            // A file system without links.
            Err(_) if target.exists() => Ok(false),
            Err(_) => {
                fs::rename(&self.path, target)?;
                self.path.clear();
                Ok(true)
            }
        }
    }

    /// False if another process removed the file as stale between its creation and its lock.
    fn is_in_place(&self) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let place = |m: Metadata| (m.dev(), m.ino());
            let there = fs::symlink_metadata(&self.path).ok().map(place);
            there.is_some() && there == self.file.metadata().ok().map(place)
        }
        #[cfg(not(unix))]
        self.path.exists()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes temporary files of processes that ended before they renamed them: nobody holds their
/// locks. Errors are ignored, because a stale file does not prevent a write.
fn remove_stale(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let temporary = name.starts_with('.') && name.contains(TAG) && name.ends_with(SUFFIX);
        if temporary
            && entry.file_type().is_ok_and(|kind| kind.is_file())
            && let Ok(file) = OpenOptions::new().write(true).open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}
