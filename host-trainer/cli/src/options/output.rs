//! Files for results.

use std::path::{Path, PathBuf};

use serde::Serialize;
use supernano_base::error::Result;
use supernano_base::files;

/// Allows to replace results.
#[derive(clap::Args, Debug, Clone, Copy)]
pub struct OverwriteArgs {
    /// Replace the output file if it exists.
    #[arg(long)]
    overwrite: bool,
}

impl OverwriteArgs {
    /// Whether a file that exists may be replaced.
    pub fn is_allowed(self) -> bool {
        self.overwrite
    }

    /// Returns the file for a result, after a check that it can be written. The check precedes the
    /// command's work.
    ///
    /// # Errors
    /// The errors of [`files::claim`].
    pub fn claim(self, output: &Path) -> Result<&Path> {
        files::claim(output, self.overwrite)?;
        Ok(output)
    }

    /// As [`Self::claim`], for a file that need not be named.
    ///
    /// # Errors
    /// The errors of [`files::claim`].
    pub fn claim_any(self, output: Option<&Path>) -> Result<Option<&Path>> {
        output.map(|path| self.claim(path)).transpose()
    }
}

/// Writes the result to a file as well.
#[derive(clap::Args, Debug)]
pub struct OutputArgs {
    /// File to which the result is also written, as JSON.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    overwrite: OverwriteArgs,
}

impl OutputArgs {
    /// Checks before the command's work that the file can be written, if one is named.
    ///
    /// # Errors
    /// The errors of [`files::claim`].
    pub fn claim(&self) -> Result<()> {
        self.overwrite.claim_any(self.output.as_deref()).map(|_| ())
    }

    /// Whether files that exist may be replaced.
    pub fn overwrites(&self) -> bool {
        self.overwrite.is_allowed()
    }

    /// Writes the result, if a file is named.
    ///
    /// # Errors
    /// The errors of [`files::write_json`].
    pub fn write<T: Serialize>(&self, result: &T) -> Result<()> {
        self.output.as_deref().map_or(Ok(()), |path| files::write_json(path, result))
    }
}
