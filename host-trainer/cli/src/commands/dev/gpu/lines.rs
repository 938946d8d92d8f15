//! The results of `supernano dev gpu`, one JSON object a line.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use supernano_base::error::{Error, Result};
use supernano_base::files;

/// A file of results, to which every result is added as soon as it is there.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    /// All whole lines.
    lines: Vec<Value>,
}

impl Lines {
    /// Reads the file, or starts one. A last line that was cut off is removed.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("results.jsonl");
        let text = if path.exists() {
            String::from_utf8_lossy(&files::read(&path)?).into_owned()
        } else {
            String::new()
        };
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        if whole.len() < text.len() {
            files::write(&path, whole.as_bytes())?;
        }
        let lines = whole.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ok(Self { path, lines })
    }

    /// The line that ends a part, if it is there.
    pub fn done(&self, part: &str) -> Option<&Value> {
        self.lines.iter().rev().find(|line| line["part"] == part && line["done"] == true)
    }

    /// Adds a result to the file.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn add(&mut self, part: &str, result: Value) -> Result<()> {
        let mut line = json!({ "part": part });
        if let (Value::Object(line), Value::Object(result)) = (&mut line, result) {
            line.extend(result);
        }
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| Error::output(folder, e))?;
        }
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)
            .and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
            .map_err(|e| Error::io(&self.path, e))?;
        self.lines.push(line);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_cut_off_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mut lines = Lines::open(folder.path()).unwrap();
        lines.add("bench", json!({ "step_ms": 12.5 })).unwrap();
        lines.add("bench", json!({ "done": true })).unwrap();
        let path = folder.path().join("results.jsonl");
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let mut lines = Lines::open(folder.path()).unwrap();
            assert!(lines.done("bench").is_none() && lines.done("check").is_none());
            lines.add("bench", json!({ "done": true })).unwrap();
            assert_eq!(Lines::open(folder.path()).unwrap().done("bench"), lines.done("bench"));
            assert!(lines.done("bench").is_some());
        }
    }
}
