//! Lists the files that a CSV file names, with their labels.

use std::path::Path;

use supernano_base::error::{Error, Result};
use supernano_base::files::{self, Csv};

use super::item::{Item, Listing, Split};

/// Accepted names of the columns, in lower case.
const PATH: [&str; 5] = ["path", "file", "filename", "image", "name"];
const CLASS: [&str; 5] = ["label", "class", "category", "target", "y"];
const SPLIT: [&str; 3] = ["split", "set", "subset"];
const GROUP: [&str; 5] = ["group", "speaker", "subject", "session", "person"];

/// Lists the rows of a CSV file with a header. Paths are relative to its folder.
///
/// # Errors
/// [`Error::Invalid`] naming file and line for a missing column, an empty cell, a split that is none
/// and a path that stands twice; [`Error::Missing`] for a file that does not exist.
pub fn list(table: &Path) -> Result<Listing> {
    let place = table.display().to_string();
    let mut csv = Csv::parse(&files::read_text(table)?, &place, false)?;
    let mut header = csv.take_header()?;
    header.cells.iter_mut().for_each(|name| *name = name.to_lowercase());
    let (path, class) = (csv.column(&header, &PATH)?, csv.column(&header, &CLASS)?);
    let (split, group) = (csv.find(&header, &SPLIT)?, csv.find(&header, &GROUP)?);
    let folder = table.parent().unwrap_or(Path::new(""));
    let mut listing = Listing::default();
    let mut seen = std::collections::HashMap::new();
    for record in &csv.records {
        let at = csv.at(record);
        let cell = |column: usize, field: &str| match record.cells[column].trim() {
            "" => Err(Error::invalid(&at, field, "a value", "nothing")),
            text => Ok(text.to_owned()),
        };
        let path = folder.join(cell(path, "path")?);
        if let Some(before) = seen.insert(path.clone(), record.line) {
            let expected = "each file once";
            let found = format!("{} again (first in line {before})", path.display());
            return Err(Error::invalid(at, "path", expected, found));
        }
        if !path.is_file() {
            return Err(Error::Missing { path, needed_for: format!("named in {at}") });
        }
        let split = split
            .map(|column| {
                let name = cell(column, "split")?;
                let expected = "`train`, `val` or `test`";
                Split::named(&name).ok_or_else(|| Error::invalid(&at, "split", expected, name))
            })
            .transpose()?;
        let group = group.map(|column| cell(column, "group")).transpose()?;
        listing.items.push(Item { path, class: cell(class, "label")?, split, group });
    }
    if listing.items.is_empty() {
        return Err(Error::invalid(place, "rows", "at least one", "none"));
    }
    listing.items.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(listing)
}

#[cfg(test)]
mod tests;
