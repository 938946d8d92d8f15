//! CIFAR-100 in its official binary layout: `train.bin`, `test.bin` and `fine_label_names.txt`, in
//! a directory or in the `.tar.gz` archive. A record is a coarse label, a fine label and 3,072
//! bytes: the red, the green and the blue plane, 32x32 each.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use supernano_base::config::{DataSpec, Holdout};
use supernano_base::error::{Error, Result};
use supernano_base::images::Images;
use supernano_base::rng::{Key, Purpose};
use supernano_core::space::Shape;

use super::Dataset;

const SHAPE: Shape = Shape { height: 32, width: 32, channels: 3 };
const CLASSES: usize = 100;
const PLANE: usize = 32 * 32;
const RECORD: usize = 2 + 3 * PLANE;
const TRAIN: &str = "train.bin";
const TEST: &str = "test.bin";
const LABELS: &str = "fine_label_names.txt";

/// Mean and standard deviation of the channels that the paper's reference code normalises with.
const MEAN: [f32; 3] = [0.5071, 0.4865, 0.4409];
const STD: [f32; 3] = [0.1942, 0.1918, 0.1958];

/// Reads the set. The validation images are drawn from the training set with the seed, or are its
/// last; the rest keeps the order of the file.
///
/// # Errors
/// [`Error::Missing`] where archive, directory or one of the files is not there;
/// [`Error::Invalid`] where a file is not as the layout says, or a split is larger than the set.
pub fn load(spec: &DataSpec) -> Result<Dataset> {
    let path = spec.path.as_deref().ok_or_else(|| {
        Error::invalid(
            "data",
            "path",
            "cifar-100-binary.tar.gz or its directory (--data)",
            "nothing",
        )
    })?;
    let mut files = if path.is_dir() { from_directory(path)? } else { from_archive(path)? };
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

fn wanted(name: &str) -> bool {
    matches!(name, TRAIN | TEST | LABELS)
}

fn from_directory(path: &Path) -> Result<HashMap<String, Vec<u8>>> {
    let inner = path.join("cifar-100-binary");
    let path = if path.join(TRAIN).exists() || !inner.is_dir() { path } else { &inner };
    [TRAIN, TEST, LABELS]
        .into_iter()
        .map(|name| Ok((name.to_owned(), supernano_base::files::read(&path.join(name))?)))
        .collect()
}

fn from_archive(path: &Path) -> Result<HashMap<String, Vec<u8>>> {
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    let broken = |e: std::io::Error| {
        Error::invalid(path.display(), "archive", "a whole gzip-compressed tar file", e)
    };
    let mut files = HashMap::new();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = entry.path().map_err(broken)?;
        let Some(name) = name.file_name().and_then(|n| n.to_str()).filter(|n| wanted(n)) else {
            continue;
        };
        let name = name.to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(broken)?;
        files.insert(name, bytes);
    }
    Ok(files)
}

fn labels((place, bytes): (String, Vec<u8>)) -> Result<Vec<String>> {
    let text = String::from_utf8(bytes).map_err(|e| Error::invalid(&place, "text", "UTF-8", e))?;
    let names: Vec<String> =
        text.lines().map(str::trim).filter(|l| !l.is_empty()).map(String::from).collect();
    if names.len() != CLASSES {
        return Err(Error::invalid(place, "lines", CLASSES, names.len()));
    }
    Ok(names)
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

/// Takes the validation images off the training set and shortens the splits as asked.
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
