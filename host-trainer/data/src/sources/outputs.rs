//! What a source says that a network shall give: classes, several labels, or numbers.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use supernano_base::config::{DataSource, DataSpec};
use supernano_base::error::Result;

use super::names::Names;
use super::{decode, folder, numpy, sensors, sound, table};

/// Different whole numbers up to which a column holds classes. More may be values.
const CLASSES: usize = 256;
/// Different whole numbers up to which a column with gaps between them holds classes.
const FEW: usize = 32;

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
        // A pattern takes the classes from the paths.
        _ if spec.pattern.is_some() => Ok(Outputs::Classes),
        DataSource::Pictures => of_files(spec, path, &decode::EXTENSIONS),
        DataSource::Sound => of_files(spec, path, &sound::EXTENSIONS),
        DataSource::Numpy => numpy::outputs(path),
        DataSource::Sensors => sensors::outputs(spec, path),
        _ => Ok(Outputs::Classes),
    }
}

/// The outputs of files in a table of paths. Beside a folder for each class, a table says more only if it
/// has a column of classes.
fn of_files(spec: &DataSpec, path: &Path, extensions: &[&str]) -> Result<Outputs> {
    let names = Names::of(spec)?;
    let in_folders = || folder::list(path, extensions, &names, false);
    let has_classes = path.is_dir() && in_folders().is_ok_and(|found| found.classes().len() > 1);
    table::outputs(path, extensions, has_classes)
}

/// The outputs that columns of numbers tell, `[rows, names.len()]`: one column of whole numbers, or rows
/// with one 1, are classes; other rows of 0 and 1 are labels; the rest are values. Whole numbers are
/// values too if they are many and most of them are rare; fewer suffice if not every number between the
/// lowest and the highest occurs, as it does where classes are numbered.
pub fn of_numbers(names: Vec<String>, values: &[f64]) -> Outputs {
    let width = names.len().max(1);
    if width == 1 {
        let different: HashSet<u64> = values.iter().map(|v| v.to_bits()).collect();
        let (low, high) =
            values.iter().fold((f64::MAX, f64::MIN), |(l, h), &v| (l.min(v), h.max(v)));
        let gaps = high - low >= different.len() as f64;
        let most = if gaps { FEW } else { CLASSES };
        let many = different.len() > most && 4 * different.len() > values.len();
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

/// The labels of cells that hold lists of them; `None` for cells with one class each. `plural` is true
/// for a column whose name says that it holds several.
pub fn of_lists<'a>(
    cells: impl Iterator<Item = &'a str> + Clone,
    plural: bool,
) -> Option<Vec<String>> {
    let labels = |separators: &'static [char]| {
        let parts = cells.clone().flat_map(move |cell| cell.split(separators).map(str::trim));
        let labels: BTreeSet<&str> = parts.filter(|label| !label.is_empty()).collect();
        labels.into_iter().map(String::from).collect::<Vec<String>>()
    };
    if cells.clone().any(|cell| cell.contains(['|', ';'])) {
        return Some(labels(&['|', ';', ',']));
    }
    // The name of a class may have a comma or a space: lists repeat their parts, alone and with others.
    let whole: BTreeSet<&str> = cells.clone().collect();
    [&[','][..], &[' ']].into_iter().find_map(|separator| {
        let lists = || whole.iter().filter(|cell| cell.contains(separator));
        let alone = |cell: &&str| cell.split(separator).all(|part| whole.contains(part.trim()));
        let found = labels(separator);
        let repeated = lists().all(alone) || (plural && found.len() < whole.len());
        (lists().next().is_some() && repeated).then_some(found)
    })
}

#[cfg(test)]
mod tests;
