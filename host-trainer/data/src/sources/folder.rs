//! Lists the files of a folder: a folder for each class, in folders for the splits or not.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use supernano_base::error::{Error, Result};
use walkdir::WalkDir;

use super::item::{Item, Listing, Split};
use super::names::Names;

/// Most files below a folder.
const MOST_FILES: usize = 10_000_000;

/// Most folders in those of the classes that may be classes themselves.
const MOST_DEEPER: usize = 256;
/// Most empty folders that are named.
const EMPTY: usize = 20;

/// Lists the files below `root` with one of these extensions (lower case). Without a pattern in `names`, the
/// class of a file is the folder it lies in: the first one below the root or below the split. A file
/// in none has its own name as its class if `files_are_classes`.
///
/// # Errors
/// [`Error::Io`] for a folder that cannot be read; [`Error::Invalid`] if no file has a class, or if
/// a file with one of the extensions has none.
pub fn list(
    root: &Path,
    extensions: &[&str],
    names: &Names,
    files_are_classes: bool,
) -> Result<Listing> {
    let root = &descend(root, extensions)?;
    let mut listing = Listing::default();
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    let walk = WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter();
    for entry in
        walk.filter_entry(|e| e.depth() == 0 || !e.file_type().is_dir() || !passed(e.file_name()))
    {
        let entry = match entry {
            Ok(entry) => entry,
            Err(e) => {
                listing.notes.push(unfollowed(root, &e, extensions, &mut files)?);
                continue;
            }
        };
        let name = entry.file_name().to_string_lossy();
        if entry.file_type().is_dir() && entry.depth() > 0 {
            folders.push(entry.path().to_path_buf());
        }
        if !entry.file_type().is_file() || name.starts_with('.') || name == "Thumbs.db" {
            continue;
        }
        let extension = extension(entry.path());
        if extensions.contains(&extension.as_str()) {
            files.push(entry.into_path());
        } else {
            *listing.ignored.entry(extension).or_default() += 1;
        }
        if files.len() > MOST_FILES {
            let expected = format!("at most {MOST_FILES}");
            return Err(Error::invalid(root.display(), "files", expected, "more"));
        }
    }
    let relative: Vec<(PathBuf, String)> = files
        .into_iter()
        .map(|path| {
            let below = path.strip_prefix(root).unwrap_or(&path);
            let text = below.to_string_lossy().replace('\\', "/");
            (path, text)
        })
        .collect();
    let with: HashSet<&Path> = relative.iter().flat_map(|(path, _)| path.ancestors()).collect();
    let empty = folders.iter().filter(|folder| !with.contains(folder.as_path())).take(EMPTY);
    listing.notes.extend(empty.map(|f| format!("{} holds no such file", f.display())));
    let relative: Vec<_> = relative.into_iter().filter(|(_, text)| !names.excludes(text)).collect();
    let texts =
        || relative.iter().map(|(_, text)| text.as_str()).filter(|_| names.pattern.is_none());
    let place = if has_splits(texts()) {
        SplitFolder::First
    } else if has_splits(texts().map(|text| text.split_once('/').map_or("", |(_, rest)| rest))) {
        SplitFolder::Second
    } else {
        SplitFolder::None
    };
    listing.notes.extend(deeper(texts(), place));
    for (path, text) in relative {
        listing.items.push(item(root, path, &text, place, names, files_are_classes)?);
    }
    if listing.items.is_empty() {
        let expected = format!("a folder for each class with .{} files", extensions.join(", ."));
        let found = if listing.ignored.is_empty() {
            "no file".into()
        } else {
            let counts = listing.ignored.iter().map(|(e, n)| format!("{n} of .{e}"));
            counts.collect::<Vec<_>>().join(", ")
        };
        return Err(Error::invalid(root.display(), "files", expected, found));
    }
    if let Some(test) = &names.test
        && listing.items.iter().all(|i| i.split != Some(Split::Test))
    {
        let expected = "a regular expression that matches at least one path";
        return Err(Error::invalid("data", "test_files", expected, test));
    }
    Ok(listing)
}

/// The extension of a file in lower case.
fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// Enters folders that hold one folder of folders, which is no split, and none of the wanted files.
fn descend(root: &Path, extensions: &[&str]) -> Result<PathBuf> {
    let mut root = root.to_path_buf();
    loop {
        let entries = std::fs::read_dir(&root).map_err(|e| Error::io(&root, e))?;
        let (mut folders, mut files) = (Vec::new(), 0);
        for entry in entries {
            let path = entry.map_err(|e| Error::io(&root, e))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if extensions.contains(&extension(&path).as_str()) {
                files += 1;
            }
        }
        folders.retain(|f| !f.file_name().is_some_and(passed));
        let [only] = folders.as_slice() else { return Ok(root) };
        let deeper = std::fs::read_dir(only).map_err(|e| Error::io(only, e))?;
        let has_folders = deeper.flatten().any(|e| e.path().is_dir());
        let split = only.file_name().and_then(|n| Split::named(&n.to_string_lossy()));
        if files > 0 || split == Some(Split::Train) || !has_folders {
            return Ok(root);
        }
        root = only.clone();
    }
}

/// True for a folder that is not entered: a hidden one, and that of file attributes in archives of macOS.
fn passed(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with('.') || name == "__MACOSX"
}

/// Where the folders of the splits are.
#[derive(Clone, Copy, PartialEq)]
enum SplitFolder {
    /// Nowhere.
    None,
    /// Around the folders of the classes.
    First,
    /// In the folders of the classes.
    Second,
}

/// True if every first folder is a split, and one is that of training. Files in no folder do not count.
fn has_splits<'a>(paths: impl Iterator<Item = &'a str>) -> bool {
    let first: BTreeSet<&str> = paths.filter_map(|p| p.split_once('/')).map(|(f, _)| f).collect();
    let splits: Vec<Option<Split>> = first.iter().map(|f| Split::named(f)).collect();
    splits.contains(&Some(Split::Train)) && !splits.contains(&None)
}

/// A remark about classes whose folders hold several folders each, all with different names: these may be
/// the classes.
fn deeper<'a>(paths: impl Iterator<Item = &'a str>, place: SplitFolder) -> Option<String> {
    let below = |path: &'a str| match place {
        SplitFolder::None => Some(path),
        SplitFolder::First => path.split_once('/').map(|(_, rest)| rest),
        SplitFolder::Second => None,
    };
    let mut inside: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for path in paths.filter_map(below) {
        let mut folders = path.split('/');
        let (class, folder) = (folders.next()?, folders.next()?);
        // A file in the folder of the class.
        folders.next()?;
        inside.entry(class).or_default().insert(folder);
    }
    let all: Vec<&str> = inside.values().flatten().copied().collect();
    let different: BTreeSet<&str> = all.iter().copied().collect();
    let several = inside.len() > 1 && inside.values().all(|folders| folders.len() > 1);
    if !several || different.len() < all.len() || all.len() > MOST_DEEPER {
        return None;
    }
    let split = if place == SplitFolder::First { "{split}/" } else { "" };
    let names = |names: &mut dyn Iterator<Item = &&str>| {
        names.take(4).copied().collect::<Vec<_>>().join(", ")
    };
    Some(format!(
        "the classes are the folders {}; --pattern '{split}{{}}/{{class}}/{{}}' takes those inside them ({})",
        names(&mut inside.keys()),
        names(&mut all.iter())
    ))
}

fn item(
    root: &Path,
    path: PathBuf,
    text: &str,
    place: SplitFolder,
    names: &Names,
    files_are_classes: bool,
) -> Result<Item> {
    let refused =
        |expected: &str| Err(Error::invalid(path.display(), "path", expected, format!("`{text}`")));
    let (mut split, mut group, mut named) = (None, None, None);
    let mut below = text;
    if place == SplitFolder::Second
        && let Some((_, rest)) = text.split_once('/')
        && let Some((folder, _)) = rest.split_once('/')
    {
        split = Split::named(folder);
    }
    if place == SplitFolder::First
        && let Some((first, rest)) = text.split_once('/')
    {
        (split, below) = (Split::named(first), rest);
        // Some archives have a folder of the same name inside.
        if let Some(rest) = below.strip_prefix(first).and_then(|rest| rest.strip_prefix('/')) {
            below = rest;
        }
    }
    if let Some(pattern) = &names.pattern {
        let Some([class, of_group, of_split]) = pattern.matches(text) else {
            return refused("a match of the `pattern`");
        };
        if let Some(name) = of_split {
            split = Split::named(name);
            if split.is_none() {
                return refused("`train`, `val` or `test` as `{split}`");
            }
        }
        (named, group) = (class.map(String::from), of_group.map(String::from));
    }
    if names.test.as_ref().is_some_and(|test| test.is_match(text)) {
        split = Some(Split::Test);
    }
    let class = match named {
        Some(class) => class,
        None => match (below.split_once('/'), path.file_stem().filter(|_| files_are_classes)) {
            (Some((class, _)), _) => class.to_owned(),
            (None, Some(stem)) => stem.to_string_lossy().into_owned(),
            (None, None) => {
                let expected = format!(
                    "a folder for its class below {}, or a `pattern` such as `{{class}}_{{}}.{}`",
                    root.display(),
                    extension(&path)
                );
                return refused(&expected);
            }
        },
    };
    Ok(Item { path, class, split, group, targets: Vec::new() })
}

/// A remark about a link to a folder above it, which is not followed, or to nothing; such a file is
/// listed, so that its name is in the error when it is read.
fn unfollowed(
    root: &Path,
    error: &walkdir::Error,
    extensions: &[&str],
    files: &mut Vec<PathBuf>,
) -> Result<String> {
    let path = error.path().unwrap_or(root).to_path_buf();
    let is_link = path.symlink_metadata().is_ok_and(|m| m.is_symlink());
    let Some(e) = error.io_error() else {
        return Ok(format!("{} is a link to a folder above it and not followed", path.display()));
    };
    if !is_link {
        return Err(Error::io(&path, std::io::Error::new(e.kind(), e.to_string())));
    }
    let note = format!("{} is a link to nothing", path.display());
    if extensions.contains(&extension(&path).as_str()) {
        files.push(path);
    }
    Ok(note)
}

#[cfg(test)]
mod tests;
