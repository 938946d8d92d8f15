//! Finds the files that the cells of a table name.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use supernano_base::error::{Error, Result};
use walkdir::WalkDir;

/// Most files below a folder that are looked at.
const MOST: usize = 1_000_000;

/// The files below the folder of a table.
pub struct Files<'a> {
    folder: &'a Path,
    extensions: &'a [&'a str],
    /// The files by their names and by their names without extension, in lower case; filled when a
    /// path is not there.
    index: Option<HashMap<String, Vec<PathBuf>>>,
    /// The first file that was found by its name only.
    elsewhere: Option<(String, PathBuf)>,
}

impl<'a> Files<'a> {
    /// The files below a folder with these extensions.
    pub fn new(folder: &'a Path, extensions: &'a [&'a str]) -> Self {
        Self { folder, extensions, index: None, elsewhere: None }
    }

    /// The file that a cell names; `at` names the row in errors.
    ///
    /// # Errors
    /// [`Error::Missing`] for no file; [`Error::Invalid`] for several.
    pub fn named(&mut self, at: &str, cell: &str) -> Result<PathBuf> {
        let found = self.find(cell);
        match found.as_slice() {
            [one] => Ok(one.clone()),
            [] => {
                let needed_for = format!("named in {at}");
                Err(Error::Missing { path: self.folder.join(cell), needed_for })
            }
            [first, second, ..] => {
                let expected = "a path that names one file";
                let found = format!("`{cell}`, as {} and {}", first.display(), second.display());
                Err(Error::invalid(at, "path", expected, found))
            }
        }
    }

    /// True if a cell names one file.
    pub fn names_one(&mut self, cell: &str) -> bool {
        self.find(cell).len() == 1
    }

    /// A remark about files that were found elsewhere.
    pub fn notes(&self, table: &str) -> Option<String> {
        let (cell, path) = self.elsewhere.as_ref()?;
        Some(format!(
            "{table}: files are found by their names, such as `{cell}` as {}",
            path.display()
        ))
    }

    fn find(&mut self, cell: &str) -> Vec<PathBuf> {
        let below = cell.replace('\\', "/");
        let Some(name) = below.rsplit('/').next().filter(|name| !name.is_empty()) else {
            return Vec::new();
        };
        let path = self.folder.join(&below);
        if path.is_file() {
            return vec![path];
        }
        let index = self.index.get_or_insert_with(|| index(self.folder, self.extensions));
        let mut found = index.get(&name.to_lowercase()).cloned().unwrap_or_default();
        if found.len() > 1 {
            // Other folders on the way tell more.
            let ends = |path: &PathBuf| {
                let path = path.with_extension("").to_string_lossy().replace('\\', "/");
                let cell = Path::new(&below).with_extension("").to_string_lossy().into_owned();
                path.ends_with(&format!("/{}", cell.trim_start_matches("./")))
            };
            let longer: Vec<PathBuf> = found.iter().filter(|p| ends(p)).cloned().collect();
            if longer.len() == 1 {
                found = longer;
            }
        }
        if let ([one], None) = (found.as_slice(), &self.elsewhere) {
            self.elsewhere = Some((cell.to_owned(), one.clone()));
        }
        found
    }
}

fn index(folder: &Path, extensions: &[&str]) -> HashMap<String, Vec<PathBuf>> {
    let mut index: HashMap<String, Vec<PathBuf>> = HashMap::new();
    let entries = WalkDir::new(folder).follow_links(true).sort_by_file_name();
    for entry in entries.into_iter().flatten().take(MOST) {
        let name = entry.file_name().to_string_lossy().to_lowercase();
        let Some((stem, extension)) = name.rsplit_once('.') else { continue };
        if !name.starts_with('.') && extensions.contains(&extension) && entry.file_type().is_file()
        {
            index.entry(stem.to_owned()).or_default().push(entry.path().to_path_buf());
            index.entry(name.clone()).or_default().push(entry.into_path());
        }
    }
    index
}
