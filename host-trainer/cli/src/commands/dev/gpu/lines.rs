//! The results of `supernano dev gpu`, one JSON object a line.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use supernano_base::config::Precision;
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

    /// The fastest tiling in a precision of a timing that was cut off, as the line that would have ended
    /// the part.
    pub fn fastest(&self, precision: Precision) -> Option<Value> {
        let timings = self.lines.iter().filter(|line| line["part"] == "bench");
        let timings = timings.map(|line| &line["timing"]);
        let timings = timings.filter(|timing| timing["precision"] == json!(precision));
        let timings = timings
            .filter_map(|timing| Some((timing["tiling"].as_u64()?, timing["step_ms"].as_f64()?)));
        let fastest = timings.min_by(|a, b| a.1.total_cmp(&b.1));
        fastest.map(|(tiling, step_ms)| json!({ "tiling": tiling, "step_ms": step_ms }))
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
    fn the_fastest_tiling_of_a_part_that_was_cut_off_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let mut lines = Lines::open(folder.path()).unwrap();
        assert_eq!(lines.fastest(Precision::Float32), None);
        let timings = [
            ("float32", Some(0), 12.5),
            ("float32", Some(1), 11.0),
            ("float32", None, 3.0),
            ("bfloat16", Some(0), 6.5),
        ];
        for (precision, tiling, step_ms) in timings {
            let timing = json!({ "precision": precision, "tiling": tiling, "step_ms": step_ms });
            lines.add("bench", json!({ "timing": timing })).unwrap();
        }
        let found = lines.fastest(Precision::Float32);
        assert_eq!(found, Some(json!({ "tiling": 1, "step_ms": 11.0 })));
    }

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
