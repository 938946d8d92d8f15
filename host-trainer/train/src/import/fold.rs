//! Whether batch norm can be folded into the imported weights.

use std::path::Path;

use supernano_base::error::{Error, Result};

use super::names;
use crate::supernet::{BN_EPSILON, Entry, Layout, Role};

/// Checks that every convolution has finite weights and offsets with its stored statistics folded in:
/// `w g` and `beta - mean g` with `g = gamma / sqrt(var + 1e-5)`, computed in f64 and rounded to f32.
/// `values` are those of the layout, `statistics` the mean and variance of each batch norm in turn.
///
/// # Errors
/// [`Error::Invalid`] that names the first convolution of which this is not true.
pub(super) fn check(
    file: &Path,
    layout: &Layout,
    values: &[f32],
    statistics: &[f32],
) -> Result<()> {
    let of = |entry: &Entry| &values[entry.offset..entry.offset + entry.len()];
    let mut statistics = statistics;
    for gamma in layout.entries.iter().filter(|e| e.role == Role::Gamma) {
        let (mean, rest) = statistics.split_at(gamma.len());
        let (variance, rest) = rest.split_at(gamma.len());
        statistics = rest;
        let beside = |role: Role| {
            layout.entries.iter().find(|e| {
                (e.role, e.layer, e.shortcut, e.branch)
                    == (role, gamma.layer, gamma.shortcut, gamma.branch)
            })
        };
        let (Some(weight), Some(beta)) = (beside(Role::Weight), beside(Role::Beta)) else {
            continue;
        };
        let size = weight.len() / gamma.len();
        for (c, row) in of(weight).chunks(size).enumerate() {
            let factor =
                f64::from(of(gamma)[c]) / (f64::from(variance[c]) + f64::from(BN_EPSILON)).sqrt();
            let offset = f64::from(of(beta)[c]) - f64::from(mean[c]) * factor;
            let weights = row.iter().map(|&w| f64::from(w) * factor);
            if let Some(bad) = weights.chain([offset]).find(|v| !(*v as f32).is_finite()) {
                let names = names::of(&layout.space(), weight);
                return Err(Error::invalid(
                    file.display(),
                    format!("tensor `{}`", names.tensor.unwrap_or_default()),
                    "finite float32 values with its batch norm folded in",
                    format!("{bad:e} in channel {c} (factor {factor:e})"),
                ));
            }
        }
    }
    Ok(())
}
