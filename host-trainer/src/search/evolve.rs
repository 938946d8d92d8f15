//! Evolution with exact constraint handling, for spaces too large to enumerate.
//!
//! One population per rung of a ladder of limits, from the user's own down to the smallest
//! sub-network's costs, so that the front is filled along its whole length. Children that break a
//! limit are narrowed until they keep it; the best of each rung are then improved by exchanging
//! one, then two layers' options until no exchange helps.

use rand::Rng as _;
use rayon::prelude::*;
use supernano_core::arch::Arch;
use supernano_core::space::Space;

use super::enumerate::infeasible;
use super::{Candidate, Found, Limits, Problem, front};
use crate::data::rng::{ChaCha8Rng, Key, Purpose};
use crate::error::Result;

/// Limits that are searched one after the other.
const RUNGS: u64 = 10;
/// Individuals of a population.
const POPULATION: usize = 96;
/// Survivors of a generation.
const PARENTS: usize = 32;
/// Generations of a rung.
const GENERATIONS: u64 = 30;
/// Best of a rung that are improved by exchanges.
const CLIMBERS: usize = 3;
/// Neighbours whose costs are computed at a time.
const CHUNK: usize = 256;
/// Candidates that are kept before they are reduced to their front.
const KEPT: usize = 1 << 17;

/// The search of one problem.
struct Evolution<'a> {
    problem: Problem<'a>,
    /// Options on offer in each free layer.
    options: Vec<u8>,
    seed: u64,
    /// Feasible sub-networks met.
    pool: Vec<Candidate>,
    examined: u64,
}

/// Searches by evolution; the same seed gives the same answer on any number of cores.
///
/// # Errors
/// [`Error::No`] where the narrowest sub-network is not feasible.
pub fn search(problem: &Problem<'_>, seed: u64) -> Result<Found> {
    let space = problem.space;
    let floor = problem.candidate(Arch::smallest(space));
    if !problem.limits.allow(floor.costs) {
        let values = floor.costs.values();
        return Err(infeasible(problem.limits, values, values.map(Some)));
    }
    let ceiling = problem.costs.costs(&Arch::largest(space)).values();
    let options = space.free_layers().map(|i| space.layers[i].widths.len() as u8).collect();
    let mut evolution =
        Evolution { problem: *problem, options, seed, pool: vec![floor.clone()], examined: 2 };
    for rung in 0..RUNGS {
        let share = 1.0 - rung as f64 / RUNGS as f64;
        let limits = if rung == 0 {
            problem.limits
        } else {
            let (low, user) = (floor.costs.values(), problem.limits.values());
            let between = |k: usize| -> u64 {
                let high = user[k].map_or(ceiling[k], |limit| limit.min(ceiling[k])).max(low[k]);
                let ratio = high as f64 / low[k].max(1) as f64;
                ((low[k] as f64 * ratio.powf(share)) as u64).clamp(low[k], high)
            };
            Limits {
                flash_bytes: Some(between(0)),
                ram_bytes: Some(between(1)),
                instructions: Some(between(2)),
            }
        };
        evolution.rung(rung, limits, floor.clone());
    }
    let front = front::pareto(evolution.pool);
    Ok(Found { front, examined: evolution.examined, exhaustive: false })
}

/// The sub-network with these options of the free layers.
fn build(space: &Space<'_>, free: &[u8]) -> Arch {
    Arch::from_options(space, free.iter().copied()).unwrap_or_else(|_| Arch::smallest(space))
}

impl Evolution<'_> {
    fn free(&self, arch: &Arch) -> Vec<u8> {
        self.problem.space.free_layers().map(|i| arch.options()[i]).collect()
    }

    fn keep(&mut self, candidates: impl IntoIterator<Item = Candidate>) {
        let limits = self.problem.limits;
        self.pool.extend(candidates.into_iter().filter(|c| limits.allow(c.costs)));
        if self.pool.len() > KEPT {
            self.pool = front::pareto(std::mem::take(&mut self.pool));
        }
    }

    /// Evolves and improves one population under `limits`, which `floor` keeps.
    fn rung(&mut self, rung: u64, limits: Limits, floor: Candidate) {
        // What earlier rungs met is a start; the rest is random.
        let known = std::mem::take(&mut self.pool);
        let mut population: Vec<Candidate> =
            known.iter().filter(|c| limits.allow(c.costs)).cloned().collect();
        self.pool = known;
        population.sort_by(front::order);
        population.truncate(PARENTS);
        population.push(floor);
        for generation in 0..GENERATIONS {
            let parents = &population;
            let made: Vec<(Candidate, u64)> = (0..POPULATION as u64)
                .into_par_iter()
                .map(|child| {
                    let index = (rung * GENERATIONS + generation) * POPULATION as u64 + child;
                    let mut rng = Key::new(self.seed).rng(Purpose::Search, index);
                    let genes = if generation == 0 {
                        self.options.iter().map(|&n| rng.random_range(0..n)).collect()
                    } else {
                        self.cross(parents, &mut rng)
                    };
                    self.narrowed(genes, limits, &mut rng)
                })
                .collect();
            self.examined += made.iter().map(|m| m.1).sum::<u64>();
            let children: Vec<Candidate> = made.into_iter().map(|m| m.0).collect();
            self.keep(children.iter().cloned());
            population.extend(children);
            population.sort_by(front::order);
            population.dedup_by(|a, b| a.arch == b.arch);
            population.truncate(PARENTS);
        }
        population.truncate(CLIMBERS);
        for start in population {
            self.climb(start, limits);
        }
    }

    /// Uniform crossover of two parents, better ones being likelier, and a mutation or two.
    fn cross(&self, parents: &[Candidate], rng: &mut ChaCha8Rng) -> Vec<u8> {
        let mut pick = || {
            let (a, b) = (rng.random_range(0..parents.len()), rng.random_range(0..parents.len()));
            self.free(&parents[a.min(b)].arch)
        };
        let (a, b) = (pick(), pick());
        let layers = self.options.len();
        let mut genes: Vec<u8> =
            (0..layers).map(|i| if rng.random::<bool>() { a[i] } else { b[i] }).collect();
        for _ in 0..rng.random_range(1..=2) {
            let layer = rng.random_range(0..layers);
            genes[layer] = rng.random_range(0..self.options[layer]);
        }
        genes
    }

    /// Narrows random layers until the limits are kept; also says how many were examined.
    fn narrowed(
        &self,
        mut genes: Vec<u8>,
        limits: Limits,
        rng: &mut ChaCha8Rng,
    ) -> (Candidate, u64) {
        let mut examined = 0;
        loop {
            examined += 1;
            let arch = build(self.problem.space, &genes);
            if let Some(costs) = self.problem.costs.costs_within(&arch, limits) {
                return (Candidate { score: (self.problem.score)(&arch), costs, arch }, examined);
            }
            let wide: Vec<usize> = (0..genes.len()).filter(|&i| genes[i] > 0).collect();
            if wide.is_empty() {
                return (self.problem.candidate(arch), examined);
            }
            genes[wide[rng.random_range(0..wide.len())]] -= 1;
        }
    }

    /// Takes the best exchange of one layer's option, or else of two, until none is better.
    fn climb(&mut self, start: Candidate, limits: Limits) {
        let mut best = start;
        loop {
            let genes = self.free(&best.arch);
            let mut better = self.best_of(self.exchanges(&genes), limits, best.score);
            if better.is_none() {
                better = self.best_of(self.double_exchanges(&genes), limits, best.score);
            }
            match better {
                Some(b) => best = b,
                None => return,
            }
        }
    }

    /// The best feasible neighbour with a score above `bar`. Scores are quick and costs are not,
    /// so costs are computed from the best score down until one is feasible.
    fn best_of(&mut self, neighbours: Vec<Vec<u8>>, limits: Limits, bar: f64) -> Option<Candidate> {
        let problem = self.problem;
        let mut scored: Vec<(f64, Arch)> = neighbours
            .into_par_iter()
            .map(|genes| {
                let arch = build(problem.space, &genes);
                ((problem.score)(&arch), arch)
            })
            .filter(|s| s.0 > bar)
            .collect();
        scored.par_sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        for chunk in scored.chunks(CHUNK) {
            self.examined += chunk.len() as u64;
            let feasible: Vec<Candidate> = chunk
                .par_iter()
                .filter_map(|(score, arch)| {
                    let costs = problem.costs.costs_within(arch, limits)?;
                    Some(Candidate { arch: arch.clone(), score: *score, costs })
                })
                .collect();
            let best = feasible.iter().min_by(|a, b| front::order(a, b)).cloned();
            self.keep(feasible);
            if best.is_some() {
                return best;
            }
        }
        None
    }

    fn exchanges(&self, genes: &[u8]) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        for (i, &n) in self.options.iter().enumerate() {
            for option in (0..n).filter(|&o| o != genes[i]) {
                let mut other = genes.to_vec();
                other[i] = option;
                all.push(other);
            }
        }
        all
    }

    fn double_exchanges(&self, genes: &[u8]) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        for i in 0..genes.len() {
            for first in (0..self.options[i]).filter(|&o| o != genes[i]) {
                for j in i + 1..genes.len() {
                    for second in (0..self.options[j]).filter(|&o| o != genes[j]) {
                        let mut other = genes.to_vec();
                        (other[i], other[j]) = (first, second);
                        all.push(other);
                    }
                }
            }
        }
        all
    }
}
