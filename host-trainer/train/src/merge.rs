//! The files of the parts of one list, joined to one file of scores or truths.

use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use supernano_base::codes::scores::write_scores;
use supernano_base::codes::truth::write_truths;
use supernano_base::error::Result;
use supernano_base::files;

use crate::rank::shard::{Identity, Shard, merge};
use crate::training::{TruthIdentity, merge_truths};

/// A merged list.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum MergeReport {
    /// A ranking.
    Scores {
        /// Files of parts that were read.
        shards: usize,
        /// Scores in the merged file.
        scores: usize,
        /// The ranking to which all parts belong.
        ranking: Identity,
        /// The merged file.
        output: PathBuf,
    },
    /// True accuracies.
    Truths {
        /// Files of parts that were read.
        shards: usize,
        /// Truths in the merged file.
        truths: usize,
        /// The training to which all parts belong.
        training: Box<TruthIdentity>,
        /// The merged file.
        output: PathBuf,
    },
}

/// Tells the file of a part of truths from one of scores.
#[derive(Deserialize)]
struct Kind {
    training: Option<IgnoredAny>,
}

/// Merges the files of all parts of one list and writes one score file, or one truth file. The same
/// parts give the same bytes, in any order.
///
/// # Errors
/// As [`Shard::read`], [`merge`] and [`write_scores`]; as [`merge_truths`] and [`write_truths`].
pub fn merge_files(parts: &[PathBuf], output: &Path) -> Result<MergeReport> {
    let (shards, output) = (parts.len(), output.to_path_buf());
    let first: Option<Kind> =
        parts.first().map(|path| files::read_json(path, "a file of `--shard`")).transpose()?;
    if first.is_some_and(|first| first.training.is_some()) {
        let (found, training) = merge_truths(read(parts, "a file of `standalone --shard`")?)?;
        write_truths(&output, &found)?;
        let training = Box::new(training);
        return Ok(MergeReport::Truths { shards, truths: found.len(), training, output });
    }
    let parts: Vec<(String, Shard)> = read(parts, "a file of `rank --shard`")?;
    let (scores, ranking) = merge(parts)?;
    write_scores(&output, &scores)?;
    Ok(MergeReport::Scores { shards, scores: scores.len(), ranking, output })
}

/// The contents of files, with their names.
fn read<T: DeserializeOwned>(parts: &[PathBuf], expected: &str) -> Result<Vec<(String, T)>> {
    let one = |path: &PathBuf| Ok((path.display().to_string(), files::read_json(path, expected)?));
    parts.iter().map(one).collect()
}
