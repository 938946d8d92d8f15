//! Names of the files in a run directory.

use std::path::{Path, PathBuf};

use crate::config::RunConfig;
use crate::error::Result;

/// A directory that holds one run: its configuration and everything that later commands add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDirectory(PathBuf);

impl RunDirectory {
    /// The run directory at `path`. The directory need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The run directory that holds a network file: the parent of the parent of `network`, if it has
    /// a `config.toml`.
    pub fn of_network(network: &Path) -> Option<Self> {
        let run = Self::new(network.parent()?.parent()?);
        run.config_file().is_file().then_some(run)
    }

    /// Path of the directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `config.toml`: the configuration, with every value written out.
    pub fn config_file(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// Reads the configuration.
    ///
    /// # Errors
    /// The errors of [`RunConfig::read`].
    pub fn config(&self) -> Result<RunConfig> {
        RunConfig::read(&self.config_file())
    }

    /// `data.cache`: the inputs of the data set, read from the user's files.
    pub fn data_cache(&self) -> PathBuf {
        self.0.join("data.cache")
    }

    /// `scores.json`: scores of sub-networks, from `supernano rank`.
    pub fn scores(&self) -> PathBuf {
        self.0.join("scores.json")
    }

    /// `scores/KEY.json`: all scores with the same weights, images and settings.
    pub fn score_list(&self, key: &str) -> PathBuf {
        self.0.join("scores").join(key).with_extension("json")
    }

    /// `predicted.json`: predictions of `supernano rank --surrogate`.
    pub fn predictions(&self) -> PathBuf {
        self.0.join("predicted.json")
    }

    /// `shards/I-of-N.json`: the scores of part `index` of `of`, counted from 1.
    pub fn shard(&self, index: usize, of: usize) -> PathBuf {
        self.0.join("shards").join(format!("{index}-of-{of}.json"))
    }

    /// `front.json`: the networks that `supernano search` found.
    pub fn front(&self) -> PathBuf {
        self.0.join("front.json")
    }

    /// `search-state.json`: the state of an unfinished search.
    pub fn search_state(&self) -> PathBuf {
        self.0.join("search-state.json")
    }

    /// `networks/CODE.snb`: the network file of a sub-network.
    pub fn network(&self, code: &str) -> PathBuf {
        self.0.join("networks").join(code).with_extension("snb")
    }

    /// `latency/table.csv`: one line for each count of a network on a device.
    pub fn latency_table(&self) -> PathBuf {
        self.0.join("latency").join("table.csv")
    }

    /// `networks/CODE.answers.json`: the answers for all test images, from `supernano export`.
    pub fn answers(&self, code: &str) -> PathBuf {
        self.0.join("networks").join(format!("{code}.answers.json"))
    }

    /// `history.jsonl`: the commands that have worked on the run.
    pub fn history(&self) -> PathBuf {
        self.0.join("history.jsonl")
    }

    /// `metrics.jsonl`: a line for each epoch, from `supernano train`.
    pub fn metrics(&self) -> PathBuf {
        self.0.join("metrics.jsonl")
    }

    /// `correlation.json`: scores of the run against true accuracies, from `supernano correlate`.
    pub fn correlation(&self) -> PathBuf {
        self.0.join("correlation.json")
    }

    /// `latency/NETWORK.TARGET.json`: the counts of a network on a device, operation by operation.
    /// Characters of the target that a file name may not have become `_`. `None` for a path without
    /// a file name.
    pub fn latency_report(&self, network: &Path, target: &str) -> Option<PathBuf> {
        self.of_target("latency", network, target, "json")
    }

    /// `check/NETWORK.TARGET.json`: the result of a check, with its answers. As
    /// [`Self::latency_report`] otherwise.
    pub fn check_report(&self, network: &Path, target: &str) -> Option<PathBuf> {
        self.of_target("check", network, target, "json")
    }

    /// `check/NETWORK.TARGET.partial.json`: the answers of an unfinished check. As
    /// [`Self::latency_report`] otherwise.
    pub fn partial_check(&self, network: &Path, target: &str) -> Option<PathBuf> {
        self.of_target("check", network, target, "partial.json")
    }

    fn of_target(
        &self,
        folder: &str,
        network: &Path,
        target: &str,
        extension: &str,
    ) -> Option<PathBuf> {
        let network = network.file_stem()?.to_string_lossy();
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
        let target: String = target.chars().map(plain).collect();
        Some(self.0.join(folder).join(format!("{network}.{target}.{extension}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_file_leads_to_its_run() {
        let here = tempfile::tempdir().unwrap();
        let run = RunDirectory::new(here.path());
        let network = run.network("4-8");
        assert_eq!(RunDirectory::of_network(&network), None);
        std::fs::write(run.config_file(), "").unwrap();
        assert_eq!(RunDirectory::of_network(&network), Some(run));
        assert_eq!(RunDirectory::of_network(Path::new("4-8.snb")), None);
    }

    #[test]
    fn a_target_is_spelled_as_a_file_name() {
        let run = RunDirectory::new("run");
        let file = run.partial_check(Path::new("networks/4-8.snb"), "serial:/dev/tty0");
        let expected = Path::new("run/check/4-8.serial__dev_tty0.partial.json");
        assert_eq!(file.as_deref(), Some(expected));
    }
}
