//! Guesses the kind of source that a path holds.

use std::path::Path;

use supernano_base::config::DataSource;
use supernano_base::error::{Error, Result};
use walkdir::WalkDir;

use super::{decode, sound};

/// Most entries below a folder that are looked at.
const LOOKED_AT: usize = 20_000;

/// The kinds of sources, for messages.
pub const KINDS: &str = "a folder of pictures with a folder for each class; a .csv file of paths and \
    labels; a folder of .wav, .flac or .ogg recordings with a folder for each class; a folder of .csv \
    recordings of sensors; IDX files (MNIST); .npz or .npy arrays; CIFAR-10 \
    or CIFAR-100 (official binary archive or directory)";

/// Guesses the kind of the files at `path` from their names.
///
/// # Errors
/// [`Error::Missing`] for a path that does not exist; [`Error::Invalid`] that lists the kinds for a
/// path that holds none of them.
pub fn guess(path: &Path) -> Result<DataSource> {
    if !path.exists() {
        return Err(Error::Missing { path: path.to_path_buf(), needed_for: KINDS.into() });
    }
    let (mut names, mut others) = (Vec::new(), std::collections::BTreeMap::new());
    for entry in WalkDir::new(path).follow_links(true).into_iter().flatten().take(LOOKED_AT) {
        if entry.file_type().is_file() {
            names.push(entry.file_name().to_string_lossy().to_lowercase());
        }
    }
    for name in &names {
        let extension = name.rsplit_once('.').map_or("no extension", |(_, e)| e);
        *others.entry(extension.to_owned()).or_insert(0) += 1;
    }
    let any = |found: &dyn Fn(&str) -> bool| names.iter().any(|name| found(name));
    let archive = any(&|n| n.ends_with(".tar.gz") || n.ends_with(".tgz"));
    let kinds = [
        (DataSource::Cifar100, any(&|n| n == "fine_label_names.txt" || n.contains("cifar-100"))),
        (DataSource::Cifar10, any(&|n| n == "data_batch_1.bin" || n.contains("cifar-10-"))),
        (DataSource::Idx, any(&|n| n.contains("idx3-ubyte"))),
        (DataSource::Numpy, any(&|n| n.ends_with(".npz") || n.ends_with(".npy"))),
        (
            DataSource::Pictures,
            !archive
                && any(&|n| {
                    n.rsplit_once('.').is_some_and(|(_, e)| decode::EXTENSIONS.contains(&e))
                }),
        ),
        (DataSource::Sound, any(&|n| sound_file(n))),
        (DataSource::Sound, path.is_file() && names_sound(path)),
        (DataSource::Pictures, path.is_file() && any(&|n| n.ends_with(".csv"))),
        (DataSource::Sensors, path.is_dir() && any(&|n| n.ends_with(".csv"))),
    ];
    match kinds.into_iter().find(|(_, found)| *found) {
        Some((kind, _)) => Ok(kind),
        None => {
            let counts: Vec<String> =
                others.iter().take(8).map(|(e, n)| format!("{n} of .{e}")).collect();
            let found = if counts.is_empty() { "no file".into() } else { counts.join(", ") };
            Err(Error::invalid(path.display(), "data", KINDS, found))
        }
    }
}

/// True for the name of a recording of sound, in lower case.
fn sound_file(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, e)| sound::EXTENSIONS.contains(&e))
}

/// True if a table names a recording of sound within its first lines.
fn names_sound(path: &Path) -> bool {
    use std::io::{BufRead as _, BufReader, Read as _};
    const LINES: usize = 10;
    const BYTES: u64 = 1 << 16;
    let Ok(file) = std::fs::File::open(path) else { return false };
    let lines = BufReader::new(file.take(BYTES)).lines().map_while(std::result::Result::ok);
    let mut cells = lines.take(LINES).collect::<Vec<_>>().join(",");
    cells.make_ascii_lowercase();
    cells.split(',').any(|cell| sound_file(cell.trim().trim_matches('"')))
}

#[cfg(test)]
mod tests;
