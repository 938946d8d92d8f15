//! Images in NumPy arrays: an `.npz` file, or a directory of `.npy` files.

mod array;

use std::collections::BTreeMap;
use std::path::Path;

use supernano_base::config::DataSpec;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_core::space::Shape;

use self::array::Array;
use super::assemble::{Assembled, assemble};
use super::images::ImageArray;
use super::item::{Split, numbered_classes};
use super::shape_of;
use crate::Dataset;

/// Names of the arrays of images and of labels, with the split of their items.
const NAMES: [(&str, &str, Option<Split>); 9] = [
    ("x_train", "y_train", Some(Split::Train)),
    ("x_val", "y_val", Some(Split::Validation)),
    ("x_test", "y_test", Some(Split::Test)),
    ("train_images", "train_labels", Some(Split::Train)),
    ("val_images", "val_labels", Some(Split::Validation)),
    ("test_images", "test_labels", Some(Split::Test)),
    ("x", "y", None),
    ("images", "labels", None),
    ("data", "targets", None),
];

/// The shape of the first array of images.
pub fn shape(path: &Path) -> Result<Shape> {
    let arrays = arrays(path)?;
    let Some((place, bytes)) = NAMES.iter().find_map(|(images, ..)| arrays.get(*images)) else {
        return Err(no_images(path, &arrays));
    };
    let [_, height, width, channels] = Array::parse(place, bytes)?.image_sizes(place)?;
    shape_of(place, [height, width, channels])
}

/// The error for arrays without images.
fn no_images(path: &Path, arrays: &BTreeMap<String, (String, Vec<u8>)>) -> Error {
    let expected = "`x_train` and `y_train`, `x` and `y`, or `images` and `labels`";
    let found = arrays.keys().cloned().collect::<Vec<_>>().join(", ");
    Error::invalid(path.display(), "arrays", expected, found)
}

/// Reads the arrays as inputs of `shape`.
pub fn load(spec: &DataSpec, path: &Path, shape: Shape) -> Result<Dataset> {
    let place = path.display().to_string();
    let mut arrays = arrays(path)?;
    let mut items = Vec::new();
    for (images, labels, split) in NAMES {
        let Some((of_images, bytes)) = arrays.remove(images) else { continue };
        let images = Array::parse(&of_images, &bytes)?;
        let Some((of_labels, bytes)) = arrays.remove(labels) else {
            let expected = format!("`{labels}`, the labels of {of_images}");
            let found = arrays.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(Error::invalid(place, "arrays", expected, found));
        };
        ImageArray {
            place: &of_images,
            sizes: images.image_sizes(&of_images)?,
            pixels: &images.pixels(&of_images)?,
            labels: Array::parse(&of_labels, &bytes)?.labels(&of_labels)?,
            labels_place: &of_labels,
            split,
        }
        .append(&mut items, shape, spec.resize)?;
    }
    let Some(largest) = items.iter().map(|i| i.key.label).max() else {
        return Err(no_images(path, &arrays));
    };
    let classes = numbered_classes(&place, largest, spec.labels.as_deref())?;
    assemble(spec, shape, &place, Assembled { classes, items, skipped: Vec::new() })
}

/// The bytes of all arrays, with their places, by lower-case names without `.npy`.
fn arrays(path: &Path) -> Result<BTreeMap<String, (String, Vec<u8>)>> {
    let mut found = BTreeMap::new();
    let mut add = |name: &str, place: String, bytes: Vec<u8>| {
        if let Some(name) = name.strip_suffix(".npy") {
            found.insert(name.to_lowercase(), (place, bytes));
        }
    };
    if path.is_dir() {
        for entry in std::fs::read_dir(path).map_err(|e| Error::io(path, e))? {
            let file = entry.map_err(|e| Error::io(path, e))?.path();
            let name = file.file_name().map(|n| n.to_string_lossy().into_owned());
            if let Some(name) = name.filter(|n| n.ends_with(".npy")) {
                let bytes = files::read_within(&file, &files::ARCHIVE)?;
                add(&name, file.display().to_string(), bytes);
            }
        }
    } else {
        for (name, bytes) in supernano_pt::unzip(path)? {
            let place = format!("{}: {name}", path.display());
            add(&name, place, bytes);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
