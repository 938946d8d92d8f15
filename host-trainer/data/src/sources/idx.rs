//! The IDX files of MNIST and its family: images and labels for training and for the test,
//! compressed with gzip or not.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use supernano_base::config::DataSpec;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_core::space::Shape;

use super::assemble::{Assembled, assemble};
use super::images::ImageArray;
use super::item::{Split, class_names, label_of, numbered_classes};
use super::items::Items;
use super::{Reading, shape_of};
use crate::Dataset;

/// Names of the splits in file names.
const SPLITS: [(&str, Split); 3] =
    [("train", Split::Train), ("t10k", Split::Test), ("test", Split::Test)];
/// The type code of unsigned bytes.
const BYTES: u8 = 8;
/// Bytes of items that are read at a time.
const BLOCK: usize = 1 << 20;

/// An array of unsigned bytes.
struct Array {
    path: PathBuf,
    sizes: Vec<usize>,
    /// Bytes of the header.
    header: usize,
}

/// The shape of the training images.
pub fn shape(path: &Path) -> Result<Shape> {
    let images = file(path, "train", "images", "idx3")?.ok_or_else(|| Error::Missing {
        path: path.join("train-images-idx3-ubyte"),
        needed_for: "IDX files".into(),
    })?;
    let place = images.display().to_string();
    let sizes = Array::open(images, &[3, 4])?.sizes;
    let channels = sizes.get(3).copied().unwrap_or(1);
    shape_of(&place, [sizes[1], sizes[2], channels])
}

/// Reads the four files of a directory as inputs of `shape`.
pub fn load(spec: &DataSpec, path: &Path, shape: Shape, reading: Reading<'_>) -> Result<Dataset> {
    let place = path.display().to_string();
    let mut items = Items::new(reading.folder)?;
    for (name, split) in SPLITS {
        let Some(images_file) = file(path, name, "images", "idx3")? else { continue };
        let labels_file = file(path, name, "labels", "idx1")?.ok_or_else(|| Error::Missing {
            path: path.join(format!("{name}-labels-idx1-ubyte")),
            needed_for: format!("labels of {}", images_file.display()),
        })?;
        let (place, labels_place) =
            (images_file.display().to_string(), labels_file.display().to_string());
        let (images, labels) =
            (Array::open(images_file, &[3, 4])?, Array::open(labels_file, &[1])?);
        let mut numbers: Vec<u16> = Vec::new();
        labels.blocks(|block| {
            numbers.extend(block.iter().map(|&label| u16::from(label)));
            Ok(())
        })?;
        let channels = images.sizes.get(3).copied().unwrap_or(1);
        ImageArray {
            place: &place,
            sizes: [images.sizes[0], images.sizes[1], images.sizes[2], channels],
            labels_place: &labels_place,
            labels: numbers,
            targets: &[],
            split: Some(split),
        }
        .append(&mut items, shape, spec.resize, |each| images.blocks(each))?;
    }
    let Some(largest) = items.list.iter().map(|i| i.key.label).max() else {
        let expected = "train-images-idx3-ubyte and train-labels-idx1-ubyte, with or without .gz";
        return Err(Error::invalid(place, "IDX files", expected, "no training images"));
    };
    let classes = match named_classes(&items, spec.labels.as_deref()) {
        Some(classes) => {
            for item in &mut items.list {
                item.key.label = label_of(&place, &classes, &item.key.label.to_string())?;
            }
            class_names(&place, classes, None)?
        }
        None => numbered_classes(&place, largest, spec.labels.as_deref())?,
    };
    assemble(spec, shape, &place, Assembled { classes, items, skipped: Vec::new() })
}

/// The numbers that occur as labels, as names of the classes, if some numbers below them do not occur (the
/// letters of EMNIST begin at 1) or if they are the names of the configuration.
fn named_classes(items: &Items, wanted: Option<&[String]>) -> Option<Vec<String>> {
    let numbers: BTreeSet<u16> = items.list.iter().map(|item| item.key.label).collect();
    let names: Vec<String> = numbers.iter().map(u16::to_string).collect();
    match wanted {
        Some(wanted) => names.iter().all(|n| wanted.contains(n)).then(|| wanted.to_vec()),
        None => {
            numbers.last().is_some_and(|&last| usize::from(last) >= names.len()).then_some(names)
        }
    }
}

/// The file of a split, under one of its usual names.
fn file(folder: &Path, split: &str, what: &str, kind: &str) -> Result<Option<PathBuf>> {
    if !folder.is_dir() {
        let expected = "a directory with the IDX files";
        return Err(Error::invalid(folder.display(), "IDX files", expected, "a file"));
    }
    let names: Vec<String> = ["-", "."]
        .into_iter()
        .flat_map(|dot| ["", ".gz"].map(|gz| format!("{split}-{what}{dot}{kind}-ubyte{gz}")))
        .collect();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| Error::io(folder, e))? {
        let path = entry.map_err(|e| Error::io(folder, e))?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        // Those of EMNIST have the name of a part before them, such as `emnist-letters-`.
        let before = names.iter().find_map(|end| name.strip_suffix(end.as_str()));
        if before.is_some_and(|b| b.is_empty() || b.ends_with(['-', '_', '.'])) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    if let [first, second, ..] = found.as_slice() {
        let expected = format!("one file of the {split} {what}");
        let found = format!("{} and {}", first.display(), second.display());
        return Err(Error::invalid(folder.display(), "IDX files", expected, found));
    }
    Ok(found.pop())
}

impl Array {
    /// Reads the header of an array with one of these numbers of dimensions.
    fn open(path: PathBuf, ranks: &[usize]) -> Result<Self> {
        let mut bytes = files::open(&path)?;
        let mut take = |n: usize| -> Result<Vec<u8>> {
            let mut part = Vec::new();
            let read = (&mut bytes).take(n as u64).read_to_end(&mut part);
            read.map_err(|e| files::failed(&path, e)).map(|_| part)
        };
        let invalid = |field: &str, expected: &dyn Display, found: &dyn Display| {
            Error::invalid(path.display(), field, expected, found)
        };
        let start = take(4)?;
        let Some(&[zero, zero_too, kind, rank]) = start.first_chunk::<4>() else {
            return Err(invalid("length", &"an IDX file of at least 4 bytes", &start.len()));
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
        let sizes = take(4 * rank)?;
        if sizes.len() < 4 * rank {
            let found = start.len() + sizes.len();
            return Err(invalid("length", &format!("a header of {header} bytes"), &found));
        }
        let sizes: Vec<usize> = sizes
            .chunks_exact(4)
            .map(|s| u32::from_be_bytes([s[0], s[1], s[2], s[3]]) as usize)
            .collect();
        if sizes.contains(&0) {
            return Err(invalid("sizes", &"at least 1 each", &format!("{sizes:?}")));
        }
        if sizes.iter().try_fold(1usize, |n, &s| n.checked_mul(s)).is_none() {
            let expected = format!("{header} bytes and those of the sizes {sizes:?}");
            return Err(invalid("length", &expected, &"fewer"));
        }
        Ok(Self { path, sizes, header })
    }

    /// Hands the bytes of some whole items at a time to `each`.
    fn blocks(&self, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let failed = |e| files::failed(&self.path, e);
        let mut bytes = files::open(&self.path)?;
        let skip = (&mut bytes).take(self.header as u64);
        let mut found = io::copy(&mut { skip }, &mut io::sink()).map_err(failed)?;
        let item: usize = self.sizes.iter().skip(1).product();
        let (items, at_a_time) = (self.sizes[0], (BLOCK / item).max(1));
        let mut block = Vec::new();
        let mut whole = true;
        for start in (0..items).step_by(at_a_time) {
            let wanted = at_a_time.min(items - start) * item;
            block.clear();
            (&mut bytes).take(wanted as u64).read_to_end(&mut block).map_err(failed)?;
            found += block.len() as u64;
            whole &= block.len() == wanted;
            if !whole {
                break;
            }
            each(&block)?;
        }
        let rest = io::copy(&mut bytes, &mut io::sink()).map_err(failed)?;
        if whole && rest == 0 {
            return Ok(());
        }
        let expected = format!("{} bytes and those of the sizes {:?}", self.header, self.sizes);
        Err(Error::invalid(self.path.display(), "length", expected, found + rest))
    }
}

#[cfg(test)]
mod tests;
