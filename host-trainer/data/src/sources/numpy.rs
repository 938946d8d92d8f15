//! Images in NumPy arrays: an `.npz` file, or a directory of `.npy` files.

mod array;
mod labels;
mod names;
mod outputs;
mod pixels;
mod source;
mod targets;

use std::collections::BTreeMap;
use std::path::Path;

use supernano_base::config::DataSpec;
use supernano_base::error::{Error, Result};
use supernano_core::space::Shape;

pub use self::array::Array;
pub use self::labels::Labels;
use self::names::names;
pub use self::outputs::outputs;
use self::pixels::{Range, Sizes};
use self::source::{Source, members};
use super::assemble::{Assembled, assemble};
use super::images::ImageArray;
use super::item::Split;
use super::items::Items;
use super::{Reading, shape_of};
use crate::Dataset;

/// Most axes of the windows of sensors.
const MOST_AXES: usize = 16;

/// Arrays by their names in lower case, without `.npy`.
type Arrays = BTreeMap<String, Source>;

/// An array of items with its labels.
pub struct Pair {
    /// The items.
    pub items: Array,
    /// The labels; none if there are targets.
    pub labels: Labels,
    /// Numbers or labels that a network shall give, `[n, outputs]`; none for classes.
    pub targets: Vec<f32>,
    /// The file of the labels, for messages.
    pub labels_place: String,
    /// The split that the names give.
    pub split: Option<Split>,
    /// A remark about names that are no usual ones.
    pub note: Option<String>,
}

/// The shape of the first array of images.
pub fn shape(path: &Path) -> Result<Shape> {
    let mut arrays = arrays(path)?;
    let names = names(path, &arrays)?;
    let Some(source) = names.first().and_then(|(items, ..)| arrays.remove(items)) else {
        return Err(no_pair(path, &arrays));
    };
    let array = Array::open(source)?;
    let [_, height, width, channels] = Sizes::of(&array)?.sizes;
    shape_of(&array.place, [height, width, channels])
}

/// True if a path is an `.npz` file, or a folder of `.npy` files or of one `.npz` file.
pub fn is_array_source(path: &Path) -> bool {
    let is = |path: &Path| path.extension().is_some_and(|e| e == "npz" || e == "npy");
    match std::fs::read_dir(path) {
        Ok(entries) => entries.flatten().any(|entry| is(&entry.path())),
        Err(_) => is(path),
    }
}

/// True if the first array of items holds windows of sensors: floats `[n, samples, axes]` with few
/// axes, or values that no image has.
pub fn holds_windows(path: &Path) -> bool {
    let windows = || {
        let mut arrays = arrays(path)?;
        let names = names(path, &arrays)?;
        let first = names.first().and_then(|(items, ..)| arrays.remove(items));
        first.map(Array::open).transpose()
    };
    let Ok(Some(array)) = windows() else { return false };
    match array.sizes[..] {
        [_, samples, axes] if array.kind == array::Kind::Float => {
            axes <= MOST_AXES && samples > axes
        }
        _ => false,
    }
}

/// The error for arrays without items and labels.
fn no_pair(path: &Path, arrays: &Arrays) -> Error {
    let expected = "`x_train` and `y_train`, `x` and `y`, `images` and `labels`, or the like: \
        np.savez('set.npz', x_train=.., y_train=.., x_test=.., y_test=..)";
    let found = match arrays.is_empty() {
        true => "no array".into(),
        false => arrays.keys().cloned().collect::<Vec<_>>().join(", "),
    };
    Error::invalid(path.display(), "arrays", expected, found)
}

/// Reads the arrays as inputs of `shape`.
pub fn load(spec: &DataSpec, path: &Path, shape: Shape, reading: Reading<'_>) -> Result<Dataset> {
    let place = path.display().to_string();
    let mut pairs = pairs(spec, path)?;
    let sizes = pairs.iter().map(|p| Sizes::of(&p.items)).collect::<Result<Vec<Sizes>>>()?;
    let range = Range::of(pairs.iter().map(|p| &p.items))?;
    let (classes, labels) = classes(spec, &place, &mut pairs)?;
    let mut items = Items::new(reading.folder)?;
    let mut notes = Vec::new();
    for ((pair, labels), sizes) in pairs.into_iter().zip(labels).zip(sizes) {
        notes.extend(pair.note);
        if sizes.channels_first {
            notes.push(format!("{}: [n, channels, height, width]", pair.items.place));
        }
        ImageArray {
            place: &pair.items.place,
            sizes: sizes.sizes,
            labels,
            targets: &pair.targets,
            labels_place: &pair.labels_place,
            split: pair.split,
        }
        .append(&mut items, shape, spec.resize, |each| {
            pair.items.blocks(|block| each(&sizes.pixels(&pair.items, block, range)))
        })?;
    }
    notes.extend(range.note().map(String::from));
    let mut dataset =
        assemble(spec, shape, &place, Assembled { classes, items, skipped: Vec::new() })?;
    dataset.notes.extend(notes);
    Ok(dataset)
}

/// The classes of several arrays, and the label of each item of each: 0 if there are targets.
///
/// # Errors
/// As [`Labels::classes`].
pub fn classes(
    spec: &DataSpec,
    place: &str,
    pairs: &mut [Pair],
) -> Result<(Vec<String>, Vec<Vec<u16>>)> {
    if !spec.target_columns().is_empty() {
        let labels = |p: &Pair| vec![0; p.items.sizes.first().copied().unwrap_or(0)];
        return Ok((Vec::new(), pairs.iter().map(labels).collect()));
    }
    let labels: Vec<Labels> = pairs.iter_mut().map(|p| std::mem::take(&mut p.labels)).collect();
    Labels::classes(place, &labels, spec.labels.as_deref())
}

/// The arrays of items with their labels.
///
/// # Errors
/// [`Error::Invalid`] for a path without such arrays, for arrays of different lengths, and as
/// [`Labels::of`] and [`targets::read`].
pub fn pairs(spec: &DataSpec, path: &Path) -> Result<Vec<Pair>> {
    let mut arrays = arrays(path)?;
    let names = names(path, &arrays)?;
    let mut pairs = Vec::with_capacity(names.len());
    for (items, labels, split) in names {
        let note = names::note(&items, &labels);
        let (Some(items), Some(labels)) = (arrays.remove(&items), arrays.remove(&labels)) else {
            return Err(no_pair(path, &arrays));
        };
        let (items, labels) = (Array::open(items)?, Array::open(labels)?);
        let first = |array: &Array| array.sizes.first().copied().unwrap_or(0);
        if first(&items) != first(&labels) {
            let expected = format!("{}, as many as images or windows", first(&items));
            return Err(Error::invalid(labels.place.clone(), "labels", expected, first(&labels)));
        }
        let labels_place = labels.place.clone();
        let (labels, targets) = match spec.target_columns() {
            [] => (Labels::of(&labels)?, Vec::new()),
            columns => (Labels::default(), targets::read(&labels, columns, spec.multilabel)?),
        };
        pairs.push(Pair { items, labels, targets, labels_place, split, note });
    }
    Ok(pairs)
}

/// All arrays. A folder with one `.npz` file and no `.npy` file is that file.
fn arrays(path: &Path) -> Result<Arrays> {
    let mut found = BTreeMap::new();
    let mut add = |name: &str, source: Source| {
        if let Some(name) = name.strip_suffix(".npy") {
            found.insert(name.to_lowercase(), source);
        }
    };
    if !path.is_dir() {
        if path.extension().is_some_and(|e| e == "npy") {
            let expected = "the folder of `x.npy` and `y.npy`, or an .npz file";
            return Err(Error::invalid(path.display(), "arrays", expected, "one .npy file"));
        }
        for member in members(path)? {
            if let Source::Member(_, name) = &member {
                add(&name.clone(), member);
            }
        }
        return Ok(found);
    }
    let mut archives = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|e| Error::io(path, e))? {
        let file = entry.map_err(|e| Error::io(path, e))?.path();
        let Some(name) = file.file_name().map(|n| n.to_string_lossy().into_owned()) else {
            continue;
        };
        if name.ends_with(".npz") {
            archives.push(file);
        } else if name.ends_with(".npy") {
            add(&name, Source::File(file));
        }
    }
    match (found.is_empty(), archives.as_slice()) {
        (true, [only]) => self::arrays(only),
        _ => Ok(found),
    }
}

#[cfg(test)]
mod tests;
