//! What the outputs of the networks for a data set are, and how networks are compared by them.

use serde::{Deserialize, Serialize};
use supernano_core::space::Head;

/// The meaning of the outputs of networks for a data set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Objective {
    /// One of several classes.
    #[default]
    Classes,
    /// Several labels at once, each 0 or 1.
    Labels,
    /// Numbers. The spread of each one's training values makes the scale on which it is learnt.
    Values(Vec<Spread>),
    /// The input itself, normalised, `[channels, height, width]`.
    Reconstruction,
}

/// Mean and standard deviation of the training values of an output, in its unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Standard deviation, above 0.
    pub std: f64,
}

impl Spread {
    /// A value of the output's unit on the scale with mean 0 and standard deviation 1.
    pub fn standardised(self, value: f64) -> f64 {
        (value - self.mean) / self.std
    }
}

impl Objective {
    /// The head of the networks.
    pub const fn head(&self) -> Head {
        match self {
            Self::Classes => Head::Classes,
            Self::Labels => Head::Labels,
            Self::Values(_) | Self::Reconstruction => Head::Values,
        }
    }
}

/// The score of networks whose outputs are no classes. A larger one is better. A file without a
/// metric has top-1 accuracies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreMetric {
    /// Of numbers: 1 minus the mean squared error over the variance, both over all outputs on the
    /// scale of their training values. 1 is perfect, and 0 is as good as the mean.
    R2,
    /// Of labels: the mean over the labels of the area under the ROC curve. 0.5 is as good as chance.
    MacroAuc,
}

impl ScoreMetric {
    /// The metric of a head; `None` for classes, whose score is the top-1 accuracy.
    pub const fn of(head: Head) -> Option<Self> {
        match head {
            Head::Classes => None,
            Head::Labels => Some(Self::MacroAuc),
            Head::Values => Some(Self::R2),
        }
    }

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::R2 => "r2",
            Self::MacroAuc => "macro_auc",
        }
    }

    /// The metric of a name in files.
    pub fn named(name: &str) -> Option<Self> {
        [Self::R2, Self::MacroAuc].into_iter().find(|metric| metric.name() == name)
    }

    /// Its name in tables.
    pub const fn title(self) -> &'static str {
        match self {
            Self::R2 => "R2",
            Self::MacroAuc => "macro AUC",
        }
    }

    /// The score of an answer that does not depend on the input.
    pub const fn chance(self) -> f64 {
        match self {
            Self::R2 => 0.0,
            Self::MacroAuc => 0.5,
        }
    }

    /// The titles of a column of scores and of their standard errors.
    pub fn columns(metric: Option<Self>) -> (&'static str, &'static str) {
        metric.map_or(("top-1 %", "s.e. %"), |metric| (metric.title(), "s.e."))
    }

    /// The cell of a score in a table: an accuracy in percent, else the score itself.
    pub fn cell(metric: Option<Self>, score: f64) -> String {
        match metric {
            None => format!("{:.2}", 100.0 * score),
            Some(_) => format!("{score:.4}"),
        }
    }
}
