//! The IDX files of MNIST and its family: images and labels for training and for the test,
//! compressed with gzip or not.

use std::path::{Path, PathBuf};

use supernano_base::config::DataSpec;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_core::space::Shape;

use super::assemble::{Assembled, Loaded, assemble};
use super::item::{Split, class_names};
use super::splits::{Key, hash};
use super::{fit, shape_of};
use crate::Dataset;

/// Names of the splits in file names.
const SPLITS: [(&str, Split); 3] =
    [("train", Split::Train), ("t10k", Split::Test), ("test", Split::Test)];
/// The type code of unsigned bytes.
const BYTES: u8 = 8;

/// An array of unsigned bytes.
struct Array {
    sizes: Vec<usize>,
    values: Vec<u8>,
}

/// The shape of the training images.
pub fn shape(path: &Path) -> Result<Shape> {
    let images = file(path, "train", "images", "idx3")?.ok_or_else(|| Error::Missing {
        path: path.join("train-images-idx3-ubyte"),
        needed_for: "IDX files".into(),
    })?;
    let sizes = read(&images, &[3, 4])?.sizes;
    let channels = sizes.get(3).copied().unwrap_or(1);
    shape_of(&images.display().to_string(), [sizes[1], sizes[2], channels])
}

/// Reads the four files of a directory as inputs of `shape`.
pub fn load(spec: &DataSpec, path: &Path, shape: Shape) -> Result<Dataset> {
    let place = path.display().to_string();
    let mut raw = Vec::new();
    for (name, split) in SPLITS {
        let Some(images_file) = file(path, name, "images", "idx3")? else { continue };
        let labels_file = file(path, name, "labels", "idx1")?.ok_or_else(|| Error::Missing {
            path: path.join(format!("{name}-labels-idx1-ubyte")),
            needed_for: format!("labels of {}", images_file.display()),
        })?;
        let (images, labels) = (read(&images_file, &[3, 4])?, read(&labels_file, &[1])?);
        let n = images.sizes[0];
        if labels.sizes[0] != n {
            let expected = format!("{n}, as many as images");
            return Err(Error::invalid(labels_file.display(), "labels", expected, labels.sizes[0]));
        }
        let channels = images.sizes.get(3).copied().unwrap_or(1);
        let (height, width) = (images.sizes[1], images.sizes[2]);
        let size = height * width * channels;
        let images_place = images_file.display().to_string();
        for (i, (bytes, &label)) in images.values.chunks_exact(size).zip(&labels.values).enumerate()
        {
            raw.push((
                format!("{images_place}, image {i}"),
                bytes.to_vec(),
                label,
                split,
                [height, width, channels],
            ));
        }
    }
    if raw.is_empty() {
        let expected = "train-images-idx3-ubyte and train-labels-idx1-ubyte, with or without .gz";
        return Err(Error::invalid(place, "IDX files", expected, "no training images"));
    }
    let most = raw.iter().map(|r| r.2).max().unwrap_or(0);
    let found: Vec<String> = match &spec.labels {
        Some(labels) if usize::from(most) < labels.len() => labels.clone(),
        Some(labels) => {
            let expected = format!("less than {}, the number of `labels`", labels.len());
            return Err(Error::invalid(place, "label", expected, most));
        }
        None => (0..=most).map(|l| l.to_string()).collect(),
    };
    let classes = class_names(&place, found, None)?;
    Assembled::check_size(&place, raw.len(), shape)?;
    let read = |(place, bytes, label, split, [height, width, channels]): &(
        String,
        Vec<u8>,
        u8,
        Split,
        [usize; 3],
    )| {
        let key =
            Key { label: (*label).into(), split: Some(*split), content: hash(bytes), group: None };
        let picture =
            fit::raw(place, bytes.clone(), *height as u32, *width as u32, *channels as u32)?;
        Ok(Loaded { place: place.clone(), key, pixels: fit::fit(picture, shape, spec.resize) })
    };
    let found = Assembled::read(&place, classes, &raw, false, read)?;
    assemble(spec, shape, &place, found)
}

/// The file of a split, under one of its usual names.
fn file(folder: &Path, split: &str, what: &str, kind: &str) -> Result<Option<PathBuf>> {
    if !folder.is_dir() {
        let expected = "a directory with the IDX files";
        return Err(Error::invalid(folder.display(), "IDX files", expected, "a file"));
    }
    let mut found = Vec::new();
    for dot in ["-", "."] {
        for gz in ["", ".gz"] {
            let path = folder.join(format!("{split}-{what}{dot}{kind}-ubyte{gz}"));
            if path.is_file() {
                found.push(path);
            }
        }
    }
    if let [first, second, ..] = found.as_slice() {
        let expected = format!("one file of the {split} {what}");
        let found = format!("{} and {}", first.display(), second.display());
        return Err(Error::invalid(folder.display(), "IDX files", expected, found));
    }
    Ok(found.pop())
}

/// Reads an array with one of these numbers of dimensions.
fn read(path: &Path, ranks: &[usize]) -> Result<Array> {
    let bytes = files::read_decompressed(path, &files::ARCHIVE)?;
    let invalid = |field: &str, expected: &dyn std::fmt::Display, found: &dyn std::fmt::Display| {
        Error::invalid(path.display(), field, expected, found)
    };
    let (Some(&[zero, zero_too, kind, rank]), true) = (bytes.first_chunk::<4>(), bytes.len() >= 4)
    else {
        return Err(invalid("length", &"an IDX file of at least 4 bytes", &bytes.len()));
    };
    if (zero, zero_too, kind) != (0, 0, BYTES) {
        let found = format!("{zero:02x} {zero_too:02x} {kind:02x}");
        return Err(invalid("magic number", &"00 00 08, unsigned bytes", &found));
    }
    let rank = usize::from(rank);
    if !ranks.contains(&rank) {
        let expected = ranks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        return Err(invalid("dimensions", &expected, &rank));
    }
    let header = 4 + 4 * rank;
    let Some(sizes) = bytes.get(4..header) else {
        return Err(invalid("length", &format!("a header of {header} bytes"), &bytes.len()));
    };
    let sizes: Vec<usize> = sizes
        .chunks_exact(4)
        .map(|s| u32::from_be_bytes([s[0], s[1], s[2], s[3]]) as usize)
        .collect();
    if sizes.contains(&0) {
        return Err(invalid("sizes", &"at least 1 each", &format!("{sizes:?}")));
    }
    let values = sizes.iter().try_fold(1usize, |n, &s| n.checked_mul(s));
    if values.and_then(|v| v.checked_add(header)) != Some(bytes.len()) {
        let expected = format!("{header} bytes and those of the sizes {sizes:?}");
        return Err(invalid("length", &expected, &bytes.len()));
    }
    Ok(Array { sizes, values: bytes[header..].to_vec() })
}

#[cfg(test)]
mod tests;
