//! Which files and settings the inputs of a set come from.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use supernano_base::config::{DataSource, DataSpec};
use supernano_base::error::{Error, Result};
use supernano_core::space::Shape;
use walkdir::WalkDir;

use crate::sources;

/// Bytes of all files up to which their contents are compared. Beyond that, their sizes and times of
/// change are.
const CONTENTS: u64 = 64 << 20;

/// A hash of the files of a set, and of the shape of its inputs.
pub struct Stamp([u8; 32]);

impl Stamp {
    /// Looks at the files of a set: their paths, and their contents, or sizes and times of change.
    ///
    /// # Errors
    /// As [`sources::list`], and [`Error::Io`].
    pub fn of(spec: &DataSpec, shape: Shape) -> Result<Self> {
        let mut hasher = blake3::Hasher::new();
        let text = |hasher: &mut blake3::Hasher, text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        text(&mut hasher, env!("CARGO_PKG_VERSION"));
        text(&mut hasher, &format!("{shape:?}"));
        let files = files(spec)?;
        let total: u64 = files.iter().map(|(_, about)| about.len()).sum();
        for (path, about) in &files {
            text(&mut hasher, &path.to_string_lossy());
            hasher.update(&about.len().to_le_bytes());
            if total <= CONTENTS {
                let bytes = std::fs::read(path).map_err(|e| Error::io(path, e))?;
                hasher.update(blake3::hash(&bytes).as_bytes());
            } else {
                let changed = about.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
                hasher.update(&changed.map_or(0, |t| t.as_nanos()).to_le_bytes());
            }
        }
        Ok(Self(*hasher.finalize().as_bytes()))
    }

    /// The key of the inputs that these settings make of the files.
    pub fn key(&self, spec: &DataSpec) -> [u8; 32] {
        let settings = DataSpec { path: None, ..spec.clone() };
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0);
        let written = ciborium::into_writer(&settings, &mut hasher);
        debug_assert!(written.is_ok(), "a hasher takes all bytes");
        *hasher.finalize().as_bytes()
    }
}

/// The files that a set is read from, by their full paths.
fn files(spec: &DataSpec) -> Result<Vec<(PathBuf, Metadata)>> {
    let path = sources::path(spec)?;
    let root = path.canonicalize().map_err(|e| Error::io(path, e))?;
    let mut paths = BTreeSet::new();
    let listing = match spec.name {
        DataSource::Sound => Some(sources::sound::list(spec, &root)?),
        DataSource::Pictures => Some(sources::list_pictures(spec, &root)?),
        _ => None,
    };
    match listing {
        Some(listing) => {
            paths.extend(listing.items.into_iter().map(|item| item.path));
            // The tables, and recordings of noise.
            paths.extend(below(&root, 1).filter(|path| is_table(path)));
            let folder = if root.is_dir() { &root } else { root.parent().unwrap_or(&root) };
            if let Some(noise) = spec.sound.as_ref().and_then(|sound| sound.noise.as_ref()) {
                paths.extend(below(&folder.join(noise), usize::MAX));
            }
        }
        None => paths.extend(below(&root, usize::MAX)),
    }
    let about = |path: PathBuf| {
        // A link to nothing is an error when it is read.
        let about = path.metadata().or_else(|_| path.symlink_metadata());
        about.map_err(|e| Error::io(&path, e)).map(|about| (path, about))
    };
    let files: Vec<_> = paths.into_iter().map(about).collect::<Result<_>>()?;
    Ok(files.into_iter().filter(|(_, about)| about.is_file()).collect())
}

/// The files up to `depth` folders below a folder, or the file itself.
fn below(root: &Path, depth: usize) -> impl Iterator<Item = PathBuf> {
    let walk = WalkDir::new(root).follow_links(true).max_depth(depth).into_iter();
    walk.flatten().filter(|e| e.file_type().is_file()).map(walkdir::DirEntry::into_path)
}

fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv") || e.eq_ignore_ascii_case("tsv"))
}
