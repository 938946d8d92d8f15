//! Everything that the files of a run say about it.

mod arena;
mod correlation;
mod curves;
mod network;

use std::path::Path;
use std::time::SystemTime;

use serde::Serialize;
use serde::de::DeserializeOwned;
use supernano_base::answers::Answers;
use supernano_base::codes::scores::{Score, read_scores};
use supernano_base::config::RunConfig;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::history::{self, Entry};
use supernano_base::objective::ScoreMetric;
use supernano_base::run_dir::RunDirectory;
use supernano_search::search::file::Front;

pub use self::arena::Span;
pub use self::correlation::Correlation;
pub use self::curves::Point;
pub use self::network::{Counted, Layer, Network, Share};

/// The facts of a run.
#[derive(Debug, Serialize)]
pub struct Facts {
    /// Name of the run directory.
    pub name: String,
    /// Version of supernano that made the report.
    pub version: String,
    /// Time of the report, RFC 3339 in UTC.
    pub made: String,
    /// The configuration.
    pub config: RunConfig,
    /// The commands that have worked on the run.
    pub history: Vec<Entry>,
    /// Results that are older than the training, and other reasons for doubt.
    pub remarks: Vec<String>,
    /// Points of the learning curves.
    pub metrics: Vec<Point>,
    /// Scores of sub-networks with inherited weights.
    pub scores: Vec<Score>,
    /// The result of the search.
    pub front: Option<Front>,
    /// Networks: that to ship, the others of the front by score, the network of uniform width, and
    /// other exported ones.
    pub networks: Vec<Network>,
    /// Scores against true accuracies.
    pub correlation: Option<Correlation>,
    /// Answers of the network to ship for test images.
    pub answers: Option<Answers>,
}

impl Facts {
    /// Reads the files of a run.
    ///
    /// # Errors
    /// As [`RunDirectory::config`]; the errors of a file that exists and is not as expected.
    pub fn read(path: &Path) -> Result<Self> {
        let run = RunDirectory::new(path);
        if !run.config_file().is_file() {
            let needed_for = "a run directory, made by `supernano train` or `supernano run`".into();
            return Err(Error::Missing { path: run.config_file(), needed_for });
        }
        let front: Option<Front> = optional(&run.front(), "a front of `supernano search`")?;
        let mut remarks = stale(&run);
        remarks.extend(front.iter().filter_map(|f| f.remark.clone()));
        let networks = network::read(&run, front.as_ref(), &mut remarks)?;
        let answers = networks.first().and_then(|n| n.answers.clone());
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let name = absolute.file_name().map(|n| n.to_string_lossy().into_owned());
        let scores = match run.scores().is_file() {
            true => read_scores(&run.scores())?.into_iter().map(|(_, score)| score).collect(),
            false => Vec::new(),
        };
        let metrics = match run.metrics().is_file() {
            true => curves::read(&run.metrics())?,
            false => Vec::new(),
        };
        Ok(Self {
            name: name.unwrap_or_else(|| "run".into()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            made: history::date(SystemTime::now()),
            config: run.config()?,
            history: history::read(&run)?,
            remarks,
            metrics,
            scores,
            front,
            networks,
            correlation: optional(&run.correlation(), "a comparison of `supernano correlate`")?,
            answers,
        })
    }

    /// True if no command has left a result.
    pub fn is_empty(&self) -> bool {
        self.metrics.is_empty() && self.scores.is_empty() && self.networks.is_empty()
    }

    /// The score of networks whose outputs are no classes.
    pub fn metric(&self) -> Option<ScoreMetric> {
        ScoreMetric::of(self.config.space().head)
    }

    /// True if the scores are accuracies; false for cross-entropies and for other heads than classes.
    pub fn scores_are_accuracies(&self) -> bool {
        let of_front = |front: &Front| front.surrogate.metric == "top1";
        self.metric().is_none() && self.front.as_ref().is_none_or(of_front)
    }

    /// What the scores of the front are: predictions, or measured with inherited weights.
    pub fn score_kind(&self) -> &'static str {
        let measured = self.front.as_ref().is_some_and(|front| front.evaluated_only);
        if measured { "inherited" } else { "predicted" }
    }

    /// The title of an axis or a column of scores.
    pub fn score_title(&self) -> &'static str {
        let is_loss = self.front.as_ref().is_some_and(|front| front.surrogate.metric == "ce");
        match (self.metric(), is_loss) {
            (None, false) => "top-1, %",
            (None, true) => "minus cross-entropy, nats",
            (Some(metric), false) => metric.title(),
            (Some(_), true) => "minus loss",
        }
    }

    /// The unit behind a score that is no accuracy.
    pub fn score_unit(&self) -> &'static str {
        if self.metric().is_none() { " nats" } else { "" }
    }

    /// The unit of losses in the title of an axis.
    pub fn loss_unit(&self) -> &'static str {
        if self.metric() == Some(ScoreMetric::R2) { "" } else { ", nats" }
    }

    /// Number of images behind each score; `None` if the scores differ in it.
    pub fn scored_images(&self) -> Option<u64> {
        let first = self.scores.first()?.images;
        let equal = first > 0 && self.scores.iter().all(|s| s.images == first);
        equal.then_some(first as u64)
    }

    /// Number of validation images of a built-in data set, and of scores over all of them.
    pub fn validation_images(&self) -> Option<u64> {
        self.config.data.validation.map(|n| n as u64).or(self.scored_images())
    }
}

/// Reads a file of JSON, if it exists.
fn optional<T: DeserializeOwned>(path: &Path, what: &str) -> Result<Option<T>> {
    let exists = path.try_exists().map_err(|e| Error::io(path, e))?;
    exists.then(|| files::read_json(path, what)).transpose()
}

/// Results that are older than the end of the training.
fn stale(run: &RunDirectory) -> Vec<String> {
    let modified = |path: &Path| path.metadata().and_then(|m| m.modified()).ok();
    let Some(trained) = modified(&run.metrics()) else { return Vec::new() };
    let results = [("scores.json", run.scores()), ("front.json", run.front())];
    let old = results.iter().filter(|(_, path)| modified(path).is_some_and(|t| t < trained));
    old.map(|(name, _)| format!("{name} is older than the last epoch of the training")).collect()
}
