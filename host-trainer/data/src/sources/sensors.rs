//! Windows over recordings of sensors in CSV files.
//!
//! A file holds a recording, or several of equal length one below the other; a row is a sample, a
//! column an axis. The integer front end maps every axis to bytes linearly, from the range of its
//! training values.
//! The input of the network is `[samples, axes, 1]` or `[samples, 1, axes]`; both have the same
//! bytes.

mod copies;
mod scale;

use std::path::Path;

use supernano_base::config::{DataSpec, WindowSpec};
use supernano_base::error::{Error, Result};
use supernano_base::files::{self, Csv};
use supernano_core::frontend::AXIS_BYTES;
use supernano_core::space::Shape;

use super::assemble::{Assembled, Loaded, assemble};
use super::item::{Item, Listing, Split, class_names, label_of};
use super::names::Names;
use super::splits::{self, Key, hash};
use super::{folder, shape_of};
use crate::Dataset;
use scale::Scale;

/// Values of one file.
struct Recording {
    place: String,
    /// Names of the axes.
    axes: Vec<String>,
    /// Values `[samples, axes]`.
    values: Vec<f32>,
}

/// A window before its values are bytes.
struct Window {
    place: String,
    key: Key,
    /// Values `[samples, axes]`.
    values: Vec<f32>,
}

/// The shape of a window: a row for each sample, a column for each axis.
pub fn shape(spec: &DataSpec, path: &Path) -> Result<Shape> {
    let window = window(spec)?;
    let listing = list(spec, path)?;
    let first = &listing.items[0].path;
    let axes = read(first, window)?.axes.len();
    shape_of(&first.display().to_string(), [window.samples, axes, 1])
}

fn window(spec: &DataSpec) -> Result<&WindowSpec> {
    spec.window.as_ref().ok_or_else(|| {
        let expected = "the `samples` of a window for `sensors` (option --samples)";
        Error::invalid("data", "window", expected, "nothing")
    })
}

/// Bytes of the front end of a number of axes.
pub const fn front_end_bytes(axes: usize) -> usize {
    scale::FIXED + AXIS_BYTES * axes
}

/// The recordings of a folder; there is at least one.
fn list(spec: &DataSpec, path: &Path) -> Result<Listing> {
    if !path.is_dir() {
        let expected = "a folder of CSV files, one for each class or each recording";
        return Err(Error::invalid(path.display(), "recordings", expected, "a file"));
    }
    folder::list(path, &["csv"], &Names::of(spec)?, true)
}

/// Reads the windows as inputs of `shape`.
pub fn load(spec: &DataSpec, path: &Path, shape: Shape) -> Result<Dataset> {
    let place = path.display().to_string();
    let window = window(spec)?;
    let listing = list(spec, path)?;
    let classes = class_names(&place, listing.classes(), spec.labels.as_deref())?;
    let (mut windows, mut skipped) = (Vec::new(), Vec::new());
    let mut axes: Option<(String, Vec<String>)> = None;
    for item in &listing.items {
        let recording = match read(&item.path, window) {
            Err(e) if spec.skip_bad => {
                skipped.push(e.to_string());
                continue;
            }
            recording => recording?,
        };
        let (first, names) =
            axes.get_or_insert_with(|| (recording.place.clone(), recording.axes.clone()));
        if *names != recording.axes {
            let expected = format!("{}, as in {first}", names.join(", "));
            return Err(Error::invalid(
                recording.place,
                "columns",
                expected,
                recording.axes.join(", "),
            ));
        }
        let label = label_of(&recording.place, &classes, &item.class)?;
        cut(&recording, item, label, window, &mut windows);
        Assembled::check_size(&place, windows.len(), shape)?;
    }
    let Some((_, axes)) = axes else {
        return Err(Error::invalid(place, "recordings", "one that can be read", "none"));
    };
    check_shape(shape, window.samples, axes.len())?;
    let keys: Vec<Key> = windows.iter().map(|w| w.key.clone()).collect();
    let in_training = splits::assign(&keys, spec);
    let training = windows.iter().zip(&in_training).filter(|(_, s)| **s == Split::Train);
    let scale = Scale::new(window, &axes, training.map(|(w, _)| w.values.as_slice()))?;
    let mut items = Vec::with_capacity(windows.len());
    for (Window { place, mut key, values }, split) in windows.into_iter().zip(in_training) {
        key.split = Some(split);
        items.push(Loaded { place, key, pixels: scale.bytes(&values)? });
        if split == Split::Train {
            for n in 1..=window.copies {
                items.push(scale.copy(&items[items.len() - n], &values, (spec.seed, n))?);
            }
        }
    }
    Assembled::check_size(&place, items.len(), shape)?;
    let mut dataset = assemble(spec, shape, &place, Assembled { classes, items, skipped })?;
    dataset.notes.extend(scale.notes(&axes));
    dataset.window = Some(scale.window);
    dataset.front_end = Some(scale.description);
    Ok(dataset)
}

/// Reads the columns of a recording.
fn read(path: &Path, window: &WindowSpec) -> Result<Recording> {
    let place = path.display().to_string();
    let mut csv = Csv::parse(&files::read_text(path)?, &place, true)?;
    let first = csv
        .records
        .first()
        .ok_or_else(|| Error::invalid(&place, "rows", "at least one", "none"))?;
    let has_header = first.cells.iter().any(|c| c.parse::<f32>().is_err());
    let names: Vec<String> = if has_header {
        csv.take_header()?.cells
    } else {
        (1..=first.cells.len()).map(|c| format!("column {c}")).collect()
    };
    let columns = match &window.columns {
        None => (0..names.len()).collect(),
        Some(wanted) => wanted
            .iter()
            .map(|name| {
                names.iter().position(|n| n == name).ok_or_else(|| {
                    Error::invalid(&place, "columns", format!("`{name}`"), names.join(", "))
                })
            })
            .collect::<Result<Vec<usize>>>()?,
    };
    let mut values = Vec::with_capacity(csv.records.len() * columns.len());
    for record in &csv.records {
        for &column in &columns {
            let cell = &record.cells[column];
            match cell.parse::<f32>() {
                Ok(value) if value.is_finite() => values.push(value),
                _ => {
                    let field = format!("column `{}`", names[column]);
                    return Err(Error::invalid(csv.at(record), field, "a finite number", cell));
                }
            }
        }
    }
    if csv.records.len() < window.samples {
        let expected = format!("at least the {} of a window", window.samples);
        return Err(Error::invalid(place, "samples", expected, csv.records.len()));
    }
    let axes = columns.into_iter().map(|c| names[c].clone()).collect();
    Ok(Recording { place, axes, values })
}

/// Cuts a recording into windows. Windows that overlap are a group, so that they stay in one split.
fn cut(
    recording: &Recording,
    item: &Item,
    label: u16,
    window: &WindowSpec,
    windows: &mut Vec<Window>,
) {
    let axes = recording.axes.len();
    let samples = recording.values.len() / axes.max(1);
    let overlap = window.step() < window.samples;
    for start in (0..=samples - window.samples).step_by(window.step()) {
        let values = recording.values[start * axes..(start + window.samples) * axes].to_vec();
        let content: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let group = item.group.clone().or_else(|| overlap.then(|| recording.place.clone()));
        windows.push(Window {
            place: format!("{}, samples {start} to {}", recording.place, start + window.samples),
            key: Key { label, split: item.split, content: hash(&content), group },
            values,
        });
    }
}

fn check_shape(shape: Shape, samples: usize, axes: usize) -> Result<()> {
    let found = [shape.height, shape.width, shape.channels].map(usize::from);
    if found == [samples, axes, 1] || found == [samples, 1, axes] {
        return Ok(());
    }
    let expected =
        format!("{samples}x{axes}x1 or {samples}x1x{axes}, samples and axes of a window");
    let [height, width, channels] = found;
    Err(Error::invalid("space", "input", expected, format!("{height}x{width}x{channels}")))
}

#[cfg(test)]
mod tests;
