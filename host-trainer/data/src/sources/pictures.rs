//! Pictures: a folder for each class, or a CSV file of paths and labels.

use std::path::Path;

use supernano_base::config::DataSpec;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_core::space::Shape;

use super::assemble::{Assembled, assemble, check_size, read_all};
use super::item::{Item, Listing, label_of};
use super::items::{Items, Loaded};
use super::names::Names;
use super::splits::{Key, hash};
use super::{Reading, decode, fit, folder, table};
use crate::Dataset;

/// Largest value of pictures of 16 bits, of which 8 bits are kept, below which they are dark.
const DARK: u16 = 1 << 14;

/// Pictures that are read.
pub struct Pictures {
    /// The items.
    pub found: Assembled,
    /// Width and height of each picture, and whether it is grey.
    pub sizes: Vec<(u32, u32, bool)>,
    /// The files.
    pub listing: Listing,
}

/// Lists the pictures below a folder or in a CSV file.
///
/// # Errors
/// [`Error::Invalid`] and [`Error::Io`] for a folder or a table without pictures or classes.
pub fn list(spec: &DataSpec, path: &Path) -> Result<Listing> {
    list_files(spec, path, "pictures", &decode::EXTENSIONS)
}

/// Lists the files with one of these extensions: in the table at `path`, in the table in that folder,
/// or in a folder for each class.
///
/// # Errors
/// As [`list`]; `what` names the files.
pub fn list_files(
    spec: &DataSpec,
    path: &Path,
    what: &str,
    extensions: &[&str],
) -> Result<Listing> {
    let names = Names::of(spec)?;
    if path.is_dir() {
        return match table::of_folder(path, extensions, &names)? {
            Some(listing) => Ok(listing),
            None => folder::list(path, extensions, &names, false),
        };
    }
    if path
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("csv") || e.eq_ignore_ascii_case("tsv"))
    {
        return table::list(path, extensions, &names);
    }
    let expected = "a folder with a folder for each class, or a .csv file of paths and labels";
    Err(Error::invalid(path.display(), what, expected, "another file"))
}

/// Reads the pictures as inputs of `shape` and makes a data set of them.
pub fn load(spec: &DataSpec, path: &Path, shape: Shape, reading: Reading<'_>) -> Result<Dataset> {
    let Pictures { found, listing, .. } = read(spec, path, shape, reading)?;
    let mut dataset = assemble(spec, shape, &path.display().to_string(), found)?;
    dataset.notes.splice(0..0, listing.notes);
    Ok(dataset)
}

/// Reads the pictures as inputs of `shape`.
pub fn read(spec: &DataSpec, path: &Path, shape: Shape, reading: Reading<'_>) -> Result<Pictures> {
    let place = path.display().to_string();
    if !matches!(shape.channels, 1 | 3) {
        let expected = "1 (grey) or 3 (colour) for pictures";
        return Err(Error::invalid("space", "input.channels", expected, shape.channels));
    }
    let mut listing = list(spec, path)?;
    let has_targets = listing.has_targets(spec, &place)?;
    let classes = match spec.reconstruct && listing.classes().len() == 1 {
        _ if has_targets => Vec::new(),
        true => listing.classes(),
        false => listing.class_names(&place, spec.labels.as_deref())?,
    };
    check_size(&place, listing.items.len(), shape)?;
    let read = |item: &Item| {
        let bytes = files::read(&item.path)?;
        let (size, pixels) = decode::with_brightest(&item.path, &bytes, |p, brightest| {
            let size = (p.width(), p.height(), !p.color().has_color());
            ((size, brightest), fit::fit(p, shape, spec.resize))
        })?;
        let place = item.path.display().to_string();
        let label = if has_targets { 0 } else { label_of(&place, &classes, &item.class)? };
        let key =
            Key { label, split: item.split, content: hash(&bytes), group: item.group.clone() };
        Ok((Loaded { place, key, pixels, targets: item.targets.clone() }, size))
    };
    let (mut items, mut sizes) = (Items::new(reading.folder)?, Vec::new());
    let mut brightest = None;
    let keep = |(item, (size, of_item))| {
        sizes.push(size);
        brightest = brightest.max(of_item);
        items.push(item)
    };
    let progress = reading.progress;
    let skipped = read_all(&place, &listing.items, spec.skip_bad, progress, read, keep)?;
    if let Some(value) = brightest.filter(|&value| value < DARK) {
        let bits = u16::BITS - value.leading_zeros();
        listing.notes.push(format!(
            "the pictures of 16 bits use {bits} of them (the largest value is {value}) and become almost \
             black; multiply their values by {}",
            1u32 << value.leading_zeros()
        ));
    }
    Ok(Pictures { found: Assembled { classes, items, skipped }, sizes, listing })
}

#[cfg(test)]
mod tests;
