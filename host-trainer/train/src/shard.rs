//! Shards: parts of a list of codes that are worked on separately, each in a file of its own, and
//! joined afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use supernano_base::error::{Error, Result};
use supernano_base::files;

/// A part of a list, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardNumber {
    /// Number of the part, from 1.
    pub index: usize,
    /// Number of parts.
    pub of: usize,
}

impl std::str::FromStr for ShardNumber {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let parsed = text.split_once('/').and_then(|(i, n)| {
            let part = Self { index: i.parse().ok()?, of: n.parse().ok()? };
            (part.index >= 1 && part.index <= part.of).then_some(part)
        });
        parsed.ok_or_else(|| format!("expected I/N with I from 1 to N, found `{text}`"))
    }
}

impl std::fmt::Display for ShardNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// What all parts of one list have in common.
pub trait Identity {
    /// What the parts belong to, in errors.
    const WHOLE: &'static str;

    /// Number of codes in the list.
    fn count(&self) -> usize;

    /// The first difference: its name, this value, the other value.
    fn difference(&self, other: &Self) -> Option<(&'static str, String, String)>;
}

/// The first difference between two lists of named values, as [`Identity::difference`] reports it.
pub fn first_difference<const N: usize>(
    a: [(&'static str, String); N],
    b: [(&'static str, String); N],
) -> Option<(&'static str, String, String)> {
    let mut pairs = a.into_iter().zip(b);
    pairs.find(|((_, a), (_, b))| a != b).map(|((name, a), (_, b))| (name, a, b))
}

/// What a part's file holds for one code.
pub trait Entry: Clone + PartialEq {
    /// Its name with the article, in errors.
    const WHAT: &'static str;

    /// Position of the code in the list, from 0.
    fn position(&self) -> usize;

    /// The field that an error names: the kind of value, and the code with its id.
    fn field(&self) -> String;

    /// The value in words.
    fn shown(&self) -> String;

    /// The part that holds a position, if the position alone decides it.
    fn owner(position: usize, of: usize) -> Option<ShardNumber> {
        let _ = (position, of);
        None
    }
}

/// The contents of one part's file.
pub struct Part<I, E> {
    /// The file, in errors.
    pub place: String,
    /// The part.
    pub shard: ShardNumber,
    /// What it is a part of.
    pub identity: I,
    /// Its entries.
    pub entries: Vec<E>,
}

/// Writes the file of a part; compressed if the name ends in `.gz`.
///
/// # Errors
/// The errors of [`files::write_text`].
pub fn write(path: &Path, part: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(part)
        .map_err(|e| Error::invalid(path.display(), "JSON", "the part of a list", e))?;
    files::write_text(path, &text)
}

/// Joins the parts of a list in the order of its codes. A part may be given twice if its entries are
/// the same.
///
/// # Errors
/// [`Error::Invalid`] naming the file for parts of different lists, a part with other entries than
/// before, and a part or a code that is missing.
pub fn join<I: Identity, E: Entry>(parts: Vec<Part<I, E>>) -> Result<(Vec<E>, I)> {
    let mut parts = parts.into_iter().peekable();
    let Some(first) = parts.peek() else {
        return Err(Error::invalid("command line", "SHARDS", "at least one file", "none"));
    };
    let (as_first, of, count) =
        (format!("as {}", first.place), first.shard.of, first.identity.count());
    let mut identity: Option<I> = None;
    let mut seen = BTreeSet::new();
    let mut found: BTreeMap<usize, E> = BTreeMap::new();
    for Part { place, shard, identity: own, entries } in parts {
        let differs = identity.as_ref().and_then(|first| first.difference(&own));
        if let Some((field, expected, found)) = differs {
            let (field, expected) =
                (format!("{}: {field}", I::WHOLE), format!("{expected} ({as_first})"));
            return Err(Error::invalid(place, field, expected, found));
        }
        if shard.of != of {
            let expected = format!("one of {of} ({as_first})");
            return Err(Error::invalid(place, "shard", expected, shard));
        }
        for entry in entries {
            let position = entry.position();
            if position >= count {
                let expected = format!("a position below {count}");
                return Err(Error::invalid(place, entry.field(), expected, position));
            }
            match found.get(&position) {
                Some(before) if *before != entry => {
                    let expected = format!("{} of {}", before.shown(), before.field());
                    return Err(Error::invalid(place, entry.field(), expected, entry.shown()));
                }
                _ => found.insert(position, entry),
            };
        }
        seen.insert(shard.index);
        identity.get_or_insert(own);
    }
    if let Some(index) = (1..=of).find(|index| !seen.contains(index)) {
        let field = format!("shard {index}/{of}");
        return Err(Error::invalid("shards", field, "a file", "none; run it again"));
    }
    if let Some(position) = (0..count).find(|position| !found.contains_key(position)) {
        let owner = E::owner(position, of).map_or(String::new(), |o| format!(" (shard {o})"));
        let field = format!("code {} of {count}{owner}", position + 1);
        return Err(Error::invalid("shards", field, E::WHAT, "none"));
    }
    match identity {
        Some(identity) => Ok((found.into_values().collect(), identity)),
        None => Err(Error::invalid("command line", "SHARDS", "at least one file", "none")),
    }
}
