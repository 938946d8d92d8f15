//! What the names of files tell: class, group and split.

use regex::Regex;
use supernano_base::config::DataSpec;
use supernano_base::error::{Error, Result};

use super::pattern::Pattern;

/// The rules of a configuration for the paths below a source.
#[derive(Debug, Default)]
pub struct Names {
    /// Takes class, group and split from a path.
    pub pattern: Option<Pattern>,
    /// Matches the paths of the test items.
    pub test: Option<Regex>,
    /// A folder whose files are no items.
    pub excluded: Option<String>,
    /// Columns of a table that hold what a network shall give.
    pub targets: Vec<String>,
    /// True if these are labels, each 0 or 1.
    pub multilabel: bool,
}

impl Names {
    /// The rules of a specification.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an invalid `pattern` or `test_files`.
    pub fn of(spec: &DataSpec) -> Result<Self> {
        let pattern = spec.pattern.as_deref().map(Pattern::new).transpose()?;
        let test = spec.test_files.as_deref().map(|text| {
            let expected = "a regular expression";
            Regex::new(text).map_err(|e| Error::invalid("data", "test_files", expected, e))
        });
        let excluded = spec.sound.as_ref().and_then(|s| s.noise.clone());
        let (targets, multilabel) = (spec.target_columns().to_vec(), spec.multilabel);
        Ok(Self { pattern, test: test.transpose()?, excluded, targets, multilabel })
    }

    /// True for a path below the source that is no item.
    pub fn excludes(&self, path: &str) -> bool {
        let rest =
            self.excluded.as_deref().and_then(|e| path.strip_prefix(e.trim_end_matches('/')));
        rest.is_some_and(|rest| rest.starts_with('/'))
    }
}

/// The letters and digits of the name of a column, in lower case.
pub fn plain(name: &str) -> String {
    name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
}
