//! The file for a result.

use std::path::PathBuf;

use serde::Serialize;
use supernano_base::error::Result;
use supernano_base::files;

/// Writes the result to a file as well.
#[derive(clap::Args, Debug)]
pub struct OutputArgs {
    /// File to which the result is also written, as JSON.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl OutputArgs {
    /// Writes the result, if a file is named.
    ///
    /// # Errors
    /// As [`files::write_json`].
    pub fn write<T: Serialize>(&self, result: &T) -> Result<()> {
        self.output.as_deref().map_or(Ok(()), |path| files::write_json(path, result))
    }
}
