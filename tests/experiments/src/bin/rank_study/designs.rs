//! Comparison of designs: how well a surrogate of a few evaluations predicts all other scores.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use supernano_base::error::{Error, Result};
use supernano_base::rng::{Key, Purpose};
use supernano_core::arch::Arch;
use supernano_core::space::Space;
use supernano_search::surrogate::{Link, Surrogate, design};

/// Number of held-out sub-networks in a repeat.
const JUDGED: usize = 2000;

/// A row of the table of designs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DesignRow {
    /// `random` or `informative`.
    pub design: String,
    /// Number of evaluated sub-networks.
    pub evaluations: usize,
    /// Mean over repeats of the root mean square error on held-out scores, percentage points.
    pub rmse: f64,
    /// Standard deviation of the error over repeats.
    pub spread: f64,
    /// Number of repeats, each with other sub-networks.
    pub repeats: usize,
}

/// Compares designs on a large list of accuracies, 0 to 1. Each repeat chooses from `among` random
/// sub-networks and is evaluated on 2,000 others.
///
/// # Errors
/// [`Error::Invalid`] for too few scores or no repeats; as [`Surrogate::fit`].
pub fn designs(
    space: &Space<'_>,
    scores: &[(Arch, f64)],
    among: usize,
    repeats: usize,
) -> Result<Vec<DesignRow>> {
    if scores.len() < among + JUDGED || repeats == 0 {
        let found = format!("{} and {repeats}", scores.len());
        let expected = format!("{} and 1 or more", among + JUDGED);
        return Err(Error::invalid("study", "scores and repeats", expected, found));
    }
    let mut rows = Vec::new();
    for (design, evaluations) in
        [("random", 100), ("informative", 100), ("random", 300), ("informative", 300)]
    {
        let repeat = |repeat: usize| -> Result<f64> {
            let order = Key::new(repeat as u64).permutation(Purpose::Split, scores.len());
            let (pool, judged) = order[..among + JUDGED].split_at(among);
            let pool: Vec<&(Arch, f64)> = pool.iter().map(|&i| &scores[i as usize]).collect();
            let chosen = if design == "random" {
                design::random(pool.len(), evaluations, repeat as u64)
            } else {
                let archs: Vec<Arch> = pool.iter().map(|s| s.0.clone()).collect();
                design::informative(space, &archs, evaluations)
            };
            let samples: Vec<(Arch, f64)> = chosen.iter().map(|&i| pool[i].clone()).collect();
            let model = Surrogate::fit(space, &samples, Link::Logit)?;
            let mut squares = 0.0;
            for &i in judged {
                let (arch, score) = &scores[i as usize];
                squares += (model.score(space, arch) - score).powi(2);
            }
            Ok(100.0 * (squares / JUDGED as f64).sqrt())
        };
        let errors: Vec<f64> = (0..repeats).into_par_iter().map(repeat).collect::<Result<_>>()?;
        let mean = errors.iter().sum::<f64>() / repeats as f64;
        let variance = errors.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / repeats as f64;
        rows.push(DesignRow {
            design: design.to_owned(),
            evaluations,
            rmse: mean,
            spread: variance.sqrt(),
            repeats,
        });
    }
    Ok(rows)
}
