//! What a source says that a network shall give: classes, several labels, or numbers.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use supernano_base::config::{DataSource, DataSpec};
use supernano_base::error::Result;

use super::{decode, numpy, sensors, sound, table};

/// Different whole numbers up to which a column holds classes. More may be values.
const CLASSES: usize = 256;

/// What a network shall give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// One of several classes.
    Classes,
    /// Several labels of an item, with these names.
    Labels(Vec<String>),
    /// Numbers with these names.
    Values(Vec<String>),
}

impl Outputs {
    /// Writes the outputs to a specification. Returns a remark about those that are no classes.
    pub fn write(self, spec: &mut DataSpec) -> Option<String> {
        match self {
            Self::Classes => None,
            Self::Labels(names) => {
                let listed = names.join(", ");
                (spec.multilabel, spec.labels) = (true, Some(names));
                Some(format!(
                    "an item may have several of the labels {listed} (--multilabel names others)"
                ))
            }
            Self::Values(names) => {
                let listed = names.join(", ");
                spec.targets = Some(names);
                Some(format!("numbers are predicted: {listed} (--targets names others)"))
            }
        }
    }
}

/// The outputs that the files of a source tell.
///
/// # Errors
/// The errors of [`super::load`] for files that cannot be listed or read.
pub fn outputs(spec: &DataSpec, path: &Path) -> Result<Outputs> {
    match spec.name {
        DataSource::Pictures => table::outputs(path, &decode::EXTENSIONS),
        DataSource::Sound => table::outputs(path, &sound::EXTENSIONS),
        DataSource::Numpy => numpy::outputs(path),
        DataSource::Sensors => sensors::outputs(spec, path),
        _ => Ok(Outputs::Classes),
    }
}

/// The outputs that columns of numbers tell, `[rows, names.len()]`: one column of whole numbers, or rows
/// with one 1, are classes; other rows of 0 and 1 are labels; the rest are values.
pub fn of_numbers(names: Vec<String>, values: &[f64]) -> Outputs {
    let width = names.len().max(1);
    if width == 1 {
        let different: HashSet<u64> = values.iter().map(|v| v.to_bits()).collect();
        let many = different.len() > CLASSES && 4 * different.len() > values.len();
        return match many || values.iter().any(|v| v.fract() != 0.0) {
            true => Outputs::Values(names),
            false => Outputs::Classes,
        };
    }
    if values.iter().any(|v| ![0.0, 1.0].contains(v)) {
        return Outputs::Values(names);
    }
    let one = |row: &[f64]| row.iter().filter(|&&v| v == 1.0).count() == 1;
    match values.chunks_exact(width).all(one) {
        true => Outputs::Classes,
        false => Outputs::Labels(names),
    }
}

/// The labels of cells that hold lists of them; `None` for cells with one class each.
pub fn of_lists<'a>(cells: impl Iterator<Item = &'a str> + Clone) -> Option<Vec<String>> {
    let split = |separators: &'static [char]| {
        let parts = cells.clone().flat_map(move |cell| cell.split(separators).map(str::trim));
        parts.filter(|label| !label.is_empty()).collect::<BTreeSet<&str>>()
    };
    let bars = &['|', ';'][..];
    if cells.clone().any(|cell| cell.contains(bars)) {
        return Some(split(&['|', ';', ',']).into_iter().map(String::from).collect());
    }
    // The name of a class may have a comma: lists repeat their parts, alone and with others.
    let (whole, parts) = (cells.clone().collect::<BTreeSet<&str>>(), split(&[',']));
    let has = |cell: &&str| cell.contains(',');
    let repeated = whole
        .iter()
        .filter(|c| has(c))
        .all(|cell| cell.split(',').all(|part| whole.contains(part.trim())));
    (whole.iter().any(has) && repeated).then(|| parts.into_iter().map(String::from).collect())
}

#[cfg(test)]
mod tests;
