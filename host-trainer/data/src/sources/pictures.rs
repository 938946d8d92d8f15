//! Pictures: a folder for each class, or a CSV file of paths and labels.

use std::path::Path;

use supernano_base::config::DataSpec;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_core::space::Shape;

use super::assemble::{Assembled, Loaded, assemble};
use super::item::{Item, Listing, class_names, label_of};
use super::names::Names;
use super::splits::{Key, hash};
use super::{decode, fit, folder, table};
use crate::Dataset;

/// Lists the pictures below a folder or in a CSV file.
///
/// # Errors
/// [`Error::Invalid`] and [`Error::Io`] for a folder or a table without pictures or classes.
pub fn list(spec: &DataSpec, path: &Path) -> Result<Listing> {
    if path.is_dir() {
        return folder::list(path, &decode::EXTENSIONS, &Names::of(spec)?, false);
    }
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
        return table::list(path);
    }
    let expected = "a folder with a folder for each class, or a .csv file of paths and labels";
    Err(Error::invalid(path.display(), "pictures", expected, "another file"))
}

/// Reads the pictures as inputs of `shape` and makes a data set of them.
pub fn load(spec: &DataSpec, path: &Path, shape: Shape) -> Result<Dataset> {
    let found = read(spec, path, shape)?;
    assemble(spec, shape, &path.display().to_string(), found)
}

/// Reads the pictures as inputs of `shape`.
pub fn read(spec: &DataSpec, path: &Path, shape: Shape) -> Result<Assembled> {
    let place = path.display().to_string();
    if !matches!(shape.channels, 1 | 3) {
        let expected = "1 (grey) or 3 (colour) for pictures";
        return Err(Error::invalid("space", "input.channels", expected, shape.channels));
    }
    let listing = list(spec, path)?;
    let classes = class_names(&place, listing.classes(), spec.labels.as_deref())?;
    Assembled::check_size(&place, listing.items.len(), shape)?;
    let read = |item: &Item| {
        let bytes = files::read(&item.path)?;
        let pixels = decode::with_picture(&item.path, &bytes, |p| fit::fit(p, shape, spec.resize))?;
        let place = item.path.display().to_string();
        let label = label_of(&place, &classes, &item.class)?;
        Ok(Loaded {
            place,
            key: Key { label, split: item.split, content: hash(&bytes), group: item.group.clone() },
            pixels,
        })
    };
    Assembled::read(&place, classes.clone(), &listing.items, spec.skip_bad, read)
}

#[cfg(test)]
mod tests;
