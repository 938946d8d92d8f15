//! Makes a data set from items that are read.

use std::collections::HashSet;

use rayon::prelude::*;
use supernano_base::config::DataSpec;
use supernano_base::error::{Error, Result};
use supernano_base::files::IMAGES;
use supernano_base::images::Images;
use supernano_base::progress::Progress;
use supernano_core::space::Shape;

use super::item::Split;
use super::splits::{self, Key};
use super::targets::{mark_anomalies, objective};
use crate::{Dataset, channel_statistics};

/// Most bad files that an error names.
const NAMED: usize = 5;

/// An item that is read.
#[derive(Debug)]
pub struct Loaded {
    /// The file, and the place in it if there are several items.
    pub place: String,
    /// What decides the split.
    pub key: Key,
    /// Bytes `[height, width, channels]`.
    pub pixels: Vec<u8>,
    /// Numbers or labels that a network shall give; none for classes and reconstructions.
    pub targets: Vec<f32>,
}

/// Everything that a set is made of.
#[derive(Debug)]
pub struct Assembled {
    /// Names of the classes in the order of the labels.
    pub classes: Vec<String>,
    /// The items.
    pub items: Vec<Loaded>,
    /// The messages of the files that were left out.
    pub skipped: Vec<String>,
}

impl Assembled {
    /// Checks that `items` inputs of `shape` fit the memory that is allowed for a set.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `place` and the limit.
    pub fn check_size(place: &str, items: usize, shape: Shape) -> Result<()> {
        let bytes = (items as u64).saturating_mul(shape.len() as u64);
        IMAGES.check(place, &format!("memory for {items} inputs"), bytes)
    }

    /// Reads files in parallel. Bad ones are left out if `skip_bad` is set; their messages are returned
    /// too.
    ///
    /// # Errors
    /// The error of the only bad file, or [`Error::Invalid`] that counts the bad ones and names the
    /// first; the first [`Error::Io`].
    pub fn read_all<T: Sync, R: Send>(
        place: &str,
        items: &[T],
        skip_bad: bool,
        progress: &dyn Progress,
        read: impl Fn(&T) -> Result<R> + Sync + Send,
    ) -> Result<(Vec<R>, Vec<String>)> {
        let task = progress.task(items.len() as u64, "read");
        let read = |item| {
            let result = read(item);
            task.advance(1);
            result
        };
        let results: Vec<Result<R>> = items.par_iter().map(read).collect();
        task.finish();
        let (mut good, mut bad) = (Vec::with_capacity(items.len()), Vec::new());
        for result in results {
            match result {
                Ok(item) => good.push(item),
                Err(e) => bad.push(e),
            }
        }
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
        Ok((good, bad.iter().map(ToString::to_string).collect()))
    }
}

/// Makes the splits and the data set. The items of a split are in an order that depends on their
/// content and on the seed.
///
/// # Errors
/// [`Error::Invalid`] for a split without enough items, and for a class without a training item.
pub fn assemble(spec: &DataSpec, shape: Shape, place: &str, found: Assembled) -> Result<Dataset> {
    let Assembled { mut classes, mut items, skipped } = found;
    let note = mark_anomalies(spec, place, &classes, items.iter_mut().map(|i| &mut i.key))?;
    if spec.reconstruct {
        classes.clear();
    }
    let keys: Vec<Key> = items.iter().map(|i| i.key.clone()).collect();
    let splits = splits::assign(&keys, spec);
    let order = splits::order(&keys, spec.seed);
    let part = |split: Split, most: Option<usize>| {
        let mut images = Images::empty(shape);
        let chosen = order.iter().filter(|&&i| splits[i] == split);
        for &i in chosen.take(most.unwrap_or(usize::MAX)) {
            images.pixels.extend_from_slice(&items[i].pixels);
            images.labels.push(items[i].key.label);
            images.targets.extend_from_slice(&items[i].targets);
        }
        images
    };
    let mut train = part(Split::Train, spec.train);
    if spec.balance {
        balance(&mut train, classes.len());
    }
    let validation = part(Split::Validation, spec.validation);
    let test = part(Split::Test, spec.test);
    for (name, images, least) in
        [("training", &train, 2), ("validation", &validation, 2), ("test", &test, 1)]
    {
        if images.len() < least {
            let expected = format!("at least {least} items");
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

/// Repeats the images of smaller classes until every class that has some has as many as the largest.
/// The repeated ones follow in turns, a class after the other.
fn balance(images: &mut Images, classes: usize) {
    let mut of_class: Vec<Vec<u32>> = vec![Vec::new(); classes];
    for (i, &label) in images.labels.iter().enumerate() {
        of_class[usize::from(label)].push(i as u32);
    }
    let most = of_class.iter().map(Vec::len).max().unwrap_or(0);
    let mut chosen: Vec<u32> = (0..images.len() as u32).collect();
    for turn in 0..most {
        let short = of_class.iter().filter(|of| !of.is_empty() && turn + of.len() < most);
        chosen.extend(short.map(|of| of[turn % of.len()]));
    }
    *images = images.select(&chosen);
}

/// What a person should know of a set: files that were left out, and items that are in two splits or
/// have two labels.
fn notes(items: &[Loaded], keys: &[Key], splits: &[Split], skipped: Vec<String>) -> Vec<String> {
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
