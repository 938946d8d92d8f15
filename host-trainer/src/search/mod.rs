//! Search: the sub-networks with the best predicted score under limits of flash, RAM and
//! instructions, as a Pareto front. Spaces up to [`ENUMERABLE`] sub-networks are enumerated, larger
//! ones are searched by evolution with exact costs; an infeasible sub-network is never returned.

pub mod cost;
pub mod device;
mod enumerate;
mod evolve;
pub mod file;
pub mod front;
pub mod instructions;
pub mod size;

use supernano_core::arch::Arch;
use supernano_core::space::Space;

use crate::error::{Error, Result};
pub use cost::{CostModel, Costs, Limits};

/// Largest space that is enumerated rather than evolved, in sub-networks.
pub const ENUMERABLE: u64 = 1 << 20;

/// A sub-network with what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The sub-network.
    pub arch: Arch,
    /// Predicted score, higher is better.
    pub score: f64,
    /// What it costs on the device.
    pub costs: Costs,
}

/// What a search is about.
#[derive(Clone, Copy)]
pub struct Problem<'a> {
    /// The space, validated.
    pub space: &'a Space<'a>,
    /// Score of a sub-network, higher is better; finite.
    pub score: &'a (dyn Fn(&Arch) -> f64 + Sync),
    /// Costs of a sub-network.
    pub costs: &'a dyn CostModel,
    /// What may not be exceeded.
    pub limits: Limits,
}

impl Problem<'_> {
    fn candidate(&self, arch: Arch) -> Candidate {
        Candidate { score: (self.score)(&arch), costs: self.costs.costs(&arch), arch }
    }
}

/// How a search is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// Spaces up to this size are enumerated.
    pub enumerable: u64,
    /// Seed of the evolution; enumeration needs none.
    pub seed: u64,
}

impl Default for Method {
    fn default() -> Self {
        Self { enumerable: ENUMERABLE, seed: 0 }
    }
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Feasible sub-networks that no other dominates in score, flash, RAM and instructions, best
    /// score first; never empty.
    pub front: Vec<Candidate>,
    /// Sub-networks whose costs were computed.
    pub examined: u64,
    /// True where every sub-network of the space was examined: the front is then exact.
    pub exhaustive: bool,
}

impl Found {
    /// The best predicted score.
    pub fn best(&self) -> &Candidate {
        &self.front[0]
    }
}

/// Searches the space.
///
/// # Errors
/// [`Error::No`] where nothing is feasible, naming the limits that fail and the smallest values
/// that would do.
pub fn search(problem: &Problem<'_>, method: Method) -> Result<Found> {
    let found = if problem.space.size() <= method.enumerable {
        enumerate::search(problem)?
    } else {
        evolve::search(problem, method.seed)?
    };
    if found.front.is_empty() {
        return Err(Error::No("nothing feasible".into()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
