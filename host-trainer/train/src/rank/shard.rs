//! Shards: parts of a list of codes that are scored separately and merged afterwards.

use std::path::Path;

use serde::{Deserialize, Serialize};
use supernano_base::codes::Coded;
use supernano_base::codes::scores::{Score, Scores};
use supernano_base::error::{Error, Result};
use supernano_base::files;

use super::ranker::{Ranker, Settings};
use crate::run::Run;

const CRC: crc::Crc<u64> = crc::Crc::<u64>::new(&crc::CRC_64_XZ);

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

impl ShardNumber {
    /// Positions of this part in a list of codes. They are neighbours in the order of evaluation, so
    /// that a part shares nearly as many prefixes as the whole list.
    pub fn positions(self, codes: &[Coded]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..codes.len()).collect();
        order.sort_by_key(|&i| codes[i].arch.options());
        let start = |i: usize| codes.len() * i / self.of;
        order[start(self.index - 1)..start(self.index)].to_vec()
    }
}

/// What all parts of one ranking have in common; parts that differ in it are not merged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Fingerprint of the weights and of what they compute.
    pub run: String,
    /// Fingerprint of the scored images.
    pub data: String,
    /// Fingerprint of the list of codes.
    pub codes: String,
    /// Number of codes in the list.
    pub count: usize,
    /// Images and statistics behind the scores.
    pub settings: Settings,
}

impl Identity {
    /// Computes the identity of a ranking of `codes`.
    pub fn of(run: &Run, ranker: &Ranker<'_>, codes: &[Coded]) -> Self {
        let floats = |values: &mut dyn Iterator<Item = &f32>, about: &str| {
            let mut digest = CRC.digest();
            digest.update(about.as_bytes());
            values.for_each(|v| digest.update(&v.to_le_bytes()));
            format!("{:016x}", digest.finalize())
        };
        let layout = &run.weights.layout;
        let about = format!(
            "{} {} {:?} {:?}",
            layout.space().name,
            run.step,
            run.enhancement(),
            layout.scheme
        );
        let stored = run.statistics.iter().flat_map(|s| &s.values);
        let (pixels, labels) = ranker.set().contents();
        let mut pixels = pixels;
        let mut list = CRC.digest();
        for code in codes {
            list.update(format!("{}\n{}\n", code.id, code.written).as_bytes());
        }
        Self {
            run: floats(&mut run.weights.values.iter().chain(stored), &about),
            data: floats(&mut pixels, &format!("{labels:?}")),
            codes: format!("{:016x}", list.finalize()),
            count: codes.len(),
            settings: ranker.settings(),
        }
    }

    /// A name for the scores that belong together: those of the same weights, images and settings,
    /// whichever codes were listed.
    pub fn key(&self) -> String {
        let settings = serde_json::to_string(&self.settings).unwrap_or_default();
        let text = format!("{} {} {settings}", self.run, self.data);
        format!("{:016x}", CRC.checksum(text.as_bytes()))
    }

    /// The first difference: its name, this value, the other value.
    fn difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let settings = |i: &Self| serde_json::to_string(&i.settings).expect("settings are JSON");
        [
            ("run", self.run.clone(), other.run.clone()),
            ("data", self.data.clone(), other.data.clone()),
            ("codes", self.codes.clone(), other.codes.clone()),
            ("count", self.count.to_string(), other.count.to_string()),
            ("settings", settings(self), settings(other)),
        ]
        .into_iter()
        .find(|(_, a, b)| a != b)
    }
}

/// A score with its position in the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlacedScore {
    /// Position in the list of codes, from 0.
    pub position: usize,
    /// Name of the sub-network.
    pub id: String,
    /// Its score.
    pub score: Score,
}

/// The contents of one part's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shard {
    /// The part.
    pub shard: ShardNumber,
    /// The ranking that it belongs to.
    pub ranking: Identity,
    /// The scores of the part.
    pub scores: Vec<PlacedScore>,
}

impl Shard {
    /// Reads the file of a part.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Io`]; [`Error::Invalid`] with line and column.
    pub fn read(path: &Path) -> Result<Self> {
        files::read_json(path, "a file of `rank --shard`")
    }
}

/// Merges the parts of a ranking in the order of the list of codes. A part may be given twice if its
/// scores are the same.
///
/// # Errors
/// [`Error::Invalid`] naming the file for parts of different rankings, a part with other scores than
/// before, and a part or a code that is missing.
pub fn merge(shards: Vec<(String, Shard)>) -> Result<(Scores, Identity)> {
    let Some((first_place, first)) = shards.first().cloned() else {
        return Err(Error::invalid("command line", "SHARDS", "at least one file", "none"));
    };
    let mut parts: Vec<Option<String>> = vec![None; first.shard.of];
    let mut slots: Vec<Option<(String, Score)>> = vec![None; first.ranking.count];
    for (place, shard) in shards {
        if let Some((field, expected, found)) = first.ranking.difference(&shard.ranking) {
            let expected = format!("{expected} (as {first_place})");
            return Err(Error::invalid(place, format!("ranking: {field}"), expected, found));
        }
        if shard.shard.of != first.shard.of {
            let expected = format!("one of {} (as {first_place})", first.shard.of);
            return Err(Error::invalid(place, "shard", expected, shard.shard));
        }
        for PlacedScore { position, id, score } in shard.scores {
            let field = || format!("score of {id} `{}`", score.arch);
            if !(score.acc.is_finite() && score.ce.is_finite()) {
                return Err(Error::invalid(place, field(), "finite numbers", score.acc));
            }
            let Some(slot) = slots.get_mut(position) else {
                let expected = format!("a position below {}", first.ranking.count);
                return Err(Error::invalid(place, field(), expected, position));
            };
            match slot {
                Some(before) if *before != (id.clone(), score.clone()) => {
                    let expected = format!("{} of {}", before.1.acc, before.0);
                    return Err(Error::invalid(place, field(), expected, score.acc));
                }
                _ => *slot = Some((id, score)),
            }
        }
        if let Some(slot) = shard.shard.index.checked_sub(1).and_then(|i| parts.get_mut(i)) {
            *slot = Some(place);
        }
    }
    if let Some(i) = parts.iter().position(Option::is_none) {
        let field = format!("shard {}/{}", i + 1, first.shard.of);
        return Err(Error::invalid("shards", field, "a file", "none; run it again"));
    }
    if let Some(i) = slots.iter().position(Option::is_none) {
        let field = format!("code {} of {}", i + 1, first.ranking.count);
        return Err(Error::invalid("shards", field, "a score", "none"));
    }
    Ok((slots.into_iter().flatten().collect(), first.ranking))
}
