//! The state of a run: what is done, and what comes next.

use std::path::{Path, PathBuf};

use serde::Serialize;
use supernano_base::error::{Error, Result};
use supernano_base::run_dir::RunDirectory;
use supernano_core::space::Head;
use supernano_train::run::checkpoint;

/// A stage of the way from data to a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Name of the command.
    pub command: &'static str,
    /// True if its result is there.
    pub done: bool,
    /// The result, or what is missing.
    pub detail: String,
}

/// The state of a run.
#[derive(Clone, Debug, Serialize)]
pub struct State {
    /// The run directory.
    pub run: PathBuf,
    /// The stages in their order.
    pub stages: Vec<Stage>,
    /// The next command, as it is typed.
    pub next: Option<String>,
}

/// Reads the state of the run in a directory.
///
/// # Errors
/// As [`RunDirectory::config`]; [`Error::Missing`] for a directory without a run.
pub fn state(run: &Path) -> Result<State> {
    let directory = RunDirectory::new(run);
    if !directory.config_file().is_file() {
        let needed_for = "a run directory, made by `supernano train` or `supernano run`".into();
        return Err(Error::Missing { path: directory.config_file(), needed_for });
    }
    let config = directory.config()?;
    let steps = config.steps.len();
    let finished = checkpoint::latest_finished(run, &config).unwrap_or(0);
    let networks = networks(run)?;
    let mut stages = vec![Stage {
        command: "train",
        done: finished == steps,
        detail: format!("{finished} of {steps} steps"),
    }];
    let file = |command, path: PathBuf| {
        let done = path.is_file();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
        let name = name.unwrap_or_else(|| path.display().to_string());
        let detail = if done { name } else { format!("no {name}") };
        Stage { command, done, detail }
    };
    stages.push(file("rank", directory.scores()));
    stages.push(file("search", directory.front()));
    stages.push(Stage {
        command: "export",
        done: !networks.is_empty(),
        detail: match networks.as_slice() {
            [] => "no network".into(),
            [one] => one.display().to_string(),
            [first, ..] => format!("{} and {} more", first.display(), networks.len() - 1),
        },
    });
    stages.push(file("latency", directory.latency_table()));
    stages.push(file("report", run.join("report.html")));
    let network = networks.first().map_or("NETWORK".into(), |n| run.join(n).display().to_string());
    let of_run = run.display();
    let next = stages.iter().find(|s| !s.done).map(|stage| match stage.command {
        "train" => format!("supernano train -o {of_run} --resume"),
        "rank" => format!("supernano rank {of_run} --random 128"),
        "search" if config.space().head == Head::Classes => {
            format!("supernano search {of_run} --verify")
        }
        "search" => format!("supernano search {of_run}"),
        "export" => format!("supernano export {of_run} CODE"),
        "latency" => format!("supernano latency {network}"),
        _ => format!("supernano report {of_run}"),
    });
    Ok(State { run: run.to_path_buf(), stages, next })
}

/// The network files of a run, sorted, below the run directory.
fn networks(run: &Path) -> Result<Vec<PathBuf>> {
    let folder = run.join("networks");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(|e| Error::io(&folder, e))? {
        let path = entry.map_err(|e| Error::io(&folder, e))?.path();
        if path.extension().is_some_and(|e| e == "snb") {
            found.push(Path::new("networks").join(path.file_name().unwrap_or_default()));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests;
