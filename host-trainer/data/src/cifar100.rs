//! CIFAR-100 in its official binary layout: `train.bin`, `test.bin` and `fine_label_names.txt`, in
//! a directory or in the `.tar.gz` archive. A record is a coarse label, a fine label and 3,072
//! bytes: the red, the green and the blue plane, 32x32 each.

use std::collections::HashMap;
use std::path::Path;

use supernano_base::config::{DataSpec, Holdout};
use supernano_base::error::{Error, Result};
use supernano_base::images::Images;
use supernano_base::rng::{Key, Purpose};
use supernano_base::{files, names};
use supernano_core::space::Shape;

use super::{Dataset, archive};

const SHAPE: Shape = Shape { height: 32, width: 32, channels: 3 };
const CLASSES: usize = 100;
const PLANE: usize = 32 * 32;
const RECORD: usize = 2 + 3 * PLANE;
const TRAIN: &str = "train.bin";
const TEST: &str = "test.bin";
const LABELS: &str = "fine_label_names.txt";
const FILES: [&str; 3] = [TRAIN, TEST, LABELS];

/// Mean and standard deviation of the channels in the reference code of the paper.
const MEAN: [f32; 3] = [0.5071, 0.4865, 0.4409];
const STD: [f32; 3] = [0.1942, 0.1918, 0.1958];

/// Reads the set. The validation images are drawn from the training set with the seed, or are its
/// last ones. The other images keep the order of the file.
///
/// # Errors
/// [`Error::Missing`] if the archive, the directory or one of the files does not exist;
/// [`Error::Invalid`] for a damaged archive, for a file of another layout, and for a split larger
/// than the set.
pub fn load(spec: &DataSpec) -> Result<Dataset> {
    let path = spec.path.as_deref().ok_or_else(|| {
        Error::invalid(
            "data",
            "path",
            "cifar-100-binary.tar.gz or its directory (--data)",
            "nothing",
        )
    })?;
    let mut files =
        if path.is_dir() { from_directory(path)? } else { archive::read(path, &FILES)? };
    let mut take = |name: &str| {
        files.remove(name).map(|bytes| (format!("{}: {name}", path.display()), bytes)).ok_or_else(
            || Error::Missing {
                path: path.join(name),
                needed_for: "CIFAR-100, binary layout".into(),
            },
        )
    };
    let classes = labels(take(LABELS)?)?;
    let train = images(take(TRAIN)?)?;
    let test = images(take(TEST)?)?;
    split(spec, classes, &train, test)
}

fn from_directory(path: &Path) -> Result<HashMap<String, Vec<u8>>> {
    let inner = path.join("cifar-100-binary");
    let path = if path.join(TRAIN).exists() || !inner.is_dir() { path } else { &inner };
    let (mut found, mut total) = (HashMap::new(), 0);
    for name in FILES {
        let bytes = files::read_within(&path.join(name), &files::ARCHIVE)?;
        total += bytes.len() as u64;
        files::ARCHIVE.check(path.display(), "size of all files", total)?;
        found.insert(name.to_owned(), bytes);
    }
    Ok(found)
}

fn labels((place, bytes): (String, Vec<u8>)) -> Result<Vec<String>> {
    let text = files::decode(bytes, &place)?;
    let labels: Vec<String> =
        text.lines().map(str::trim).filter(|l| !l.is_empty()).map(String::from).collect();
    if labels.len() != CLASSES {
        return Err(Error::invalid(place, "lines", CLASSES, labels.len()));
    }
    for (i, label) in labels.iter().enumerate() {
        names::check(&place, &format!("class {i}"), label)?;
    }
    Ok(labels)
}

fn images((place, bytes): (String, Vec<u8>)) -> Result<Images> {
    if bytes.is_empty() || bytes.len() % RECORD != 0 {
        let expected = format!("a multiple of {RECORD} bytes");
        return Err(Error::invalid(place, "length", expected, bytes.len()));
    }
    let n = bytes.len() / RECORD;
    let mut images = Images::empty(SHAPE);
    images.pixels.reserve_exact(n * SHAPE.len());
    for (i, record) in bytes.chunks_exact(RECORD).enumerate() {
        let label = record[1];
        if usize::from(label) >= CLASSES {
            return Err(Error::invalid(
                place,
                format!("fine label of record {i}"),
                format!("less than {CLASSES}"),
                label,
            ));
        }
        images.labels.push(u16::from(label));
        let planes = &record[2..];
        for p in 0..PLANE {
            images.pixels.extend([planes[p], planes[PLANE + p], planes[2 * PLANE + p]]);
        }
    }
    Ok(images)
}

/// Takes the validation images from the training set and shortens the splits to their sizes.
fn split(spec: &DataSpec, classes: Vec<String>, all: &Images, test: Images) -> Result<Dataset> {
    let available = all.len() - spec.validation.min(all.len());
    let train = spec.train.unwrap_or(available);
    if spec.validation >= all.len() || train > available || train == 0 {
        let expected = format!("{} images in both together, some of them for training", all.len());
        let found = format!("{train} and {}", spec.validation);
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
        order.rotate_right(spec.validation);
    }
    let (held, rest) = order.split_at(spec.validation);
    let sorted = |part: &[u32]| {
        let mut part = part.to_vec();
        part.sort_unstable();
        part
    };
    let test = if tests == test.len() {
        test
    } else {
        test.select(&(0..tests as u32).collect::<Vec<_>>())
    };
    Ok(Dataset {
        name: "cifar100".into(),
        shape: SHAPE,
        classes,
        train: all.select(&sorted(&rest[..train])),
        validation: all.select(&sorted(held)),
        test,
        mean: MEAN.to_vec(),
        std: STD.to_vec(),
    })
}

#[cfg(test)]
mod tests;
