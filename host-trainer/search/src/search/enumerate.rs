//! Exhaustive search of a small space, on all cores. Every sub-network that the tables do not rule
//! out is evaluated exactly.

use rayon::prelude::*;
use supernano_base::progress::Task;
use supernano_core::arch::{Arch, ArchCode};

use super::tables::{Tables, genes};
use super::{Problem, ScoredNetwork, front};
use crate::cost::Costs;

/// Number of codes in a task.
const CHUNK: u64 = 4096;

/// The exact front of all feasible sub-networks, which is empty if nothing is feasible. `task` advances
/// with every part of the space.
pub fn search(problem: &Problem<'_>, tables: &Tables, task: &dyn Task) -> Vec<ScoredNetwork> {
    let space = problem.space;
    // A space that is enumerated has far fewer.
    let size = u64::try_from(space.size()).unwrap_or(u64::MAX);
    task.extend(size.div_ceil(CHUNK));
    let least = tables.cheapest();
    let chunk = |index: u64| {
        let mut feasible = front::Growing::default();
        for code in index * CHUNK..size.min((index + 1) * CHUNK) {
            let arch =
                Arch::from_code(space, ArchCode(code.into())).expect("codes end at the size");
            let genes = genes(&arch);
            // Lower bounds of the costs, over all choices of kernels.
            let Some(sums) = least.sums(&genes) else { continue };
            if !problem.limits.allow(Costs::from(&sums)) {
                continue;
            }
            let score = problem.score.link(problem.linear(&sums));
            if feasible.rules_out(score, Costs::from(&sums)) {
                continue;
            }
            feasible.extend(problem.feasible(tables, &genes));
        }
        task.advance(1);
        feasible.into_front()
    };
    let found = (0..size.div_ceil(CHUNK)).into_par_iter().map(chunk).flatten().collect();
    front::pareto(found)
}
