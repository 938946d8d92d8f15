//! The data set.

use std::path::{Path, PathBuf};

/// Selects another place of the data set.
#[derive(clap::Args, Debug)]
pub struct DataArgs {
    /// Directory or archive of the data set [default: the one that the configuration names].
    #[arg(long, value_name = "PATH", help_heading = "Data")]
    data: Option<PathBuf>,
}

impl DataArgs {
    /// The directory or archive, if one is named.
    pub fn path(&self) -> Option<&Path> {
        self.data.as_deref()
    }
}
