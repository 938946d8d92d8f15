//! Search: the sub-networks with the best predicted score under limits of flash, RAM and
//! instructions, as a Pareto front.
//!
//! Score and costs of a sub-network are sums of what its blocks add, so that tables hold them
//! ([`tables`]). Spaces up to [`ENUMERABLE`] sub-networks are enumerated; larger ones are searched
//! by evolution, and branch and bound then proves that nothing better is feasible, or says how
//! much better it could be. What is returned has been planned exactly: an infeasible sub-network
//! never is.

pub mod budget;
mod dual;
mod enumerate;
mod evolve;
mod exact;
pub mod file;
pub mod find;
pub mod front;
mod kinds;
mod least;
pub mod score;
mod state;
pub mod tables;
pub mod uniform;

use std::path::PathBuf;

use crate::cost::{CostModel, Costs, Limits};
pub use score::ScoreModel;
use supernano_base::error::Result;
use supernano_core::arch::Arch;
use supernano_core::space::Space;
use tables::Tables;

/// Largest space that is enumerated rather than evolved, in sub-networks.
pub const ENUMERABLE: u64 = 1 << 20;

/// A sub-network with what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The sub-network.
    pub arch: Arch,
    /// Predicted score, higher is better.
    pub score: f64,
    /// What it costs on the device, exactly.
    pub costs: Costs,
    /// How each block is computed ([`crate::cost::Part::kinds`]).
    pub kinds: Vec<u8>,
}

/// What a search is about.
#[derive(Clone, Copy)]
pub struct Problem<'a> {
    /// The space, validated.
    pub space: &'a Space<'a>,
    /// Score of a sub-network.
    pub score: &'a dyn ScoreModel,
    /// Costs of a sub-network.
    pub costs: &'a dyn CostModel,
    /// What may not be exceeded.
    pub limits: Limits,
}

/// How a search is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// Spaces up to this size are enumerated.
    pub enumerable: u64,
    /// Seed of the evolution; enumeration needs none.
    pub seed: u64,
    /// Whether branch and bound may work long for a proof.
    pub prove: bool,
    /// File that an interrupted evolution goes on from.
    pub state: Option<PathBuf>,
}

impl Default for Method {
    fn default() -> Self {
        Self { enumerable: ENUMERABLE, seed: 0, prove: true, state: None }
    }
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Feasible sub-networks that no other dominates in score, flash, RAM and instructions, best
    /// score first; never empty.
    pub front: Vec<Candidate>,
    /// Sub-networks that were looked up.
    pub examined: u64,
    /// True where that is the whole space: the front is then exact.
    pub exhaustive: bool,
    /// True where no feasible sub-network has a better score than the front's best.
    pub optimal: bool,
    /// No feasible sub-network has a higher score.
    pub bound: f64,
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
/// [`supernano_base::error::Error::No`] where nothing is feasible, naming the limits that fail and the
/// smallest values that would do.
pub fn search(problem: &Problem<'_>, method: &Method) -> Result<Found> {
    let tables = Tables::new(problem)?;
    let size = problem.space.size();
    if size > method.enumerable {
        return evolve::search(problem, &tables, method);
    }
    let front = enumerate::search(problem, &tables);
    let Some(best) = front.first() else { return Err(least::infeasible(problem, &tables)) };
    Ok(Found { bound: best.score, front, examined: size, exhaustive: true, optimal: true })
}

#[cfg(test)]
mod tests;
