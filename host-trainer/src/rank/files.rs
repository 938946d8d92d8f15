//! Score files.

use std::fmt::Write as _;
use std::path::Path;

use super::ordered::Ordered;
use super::{Score, Scores};
use crate::error::Result;
use crate::files;

/// Writes scores: CSV where the name ends in `.csv`, else the challenge's JSON.
///
/// # Errors
/// [`crate::error::Error::Io`].
pub fn write_scores(path: &Path, scores: &Scores) -> Result<()> {
    if path.extension().is_none_or(|e| e != "csv") {
        return files::write_json(path, &Ordered(scores.clone()));
    }
    let mut text = "id,arch,acc,acc_se,ce,ce_se,images\n".to_owned();
    for (id, Score { acc, arch, acc_se, ce, ce_se, images }) in scores {
        let _ = writeln!(text, "{id},{arch},{acc},{acc_se},{ce},{ce_se},{images}");
    }
    files::write(path, text.as_bytes())
}

/// Reads a JSON score file, in its order.
///
/// # Errors
/// [`crate::error::Error::Missing`], [`crate::error::Error::Invalid`] or
/// [`crate::error::Error::Io`].
pub fn read_scores(path: &Path) -> Result<Scores> {
    Ok(files::read_json::<Ordered<Score>>(path)?.0)
}
