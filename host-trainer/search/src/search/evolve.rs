//! Evolution with exact constraint handling, for spaces too large to enumerate.
//!
//! One population evolves per rung of a ladder of limits, from the user's limits down to the costs
//! of the smallest sub-network, so that candidates cover the whole front. All sub-networks are
//! scored by table look-up. The best of each rung are improved by local search ([`climb`]), and
//! branch and bound ([`exact`](super::exact)) proves or bounds the best score at the end.

mod climb;
mod population;

use std::collections::BTreeMap;

use rayon::prelude::*;
use supernano_base::error::Result;
#[cfg(test)]
use supernano_base::progress::Silent;
use supernano_base::progress::Task;
use supernano_base::rng::{Key, Purpose};
use supernano_core::space::{MAX_LAYERS, Space};

use super::state::{Archived, SearchState};
use super::tables::{Genes, Tables, genes};
use super::{Method, Problem, Solution, exact, front, infeasible, score};
use crate::cost::{Costs, Limits};
use population::{CHILDREN, Individual, Population, select};

/// Number of rungs of the ladder of limits.
pub const RUNGS: u64 = 12;
/// Children of a generation.
const GENERATION: u64 = 4096;
/// Generations of a rung.
const GENERATIONS: u64 = 40;
/// Survivors of a rung that start a local search.
const CLIMBERS: usize = 3;
/// Size of an archive cell in the logarithm of each cost.
const CELL: f64 = 0.04;
/// Node budget of branch and bound for the final proof.
const PROOF_NODES: u64 = 60_000_000;
/// Node budget of branch and bound for each rung.
const RUNG_NODES: u64 = 2_000_000;

/// A free layer, which has a gene of its own.
struct FreeLayer {
    /// The layer and the layers tied to it.
    layers: Vec<usize>,
    /// Number of options.
    options: u8,
}

impl FreeLayer {
    /// The free layers of a space, in order.
    fn all(space: &Space<'_>) -> Vec<Self> {
        let mut all = Vec::new();
        for layer in space.free_layers() {
            let layers = (0..space.layers.len()).filter(|&j| space.source(j) == layer).collect();
            all.push(Self { layers, options: space.layers[layer].widths.len() as u8 });
        }
        all
    }

    /// The option of the layer.
    fn option(&self, genes: &Genes) -> u8 {
        genes[self.layers[0]]
    }

    /// Sets the option of the layer and of the layers tied to it.
    fn set(&self, genes: &mut Genes, option: u8) {
        for &layer in &self.layers {
            genes[layer] = option;
        }
    }
}

/// The evolution of one problem.
struct Evolution<'a> {
    problem: Problem<'a>,
    /// The complete tables.
    tables: &'a Tables,
    free: Vec<FreeLayer>,
    seed: u64,
    /// The best sub-network found in each cell of a grid of costs.
    archive: BTreeMap<[u16; 3], Individual>,
    examined: u64,
}

/// Searches by evolution, then by branch and bound. `task` advances with every rung. The same seed gives the same solution on any
/// number of cores.
///
/// # Errors
/// [`Error::No`](supernano_base::error::Error::No) if nothing is feasible; errors of the state file
/// ([`SearchState::open`]).
pub fn search(
    problem: &Problem<'_>,
    tables: &Tables,
    method: &Method,
    task: &dyn Task,
) -> Result<Solution> {
    task.extend(RUNGS + 1);
    let (evolution, state) = evolved(problem, tables, method, RUNGS, task)?;
    let solution = evolution.finish()?;
    task.advance(1);
    state.remove()?;
    Ok(solution)
}

/// Stops after some rungs, as an interrupted search does.
#[cfg(test)]
pub(super) fn stopped_after(problem: &Problem<'_>, method: &Method, rungs: u64) -> Result<()> {
    evolved(problem, &Tables::new(problem)?, method, rungs, &Silent).map(|_| ())
}

/// The evolution after `rungs` rungs, including those of the state file.
fn evolved<'a>(
    problem: &Problem<'a>,
    tables: &'a Tables,
    method: &Method,
    rungs: u64,
    task: &dyn Task,
) -> Result<(Evolution<'a>, SearchState)> {
    let state = SearchState::open(method.state.as_deref(), problem, method)?;
    let mut evolution = Evolution {
        problem: *problem,
        tables,
        free: FreeLayer::all(problem.space),
        seed: method.seed,
        archive: BTreeMap::new(),
        examined: state.examined,
    };
    for (genes, costs) in state.archive(problem.space)? {
        let linear = score::linear(problem.space, problem.score, &problem.arch(&genes));
        evolution.insert(Individual { genes, linear, costs });
    }
    task.advance(state.rungs_done);
    for rung in state.rungs_done..rungs {
        let limits = evolution.limits(rung);
        evolution.rung(rung, limits)?;
        state.save(rung + 1, evolution.examined, evolution.archived())?;
        task.advance(1);
    }
    Ok((evolution, state))
}

impl Evolution<'_> {
    /// Limits of a rung: the user's limits for rung 0, then values on a geometric scale down to the
    /// costs of the smallest sub-network.
    fn limits(&self, rung: u64) -> Limits {
        if rung == 0 {
            return self.problem.limits;
        }
        let cheapest = self.tables.cheapest();
        let corner = |option: fn(&FreeLayer) -> u8| {
            let mut genes: Genes = [0; MAX_LAYERS];
            for layer in &self.free {
                layer.set(&mut genes, option(layer));
            }
            cheapest.sums(&genes).map_or([0; 3], |s| Costs::from(&s).values())
        };
        let low = corner(|_| 0);
        let high = corner(|layer| layer.options - 1);
        let share = 1.0 - rung as f64 / RUNGS as f64;
        let user = self.problem.limits.values();
        Limits::of(std::array::from_fn(|k| {
            let high = user[k].map_or(high[k], |limit| limit.min(high[k])).max(low[k]);
            let ratio = high as f64 / low[k].max(1) as f64;
            Some(((low[k] as f64 * ratio.powf(share)).ceil() as u64).clamp(low[k], high))
        }))
    }

    /// The archive as the state file holds it.
    fn archived(&self) -> Vec<Archived> {
        let code = |genes: &Genes| self.problem.arch(genes).code(self.problem.space).0;
        self.archive.values().map(|i| Archived(code(&i.genes), i.costs.values())).collect()
    }

    /// Inserts a sub-network into the archive if it is within the user's limits and better than the
    /// one in its cell.
    fn insert(&mut self, found: Individual) {
        if !self.problem.limits.allow(found.costs) {
            return;
        }
        let cell = found.costs.values().map(|v| ((v.max(1) as f64).ln() / CELL) as u16);
        let held = self.archive.entry(cell).or_insert(found);
        if found.order(held).is_lt() {
            *held = found;
        }
    }

    /// Evolves and improves one population under `limits`. It depends on the archive and on no
    /// other result of earlier rungs.
    fn rung(&mut self, rung: u64, limits: Limits) -> Result<()> {
        let bounded = Problem { limits, ..self.problem };
        let proof = exact::best(&bounded, self.tables, None, RUNG_NODES);
        self.examined += proof.nodes;
        if rung == 0 && proof.best.is_none() && proof.proved {
            return Err(infeasible::error(&self.problem, self.tables));
        }
        let tables = self.tables.priced(proof.prices, limits.ram_bytes);
        let lookup =
            Population { problem: self.problem, tables: &tables, free: &self.free, limits };
        let start: Vec<Individual> =
            proof.best.iter().filter_map(|best| lookup.look(genes(&best.arch))).collect();
        let mut survivors: Vec<Individual> =
            self.archive.values().filter_map(|i| lookup.look(i.genes)).collect();
        survivors.extend(&start);
        survivors.retain(|i| limits.allow(i.costs));
        select(&mut survivors);
        let mut met = start;
        for generation in 0..GENERATIONS {
            let parents = &survivors;
            let tasks = GENERATION / CHILDREN;
            let made: Vec<(Vec<Individual>, u64)> = (0..tasks)
                .into_par_iter()
                .map(|task| {
                    let index = (rung * GENERATIONS + generation) * tasks + task;
                    let mut rng = Key::new(self.seed).rng(Purpose::Search, index);
                    lookup.children(parents, generation == 0, &mut rng)
                })
                .collect();
            for (children, examined) in made {
                self.examined += examined;
                survivors.extend(&children);
                met.extend(children);
            }
            select(&mut survivors);
        }
        survivors.truncate(CLIMBERS);
        for start in survivors {
            let (path, examined) = lookup.climb(start);
            self.examined += examined;
            met.extend(path);
        }
        for found in met {
            self.insert(found);
        }
        Ok(())
    }

    /// Evaluates the archive exactly, runs branch and bound, and returns the front.
    fn finish(self) -> Result<Solution> {
        let archive: Vec<Genes> = self.archive.values().map(|i| i.genes).collect();
        let feasible =
            archive.par_iter().filter_map(|g| self.problem.feasible(self.tables, g)).collect();
        let front = front::pareto(feasible);
        let proof = exact::best(&self.problem, self.tables, front.first(), PROOF_NODES);
        let best = proof
            .best
            .and_then(|best| self.problem.feasible(self.tables, &genes(&best.arch)).or(Some(best)));
        let front = front::pareto(best.into_iter().chain(front).collect());
        if front.is_empty() {
            return Err(infeasible::error(&self.problem, self.tables));
        }
        let bound = if proof.proved {
            front[0].score
        } else {
            let bound = self.problem.score.link(self.problem.score.constant() + proof.bound);
            bound.max(front[0].score)
        };
        Ok(Solution {
            optimal: proof.proved,
            bound,
            front,
            examined: self.examined + proof.nodes,
            exhaustive: false,
        })
    }
}
