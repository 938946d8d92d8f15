//! True accuracies that correct predictions.

use std::path::PathBuf;

use supernano_base::codes::truth::Form;
use supernano_search::predict::TruthFile;

/// Corrects predictions by true accuracies.
#[derive(clap::Args, Debug)]
pub struct TruthArgs {
    /// True accuracies of some of the codes; the command then predicts true accuracies.
    #[arg(long, value_name = "FILE", help_heading = "Prediction")]
    truth: Option<PathBuf>,
    /// Networks that the truths are of, if the file has no column `as` [default: nominal].
    #[arg(long = "as", value_enum, requires = "truth", help_heading = "Prediction")]
    form: Option<Form>,
}

impl TruthArgs {
    /// The truth file.
    pub fn file(&self) -> TruthFile {
        TruthFile { path: self.truth.clone(), form: self.form }
    }
}

/// Accepts a surrogate that is not useful.
#[derive(clap::Args, Debug)]
pub struct ForceArgs {
    /// Accept a surrogate that predicts held-out sub-networks no better than a trivial one.
    #[arg(long, help_heading = "Prediction")]
    force: bool,
}

impl ForceArgs {
    /// True if such a surrogate is accepted.
    pub fn force(&self) -> bool {
        self.force
    }
}
