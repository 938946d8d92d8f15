//! Errors of the host side, each with the exit code that `main` ends with.

use std::path::{Path, PathBuf};

/// What went wrong; the message names file, field, expected and found where there are any.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory that is needed does not exist.
    #[error("{}: not found ({needed_for})", path.display())]
    Missing {
        /// The path looked for.
        path: PathBuf,
        /// What it was needed for, or how to make it.
        needed_for: String,
    },
    /// Input that does not say what it must.
    #[error("{place}: {field}: expected {expected}, found {found}")]
    Invalid {
        /// File (with line where there is one) or option.
        place: String,
        /// The field, column or option.
        field: String,
        /// What would have been right.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A blob, code or space that core refuses.
    #[error("{place}: {source}")]
    Core {
        /// File or option that it came from.
        place: String,
        /// Core's error.
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
    /// A tool, driver or device is not there or failed.
    #[error("{tool}: {problem}")]
    Tool {
        /// Which.
        tool: String,
        /// What happened, and what to do.
        problem: String,
    },
    /// A line to a device is broken: no byte comes, or the stream ends.
    #[error("{link}: {problem}")]
    Line {
        /// The line.
        link: String,
        /// What happened, and what to look at.
        problem: String,
    },
    /// Somebody answers, but not this version of the agent: a stale firmware, or another one.
    #[error("{link}: firmware: expected {expected}, found {found}; write this version's agent")]
    Firmware {
        /// The line.
        link: String,
        /// What would have been right.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A device refuses a request, with its numbers.
    #[error("{link}: the device refuses: {refusal:?}")]
    Refused {
        /// The line.
        link: String,
        /// Why.
        refusal: supernano_core::wire::Refusal,
    },
    /// Training met a loss that is not finite.
    #[error("step {step}, update {update}: the loss of {code} is not finite (first in {layer})")]
    NotFinite {
        /// Training step, 1 to 4.
        step: u32,
        /// Update within the step.
        update: u64,
        /// The sub-network.
        code: String,
        /// The first layer whose output is not finite.
        layer: String,
    },
    /// Everything worked and the answer is no: a mismatch, or nothing feasible.
    #[error("{0}")]
    No(String),
}

/// Result of the host side.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The process's exit code: 1 the answer is no, 2 wrong use or input, 3 a tool or disk failed.
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

    /// An [`Error::Core`] that came from `place`.
    pub fn core(place: impl ToString, source: supernano_core::error::Error) -> Self {
        Self::Core { place: place.to_string(), source }
    }

    /// An [`Error::Tool`].
    pub fn tool(tool: impl ToString, problem: impl ToString) -> Self {
        Self::Tool { tool: tool.to_string(), problem: problem.to_string() }
    }

    /// What a failed read or write of `path` is: [`Error::Missing`] or [`Error::Io`].
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
