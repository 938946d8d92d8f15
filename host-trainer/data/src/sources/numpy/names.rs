//! Which arrays hold items, and which their labels.

use std::path::Path;

use supernano_base::error::{Error, Result};

use super::super::item::Split;
use super::{Array, Arrays, no_pair};

/// Words for items and for labels in the names of arrays.
const ITEMS: [&str; 8] = ["x", "images", "image", "data", "inputs", "features", "windows", "arr_0"];
const LABELS: [&str; 9] =
    ["y", "labels", "label", "targets", "target", "classes", "class", "outputs", "arr_1"];
/// Words for splits in the names of arrays.
pub const SPLITS: [(&str, Split); 6] = [
    ("train", Split::Train),
    ("val", Split::Validation),
    ("valid", Split::Validation),
    ("validation", Split::Validation),
    ("dev", Split::Validation),
    ("test", Split::Test),
];
/// Other words for splits, in names that are no usual ones.
const SHORT: [(&str, Split); 5] = [
    ("tr", Split::Train),
    ("trn", Split::Train),
    ("te", Split::Test),
    ("tst", Split::Test),
    ("training", Split::Train),
];

/// Names of the items and of the labels, and the split that they give.
pub type Names = (String, String, Option<Split>);

/// The names that a word makes with that of a split, which may be empty.
fn forms(word: &str, split: &str) -> Vec<String> {
    match split {
        "" => vec![word.to_owned()],
        _ => vec![
            format!("{word}_{split}"),
            format!("{split}_{word}"),
            format!("{word}{split}"),
            format!("{split}{word}"),
        ],
    }
}

/// The names of the arrays of items and of labels, with the splits: the usual ones, else those of arrays
/// whose shapes leave no choice.
///
/// # Errors
/// [`Error::Invalid`] for items without labels, and for no items.
pub fn names(path: &Path, arrays: &Arrays) -> Result<Vec<Names>> {
    let find = |words: &[&str], split: &str| {
        words.iter().flat_map(|word| forms(word, split)).find(|name| arrays.contains_key(name))
    };
    let mut names = Vec::new();
    let splits = SPLITS.map(|(word, split)| (word, Some(split)));
    for (word, split) in splits.into_iter().chain([("", None)]) {
        let Some(items) = find(&ITEMS, word) else { continue };
        if split.is_none() && !names.is_empty() {
            break;
        }
        let Some(labels) = find(&LABELS, word) else {
            let wanted = if word.is_empty() { "y".into() } else { format!("y_{word}") };
            let expected = format!("`{wanted}`, the labels of `{items}`");
            let found = arrays.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(Error::invalid(path.display(), "arrays", expected, found));
        };
        names.push((items, labels, split));
    }
    match names.is_empty() {
        false => Ok(names),
        true => by_shape(arrays).ok_or_else(|| no_pair(path, arrays)),
    }
}

/// The only array of at least three axes of each split, with the only other one that has as many items.
/// `None` if there is a choice, or no such array.
fn by_shape(arrays: &Arrays) -> Option<Vec<Names>> {
    let opened = |source| Array::open(source).ok().filter(|a| a.sizes.first() > Some(&1));
    let found: Vec<(&String, Option<Split>, Array)> = arrays
        .iter()
        .filter_map(|(name, source)| Some((name, split_of(name), opened(source.clone())?)))
        .collect();
    let mut names = Vec::new();
    for split in [Some(Split::Train), Some(Split::Validation), Some(Split::Test), None] {
        if split.is_none() && !names.is_empty() {
            break;
        }
        let of_split = || found.iter().filter(|(_, s, _)| *s == split);
        let mut items = of_split().filter(|(.., a)| a.sizes.len() > 2 && a.has_numbers());
        let (name, _, array) = match (items.next(), items.next()) {
            (None, _) => continue,
            (Some(only), None) => only,
            (Some(_), Some(_)) => return None,
        };
        let fits = |a: &Array| a.sizes.len() < 3 && a.sizes.first() == array.sizes.first();
        let mut labels = of_split().filter(|(.., a)| fits(a));
        match (labels.next(), labels.next()) {
            (Some((label, ..)), None) => names.push(((*name).clone(), (*label).clone(), split)),
            _ => return None,
        }
    }
    (!names.is_empty()).then_some(names)
}

/// The split that a name tells: a word of it, or the end of a short name such as `xtr`.
fn split_of(name: &str) -> Option<Split> {
    let words = || SPLITS.iter().chain(&SHORT);
    let of_word = |word: &str| words().find(|(known, _)| *known == word).map(|(_, split)| *split);
    let ends = |(word, split): &(&str, Split)| {
        name.strip_suffix(word).filter(|rest| rest.len() == 1).map(|_| *split)
    };
    name.split(|c: char| !c.is_alphanumeric()).find_map(of_word).or_else(|| words().find_map(ends))
}

/// A remark about names that are no usual ones.
pub fn note(items: &str, labels: &str) -> Option<String> {
    let splits = || SPLITS.iter().map(|(split, _)| *split).chain([""]);
    let usual = |name: &str, words: &[&str]| {
        words.iter().any(|word| splits().any(|split| forms(word, split).iter().any(|f| f == name)))
    };
    let known = usual(items, &ITEMS) && usual(labels, &LABELS);
    (!known).then(|| format!("the items are the array `{items}`, their labels `{labels}`"))
}
