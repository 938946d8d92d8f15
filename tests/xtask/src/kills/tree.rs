//! Copies and comparisons of directories.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::process::{Failure, Result};

fn failed(path: &Path) -> impl Fn(std::io::Error) -> Failure + '_ {
    move |e| Failure::tool(format!("{}: {e}", path.display()))
}

/// Paths of all files below a directory, relative to it.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let (mut open, mut found) = (vec![directory.to_path_buf()], Vec::new());
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).map_err(failed(&folder))? {
            let path = entry.map_err(failed(&folder))?.path();
            if path.is_dir() {
                open.push(path);
            } else if let Ok(relative) = path.strip_prefix(directory) {
                found.push(relative.to_path_buf());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Replaces `to` by a copy of `from`.
///
/// # Errors
/// A [`Failure`] of the disk.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to).map_err(failed(to))?;
    }
    for file in files(from)? {
        let target = to.join(&file);
        let folder = target.parent().unwrap_or(to);
        fs::create_dir_all(folder).map_err(failed(folder))?;
        fs::copy(from.join(&file), &target).map_err(failed(&target))?;
    }
    Ok(())
}

/// The bytes of every file but the history of commands; `volatile` keys of JSON objects are left out.
fn contents(directory: &Path, volatile: &[&str]) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let read = |file: PathBuf| {
        let path = directory.join(&file);
        let bytes = fs::read(&path).map_err(failed(&path))?;
        let json = file.extension().is_some_and(|e| e == "json" || e == "jsonl");
        let bytes = if json && !volatile.is_empty() { steady(&bytes, volatile) } else { bytes };
        Ok((file, bytes))
    };
    // The history lists the commands that were given, so it has one more after a kill.
    let compared = |file: &PathBuf| file.file_name().is_none_or(|name| name != "history.jsonl");
    files(directory)?.into_iter().filter(compared).map(read).collect()
}

/// A JSON document or lines of JSON without the volatile keys.
fn steady(bytes: &[u8], volatile: &[&str]) -> Vec<u8> {
    let without = |text: &str| match serde_json::from_str::<Value>(text) {
        Ok(mut value) => {
            if let Some(object) = value.as_object_mut() {
                object.retain(|key, _| !volatile.contains(&key.as_str()));
            }
            format!("{value}\n")
        }
        Err(_) => format!("{text}\n"),
    };
    let text = String::from_utf8_lossy(bytes);
    if serde_json::from_str::<Value>(&text).is_ok() {
        return without(&text).into_bytes();
    }
    text.lines().map(without).collect::<String>().into_bytes()
}

/// The first file that differs between two directories.
///
/// # Errors
/// A [`Failure`] of the disk.
pub fn difference(place: &Path, expected: &Path, volatile: &[&str]) -> Result<Option<String>> {
    let (found, expected) = (contents(place, volatile)?, contents(expected, volatile)?);
    let names = found.keys().chain(expected.keys());
    let differs = names.into_iter().find(|name| found.get(*name) != expected.get(*name));
    Ok(differs.map(|name| match (found.get(name), expected.get(name)) {
        (None, _) => format!("{} is missing", name.display()),
        (_, None) => format!("{} is left", name.display()),
        _ => format!("{} differs", name.display()),
    }))
}

/// The first temporary file in a directory.
///
/// # Errors
/// A [`Failure`] of the disk.
pub fn leftovers(place: &Path) -> Result<Option<String>> {
    let temporary = |file: &PathBuf| file.extension().is_some_and(|e| e == "tmp");
    Ok(files(place)?.into_iter().find(temporary).map(|file| file.display().to_string()))
}
