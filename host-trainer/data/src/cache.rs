//! The inputs of a set of own files, kept in one file beside the run.
//!
//! The file serves as long as neither the user's files nor the settings change ([`stamp`]). It is
//! written under a temporary name and renamed, and a checksum covers every byte ([`file`]).

mod file;
mod stamp;

use std::path::{Path, PathBuf};

use supernano_base::config::{DataSource, DataSpec};
use supernano_base::error::Result;
use supernano_base::progress::Progress;
use supernano_core::space::Shape;

use self::file::{Found, read, write};
use self::stamp::Stamp;
use crate::Dataset;
use crate::sources::{self, Reading};

/// A set that was read from the user's files, for its file.
pub struct Fresh {
    cache: PathBuf,
    spec: DataSpec,
    stamp: Stamp,
}

impl Fresh {
    /// Writes the file. A failure is a remark, because the set itself is there.
    pub fn keep(&self, dataset: &Dataset, progress: &dyn Progress) {
        // The run's own configuration has the facts of the data as well.
        let keys = [self.stamp.key(&self.spec), self.stamp.key(&dataset.with_facts(&self.spec))];
        if let Err(e) = write(&self.cache, &keys, dataset) {
            progress.note(&format!("data: the inputs are not kept for the next command: {e}"));
        }
    }
}

/// Reads a set from its file if that is up to date, else from the user's files. Then it returns what
/// writes the file, if that pays.
///
/// # Errors
/// The errors of [`sources::load_in`].
pub fn load(
    spec: &DataSpec,
    shape: Shape,
    cache: &Path,
    progress: &dyn Progress,
) -> Result<(Dataset, Option<Fresh>)> {
    let (decoded, there) = (is_decoded(spec), cache.is_file());
    let stamp = match decoded || there {
        true => Some(Stamp::of(spec, shape)?),
        false => None,
    };
    if let Some(stamp) = stamp.as_ref().filter(|_| there) {
        let why = match read(cache, &stamp.key(spec), progress)? {
            Found::Same(dataset) => return Ok((*dataset, None)),
            Found::Other => "the files or the settings have changed".to_owned(),
            Found::Damaged(why) => why,
        };
        let name = cache.display();
        progress.note(&format!("data: {why} since {name} was written; all files are read again"));
    }
    let reading = Reading { progress, folder: folder_near(cache) };
    let dataset = sources::load_in(spec, shape, reading)?;
    let pays = decoded || dataset.train.is_mapped();
    let stamp = match stamp.filter(|_| pays) {
        None if pays => Some(Stamp::of(spec, shape)?),
        stamp => stamp,
    };
    let fresh = stamp.map(|stamp| Fresh { cache: cache.to_path_buf(), spec: spec.clone(), stamp });
    Ok((dataset, fresh))
}

/// True for sources whose files take longer to read than their inputs.
fn is_decoded(spec: &DataSpec) -> bool {
    matches!(spec.name, DataSource::Pictures | DataSource::Sound)
}

/// The nearest folder above a file that exists.
fn folder_near(file: &Path) -> &Path {
    let above = file.ancestors().skip(1).find(|folder| folder.is_dir());
    above.unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests;
