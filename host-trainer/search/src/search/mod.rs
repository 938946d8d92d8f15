//! The search for the sub-networks with the best predicted score within limits of flash, RAM and
//! instructions. The result is a Pareto front.
//!
//! In spaces of residual networks, scores and costs are sums over blocks, so [`tables`] hold the
//! contribution of each block. A space of up to [`ENUMERABLE`] sub-networks is enumerated. A larger
//! one is searched by evolution; branch and bound then proves the best score optimal or bounds it
//! from above. In all other spaces, [`whole`] sub-networks are evaluated; up to
//! [`whole::ENUMERATED`] are enumerated, and evolution finds the best of more without a proof. Every
//! returned sub-network is within the limits by its exact costs. Evaluation and export are left to
//! the caller.

pub mod among;
pub mod budget;
mod dual;
mod enumerate;
mod evolve;
mod exact;
pub mod file;
pub mod find;
pub mod front;
mod infeasible;
mod kinds;
mod problem;
pub mod promise;
pub mod score;
mod state;
pub mod tables;
pub mod time;
pub mod uniform;
pub mod verdict;
pub mod whole;

use std::path::PathBuf;

use supernano_base::error::Result;
use supernano_base::progress::{Silent, Task};
use tables::Tables;

pub use problem::{Problem, ScoredNetwork};
pub use score::ScoreModel;

/// Size of the largest space that is enumerated by default, in sub-networks.
pub const ENUMERABLE: u64 = 1 << 20;

/// Settings of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// Size of the largest space that is enumerated, in sub-networks.
    pub enumerable: u64,
    /// Seed of the evolution. Enumeration uses no random numbers.
    pub seed: u64,
    /// State file of the evolution in a space of residual networks. An interrupted search resumes from
    /// it; in other spaces, it starts again.
    pub state: Option<PathBuf>,
}

impl Default for Method {
    fn default() -> Self {
        Self { enumerable: ENUMERABLE, seed: 0, state: None }
    }
}

/// The solution of a problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// Feasible sub-networks that no other one dominates in score, flash, RAM and instructions,
    /// best score first. Never empty.
    pub front: Vec<ScoredNetwork>,
    /// Number of sub-networks and branch-and-bound nodes examined.
    pub examined: u64,
    /// True if every sub-network of the space was examined. The front is then exact. Otherwise, and if
    /// [`Self::optimal`] is false, it holds the best sub-networks that were found.
    pub exhaustive: bool,
    /// True if no feasible sub-network has a better score than the first of the front.
    pub optimal: bool,
    /// Upper bound of the score of every feasible sub-network.
    pub bound: f64,
}

impl Solution {
    /// The candidate with the best predicted score.
    pub fn best(&self) -> &ScoredNetwork {
        &self.front[0]
    }
}

/// Searches the space of a problem. The same problem and seed give the same solution on any
/// number of cores.
///
/// ```
/// use supernano_core::plan::Enhancement;
/// use supernano_core::space::{Block, Layer, PlacedBlock, Shape, Space};
/// use supernano_search::cost::Limits;
/// use supernano_search::cost::device::DeviceCosts;
/// use supernano_search::cost::instructions::InstructionTable;
/// use supernano_search::search::{Method, Problem, ScoreModel, search};
///
/// /// A score that grows with the width of every layer.
/// struct Wide;
///
/// impl ScoreModel for Wide {
///     fn term(&self, _: &Space<'_>, _: PlacedBlock, _: Option<u8>, options: &[u8]) -> f64 {
///         options.iter().map(|&option| f64::from(option).sqrt()).sum()
///     }
/// }
///
/// const LAYER: Layer<'_> = Layer::conv(&[4, 8, 12, 16], 3, 2);
/// let space = Space {
///     name: "tiny",
///     input: Shape { height: 16, width: 16, channels: 3 },
///     classes: 4,
///     layers: &[LAYER, LAYER],
///     blocks: &[Block::Conv, Block::Conv],
///     ..Space::EMPTY
/// };
/// let table = InstructionTable::of_core("cortex-m4")?;
/// let flash = table.overhead.code + 3000;
/// let costs = DeviceCosts { space: &space, enhancement: Enhancement::NONE, labels: 0, table };
/// let limits = Limits { flash_bytes: Some(flash), ..Limits::default() };
/// let problem = Problem { space: &space, score: &Wide, costs: &costs, limits };
///
/// let solution = search(&problem, &Method::default())?;
/// assert!(solution.exhaustive && solution.examined == 16);
/// assert_eq!(solution.best().arch.display(&space).to_string(), "12-12");
/// assert!(solution.best().costs.flash_bytes <= flash);
/// # Ok::<(), supernano_base::error::Error>(())
/// ```
///
/// # Errors
/// [`Error::No`](supernano_base::error::Error::No) if nothing is feasible; it names each limit that
/// fails and the smallest value that would suffice.
/// [`Error::Invalid`](supernano_base::error::Error::Invalid) for a space that is too large for the
/// tables or a state file of another search, and errors of reading or writing that file.
pub fn search(problem: &Problem<'_>, method: &Method) -> Result<Solution> {
    search_with(problem, method, &Silent)
}

/// As [`search()`]. The steps of the search are added to `task`, which then advances.
///
/// # Errors
/// The errors of [`search()`].
pub fn search_with(problem: &Problem<'_>, method: &Method, task: &dyn Task) -> Result<Solution> {
    if !problem.space.is_residual() {
        return whole::search(problem, method, task);
    }
    let tables = Tables::new(problem)?;
    let size = problem.space.size();
    if size > method.enumerable.into() {
        return evolve::search(problem, &tables, method, task);
    }
    let front = enumerate::search(problem, &tables, task);
    let Some(best) = front.first() else { return Err(infeasible::error(problem, &tables)) };
    Ok(Solution {
        bound: best.score,
        front,
        examined: size as u64,
        exhaustive: true,
        optimal: true,
    })
}

#[cfg(test)]
mod tests;
