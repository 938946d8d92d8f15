//! Errors of the host. Each has an exit code for `main`.

use std::path::{Path, PathBuf};

/// An error of the host. Its message names the file, the field, the expected and the found value as
/// far as they apply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A required file or directory does not exist.
    #[error("{}: not found ({needed_for})", path.display())]
    Missing {
        /// The missing path.
        path: PathBuf,
        /// Its purpose, or how to make it.
        needed_for: String,
    },
    /// Invalid input.
    #[error("{place}: {field}: expected {expected}, found {found}")]
    Invalid {
        /// File (with the line, if known) or option.
        place: String,
        /// The field, column or option.
        field: String,
        /// The valid values.
        expected: String,
        /// The value that was found.
        found: String,
    },
    /// A blob, code or space that the core crate refuses.
    #[error("{place}: {source}")]
    Core {
        /// File or option that contains it.
        place: String,
        /// The error of the core crate.
        source: supernano_core::error::Error,
    },
    /// The operating system refused a read or a write.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A tool, a driver or a device is missing or failed.
    #[error("{tool}: {problem}")]
    Tool {
        /// Its name.
        tool: String,
        /// The problem, and what to do about it.
        problem: String,
    },
    /// A connection to a device is broken: no byte arrives, or the stream ends.
    #[error("{link}: {problem}")]
    Line {
        /// The connection.
        link: String,
        /// The problem, and what to check.
        problem: String,
    },
    /// The device runs another version of the agent, or another firmware.
    #[error("{link}: firmware: expected {expected}, found {found}; write this version's agent")]
    Firmware {
        /// The connection.
        link: String,
        /// The valid values.
        expected: String,
        /// The value that was found.
        found: String,
    },
    /// A device refuses a request.
    #[error("{link}: the device refuses: {refusal:?}")]
    Refused {
        /// The connection.
        link: String,
        /// The reason, with its numbers.
        refusal: supernano_core::wire::Refusal,
    },
    /// A loss in training is not finite.
    #[error("step {step}, update {update}: the loss of {code} is not finite (first in {layer})")]
    NotFinite {
        /// Training step, 1 to 4.
        step: u32,
        /// Update in the step.
        update: u64,
        /// The sub-network.
        code: String,
        /// The first layer whose output is not finite.
        layer: String,
    },
    /// The command worked and its answer is negative: a mismatch, or no feasible network.
    #[error("{0}")]
    No(String),
}

/// Result of a host function.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The exit code of the process: 1 for a negative answer, 2 for wrong use or input, 3 for a
    /// failed tool or disk.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::No(_) | Self::NotFinite { .. } => 1,
            Self::Missing { .. } | Self::Invalid { .. } | Self::Core { .. } => 2,
            Self::Io { .. }
            | Self::Tool { .. }
            | Self::Line { .. }
            | Self::Firmware { .. }
            | Self::Refused { .. } => 3,
        }
    }

    /// An [`Error::Invalid`].
    pub fn invalid(
        place: impl ToString,
        field: impl ToString,
        expected: impl ToString,
        found: impl ToString,
    ) -> Self {
        Self::Invalid {
            place: place.to_string(),
            field: field.to_string(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    /// An [`Error::Core`] at `place`.
    pub fn core(place: impl ToString, source: supernano_core::error::Error) -> Self {
        Self::Core { place: place.to_string(), source }
    }

    /// An [`Error::Tool`].
    pub fn tool(tool: impl ToString, problem: impl ToString) -> Self {
        Self::Tool { tool: tool.to_string(), problem: problem.to_string() }
    }

    /// The error of a failed read or write of `path`: [`Error::Missing`] or [`Error::Io`].
    pub fn io(path: &Path, source: std::io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            std::io::ErrorKind::NotFound => {
                Self::Missing { path, needed_for: "given as input".into() }
            }
            _ => Self::Io { path, source },
        }
    }
}
