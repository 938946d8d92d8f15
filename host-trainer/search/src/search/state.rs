//! The state file of a search: what an interrupted one goes on from.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_core::arch::{Arch, ArchCode};
use supernano_core::space::Space;

use super::evolve::RUNGS;
use super::tables::{Genes, genes};
use super::{Method, Problem, score};
use crate::cost::{Costs, Limits};

/// What must be the same for a state to be gone on from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Identity {
    space: String,
    seed: u64,
    limits: Limits,
    /// Linear scores of the widest and the narrowest sub-network, and the latter's costs: other
    /// scores, another table or another enhancement give other values.
    scores: [f64; 2],
    costs: [u64; 3],
}

/// A sub-network of the archive: its code, and its costs as they were looked up.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Kept(pub u64, pub [u64; 3]);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    search: Identity,
    rungs_done: u64,
    examined: u64,
    archive: Vec<Kept>,
}

/// The state of one search, in a file where one is named.
pub struct State {
    path: Option<PathBuf>,
    identity: Identity,
    /// Rungs that need not be searched again.
    pub rungs_done: u64,
    /// Sub-networks looked at so far.
    pub examined: u64,
    archive: Vec<Kept>,
}

impl State {
    /// Reads the state where there is one.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a file that is no state, or another search's.
    pub fn open(path: Option<&Path>, problem: &Problem<'_>, method: &Method) -> Result<Self> {
        let space = problem.space;
        let kinds = vec![0; space.blocks.len()];
        let (low, high) = (Arch::smallest(space), Arch::largest(space));
        let identity = Identity {
            space: space.name.to_owned(),
            seed: method.seed,
            limits: problem.limits,
            scores: [&high, &low].map(|a| score::linear(space, problem.score, a)),
            costs: problem.costs.costs(&low, &kinds).values(),
        };
        let path = path.map(Path::to_path_buf);
        let mut state = Self { path, identity, rungs_done: 0, examined: 0, archive: Vec::new() };
        let Some(path) = state.path.as_ref().filter(|p| p.exists()) else { return Ok(state) };
        let content: Content = files::read_json(path)?;
        if content.search != state.identity || content.rungs_done > RUNGS {
            let expected = "the state of this very search (same scores, limits, seed); remove the \
                            file to search anew";
            let found = format!("{} with seed {}", content.search.space, content.search.seed);
            return Err(Error::invalid(path.display(), "search", expected, found));
        }
        state.rungs_done = content.rungs_done;
        state.examined = content.examined;
        state.archive = content.archive;
        Ok(state)
    }

    /// The archive as it was.
    ///
    /// # Errors
    /// [`Error::Core`] for codes that are not the space's.
    pub fn archive(&self, space: &Space<'_>) -> Result<Vec<(Genes, Costs)>> {
        let place = self.path.as_deref().unwrap_or(Path::new("state"));
        let read = |Kept(code, [flash_bytes, ram_bytes, instructions]): &Kept| {
            let costs = Costs {
                flash_bytes: *flash_bytes,
                ram_bytes: *ram_bytes,
                instructions: *instructions,
            };
            Arch::from_code(space, ArchCode(*code)).map(|a| (genes(&a), costs))
        };
        self.archive
            .iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map_err(|e| Error::core(place.display(), e))
    }

    /// Writes what is known after a rung.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, rungs_done: u64, examined: u64, archive: Vec<Kept>) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let search = self.identity.clone();
        files::write_json(path, &Content { search, rungs_done, examined, archive })
    }

    /// Removes the file of a search that is done.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove(&self) -> Result<()> {
        match &self.path {
            Some(path) if path.exists() => std::fs::remove_file(path)
                .map_err(|source| Error::Io { path: path.clone(), source }),
            _ => Ok(()),
        }
    }
}
