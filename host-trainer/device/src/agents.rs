//! Agents: the firmware that runs networks on emulated machines and boards.
//!
//! They travel with the program as an archive (tar, xz), if it was built with them. An agent is
//! unpacked into the user's cache when it is first needed.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use lzma_rust2::XzReader;
use supernano_base::error::{Error, Result};
use supernano_base::files;

/// The archive; empty if the program was built without agents.
const ARCHIVE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/agents.tar.xz"));

/// Longest agent, bytes.
const LONGEST: u64 = 16 << 20;

/// Where an agent comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentOrigin {
    /// The directory SUPERNANO_FIRMWARE_DIR.
    Variable,
    /// A directory `firmware` beside the executable or up to two directories above it.
    Beside,
    /// This program.
    BuiltIn,
}

impl AgentOrigin {
    /// The place in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Variable => "in SUPERNANO_FIRMWARE_DIR",
            Self::Beside => "beside the program",
            Self::BuiltIn => "built into the program",
        }
    }
}

/// The directory of the executable and two directories above it.
pub(crate) fn around_executable() -> Vec<PathBuf> {
    let executable = std::env::current_exe().unwrap_or_default();
    executable.ancestors().skip(1).take(3).map(Path::to_path_buf).collect()
}

/// Path of an agent's ELF file: in the directory SUPERNANO_FIRMWARE_DIR, or else in a directory
/// `firmware` beside the executable or up to two directories above it, or else unpacked from this
/// program.
///
/// # Errors
/// [`Error::Missing`] if it is in none of these places; [`Error::Io`] if it cannot be unpacked.
pub fn agent(name: &str) -> Result<PathBuf> {
    located(name).map(|(path, _)| path)
}

/// As [`agent`], with the place.
///
/// # Errors
/// The errors of [`agent`].
pub fn located(name: &str) -> Result<(PathBuf, AgentOrigin)> {
    let first = match std::env::var_os("SUPERNANO_FIRMWARE_DIR") {
        Some(directory) => {
            let path = PathBuf::from(directory).join(name);
            if path.is_file() {
                return Ok((path, AgentOrigin::Variable));
            }
            path
        }
        None => {
            let around = around_executable();
            let beside: Vec<PathBuf> =
                around.iter().map(|d| d.join("firmware").join(name)).collect();
            if let Some(path) = beside.iter().find(|path| path.is_file()) {
                return Ok((path.clone(), AgentOrigin::Beside));
            }
            if let Some(bytes) = built_in(ARCHIVE, name)? {
                return Ok((unpacked(&cache()?, name, &bytes)?, AgentOrigin::BuiltIn));
            }
            beside.into_iter().next().unwrap_or_else(|| name.into())
        }
    };
    let owner = name.strip_suffix("-agent.elf").unwrap_or(name);
    let needed_for = format!(
        "the agent of {owner}: `cargo xtask firmware` makes it, `--firmware` or \
         SUPERNANO_FIRMWARE_DIR name another place"
    );
    Err(Error::Missing { path: first, needed_for })
}

/// The bytes of a file of the archive; `None` if the archive has no such file.
fn built_in(archive: &[u8], name: &str) -> Result<Option<Vec<u8>>> {
    if archive.is_empty() {
        return Ok(None);
    }
    let damaged =
        |e: io::Error| Error::tool("agents in this program", format!("{e}; install it again"));
    let mut archive = tar::Archive::new(XzReader::new(archive, false));
    for entry in archive.entries().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        if entry.path().map_err(damaged)? == Path::new(name) {
            let mut bytes = Vec::new();
            entry.take(LONGEST).read_to_end(&mut bytes).map_err(damaged)?;
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// The directory for unpacked agents of this version.
fn cache() -> Result<PathBuf> {
    let cache = dirs::cache_dir().ok_or_else(|| {
        let problem = "this user has none; set HOME, or SUPERNANO_FIRMWARE_DIR";
        Error::tool("cache directory", problem)
    })?;
    Ok(cache.join("supernano").join(env!("CARGO_PKG_VERSION")))
}

/// Path of a file in `directory` with these bytes. A file that has them stays untouched.
fn unpacked(directory: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let path = directory.join(name);
    if std::fs::read(&path).is_ok_and(|found| found == bytes) {
        return Ok(path);
    }
    std::fs::create_dir_all(directory)
        .map_err(|source| Error::Io { path: directory.to_path_buf(), source })?;
    files::write(&path, bytes)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use lzma_rust2::{XzOptions, XzWriter};

    use super::*;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let xz = XzWriter::new(Vec::new(), XzOptions::with_preset(1)).unwrap();
        let mut tar = tar::Builder::new(xz);
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, name, *bytes).unwrap();
        }
        let mut xz = tar.into_inner().unwrap();
        xz.flush().unwrap();
        xz.finish().unwrap()
    }

    #[test]
    fn an_agent_is_unpacked_once_and_a_changed_one_is_replaced() {
        let archive = archive(&[("a.elf", b"one"), ("b.elf", &[7; 100_000])]);
        let bytes = built_in(&archive, "b.elf").unwrap().unwrap();
        assert_eq!(bytes, [7; 100_000]);
        assert_eq!(built_in(&archive, "c.elf").unwrap(), None);
        let directory = tempfile::TempDir::new().unwrap();
        let inner = directory.path().join("not/there/yet");
        let path = unpacked(&inner, "b.elf", &bytes).unwrap();
        let time = || std::fs::metadata(&path).unwrap().modified().unwrap();
        let written = time();
        assert_eq!(unpacked(&inner, "b.elf", &bytes).unwrap(), path);
        assert_eq!(time(), written);
        std::fs::write(&path, "damaged").unwrap();
        unpacked(&inner, "b.elf", &bytes).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn a_damaged_archive_is_named() {
        let mut archive = archive(&[("a.elf", &[7; 1000])]);
        let middle = archive.len() / 2;
        archive[middle] ^= 0x55;
        let error = built_in(&archive, "b.elf").unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert!(error.to_string().starts_with("agents in this program: "), "{error}");
        assert_eq!(built_in(&[], "a.elf").unwrap(), None);
    }
}
