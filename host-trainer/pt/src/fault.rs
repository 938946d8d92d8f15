//! Errors inside a checkpoint, before the name of the file is known.

use std::fmt::Display;
use std::path::Path;

use supernano_base::error::Error;

/// What to do with a file that is not whole.
pub(crate) const AGAIN: &str = "the file is cut short or damaged; copy it again";

/// An [`Error::Invalid`] without its file.
#[derive(Debug)]
pub(crate) struct Fault {
    field: String,
    expected: String,
    found: String,
}

/// Result inside a checkpoint.
pub(crate) type Result<T, E = Fault> = std::result::Result<T, E>;

impl Fault {
    /// A field with what is expected there and what is found.
    pub fn new(field: impl Display, expected: impl Display, found: impl Display) -> Self {
        Self { field: field.to_string(), expected: expected.to_string(), found: found.to_string() }
    }

    /// The same fault with another field.
    pub fn of(self, field: impl Display) -> Self {
        Self { field: field.to_string(), ..self }
    }

    /// The error that names the file.
    pub fn in_file(self, file: &Path) -> Error {
        Error::invalid(file.display(), self.field, self.expected, self.found)
    }
}

/// Names in a list that are shown.
const SHOWN: usize = 10;

/// A list of names, sorted; beyond ten of them, "and N more".
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    let shown: Vec<String> = names.iter().take(SHOWN).map(|n| format!("`{}`", short(n))).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Characters of a name that a message shows.
const LENGTH: usize = 80;

/// A name as a message shows it: printable, and not longer than a line.
pub(crate) fn short(name: &str) -> String {
    let mut text: String = name.chars().take(LENGTH).flat_map(char::escape_debug).collect();
    if name.chars().nth(LENGTH).is_some() {
        text.push_str("...");
    }
    text
}
