//! What a table of paths says that a network shall give.

use std::path::{Path, PathBuf};

use supernano_base::error::Result;
use supernano_base::files::{Csv, read_text, separator};

use super::super::item::Split;
use super::super::names::plain;
use super::super::outputs::{Outputs, of_lists, of_numbers};
use super::columns::{CLASS, GROUP, PATH, SPLIT};
use super::files::Files;
use super::{FEW, folder_of, tables_in};

/// The outputs that the table at a path, or the first one in a folder, tells. With `needs_class`, columns of
/// other names than those of classes tell nothing.
///
/// # Errors
/// As [`super::list`], for a text that cannot be read.
pub fn outputs(path: &Path, extensions: &[&str], needs_class: bool) -> Result<Outputs> {
    let mut tables = match path.is_dir() {
        true => tables_in(path)?,
        false => vec![path.to_path_buf()],
    };
    let rank = |t: &PathBuf| {
        t.file_stem().and_then(|s| Split::named(&s.to_string_lossy())) != Some(Split::Train)
    };
    tables.sort_by_key(|table| (rank(table), table.clone()));
    if tables.len() > FEW {
        return Ok(Outputs::Classes);
    }
    for table in tables {
        if let Some(found) = of_table(&table, extensions, needs_class)? {
            return Ok(found);
        }
    }
    Ok(Outputs::Classes)
}

/// The outputs of one table; `None` if its first row names no file.
fn of_table(table: &Path, extensions: &[&str], needs_class: bool) -> Result<Option<Outputs>> {
    if !table
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("csv") || e.eq_ignore_ascii_case("tsv"))
    {
        return Ok(None);
    }
    let text = read_text(table)?;
    let place = table.display().to_string();
    let mut csv = Csv::parse_separated(&text, &place, false, separator(&text, false))?;
    drop(text);
    let folder = folder_of(table);
    let mut files = Files::new(&folder, extensions);
    let Some(first) = csv.records.first() else { return Ok(None) };
    let names = first.cells.clone();
    let mut header = first.clone();
    header.cells.iter_mut().for_each(|name| *name = plain(name));
    let Some(row) = csv.records.get(1).map(|r| r.cells.clone()) else { return Ok(None) };
    let by_name = csv.find(&header, &PATH)?.filter(|&c| files.names_one(&row[c]));
    let Some(path) = by_name.or_else(|| row.iter().position(|cell| files.names_one(cell))) else {
        return Ok(None);
    };
    // Without a header, no column has a name.
    if files.names_one(&names[path]) {
        return Ok(Some(Outputs::Classes));
    }
    let class = csv.find(&header, &CLASS)?;
    if class.is_none() && needs_class {
        return Ok(None);
    }
    let used = [Some(path), csv.find(&header, &SPLIT)?, csv.find(&header, &GROUP)?];
    csv.take_header()?;
    let cells = |column: usize| csv.records.iter().map(move |r| r.cells[column].as_str());
    let numbers = |column: usize| -> Option<Vec<f64>> {
        cells(column).map(|cell| cell.parse::<f64>().ok()).collect()
    };
    let rest: Vec<usize> = (0..names.len()).filter(|c| !used.contains(&Some(*c))).collect();
    let chosen: Vec<usize> = class.map_or(rest, |class| vec![class]);
    if let [only] = chosen[..]
        && let Some(labels) = of_lists(cells(only), header.cells[only].ends_with('s'))
    {
        return Ok(Some(Outputs::Labels(labels)));
    }
    let (kept, columns): (Vec<usize>, Vec<Vec<f64>>) =
        chosen.into_iter().filter_map(|c| Some((c, numbers(c)?))).unzip();
    if kept.is_empty() {
        return Ok(Some(Outputs::Classes));
    }
    let values: Vec<f64> =
        (0..csv.records.len()).flat_map(|row| columns.iter().map(move |c| c[row])).collect();
    Ok(Some(of_numbers(kept.into_iter().map(|c| names[c].clone()).collect(), &values)))
}
