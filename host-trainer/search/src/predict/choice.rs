//! The choice of the sub-networks to evaluate, and the truth file of a prediction.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use supernano_base::codes::truth::Form;
use supernano_base::codes::{Coded, read_codes};
use supernano_base::error::{Error, Result};
use supernano_core::arch::Arch;
use supernano_core::space::Space;

use super::Truths;
use crate::surrogate::{FEWEST, design};

/// A truth file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TruthFile {
    /// Path of the file. `None` stands for predictions without a correction.
    pub path: Option<PathBuf>,
    /// Form of the trained networks, if the file has no column `as`.
    pub form: Option<Form>,
}

impl TruthFile {
    /// Reads the truths. Returns `None` without a file.
    ///
    /// # Errors
    /// The errors of [`Truths::read`].
    pub fn read(&self, space: &Space<'_>) -> Result<Option<Truths>> {
        self.path.as_deref().map(|path| Truths::read(path, space, self.form)).transpose()
    }
}

/// The choice of the codes to evaluate. All other codes are predicted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EvaluationChoice {
    /// All codes. Nothing is predicted.
    #[default]
    All,
    /// A number of random codes.
    Random(usize),
    /// The codes of a file.
    File(PathBuf),
}

impl EvaluationChoice {
    /// Returns the positions in `all` of the codes to evaluate, ascending, or `None` for
    /// [`Self::All`].
    ///
    /// # Errors
    /// [`Error::Invalid`] for too few codes, and for a code of the file that is not in `all`; as
    /// [`read_codes`].
    pub fn positions(
        &self,
        all: &[Coded],
        space: &Space<'_>,
        seed: u64,
    ) -> Result<Option<Vec<usize>>> {
        let chosen = match self {
            Self::All => return Ok(None),
            Self::Random(n) => design::random(all.len(), *n, seed),
            Self::File(path) => listed(path, all, space)?,
        };
        if chosen.len() < FEWEST {
            let expected = format!("{FEWEST} codes or more to evaluate");
            return Err(Error::invalid("command line", "--surrogate", expected, chosen.len()));
        }
        Ok(Some(chosen))
    }
}

/// Positions in `all` of the codes of a file, ascending and without repeats.
fn listed(path: &Path, all: &[Coded], space: &Space<'_>) -> Result<Vec<usize>> {
    let position: HashMap<&Arch, usize> =
        all.iter().enumerate().map(|(i, c)| (&c.arch, i)).collect();
    let find = |c: Coded| {
        position.get(&c.arch).copied().ok_or_else(|| {
            Error::invalid(path.display(), "code", "one of the ranked codes", &c.written)
        })
    };
    let mut found: Vec<usize> =
        read_codes(path, space)?.into_iter().map(find).collect::<Result<_>>()?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
