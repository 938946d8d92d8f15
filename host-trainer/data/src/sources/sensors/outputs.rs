//! What columns of recordings say that a network shall give.

use std::path::Path;

use supernano_base::config::DataSpec;
use supernano_base::error::Result;

use super::super::names::plain;
use super::super::numpy;
use super::super::outputs::{Outputs, of_numbers};
use super::list;
use super::table::Table;

/// The outputs that the first file tells, if its rows have labels: a column like `label` of other numbers
/// than those of classes, or several columns like `target_..` or `label_..`.
///
/// # Errors
/// The errors of [`super::read`] for files that cannot be listed or read.
pub fn outputs(spec: &DataSpec, path: &Path) -> Result<Outputs> {
    let window = spec.window.clone().unwrap_or_default();
    if numpy::is_array_source(path) {
        return numpy::outputs(path);
    }
    let listing = list(spec, path)?;
    let rows_are_labelled = path.is_file() || listing.items.iter().all(super::is_class_of_file);
    let Some(first) = listing.items.first().filter(|_| rows_are_labelled) else {
        return Ok(Outputs::Classes);
    };
    if window.label.is_some() {
        return Ok(Outputs::Classes);
    }
    let table = Table::head(&first.path, &window)?;
    let names: Vec<String> = table.columns.iter().map(|c| plain(&c.name)).collect();
    let begins = |word: &str| -> Vec<usize> {
        (0..names.len()).filter(|&c| names[c].starts_with(word)).collect()
    };
    // An axis is called `y` as well, beside `x`.
    let y = || {
        let alone = !names.iter().any(|n| n == "x");
        names.iter().position(|n| n == "y").filter(|_| alone).into_iter().collect()
    };
    let found = [begins("target"), begins("label"), y()];
    let Some(columns) = found.into_iter().find(|columns| !columns.is_empty()) else {
        return Ok(Outputs::Classes);
    };
    if columns.iter().any(|&c| table.columns[c].bad.is_some()) {
        return Ok(Outputs::Classes);
    }
    let rows = table.rows();
    let values: Vec<f64> = (0..rows)
        .flat_map(|row| columns.iter().map(move |&c| (row, c)))
        .map(|(row, c)| f64::from(table.value(row, c)))
        .collect();
    let names: Vec<String> = columns.iter().map(|&c| table.columns[c].name.clone()).collect();
    let several = names.len() > 1;
    Ok(match of_numbers(names.clone(), &values) {
        // Columns with one 1 in each row are labels of which a row has one.
        Outputs::Classes if several => Outputs::Labels(names),
        found => found,
    })
}
