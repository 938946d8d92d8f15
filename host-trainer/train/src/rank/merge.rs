//! The files of the parts of one ranking, joined to one score file.

use std::path::{Path, PathBuf};

use serde::Serialize;
use supernano_base::codes::scores::write_scores;
use supernano_base::error::{Error, Result};
use supernano_base::files;

use super::shard::{Identity, Shard, merge};

impl Shard {
    /// Writes the file of the part; compressed if the name ends in `.gz`.
    ///
    /// # Errors
    /// The errors of [`files::write_text`].
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| Error::invalid(path.display(), "JSON", "scores", e))?;
        files::write_text(path, &text)
    }
}

/// A merged ranking.
#[derive(Clone, Debug, Serialize)]
pub struct MergeReport {
    /// Files of parts that were read.
    pub shards: usize,
    /// Scores in the merged file.
    pub scores: usize,
    /// The ranking to which all parts belong.
    pub ranking: Identity,
    /// The merged file.
    pub output: PathBuf,
}

/// Merges the files of all parts of one ranking and writes one score file. The same parts give the
/// same bytes, in any order.
///
/// # Errors
/// As [`Shard::read`], [`merge`] and [`write_scores`].
pub fn merge_files(parts: &[PathBuf], output: &Path) -> Result<MergeReport> {
    let read = |path: &PathBuf| Ok((path.display().to_string(), Shard::read(path)?));
    let shards: Vec<(String, Shard)> = parts.iter().map(read).collect::<Result<_>>()?;
    let (scores, ranking) = merge(shards)?;
    write_scores(output, &scores)?;
    let (shards, scores, output) = (parts.len(), scores.len(), output.to_path_buf());
    Ok(MergeReport { shards, scores, ranking, output })
}
