//! Makes a data set from items that are read.

use std::collections::HashSet;
use std::path::Path;

use rayon::prelude::*;
use supernano_base::config::DataSpec;
use supernano_base::error::{Error, Result};
use supernano_base::files::INPUTS;
use supernano_base::images::{Collector, Images, Pixels};
use supernano_base::progress::Progress;
use supernano_core::space::Shape;

use super::item::Split;
use super::items::{Items, Kept};
use super::splits::{self, Key};
use super::targets::{mark_anomalies, objective};
use crate::{Dataset, channel_statistics};

/// Most bad files that an error names.
const NAMED: usize = 5;
/// Files that each thread reads before the results are kept.
const AT_A_TIME: usize = 16;

/// Everything that a set is made of.
#[derive(Debug)]
pub struct Assembled {
    /// Names of the classes in the order of the labels.
    pub classes: Vec<String>,
    /// The items.
    pub items: Items,
    /// The messages of the files that were left out.
    pub skipped: Vec<String>,
}

/// Checks that a file may hold `items` inputs of `shape`.
///
/// # Errors
/// [`Error::Invalid`] naming `place` and the limit.
pub fn check_size(place: &str, items: usize, shape: Shape) -> Result<()> {
    let bytes = (items as u64).saturating_mul(shape.len() as u64);
    INPUTS.check(place, &format!("bytes of {items} inputs"), bytes)
}

/// Reads files in parallel, a number of them at a time, and hands the results to `keep` in the order of
/// the files. Bad ones are left out if `skip_bad` is set; their messages are returned.
///
/// # Errors
/// The error of the only bad file, or [`Error::Invalid`] that counts the bad ones and names the
/// first; the first [`Error::Io`]; the first error of `keep`.
pub fn read_all<T: Sync, R: Send>(
    place: &str,
    items: &[T],
    skip_bad: bool,
    progress: &dyn Progress,
    read: impl Fn(&T) -> Result<R> + Sync + Send,
    mut keep: impl FnMut(R) -> Result<()>,
) -> Result<Vec<String>> {
    let task = progress.task(items.len() as u64, "read");
    let read = |item| {
        let result = read(item);
        task.advance(1);
        result
    };
    let mut bad = Vec::new();
    for part in items.chunks(AT_A_TIME * rayon::current_num_threads()) {
        let results: Vec<Result<R>> = part.par_iter().with_max_len(1).map(read).collect();
        for result in results {
            match result {
                Ok(item) => keep(item)?,
                Err(e) => bad.push(e),
            }
        }
    }
    task.finish();
    if !bad.is_empty() && !skip_bad {
        let system = bad.iter().position(|e| e.exit_code() == 3);
        if bad.len() == 1 || system.is_some() {
            return Err(bad.swap_remove(system.unwrap_or(0)));
        }
        let first: Vec<String> = bad.iter().take(NAMED).map(ToString::to_string).collect();
        let expected = "files that can be read (--skip-bad leaves the others out)";
        let found = format!("{} of {} cannot: {}", bad.len(), items.len(), first.join("; "));
        return Err(Error::invalid(place, "files", expected, found));
    }
    Ok(bad.iter().map(ToString::to_string).collect())
}

/// Makes the splits and the data set. The items of a split are in an order that depends on their
/// content and on the seed.
///
/// # Errors
/// [`Error::Invalid`] for a split without enough items, and for a class without a training item.
pub fn assemble(spec: &DataSpec, shape: Shape, place: &str, found: Assembled) -> Result<Dataset> {
    let Assembled { mut classes, items, skipped } = found;
    let (mut items, pixels, folder) = items.finish()?;
    let note = mark_anomalies(spec, place, &classes, items.iter_mut().map(|i| &mut i.key))?;
    if spec.reconstruct {
        classes.clear();
    }
    let keys: Vec<Key> = items.iter().map(|i| i.key.clone()).collect();
    let splits = splits::assign(&keys, spec);
    let order = splits::order(&keys, spec.seed);
    let part = |split: Split, most: Option<usize>| -> Vec<usize> {
        let chosen = order.iter().copied().filter(|&i| splits[i] == split);
        chosen.take(most.unwrap_or(usize::MAX)).collect()
    };
    let mut train = part(Split::Train, spec.train);
    if spec.balance {
        train = balance(&train, |i| keys[i].label, classes.len());
    }
    let parts = [train, part(Split::Validation, spec.validation), part(Split::Test, spec.test)];
    check_size(place, parts.iter().map(Vec::len).sum(), shape)?;
    let [train, validation, test] = gather(shape, &items, pixels, &folder, parts)?;
    for (name, images, least) in
        [("training", &train, 2), ("validation", &validation, 2), ("test", &test, 1)]
    {
        if images.len() < least {
            let expected = format!("at least {least} items (a class needs 3 to be in every split)");
            return Err(Error::invalid(place, format!("{name} split"), expected, images.len()));
        }
    }
    for (split, images, wanted) in [
        ("train", &train, spec.train),
        ("validation", &validation, spec.validation),
        ("test", &test, spec.test),
    ] {
        if let Some(wanted) = wanted.filter(|&w| w > images.len()) {
            let expected = format!("at most {} items", images.len());
            return Err(Error::invalid("data", split, expected, wanted));
        }
    }
    for (label, class) in classes.iter().enumerate() {
        if !train.labels.iter().any(|&l| usize::from(l) == label) {
            let field = format!("training split, class `{class}`");
            return Err(Error::invalid(place, field, "at least 1 item", "none"));
        }
    }
    let columns = spec.target_columns();
    let objective = objective(spec, place, [&train, &validation, &test])?;
    let mut notes = notes(&items, &keys, &splits, skipped);
    notes.extend(note);
    notes.extend(unseen(&classes, [("validation", &validation), ("test", &test)]));
    let (mean, std) = channel_statistics(&train);
    Ok(Dataset {
        name: spec.name.name().into(),
        shape,
        classes: if columns.is_empty() { classes } else { columns.to_vec() },
        objective,
        train,
        validation,
        test,
        mean,
        std,
        front_end: None,
        window: None,
        notes,
    })
}

/// Remarks about classes that a split has no item of.
fn unseen(classes: &[String], splits: [(&str, &Images); 2]) -> Vec<String> {
    let remark = |(name, images): (&str, &Images)| {
        let seen: HashSet<u16> = images.labels.iter().copied().collect();
        let without = (0..classes.len()).filter(|&label| !seen.contains(&(label as u16)));
        let names: Vec<&str> = without.map(|label| classes[label].as_str()).collect();
        let more = if names.len() > NAMED { ", .." } else { "" };
        let few = names[..names.len().min(NAMED)].join(", ");
        (!names.is_empty()).then(|| format!("the {name} split has no item of {few}{more}"))
    };
    splits.into_iter().filter_map(remark).collect()
}

/// The images of the splits, whose items are at these indices.
fn gather(
    shape: Shape,
    items: &[Kept],
    pixels: Pixels,
    folder: &Path,
    parts: [Vec<usize>; 3],
) -> Result<[Images; 3]> {
    let size = shape.len();
    let mut gathered = Collector::new(folder)?;
    for &i in parts.iter().flatten() {
        let start = items[i].slot * size;
        gathered.push(&pixels[start..start + size])?;
    }
    drop(pixels);
    let lengths = parts.each_ref().map(|part| part.len() * size);
    let mut pixels = gathered.finish()?.parts(lengths).into_iter();
    Ok(parts.map(|part| Images {
        shape,
        pixels: pixels.next().unwrap_or_else(|| Vec::new().into()),
        labels: part.iter().map(|&i| items[i].key.label).collect(),
        targets: part.iter().flat_map(|&i| &items[i].targets).copied().collect(),
    }))
}

/// Repeats the items of smaller classes until every class that has some has as many as the largest.
/// The repeated ones follow in turns, a class after the other.
fn balance(items: &[usize], label: impl Fn(usize) -> u16, classes: usize) -> Vec<usize> {
    let mut of_class: Vec<Vec<usize>> = vec![Vec::new(); classes];
    for &i in items {
        of_class[usize::from(label(i))].push(i);
    }
    let most = of_class.iter().map(Vec::len).max().unwrap_or(0);
    let mut chosen = items.to_vec();
    for turn in 0..most {
        let short = of_class.iter().filter(|of| !of.is_empty() && turn + of.len() < most);
        chosen.extend(short.map(|of| of[turn % of.len()]));
    }
    chosen
}

/// What a person should know of a set: files that were left out, and items that are in two splits or
/// have two labels.
fn notes(items: &[Kept], keys: &[Key], splits: &[Split], skipped: Vec<String>) -> Vec<String> {
    let mut notes: Vec<String> = skipped.into_iter().map(|s| format!("left out: {s}")).collect();
    for (a, b) in splits::repeated(keys) {
        let what = match (keys[a].label != keys[b].label, splits[a] != splits[b]) {
            (true, _) => "equal content with different labels",
            (_, true) => "equal content in different splits",
            _ => continue,
        };
        notes.push(format!("{what}: {} and {}", items[a].place, items[b].place));
    }
    notes
}

#[cfg(test)]
mod tests;
