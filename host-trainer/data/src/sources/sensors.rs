//! Windows over recordings of sensors in CSV files, or in NumPy arrays of windows.
//!
//! A file holds a recording, several of equal length one below the other, or rows with a column of
//! classes; a row is a sample, a column an axis. The integer front end maps every axis to bytes
//! linearly, from the range of its training values.
//! The input of the network is `[samples, axes, 1]` or `[samples, 1, axes]`; both have the same
//! bytes.

mod arrays;
mod cells;
mod columns;
mod copies;
mod order;
mod outputs;
mod runs;
mod scale;
mod table;
mod values;

use std::path::Path;

use supernano_base::config::{DataSpec, WindowSpec};
use supernano_base::error::{Error, Result};
use supernano_base::progress::Silent;
use supernano_core::frontend::AXIS_BYTES;
use supernano_core::space::Shape;

pub use self::outputs::outputs;
pub use self::runs::{Recordings, RunLengths};
use self::scale::Scale;
use self::table::Table;
use self::values::Tables;
use super::assemble::{Assembled, assemble, check_size, read_all};
use super::item::{Item, Listing, Split};
use super::items::{Items, Loaded};
use super::names::Names;
use super::splits::{self, Key};
use super::targets::mark_anomalies;
use super::{Reading, folder, numpy, shape_of};
use crate::Dataset;

/// Extensions of the files that are read, in lower case.
pub const EXTENSIONS: [&str; 2] = ["csv", "tsv"];

/// Files from which on classes of one file each are pointed out.
const MANY: usize = 12;

/// A window before its values are bytes.
struct Window {
    place: String,
    key: Key,
    /// Number of the table that holds its values, and its first row there.
    table: usize,
    from: usize,
    /// What a network shall give; nothing for classes and reconstructions.
    targets: Vec<f32>,
}

fn window(spec: &DataSpec) -> Result<&WindowSpec> {
    spec.window.as_ref().filter(|window| window.samples > 0).ok_or_else(|| {
        let expected = "the `samples` of a window for `sensors` (option --samples)";
        Error::invalid("data", "window", expected, "nothing")
    })
}

/// Bytes of the front end of a number of axes.
pub const fn front_end_bytes(axes: usize) -> usize {
    scale::FIXED + AXIS_BYTES * axes
}

/// The shape of a window: a row for each sample, a column for each axis.
///
/// # Errors
/// As [`read`]; [`Error::Invalid`] without the samples of a window.
pub fn shape(spec: &DataSpec, path: &Path) -> Result<Shape> {
    let samples = window(spec)?.samples;
    let reading = Reading { progress: &Silent, folder: &std::env::temp_dir() };
    let axes = read(spec, path, reading)?.layout.axes.len();
    shape_of(&path.display().to_string(), [samples, axes, 1])
}

/// The recordings below a folder, or the file itself; there is at least one.
///
/// # Errors
/// [`Error::Invalid`] and [`Error::Io`] for a folder without recordings.
pub fn list(spec: &DataSpec, path: &Path) -> Result<Listing> {
    if path.is_dir() {
        return folder::list(path, &EXTENSIONS, &Names::of(spec)?, true);
    }
    let (path, class) = (path.into(), String::new());
    let item = Item { path, class, split: None, group: None, targets: Vec::new() };
    Ok(Listing { items: vec![item], ..Listing::default() })
}

/// True for a file whose class is its own name.
fn is_class_of_file(item: &Item) -> bool {
    item.path.file_stem().is_some_and(|s| *item.class == *s)
}

/// Reads all recordings at `path`. A window with 0 samples is allowed.
///
/// # Errors
/// [`Error::Invalid`] naming the file, and the line if there is one, for everything that does not suit.
pub fn read(spec: &DataSpec, path: &Path, reading: Reading<'_>) -> Result<Recordings> {
    let place = path.display().to_string();
    let window = spec.window.clone().unwrap_or_default();
    if numpy::is_array_source(path) {
        return arrays::read(spec, path, &window, reading.folder);
    }
    let listing = list(spec, path)?;
    let single =
        path.is_file() || matches!(listing.items.as_slice(), [only] if is_class_of_file(only));
    let targets = spec.target_columns();
    let rows_are_labelled = targets.is_empty()
        && (window.label.is_some() || single || listing.items.iter().all(is_class_of_file));
    let folder = reading.folder;
    let read = |item: &Item| Ok((Table::read(&item.path, &window, targets, folder)?, item.clone()));
    let (mut tables, mut items) = (Tables::new(folder)?, Vec::new());
    let keep = |(table, item)| {
        items.push(item);
        tables.push(table)
    };
    let progress = reading.progress;
    let skipped = read_all(&place, &listing.items, spec.skip_bad, progress, read, keep)?;
    let mut tables = tables.finish()?;
    let needs_classes = targets.is_empty() && !spec.reconstruct;
    if let ([only], true) = (tables.as_mut_slice(), single && needs_classes)
        && !only.has_label()
    {
        only.find_label();
    }
    if single && needs_classes && tables.iter().all(|table| !table.has_label()) {
        let expected = "a column of classes such as `label`, `class` or `activity` (--label names it; \
                        --targets and --multilabel name columns of numbers and of several labels), or a folder with a file or a folder for each class";
        let found = tables.first().map_or_else(|| "no rows".into(), Table::names);
        return Err(Error::invalid(place, "columns", expected, found));
    }
    let recordings = Recordings::find(spec, &place, &window, (tables, items), rows_are_labelled)?;
    let mut notes = recordings.notes;
    let files = listing.items.len();
    if files > MANY && needs_classes && recordings.classes.len() == files {
        notes.push(format!(
            "each of the {files} files is a class of its own; a `pattern` such as `{{class}}_{{}}.csv` \
             takes the class from a part of the name"
        ));
    }
    Ok(Recordings { skipped, notes, ..recordings })
}

/// Reads the windows as inputs of `shape`.
pub fn load(spec: &DataSpec, path: &Path, shape: Shape, reading: Reading<'_>) -> Result<Dataset> {
    window(spec)?;
    let place = path.display().to_string();
    dataset(spec, &place, read(spec, path, reading)?, shape, reading.folder)
}

/// Makes windows of recordings and a data set of them.
///
/// # Errors
/// [`Error::Invalid`] for windows of another shape, and for recordings that cannot be cut.
pub fn dataset(
    spec: &DataSpec,
    place: &str,
    recordings: Recordings,
    shape: Shape,
    folder: &Path,
) -> Result<Dataset> {
    let window = window(spec)?;
    let axes = recordings.layout.axes.clone();
    check_shape(shape, window.samples, axes.len())?;
    check_size(place, recordings.windows(window).saturating_mul(1 + window.copies), shape)?;
    let (mut windows, short) = recordings.cut(window)?;
    let (mut classes, skipped) = (recordings.classes.clone(), recordings.skipped.clone());
    let mut notes = recordings.notes.clone();
    notes.extend(short);
    notes.extend(mark_anomalies(spec, place, &classes, windows.iter_mut().map(|w| &mut w.key))?);
    if spec.reconstruct {
        classes.clear();
    }
    let keys: Vec<Key> = windows.iter().map(|w| w.key.clone()).collect();
    let in_training = splits::assign(&keys, spec);
    drop(keys);
    let values = |w: &Window| recordings.values(w, window.samples);
    let training = windows.iter().zip(&in_training).filter(|(_, s)| **s == Split::Train);
    let scale = Scale::new(window, &axes, training.map(|(w, _)| values(w)))?;
    let mut items = Items::new(folder)?;
    for (cut, split) in windows.into_iter().zip(in_training) {
        let values = values(&cut)?;
        let Window { place, mut key, targets, .. } = cut;
        key.split = Some(split);
        items.push(Loaded { place, key, pixels: scale.bytes(&values)?, targets })?;
        if split == Split::Train {
            for n in 1..=window.copies {
                let item = &items.list[items.len() - n];
                items.push(scale.copy(item, &values, (spec.seed, n))?)?;
            }
        }
    }
    let mut dataset = assemble(spec, shape, place, Assembled { classes, items, skipped })?;
    notes.append(&mut dataset.notes);
    notes.extend(scale.notes(&axes));
    dataset.notes = notes;
    dataset.window = Some(scale.window);
    dataset.front_end = Some(scale.description);
    Ok(dataset)
}

fn check_shape(shape: Shape, samples: usize, axes: usize) -> Result<()> {
    let found = [shape.height, shape.width, shape.channels].map(usize::from);
    if [[samples, axes, 1], [samples, 1, axes], [1, 1, samples * axes]].contains(&found) {
        return Ok(());
    }
    let expected = format!(
        "{samples}x{axes}x1, {samples}x1x{axes} or 1x1x{}, samples and axes of a window",
        samples * axes
    );
    let [height, width, channels] = found;
    Err(Error::invalid("space", "input", expected, format!("{height}x{width}x{channels}")))
}

#[cfg(test)]
mod tests;
