//! Errors of the host. Each has an exit code for `main`.

use std::path::{Path, PathBuf};

use supernano_core::wire::Refusal;

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
    #[error("{link}: the device refuses: {}", refused(refusal))]
    Refused {
        /// The connection.
        link: String,
        /// The reason, with its numbers.
        refusal: Refusal,
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

/// A device's reason in words.
fn refused(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Version { expected, found } => {
            format!("it speaks protocol version {expected}, the host version {found}")
        }
        Refusal::Malformed => "it does not know the request".into(),
        Refusal::TooLarge { what, needed, capacity } => {
            let what = match what {
                0 => "network",
                1 => "image",
                _ => "arena",
            };
            format!("the {what} needs {needed} bytes, and it has room for {capacity}")
        }
        Refusal::NoLogits => "it has run no image whose logits could be read".into(),
        Refusal::BadBlob => "the network is damaged".into(),
        Refusal::NoBlob => "it has no network".into(),
        Refusal::NoImage { images } => format!("no such image; it has {images}"),
        Refusal::WrongKernel => "a kernel computes a wrong value".into(),
        Refusal::ImageLength { expected, found } => {
            format!("the image has {found} bytes, the network's input {expected}")
        }
        Refusal::ImageChecksum { expected, found } => {
            format!("the image has the checksum {found:08x}, expected {expected:08x}")
        }
    }
}

/// The message of a parser of JSON or TOML, with the words of a format in place of names of types.
pub fn parser_words(error: &impl std::fmt::Display) -> String {
    const KINDS: [(&str, &str); 4] = [
        ("expected tuple struct ", "expected a list"),
        ("expected struct ", "expected an object"),
        ("expected enum ", "expected one of its names"),
        ("expected unit variant ", "expected one of its names"),
    ];
    let mut text = error.to_string();
    for (kind, words) in KINDS {
        while let Some(at) = text.find(kind) {
            let name = &text[at + kind.len()..];
            let end = name.find(|c: char| !(c.is_alphanumeric() || ":_<>".contains(c)));
            let end = at + kind.len() + end.unwrap_or(name.len());
            text.replace_range(at..end, words);
        }
    }
    text
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

    /// The error of an output at `path` that cannot be made: [`Error::Io`], also for a directory that does
    /// not exist.
    pub fn output(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_no_names_of_types() {
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "only parsed")]
        struct Inner(u8, u8);
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "only parsed")]
        struct Outer {
            inner: Inner,
        }
        for (text, words) in [("1", "expected an object"), ("{\"inner\": 1}", "expected a list")] {
            let said = parser_words(&serde_json::from_str::<Outer>(text).unwrap_err());
            assert!(said.contains(words), "{said}");
            assert!(!["struct", "Outer", "Inner"].iter().any(|t| said.contains(t)), "{said}");
        }
        let refusal = Refusal::TooLarge { what: 2, needed: 9, capacity: 8 };
        let said = Error::Refused { link: "l".into(), refusal }.to_string();
        assert_eq!(said, "l: the device refuses: the arena needs 9 bytes, and it has room for 8");
    }
}
