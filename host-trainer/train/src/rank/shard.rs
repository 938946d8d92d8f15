//! Shards of a ranking: parts of a list of codes that are scored separately and merged afterwards.

use std::path::Path;

use serde::{Deserialize, Serialize};
use supernano_base::codes::Coded;
use supernano_base::codes::scores::{Score, Scores};
use supernano_base::error::{Error, Result};
use supernano_base::files;

use super::ranker::{Ranker, Settings};
use crate::run::{Run, fingerprint};
use crate::shard::{self, Entry, Part, ShardNumber};

/// Positions of a part in a list of codes. They are neighbours in the order of evaluation, so that a
/// part shares nearly as many prefixes as the whole list.
pub fn positions(part: ShardNumber, codes: &[Coded]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..codes.len()).collect();
    order.sort_by_key(|&i| codes[i].arch.options());
    let start = |i: usize| codes.len() * i / part.of;
    order[start(part.index - 1)..start(part.index)].to_vec()
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
        let (pixels, labels) = ranker.set().contents();
        Self {
            run: fingerprint::of_run(run),
            data: fingerprint::of_numbers(pixels, &format!("{labels:?}")),
            codes: fingerprint::of_codes(codes),
            count: codes.len(),
            settings: ranker.settings(),
        }
    }

    /// A name for the scores that belong together: those of the same weights, images and settings,
    /// whichever codes were listed.
    pub fn key(&self) -> String {
        let settings = serde_json::to_string(&self.settings).unwrap_or_default();
        let text = format!("{} {} {settings}", self.run, self.data);
        fingerprint::of_bytes([text.as_bytes()])
    }
}

impl shard::Identity for Identity {
    const WHOLE: &'static str = "ranking";

    fn count(&self) -> usize {
        self.count
    }

    fn difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let settings = |i: &Self| serde_json::to_string(&i.settings).unwrap_or_default();
        let values = |i: &Self| {
            [
                ("run", i.run.clone()),
                ("data", i.data.clone()),
                ("codes", i.codes.clone()),
                ("count", i.count.to_string()),
                ("settings", settings(i)),
            ]
        };
        shard::first_difference(values(self), values(other))
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

impl Entry for PlacedScore {
    const WHAT: &'static str = "a score";

    fn position(&self) -> usize {
        self.position
    }

    fn field(&self) -> String {
        format!("score of {} `{}`", self.id, self.score.arch)
    }

    fn shown(&self) -> String {
        self.score.acc.to_string()
    }
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

    /// Writes the file of the part; compressed if the name ends in `.gz`.
    ///
    /// # Errors
    /// The errors of [`files::write_text`].
    pub fn write(&self, path: &Path) -> Result<()> {
        shard::write(path, self)
    }
}

/// Merges the parts of a ranking in the order of the list of codes. A part may be given twice if its
/// scores are the same.
///
/// # Errors
/// As [`shard::join`]; [`Error::Invalid`] for a score that is not finite.
pub fn merge(shards: Vec<(String, Shard)>) -> Result<(Scores, Identity)> {
    let part = |(place, shard): (String, Shard)| {
        let finite = |s: &&PlacedScore| !(s.score.acc.is_finite() && s.score.ce.is_finite());
        if let Some(bad) = shard.scores.iter().find(finite) {
            return Err(Error::invalid(place, bad.field(), "finite numbers", bad.score.acc));
        }
        Ok(Part { place, shard: shard.shard, identity: shard.ranking, entries: shard.scores })
    };
    let parts = shards.into_iter().map(part).collect::<Result<_>>()?;
    let (scores, ranking) = shard::join(parts)?;
    Ok((scores.into_iter().map(|s| (s.id, s.score)).collect(), ranking))
}
