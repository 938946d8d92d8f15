//! The state file of an evolution, from which an interrupted search resumes.

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

/// Identifies a search. A state is valid only for a search with the same identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Identity {
    space: String,
    seed: u64,
    limits: Limits,
    /// Linear scores of the widest and the narrowest sub-network, which change with the scores.
    scores: [f64; 2],
    /// Costs of the narrowest sub-network, which change with the table and the enhancement.
    costs: [u64; 3],
}

/// A sub-network of the archive: its code and its costs from the tables.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Archived(pub u128, pub [u64; 3]);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    search: Identity,
    rungs_done: u64,
    examined: u64,
    archive: Vec<Archived>,
}

/// The state of one search and the path of its file, if it has one.
pub struct SearchState {
    path: Option<PathBuf>,
    identity: Identity,
    /// Number of finished rungs.
    pub rungs_done: u64,
    /// Number of sub-networks examined so far.
    pub examined: u64,
    archive: Vec<Archived>,
}

impl SearchState {
    /// Reads the state from a file, or starts an empty one if the file does not exist.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a file that is no state or belongs to another search.
    pub fn open(path: Option<&Path>, problem: &Problem<'_>, method: &Method) -> Result<Self> {
        let space = problem.space;
        let kinds = vec![0; space.blocks.len()];
        let smallest = Arch::smallest(space);
        let largest = Arch::largest(space);
        let identity = Identity {
            space: space.name.to_owned(),
            seed: method.seed,
            limits: problem.limits,
            scores: [&largest, &smallest].map(|a| score::linear(space, problem.score, a)),
            costs: problem.costs.costs(&smallest, &kinds).values(),
        };
        let path = path.map(Path::to_path_buf);
        let mut state = Self { path, identity, rungs_done: 0, examined: 0, archive: Vec::new() };
        let Some(path) = state.path.as_ref().filter(|p| p.exists()) else { return Ok(state) };
        let content: Content = files::read_json(path, "the state of a search")?;
        if content.search != state.identity || content.rungs_done > RUNGS {
            let expected = "the state of a search with the same scores, limits and seed; remove \
                            the file to start a new search";
            let found = format!("{} with seed {}", content.search.space, content.search.seed);
            return Err(Error::invalid(path.display(), "search", expected, found));
        }
        state.rungs_done = content.rungs_done;
        state.examined = content.examined;
        state.archive = content.archive;
        Ok(state)
    }

    /// The archive that was read.
    ///
    /// # Errors
    /// [`Error::Core`] for a code that is not of the space.
    pub fn archive(&self, space: &Space<'_>) -> Result<Vec<(Genes, Costs)>> {
        let mut archive = Vec::with_capacity(self.archive.len());
        for &Archived(code, [flash_bytes, ram_bytes, instructions]) in &self.archive {
            let arch = Arch::from_code(space, ArchCode(code)).map_err(|e| {
                let place = self.path.as_deref().unwrap_or(Path::new("state"));
                Error::core(place.display(), e)
            })?;
            archive.push((genes(&arch), Costs { flash_bytes, ram_bytes, instructions }));
        }
        Ok(archive)
    }

    /// Writes the state after a rung, if it has a file.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, rungs_done: u64, examined: u64, archive: Vec<Archived>) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let search = self.identity.clone();
        files::write_json(path, &Content { search, rungs_done, examined, archive })
    }

    /// Removes the file of a finished search.
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
