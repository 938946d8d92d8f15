//! Score files.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::ordered::Ordered;
use crate::error::{Error, Result};
use crate::files;
use crate::objective::ScoreMetric;

/// The score of one sub-network: the challenge's `acc` and `arch`, and further fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Top-1, 0 to 1, or the score that `metric` names.
    pub acc: f64,
    /// Code as written by the user.
    pub arch: String,
    /// Standard error of `acc`.
    #[serde(default)]
    pub acc_se: f64,
    /// Mean loss: cross-entropy of classes and of labels, nats; squared error of standardised values.
    #[serde(default)]
    pub ce: f64,
    /// Standard error of `ce`.
    #[serde(default)]
    pub ce_se: f64,
    /// Number of evaluated images.
    #[serde(default)]
    pub images: usize,
    /// What `acc` is, unless it is the top-1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<ScoreMetric>,
}

/// The scores of a file, in the order of the codes: `{"arch1": {"acc": .., "arch": "..", ..}, ..}`.
pub type Scores = Vec<(String, Score)>;

/// Writes scores: CSV if the name ends in `.csv` or `.csv.gz`, else the challenge's JSON. The file is
/// compressed if the name ends in `.gz`.
///
/// # Errors
/// [`Error::Io`]; [`Error::Invalid`] naming id and code of a score that is not finite.
pub fn write_scores(path: &Path, scores: &Scores) -> Result<()> {
    for (id, s) in scores {
        if let Some(x) = [s.acc, s.acc_se, s.ce, s.ce_se].iter().find(|x| !x.is_finite()) {
            let field = format!("score of {id} `{}`", s.arch);
            return Err(Error::invalid(path.display(), field, "finite numbers", x));
        }
    }
    let name = path.to_string_lossy();
    if name.strip_suffix(".gz").unwrap_or(&name).ends_with(".csv") {
        let named = scores.iter().any(|(_, score)| score.metric.is_some());
        let header = ["id", "arch", "acc", "acc_se", "ce", "ce_se", "images", "metric"];
        let columns = if named { header.len() } else { header.len() - 1 };
        let records = scores.iter().map(|(id, score)| {
            let Score { acc, arch, acc_se, ce, ce_se, images, metric } = score;
            let [acc, acc_se, ce, ce_se] = [acc, acc_se, ce, ce_se].map(f64::to_string);
            let metric = metric.map_or("", ScoreMetric::name).to_owned();
            let images = images.to_string();
            let mut cells = vec![id.clone(), arch.clone(), acc, acc_se, ce, ce_se, images, metric];
            cells.truncate(columns);
            cells
        });
        return files::write_text(path, &files::csv_text(&header[..columns], records));
    }
    let mut text = serde_json::to_string_pretty(&Ordered(scores.clone()))
        .map_err(|e| Error::invalid(path.display(), "JSON", "scores", e))?;
    text.push('\n');
    files::write_text(path, &text)
}

/// Reads a JSON score file, plain or compressed.
///
/// # Errors
/// [`Error::Missing`], [`Error::Invalid`] (with line and column) or [`Error::Io`].
pub fn read_scores(path: &Path) -> Result<Scores> {
    let text = files::read_text(path)?;
    let place = path.display().to_string();
    let members: Ordered<Score> = files::parse_json(&text, &place, "scores of `supernano rank`")?;
    Ok(members.0)
}
