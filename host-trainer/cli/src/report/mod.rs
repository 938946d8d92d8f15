//! One HTML page about a run, with tables and charts as inline SVG. It needs no other file.
//!
//! [`facts`] reads the files of the run, [`figures`] makes a figure of each subject, [`page`] puts
//! them together. Nothing is computed that a file of the run does not hold.

mod chart;
mod facts;
mod figures;
mod page;
mod table;

use std::path::{Path, PathBuf};

use supernano_base::error::{Error, Result};
use supernano_base::files;

use self::facts::Facts;

/// Writes `report.html` of a run, and beside it `report/` with the table of each figure as CSV and
/// everything as `report.json`. The page omits everything for which a file is missing.
///
/// # Errors
/// [`Error::Missing`] for a directory without a run; [`Error::Invalid`] with the file for contents that
/// are not as expected; [`Error::Io`] if a file cannot be written.
pub fn write(run: &Path) -> Result<PathBuf> {
    let facts = Facts::read(run)?;
    if facts.is_empty() {
        let needed_for = "the report, which needs the results of a command on the run".to_owned();
        return Err(Error::Missing { path: run.join("metrics.jsonl"), needed_for });
    }
    let figures = figures::all(&facts);
    let folder = run.join("report");
    for figure in &figures {
        if let Some(table) = &figure.table {
            files::write_text(&folder.join(format!("{}.csv", figure.id)), &table.csv())?;
        }
    }
    files::write_json(&folder.join("report.json"), &facts)?;
    let path = run.join("report.html");
    files::write(&path, page::page(&facts, &figures).as_bytes())?;
    Ok(path)
}
