//! Guesses the kind of source that a path holds.

use std::path::Path;

use supernano_base::config::DataSource;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use walkdir::WalkDir;

use super::names::Names;
use super::{decode, numpy, sound, table};

/// Most entries below a folder that are looked at.
const LOOKED_AT: usize = 20_000;

/// The kinds of sources, for messages.
pub const KINDS: &str = "a folder of pictures with a folder for each class; a .csv file of paths and \
    labels; a folder of .wav, .flac or .ogg recordings with a folder for each class; .csv \
    recordings of sensors: a folder with a file or a folder for each class, or rows with a column of \
    labels; IDX files (MNIST); .npz or .npy arrays; CIFAR-10 \
    or CIFAR-100 (official binary archive or directory)";

/// What to do with files of other kinds.
const HINTS: [(&[&str], &str); 5] = [
    (&["heic", "heif", "avif", "tif", "tiff", "dng"], "convert the pictures to JPEG or PNG"),
    (&["mp3", "m4a", "aac", "wma", "opus", "amr"], "convert the recordings to WAV or FLAC"),
    (&["zip", "rar", "7z", "tar", "tgz"], "unpack the archive"),
    (&["txt", "dat", "log"], "save tables of numbers as .csv"),
    (
        &["parquet", "h5", "hdf5", "mat", "pkl", "pickle", "xls", "xlsx", "pt", "tfrecord"],
        "export pictures, .csv files or an .npz file",
    ),
];

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
    let arrays = any(&|n| n.ends_with(".npz") || n.ends_with(".npy"));
    let table = path.is_file() && any(&|n| n.ends_with(".csv") || n.ends_with(".tsv"));
    let kinds = [
        (DataSource::Cifar100, any(&|n| n == "fine_label_names.txt" || n.contains("cifar-100"))),
        (DataSource::Cifar10, any(&|n| n == "data_batch_1.bin" || n.contains("cifar-10-"))),
        (DataSource::Idx, any(&|n| n.contains("idx3-ubyte"))),
        (DataSource::Sensors, arrays && numpy::holds_windows(path)),
        (DataSource::Numpy, arrays),
        (
            DataSource::Pictures,
            !archive
                && any(&|n| {
                    n.rsplit_once('.').is_some_and(|(_, e)| decode::EXTENSIONS.contains(&e))
                }),
        ),
        (DataSource::Sound, any(&|n| sound_file(n))),
        (DataSource::Sound, table && names_files(path, &sound::EXTENSIONS)),
        (DataSource::Pictures, table && names_files(path, &decode::EXTENSIONS)),
        (DataSource::Sensors, table && holds_numbers(path)),
        (DataSource::Pictures, table),
        (DataSource::Sound, !table && table::lists(path, &sound::EXTENSIONS)),
        (DataSource::Pictures, !table && table::lists(path, &decode::EXTENSIONS)),
        (DataSource::Sensors, any(&|n| n.ends_with(".csv") || n.ends_with(".tsv"))),
    ];
    match kinds.into_iter().find(|(_, found)| *found) {
        Some((kind, _)) => Ok(kind),
        None => {
            let counts: Vec<String> =
                others.iter().take(8).map(|(e, n)| format!("{n} of .{e}")).collect();
            let mut found = if counts.is_empty() { "no file".into() } else { counts.join(", ") };
            let hint =
                HINTS.iter().find(|(known, _)| others.keys().any(|e| known.contains(&e.as_str())));
            if let Some((_, hint)) = hint {
                found = format!("{found} ({hint})");
            }
            Err(Error::invalid(path.display(), "data", KINDS, found))
        }
    }
}

/// True for the name of a recording of sound, in lower case.
fn sound_file(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, e)| sound::EXTENSIONS.contains(&e))
}

/// True if a table names a file with one of these extensions within its first rows.
fn names_files(path: &Path, extensions: &[&str]) -> bool {
    let named = |cell: &String| {
        cell.to_lowercase().rsplit_once('.').is_some_and(|(_, e)| extensions.contains(&e))
    };
    first_rows(path).iter().flatten().any(named)
        || table::is_list(path, extensions, &Names::default())
}

/// True if most cells of one of the first rows of a table are numbers.
fn holds_numbers(path: &Path) -> bool {
    let numbers = |row: &Vec<String>| {
        row.iter().filter(|c| c.replace(',', ".").parse::<f64>().is_ok()).count()
    };
    first_rows(path).iter().any(|row| 2 * numbers(row) > row.len())
}

/// The cells of the first rows of a table.
fn first_rows(path: &Path) -> Vec<Vec<String>> {
    use std::io::Read as _;
    const LINES: usize = 10;
    const BYTES: u64 = 1 << 16;
    let Ok(file) = std::fs::File::open(path) else { return Vec::new() };
    let mut bytes = Vec::new();
    if file.take(BYTES).read_to_end(&mut bytes).is_err() {
        return Vec::new();
    }
    // The reader refuses other encodings with the place of the byte.
    let text =
        files::decode(&bytes, "").unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned());
    let text = text.lines().take(LINES).collect::<Vec<_>>().join("\n");
    let separator = char::from(files::separator(&text, true));
    let cell = |cell: &str| cell.trim().trim_end_matches(';').trim_matches('"').to_owned();
    text.lines().map(|line| line.split(separator).map(cell).collect()).collect()
}

#[cfg(test)]
mod tests;
