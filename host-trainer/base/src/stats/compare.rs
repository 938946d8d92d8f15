//! Compares a file of scores with a file of true accuracies.

use std::path::Path;

use super::table::{self, SCORE, TRUTH, common_form, matched, space_for};
use super::{Report, Resampling, report};
use crate::error::Result;

/// Two files to be compared.
#[derive(Clone, Copy, Debug)]
pub struct CompareRequest<'a> {
    /// Scores of sub-networks.
    pub scores: &'a Path,
    /// True accuracies.
    pub truths: &'a Path,
    /// Search space, as [`space_for`] reads it.
    pub space: Option<&'a str>,
    /// Column or key of the scores; `None` for the first of [`SCORE`].
    pub column: Option<&'a str>,
    /// Bootstrap of the intervals.
    pub resampling: Resampling,
    /// Whether the report lists the score and the truth of every sub-network.
    pub pairs: bool,
}

/// Compares the scores with the truths. Scores without a truth are left out.
///
/// # Errors
/// As [`space_for`], [`table::read`], [`common_form`] and [`matched`].
pub fn compare(request: &CompareRequest<'_>) -> Result<Report> {
    let columns = request.column.map_or_else(|| SCORE.to_vec(), |name| vec![name]);
    let space = space_for(request.space, request.scores, &columns)?;
    let space = &space.get();
    let scores = table::read(request.scores, space, &columns)?;
    let truths = table::read(request.truths, space, TRUTH)?;
    common_form(&truths, None)?;
    let (archs, score, truth) = matched(space, &scores, &truths)?;
    let report = report(space, &archs, &score, &truth, &request.resampling);
    Ok(match request.pairs {
        true => report.with_pairs(space, &archs, &score, &truth),
        false => report,
    })
}
