//! `history.jsonl`: the commands that have worked on a run, one line each.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::{Error, Result};
use crate::files;
use crate::run_dir::RunDirectory;

/// A command that has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Time at which it started, RFC 3339 in UTC.
    pub started: String,
    /// Wall time, seconds.
    pub seconds: f64,
    /// Version of supernano.
    pub version: String,
    /// The arguments, without the name of the program.
    pub command: Vec<String>,
    /// Exit code.
    pub exit_code: u8,
}

/// A time as RFC 3339 in UTC, in whole seconds.
pub fn date(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let moment = i64::try_from(seconds).ok().map(OffsetDateTime::from_unix_timestamp);
    let text = moment.and_then(|m| m.ok()?.format(&Rfc3339).ok());
    text.unwrap_or_else(|| format!("{seconds} s after 1970"))
}

/// Adds a line in one write, so that commands which end at the same time do not mix their lines.
///
/// # Errors
/// [`Error::Io`].
pub fn append(run: &RunDirectory, entry: &Entry) -> Result<()> {
    let path = run.history();
    let mut line = serde_json::to_string(entry)
        .map_err(|e| Error::invalid(path.display(), "JSON", "a command", e))?;
    line.push('\n');
    let file = OpenOptions::new().append(true).create(true).open(&path);
    file.and_then(|mut file| file.write_all(line.as_bytes())).map_err(|e| Error::io(&path, e))
}

/// Reads the commands of a run, in the order in which they ended. No file is no command, and lines
/// that are none are skipped.
///
/// # Errors
/// The errors of [`files::read_text`].
pub fn read(run: &RunDirectory) -> Result<Vec<Entry>> {
    let path = run.history();
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let text = files::read_text(&path)?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_and_read() {
        let here = tempfile::tempdir().unwrap();
        let run = RunDirectory::new(here.path());
        assert_eq!(read(&run).unwrap(), []);
        let entry = Entry {
            started: date(SystemTime::UNIX_EPOCH),
            seconds: 1.5,
            version: "1".into(),
            command: vec!["rank".into(), "a b".into()],
            exit_code: 0,
        };
        assert_eq!(entry.started, "1970-01-01T00:00:00Z");
        append(&run, &entry).unwrap();
        std::fs::OpenOptions::new()
            .append(true)
            .open(run.history())
            .and_then(|mut file| file.write_all(b"{\"cut\n"))
            .unwrap();
        append(&run, &entry).unwrap();
        assert_eq!(read(&run).unwrap(), [entry.clone(), entry]);
    }
}
