//! Lists the files that a CSV file names, with their labels.

mod columns;
mod files;
mod outputs;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use supernano_base::error::{Error, Result};
use supernano_base::files::{Csv, Rows, read_text, separator};

use self::columns::{Class, columns, one_hot};
use self::files::Files;
pub use self::outputs::outputs;
use super::item::{Item, Listing, Split};
use super::names::Names;

/// Most tables of a folder that are looked into before its kind is known.
const FEW: usize = 12;

/// Lists the rows of a CSV file, with or without a header. Paths are relative to its folder; a path
/// that is not there names the only file below that folder with the same name, with or without its
/// extension.
///
/// # Errors
/// [`Error::Invalid`] naming file and line for a missing column, an empty cell, a split that is none
/// and a path that stands twice or names several files; [`Error::Missing`] for a file that does not
/// exist.
pub fn list(table: &Path, extensions: &[&str], names: &Names) -> Result<Listing> {
    let place = table.display().to_string();
    let text = read_text(table)?;
    let mut csv = Csv::parse_separated(&text, &place, false, separator(&text, false))?;
    let folder = folder_of(table);
    let mut files = Files::new(&folder, extensions);
    let columns = columns(&mut csv, &mut files, table, names)?;
    let mut listing = Listing::default();
    let mut seen = HashMap::new();
    for record in &csv.records {
        let at = csv.at(record);
        let cell = |column: usize, field: &str| match record.cells[column].as_str() {
            "" => Err(Error::invalid(&at, field, "a value", "nothing")),
            text => Ok(text.to_owned()),
        };
        let path = files.named(&at, &cell(columns.path, "path")?)?;
        if let Some(before) = seen.insert(path.clone(), record.line) {
            let expected = "each file once";
            let found = format!("{} again (first in line {before})", path.display());
            return Err(Error::invalid(at, "path", expected, found));
        }
        let split = columns.split.map(|column| {
            let name = cell(column, "split")?;
            let expected = "`train`, `val` or `test`";
            Split::named(&name).ok_or_else(|| Error::invalid(&at, "split", expected, name))
        });
        let mut split = split.transpose()?;
        let below =
            path.strip_prefix(&folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        if names.test.as_ref().is_some_and(|test| test.is_match(&below)) {
            split = Some(Split::Test);
        }
        let group = columns.group.map(|column| cell(column, "group")).transpose()?;
        let class = match &columns.class {
            Class::Column(column) => cell(*column, "label")?,
            Class::OneHot(of) => one_hot(&at, record, of)?,
            Class::Numbers(_) | Class::Several(_) => String::new(),
        };
        let targets = columns.targets(&at, record, names)?;
        listing.items.push(Item { path, class, split, group, targets });
    }
    if listing.items.is_empty() {
        return Err(Error::invalid(place, "rows", "at least one", "none"));
    }
    listing.items.sort_by(|a, b| a.path.cmp(&b.path));
    listing.notes.extend(files.notes(&place));
    Ok(listing)
}

/// Lists the rows of the tables of a folder: of the only `.csv` or `.tsv` file that names files and labels, or
/// of those with the names of splits, such as `train.csv`. `None` without such tables, and with a
/// pattern for the paths.
///
/// # Errors
/// The errors of [`list`].
pub fn of_folder(folder: &Path, extensions: &[&str], names: &Names) -> Result<Option<Listing>> {
    let tables =
        if names.pattern.is_some() { Vec::new() } else { tables(folder, extensions, names)? };
    let split = |table: &PathBuf| Split::named(&table.file_stem()?.to_string_lossy());
    let chosen: Vec<PathBuf> = match tables.iter().any(|t| split(t) == Some(Split::Train)) {
        true => tables.into_iter().filter(|t| split(t).is_some()).collect(),
        false if tables.len() == 1 => tables,
        false => return Ok(None),
    };
    let mut listing = Listing::default();
    for table in &chosen {
        let found = list(table, extensions, names)?;
        let of_table = split(table).filter(|_| chosen.len() > 1);
        listing.items.extend(
            found.items.into_iter().map(|item| Item { split: item.split.or(of_table), ..item }),
        );
        listing.notes.push(format!("paths and labels are those of {}", table.display()));
        listing.notes.extend(found.notes);
    }
    listing.items.sort_by(|a, b| a.path.cmp(&b.path));
    if let Some(twice) = listing.items.windows(2).find(|pair| pair[0].path == pair[1].path) {
        let found = format!("{} in two of them", twice[0].path.display());
        return Err(Error::invalid(folder.display(), "tables", "each file once", found));
    }
    Ok(Some(listing))
}

/// True for a folder with a few tables, one of which lists files with these extensions.
pub fn lists(folder: &Path, extensions: &[&str]) -> bool {
    let is_table = |path: &Path| {
        path.extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("csv") || e.eq_ignore_ascii_case("tsv"))
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let few = entries.filter(|e| is_table(&e.path())).take(FEW + 1).count() <= FEW;
    few && tables(folder, extensions, &Names::default()).is_ok_and(|found| !found.is_empty())
}

/// The tables of a folder that name a file in their first row and have a column of labels.
fn tables(folder: &Path, extensions: &[&str], names: &Names) -> Result<Vec<PathBuf>> {
    let tables = tables_in(folder)?;
    Ok(tables.into_iter().filter(|table| is_list(table, extensions, names)).collect())
}

/// The `.csv` and `.tsv` files of a folder, sorted.
fn tables_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|e| Error::io(folder, e))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| Error::io(folder, e))?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
        // A form for predictions of a competition.
        let is_table = name.ends_with(".csv") || name.ends_with(".tsv");
        if is_table && !name.starts_with('.') && !name.starts_with("sample_submission") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// True for a table with a column of labels whose first row names a file.
pub fn is_list(table: &Path, extensions: &[&str], names: &Names) -> bool {
    let folder = folder_of(table);
    let first = || {
        // A table of recordings may be larger than memory.
        let rows = Rows::open(table)?;
        let place = table.display().to_string();
        let text = rows.head();
        let mut csv = Csv::parse_separated(text, &place, false, separator(text, false))?;
        let mut files = Files::new(&folder, extensions);
        let columns = columns(&mut csv, &mut files, table, names)?;
        let first = csv.records.first().filter(|_| columns.sure);
        let cell = first.map(|r| r.cells[columns.path].clone());
        files.named(&place, &cell.unwrap_or_default())
    };
    let is_wanted = |path: PathBuf| {
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        extension.is_some_and(|e| extensions.contains(&e.as_str()))
    };
    first().is_ok_and(is_wanted)
}

fn folder_of(table: &Path) -> PathBuf {
    table.parent().unwrap_or(Path::new("")).to_path_buf()
}

#[cfg(test)]
mod tests;
