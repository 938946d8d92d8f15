//! CIFAR-10 and CIFAR-100 in their official binary layouts, in a directory or in the `.tar.gz`
//! archive. A record is its labels, one byte each, and 3,072 bytes: the red, the green and the blue
//! plane, 32x32 each.

use std::collections::HashMap;
use std::path::Path;

use supernano_base::config::{DataSource, DataSpec, Holdout};
use supernano_base::error::{Error, Result};
use supernano_base::images::Images;
use supernano_base::objective::Objective;
use supernano_base::rng::{Key, Purpose};
use supernano_base::{files, names};
use supernano_core::space::Shape;

use super::{Dataset, archive, channel_statistics};

const SHAPE: Shape = Shape { height: 32, width: 32, channels: 3 };
const PLANE: usize = 32 * 32;

/// The official layout of a set.
#[derive(Debug)]
pub(crate) struct Layout {
    source: DataSource,
    /// What the files are, for messages.
    what: &'static str,
    /// The folder in the archive.
    folder: &'static str,
    /// Label bytes of a record; the last one is the class.
    labels: usize,
    classes: usize,
    train: &'static [&'static str],
    test: &'static str,
    names: &'static str,
    /// Mean and standard deviation of the channels; `None` if they come from the training images.
    normalisation: Option<([f32; 3], [f32; 3])>,
    archive: &'static str,
}

/// CIFAR-100, normalised as in the reference code of the paper.
pub(crate) const CIFAR100: Layout = Layout {
    source: DataSource::Cifar100,
    what: "CIFAR-100, binary layout",
    folder: "cifar-100-binary",
    labels: 2,
    classes: 100,
    train: &["train.bin"],
    test: "test.bin",
    names: "fine_label_names.txt",
    normalisation: Some(([0.5071, 0.4865, 0.4409], [0.1942, 0.1918, 0.1958])),
    archive: "cifar-100-binary.tar.gz",
};

/// CIFAR-10.
pub(crate) const CIFAR10: Layout = Layout {
    source: DataSource::Cifar10,
    what: "CIFAR-10, binary layout",
    folder: "cifar-10-batches-bin",
    labels: 1,
    classes: 10,
    train: &[
        "data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin",
    ],
    test: "test_batch.bin",
    names: "batches.meta.txt",
    normalisation: None,
    archive: "cifar-10-binary.tar.gz",
};

/// Reads the set. The validation images are drawn from the training set with the seed, or are its
/// last ones. The other images keep the order of the file.
///
/// # Errors
/// [`Error::Missing`] if the archive, the directory or one of the files does not exist;
/// [`Error::Invalid`] for a damaged archive, for a file of another layout, and for a split larger
/// than the set.
pub(crate) fn load(layout: &Layout, spec: &DataSpec) -> Result<Dataset> {
    let path = spec.path.as_deref().ok_or_else(|| {
        let expected = format!("{} or its directory (--data)", layout.archive);
        Error::invalid("data", "path", expected, "nothing")
    })?;
    let wanted: Vec<&str> =
        layout.train.iter().copied().chain([layout.test, layout.names]).collect();
    let mut files = if path.is_dir() {
        from_directory(layout, path, &wanted)?
    } else {
        archive::read(path, &wanted)?
    };
    let mut take = |name: &str| {
        files
            .remove(name)
            .map(|bytes| (format!("{}: {name}", path.display()), bytes))
            .ok_or_else(|| Error::Missing { path: path.join(name), needed_for: layout.what.into() })
    };
    let classes = labels(layout, take(layout.names)?)?;
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for name in layout.train {
        images(layout, take(name)?, &mut pixels, &mut labels)?;
    }
    let train = Images::new(SHAPE, pixels, labels);
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    images(layout, take(layout.test)?, &mut pixels, &mut labels)?;
    let test = Images::new(SHAPE, pixels, labels);
    split(layout, spec, classes, &train, test)
}

fn from_directory(
    layout: &Layout,
    path: &Path,
    wanted: &[&str],
) -> Result<HashMap<String, Vec<u8>>> {
    let inner = path.join(layout.folder);
    let path = if path.join(layout.test).exists() || !inner.is_dir() { path } else { &inner };
    let (mut found, mut total) = (HashMap::new(), 0);
    for &name in wanted {
        let bytes = files::read_within(&path.join(name), &files::ARCHIVE)?;
        total += bytes.len() as u64;
        files::ARCHIVE.check(path.display(), "size of all files", total)?;
        found.insert(name.to_owned(), bytes);
    }
    Ok(found)
}

fn labels(layout: &Layout, (place, bytes): (String, Vec<u8>)) -> Result<Vec<String>> {
    let text = files::decode(&bytes, &place)?;
    let labels: Vec<String> =
        text.lines().map(str::trim).filter(|l| !l.is_empty()).map(String::from).collect();
    if labels.len() != layout.classes {
        return Err(Error::invalid(place, "lines", layout.classes, labels.len()));
    }
    for (i, label) in labels.iter().enumerate() {
        names::check(&place, &format!("class {i}"), label)?;
    }
    Ok(labels)
}

/// Appends the images of a file.
fn images(
    layout: &Layout,
    (place, bytes): (String, Vec<u8>),
    pixels: &mut Vec<u8>,
    all_labels: &mut Vec<u16>,
) -> Result<()> {
    let record = layout.labels + 3 * PLANE;
    if bytes.is_empty() || bytes.len() % record != 0 {
        let expected = format!("a multiple of {record} bytes");
        return Err(Error::invalid(place, "length", expected, bytes.len()));
    }
    let n = bytes.len() / record;
    pixels.reserve_exact(n * SHAPE.len());
    for (i, record) in bytes.chunks_exact(record).enumerate() {
        let (labels, planes) = record.split_at(layout.labels);
        let label = labels[layout.labels - 1];
        if usize::from(label) >= layout.classes {
            let field = format!("label of record {i}");
            let expected = format!("less than {}", layout.classes);
            return Err(Error::invalid(place, field, expected, label));
        }
        all_labels.push(u16::from(label));
        for p in 0..PLANE {
            pixels.extend([planes[p], planes[PLANE + p], planes[2 * PLANE + p]]);
        }
    }
    Ok(())
}

/// Takes the validation images from the training set and shortens the splits to their sizes.
fn split(
    layout: &Layout,
    spec: &DataSpec,
    classes: Vec<String>,
    all: &Images,
    test: Images,
) -> Result<Dataset> {
    let held_out = spec.validation_images();
    let available = all.len() - held_out.min(all.len());
    let train = spec.train.unwrap_or(available);
    if held_out >= all.len() || train > available || train == 0 {
        let expected = format!("{} images in both together, some of them for training", all.len());
        let found = format!("{train} and {held_out}");
        return Err(Error::invalid("data", "train and validation", expected, found));
    }
    let tests = spec.test.unwrap_or(test.len());
    if tests > test.len() {
        return Err(Error::invalid(
            "data",
            "test",
            format!("{} images at most", test.len()),
            tests,
        ));
    }
    let mut order = match spec.holdout {
        Holdout::Random => Key::new(spec.seed).permutation(Purpose::Split, all.len()),
        Holdout::Last => (0..all.len() as u32).collect(),
    };
    if spec.holdout == Holdout::Last {
        order.rotate_right(held_out);
    }
    let (held, rest) = order.split_at(held_out);
    let sorted = |part: &[u32]| {
        let mut part = part.to_vec();
        part.sort_unstable();
        part
    };
    let test = if tests == test.len() { test } else { test.first(tests) };
    let train = all.select(&sorted(&rest[..train]));
    let (mean, std) = match layout.normalisation {
        Some((mean, std)) => (mean.to_vec(), std.to_vec()),
        None => channel_statistics(&train),
    };
    Ok(Dataset {
        objective: Objective::Classes,
        name: layout.source.name().into(),
        shape: SHAPE,
        classes,
        train,
        validation: all.select(&sorted(held)),
        test,
        mean,
        std,
        front_end: None,
        window: None,
        notes: Vec::new(),
    })
}

#[cfg(test)]
mod tests;
