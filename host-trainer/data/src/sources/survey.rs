//! A survey of a source: what it holds, what cannot be read, and what stands twice.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;
use supernano_base::config::{DataSource, DataSpec, Resize};
use supernano_base::error::Result;
use supernano_base::images::Images;
use supernano_base::objective::Objective;
use supernano_base::progress::Progress;
use supernano_core::space::Shape;

use super::assemble::{Assembled, assemble};
use super::item::Split;
use super::items::{Items, Kept};
use super::pictures::{self, Pictures};
use super::sensors::{self, Recordings, RunLengths};
use super::sound::{self, Lengths};
use super::{Reading, splits};
use crate::Dataset;

/// Sides of the pictures that a survey compares.
const SMALL: Shape = Shape { height: 32, width: 32, channels: 1 };
/// Most bits in which the hashes of two near-duplicates differ.
const NEAR: u32 = 3;
/// Largest mean difference of the pixels of two near-duplicates, grey levels.
const LEVELS: usize = 8;
/// Most pairs that a survey names.
const PAIRS: usize = 50;

/// Number of items of a class in each split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    /// Name of the class.
    pub class: String,
    /// Training items.
    pub train: usize,
    /// Validation items.
    pub validation: usize,
    /// Test items.
    pub test: usize,
}

/// The values of a target in all splits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TargetRange {
    /// Name of the target.
    pub target: String,
    /// Lowest value.
    pub lowest: f32,
    /// Mean over all items.
    pub mean: f64,
    /// Highest value.
    pub highest: f32,
}

/// Sizes of pictures, pixels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// Width and height of the picture with the smallest short side.
    pub smallest: (u32, u32),
    /// Median of the short sides.
    pub median: u32,
    /// Width and height of the picture with the largest short side.
    pub largest: (u32, u32),
    /// Number of grey pictures.
    pub grey: usize,
}

/// What a source holds.
#[derive(Clone, Debug, Serialize)]
pub struct Survey {
    /// Name of the kind of source.
    pub source: &'static str,
    /// What a network shall give: `classes`, `labels` or `values`.
    pub outputs: &'static str,
    /// Number of items for training, for validation and for the test.
    pub items: [usize; 3],
    /// Ranges of the numbers that a network shall give.
    pub targets: Vec<TargetRange>,
    /// Items of each class; of labels, the items that have it. An item may have several.
    pub classes: Vec<ClassCount>,
    /// Sizes of the pictures, if the source has pictures.
    pub sizes: Option<Sizes>,
    /// Rates and lengths of the recordings, if the source has sound.
    pub sound: Option<Lengths>,
    /// Lengths of the recordings, if the source has recordings of sensors.
    pub sensors: Option<RunLengths>,
    /// Number of other files, by extension.
    pub ignored: BTreeMap<String, usize>,
    /// Remarks: files that cannot be read, items that stand twice, ranges of axes.
    pub notes: Vec<String>,
    /// Pairs of places in different splits that look alike, at most 50.
    pub near_duplicates: Vec<(String, String)>,
    /// True if the shares of the configuration, not the files, make the validation or test split.
    pub drawn: bool,
}

/// Surveys the pictures at `path`, with the splits that `spec` makes. Unreadable files become notes.
///
/// # Errors
/// As [`super::list_pictures`]; [`supernano_base::error::Error::Invalid`] if no class or split remains.
pub fn pictures(
    spec: &DataSpec,
    path: &Path,
    progress: &dyn Progress,
) -> Result<(Survey, Dataset)> {
    let spec = DataSpec { skip_bad: true, resize: Resize::Stretch, ..spec.clone() };
    let folder = std::env::temp_dir();
    let reading = Reading { progress, folder: &folder };
    let Pictures { found, sizes, listing } = pictures::read(&spec, path, SMALL, reading)?;
    let Assembled { classes, items, skipped } = found;
    let items = items.finish()?;
    let keys: Vec<_> = items.0.iter().map(|i| i.key.clone()).collect();
    let alike = near_duplicates(&items.0, &items.1, &splits::assign(&keys, &spec));
    let found = Assembled { classes, items: Items::of(items), skipped };
    let dataset = assemble(&spec, SMALL, &path.display().to_string(), found)?;
    let drawn = |split| listing.items.iter().all(|i| i.split != Some(split));
    let drawn = drawn(Split::Validation) || drawn(Split::Test);
    let mut survey = of_dataset(&dataset);
    survey.notes.splice(0..0, listing.notes);
    survey.ignored = listing.ignored;
    survey.drawn = drawn;
    survey.sizes = summary(sizes);
    survey.near_duplicates = alike;
    Ok((survey, dataset))
}

/// Surveys the recordings of sound at `path`, as inputs of `shape`. Unreadable files become notes.
///
/// # Errors
/// As [`sound::list`] and [`super::load`].
pub fn recordings(
    spec: &DataSpec,
    path: &Path,
    shape: Shape,
    lengths: Lengths,
    progress: &dyn Progress,
) -> Result<(Survey, Dataset)> {
    let listing = sound::list(spec, path)?;
    let drawn = |split| listing.items.iter().all(|i| i.split != Some(split));
    let drawn = drawn(Split::Validation) || drawn(Split::Test);
    let spec = DataSpec { skip_bad: true, ..spec.clone() };
    let dataset = super::load_shown(&spec, shape, progress)?;
    let survey =
        Survey { ignored: listing.ignored, drawn, sound: Some(lengths), ..of_dataset(&dataset) };
    Ok((survey, dataset))
}

/// Surveys recordings of sensors with the windows of `spec`.
///
/// # Errors
/// The errors of [`sensors::dataset`].
pub fn windows(
    spec: &DataSpec,
    place: &str,
    recordings: Recordings,
    shape: Shape,
) -> Result<(Survey, Dataset)> {
    let lengths = recordings.lengths(place)?;
    let drawn = |split| recordings.runs.iter().all(|r| r.split != Some(split));
    let drawn = drawn(Split::Validation) || drawn(Split::Test);
    let dataset = sensors::dataset(spec, place, recordings, shape, &std::env::temp_dir())?;
    let survey = Survey { drawn, sensors: Some(lengths), ..of_dataset(&dataset) };
    Ok((survey, dataset))
}

/// The counts of a data set.
pub fn of_dataset(dataset: &Dataset) -> Survey {
    let count = |images: &Images, label: usize| match dataset.objective {
        Objective::Labels => (0..images.len()).filter(|&i| images.target(i)[label] > 0.5).count(),
        _ => images.labels.iter().filter(|l| usize::from(**l) == label).count(),
    };
    let splits = [&dataset.train, &dataset.validation, &dataset.test];
    let (outputs, values) = match dataset.objective {
        Objective::Classes => ("classes", false),
        Objective::Labels => ("labels", false),
        Objective::Values(_) => ("values", true),
        Objective::Reconstruction => ("values", false),
    };
    let range = |(o, target): (usize, &String)| {
        let all = || splits.iter().flat_map(|s| (0..s.len()).map(move |i| s.target(i)[o]));
        TargetRange {
            target: target.clone(),
            lowest: all().fold(f32::INFINITY, f32::min),
            mean: all().map(f64::from).sum::<f64>() / all().count().max(1) as f64,
            highest: all().fold(f32::NEG_INFINITY, f32::max),
        }
    };
    let named = dataset.classes.iter();
    let targets = named.clone().enumerate().filter(|_| values).map(range).collect();
    let classes = named
        .filter(|_| !values)
        .enumerate()
        .map(|(label, class)| ClassCount {
            class: class.clone(),
            train: count(&dataset.train, label),
            validation: count(&dataset.validation, label),
            test: count(&dataset.test, label),
        })
        .collect();
    let source = DataSource::ALL.iter().map(|s| s.name()).find(|n| *n == dataset.name);
    Survey {
        source: source.unwrap_or("data"),
        outputs,
        items: splits.map(Images::len),
        targets,
        classes,
        sizes: None,
        sound: None,
        sensors: None,
        ignored: BTreeMap::new(),
        notes: dataset.notes.clone(),
        near_duplicates: Vec::new(),
        drawn: false,
    }
}

fn summary(mut sizes: Vec<(u32, u32, bool)>) -> Option<Sizes> {
    sizes.sort_by_key(|&(width, height, _)| (width.min(height), width, height));
    let (first, last) = (sizes.first()?, sizes.last()?);
    let middle = sizes[sizes.len() / 2];
    Some(Sizes {
        smallest: (first.0, first.1),
        median: middle.0.min(middle.1),
        largest: (last.0, last.1),
        grey: sizes.iter().filter(|s| s.2).count(),
    })
}

/// Pairs in different splits whose pictures look alike.
fn near_duplicates(items: &[Kept], pixels: &[u8], splits: &[Split]) -> Vec<(String, String)> {
    let of = |i: usize| &pixels[items[i].slot * SMALL.len()..(items[i].slot + 1) * SMALL.len()];
    let hashes: Vec<u64> = (0..items.len()).map(|i| difference_hash(of(i))).collect();
    let alike = |a: usize, b: usize| {
        splits[a] != splits[b]
            && items[a].key.content != items[b].key.content
            && (hashes[a] ^ hashes[b]).count_ones() <= NEAR
            && difference(of(a), of(b)) <= LEVELS * SMALL.len()
    };
    let pairs: Vec<(usize, usize)> = (0..items.len())
        .into_par_iter()
        .flat_map_iter(|a| {
            let alike = &alike;
            (a + 1..items.len()).filter(move |&b| alike(a, b)).take(PAIRS).map(move |b| (a, b))
        })
        .collect();
    let place = |i: usize| items[i].place.clone();
    pairs.into_iter().take(PAIRS).map(|(a, b)| (place(a), place(b))).collect()
}

/// Sum of the absolute differences of the pixels of two pictures.
fn difference(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).map(|(a, b)| usize::from(a.abs_diff(*b))).sum()
}

/// The difference hash of a grey picture of 32x32: a bit for each of 8x8 pairs of neighbours among
/// 9x8 averages.
fn difference_hash(pixels: &[u8]) -> u64 {
    let average = |row: usize, column: usize| -> u32 {
        let (from, to) = (column * 32 / 9, (column + 1) * 32 / 9);
        let rows = row * 4..row * 4 + 4;
        let sum: u32 =
            rows.flat_map(|y| &pixels[y * 32 + from..y * 32 + to]).map(|&p| u32::from(p)).sum();
        sum * 16 / (to - from) as u32
    };
    let mut hash = 0;
    for row in 0..8 {
        for column in 0..8 {
            hash = hash << 1 | u64::from(average(row, column) < average(row, column + 1));
        }
    }
    hash
}

#[cfg(test)]
mod tests;
