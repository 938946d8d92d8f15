//! Evolution with exact constraint handling, for spaces too large to enumerate.
//!
//! One population per rung of a ladder of limits, from the user's own down to the smallest
//! sub-network's costs, so that the front is filled along its whole length. Everything is scored
//! by table look-up. Children that break a limit are narrowed until they keep it; the best of each
//! rung are then improved by exchanging one, then two layers' options until no exchange helps, and
//! branch and bound has the last word.

use std::collections::BTreeMap;

use rand::{Rng as _, RngCore as _};
use rayon::prelude::*;
use supernano_base::error::Result;
use supernano_base::rng::{ChaCha8Rng, Key, Purpose};
use supernano_core::space::MAX_LAYERS;

use super::state::{Kept, State};
use super::tables::{Genes, Tables, genes};
use super::{Found, Method, Problem, exact, front, least, score};
use crate::cost::{Costs, Limits};

/// Limits that are searched one after the other.
pub const RUNGS: u64 = 12;
/// Children of a generation, made by tasks of so many each.
const CHILDREN: [u64; 2] = [4096, 512];
/// Survivors of a generation.
const PARENTS: usize = 256;
/// Generations of a rung.
const GENERATIONS: u64 = 40;
/// Best of a rung that are improved by exchanges.
const CLIMBERS: usize = 3;
/// Steps of the archive in the logarithm of each cost.
const STEP: f64 = 0.04;
/// Rows that branch and bound may look at for the user's own limits, and for the other rungs'.
const BUDGET: [u64; 2] = [60_000_000, 2_000_000];

/// A sub-network as the tables see it.
#[derive(Clone, Copy, Debug)]
pub struct Individual {
    genes: Genes,
    /// Score on the linear scale.
    linear: f64,
    costs: Costs,
}

impl Individual {
    fn better(&self, other: &Self) -> std::cmp::Ordering {
        other
            .linear
            .total_cmp(&self.linear)
            .then_with(|| self.costs.values().cmp(&other.costs.values()))
            .then_with(|| self.genes.cmp(&other.genes))
    }
}

/// The search of one problem.
struct Evolution<'a> {
    problem: Problem<'a>,
    /// All ways of computing each block.
    all: &'a Tables,
    /// Layers that a code lists, the layers that follow each, and its options.
    free: Vec<(Vec<usize>, u8)>,
    seed: u64,
    /// The best sub-network met in each cell of a grid of costs.
    archive: BTreeMap<[u16; 3], Individual>,
    examined: u64,
}

/// Searches by evolution, then proves; the same seed gives the same answer on any number of cores.
///
/// # Errors
/// [`supernano_base::error::Error::No`] where nothing is feasible; a state file that is not this search's.
pub fn search(problem: &Problem<'_>, tables: &Tables, method: &Method) -> Result<Found> {
    let (evolution, state) = evolved(problem, tables, method, RUNGS)?;
    let found = evolution.finish(method)?;
    state.remove()?;
    Ok(found)
}

/// Stops after some rungs, as an interrupt would.
#[cfg(test)]
pub(super) fn stopped_after(problem: &Problem<'_>, method: &Method, rungs: u64) -> Result<()> {
    evolved(problem, &Tables::new(problem)?, method, rungs).map(|_| ())
}

/// The evolution after `rungs` rungs, those of the state file included.
fn evolved<'a>(
    problem: &Problem<'a>,
    tables: &'a Tables,
    method: &Method,
    rungs: u64,
) -> Result<(Evolution<'a>, State)> {
    let space = problem.space;
    let state = State::open(method.state.as_deref(), problem, method)?;
    let free = space.free_layers().map(|i| {
        let follow = (0..space.layers.len()).filter(|&j| space.source(j) == i).collect();
        (follow, space.layers[i].widths.len() as u8)
    });
    let mut evolution = Evolution {
        problem: *problem,
        all: tables,
        free: free.collect(),
        seed: method.seed,
        archive: BTreeMap::new(),
        examined: state.examined,
    };
    for (genes, costs) in state.archive(space)? {
        let linear = score::linear(space, problem.score, &problem.arch(&genes));
        evolution.insert(Individual { genes, linear, costs });
    }
    for rung in state.rungs_done..rungs {
        let limits = evolution.limits(rung);
        evolution.rung(rung, limits)?;
        state.save(rung + 1, evolution.examined, evolution.kept())?;
    }
    Ok((evolution, state))
}

impl Evolution<'_> {
    /// The user's limits, then ever smaller ones.
    fn limits(&self, rung: u64) -> Limits {
        if rung == 0 {
            return self.problem.limits;
        }
        let least = self.all.cheapest();
        let corner = |gene: fn(u8) -> u8| {
            let mut genes: Genes = [0; MAX_LAYERS];
            for (layers, options) in &self.free {
                layers.iter().for_each(|&i| genes[i] = gene(*options));
            }
            least.sums(&genes).map_or([0; 3], |s| Costs::from(&s).values())
        };
        let (low, high) = (corner(|_| 0), corner(|options| options - 1));
        let share = 1.0 - rung as f64 / RUNGS as f64;
        let user = self.problem.limits.values();
        Limits::of(std::array::from_fn(|k| {
            let high = user[k].map_or(high[k], |limit| limit.min(high[k])).max(low[k]);
            let ratio = high as f64 / low[k].max(1) as f64;
            Some(((low[k] as f64 * ratio.powf(share)).ceil() as u64).clamp(low[k], high))
        }))
    }

    /// The archive: codes with their costs, in the order of its cells.
    fn kept(&self) -> Vec<Kept> {
        let code = |genes: &Genes| self.problem.arch(genes).code(self.problem.space).0;
        self.archive.values().map(|i| Kept(code(&i.genes), i.costs.values())).collect()
    }

    fn insert(&mut self, found: Individual) {
        if !self.problem.limits.allow(found.costs) {
            return;
        }
        let cell = found.costs.values().map(|v| ((v.max(1) as f64).ln() / STEP) as u16);
        let held = self.archive.entry(cell).or_insert(found);
        if found.better(held).is_lt() {
            *held = found;
        }
    }

    /// Evolves and improves one population under `limits`. All that it takes from earlier rungs is
    /// the archive.
    fn rung(&mut self, rung: u64, limits: Limits) -> Result<()> {
        let bounded = Problem { limits, ..self.problem };
        let best = exact::best(&bounded, self.all, None, BUDGET[1]);
        self.examined += best.nodes;
        if rung == 0 && best.best.is_none() && best.proved {
            return Err(least::infeasible(&self.problem, self.all));
        }
        let tables = self.all.priced(best.prices, limits.ram_bytes);
        let lookup = Lookup { problem: self.problem, tables: &tables, free: &self.free, limits };
        let start =
            best.best.iter().filter_map(|b| lookup.look(genes(&b.arch))).collect::<Vec<_>>();
        let mut population: Vec<Individual> =
            self.archive.values().filter_map(|i| lookup.look(i.genes)).collect();
        population.extend(&start);
        population.retain(|i| limits.allow(i.costs));
        survive(&mut population);
        let mut met = start;
        for generation in 0..GENERATIONS {
            let parents = &population;
            let [children, task] = CHILDREN;
            let made: Vec<(Vec<Individual>, u64)> = (0..children / task)
                .into_par_iter()
                .map(|part| {
                    let index = (rung * GENERATIONS + generation) * (children / task) + part;
                    let mut rng = Key::new(self.seed).rng(Purpose::Search, index);
                    lookup.children(parents, generation == 0, &mut rng)
                })
                .collect();
            for (children, examined) in made {
                self.examined += examined;
                population.extend(&children);
                met.extend(children);
            }
            survive(&mut population);
        }
        population.truncate(CLIMBERS);
        for start in population {
            let (path, examined) = lookup.climb(start);
            self.examined += examined;
            met.extend(path);
        }
        met.into_iter().for_each(|found| self.insert(found));
        Ok(())
    }

    /// Exact costs for all that is worth keeping, and the front of what is feasible.
    fn finish(self, method: &Method) -> Result<Found> {
        let kept: Vec<Genes> = self.archive.values().map(|i| i.genes).collect();
        let found = kept.par_iter().filter_map(|g| self.problem.feasible(self.all, g)).collect();
        let front = front::pareto(found);
        let budget = BUDGET[usize::from(!method.prove)];
        let proof = exact::best(&self.problem, self.all, front.first(), budget);
        let examined = self.examined + proof.nodes;
        let best =
            proof.best.and_then(|b| self.problem.feasible(self.all, &genes(&b.arch)).or(Some(b)));
        let front = front::pareto(best.into_iter().chain(front).collect());
        if front.is_empty() {
            return Err(least::infeasible(&self.problem, self.all));
        }
        let bound = self.problem.score.link(self.problem.score.constant() + proof.bound);
        let bound = if proof.proved { front[0].score } else { bound.max(front[0].score) };
        Ok(Found { optimal: proof.proved, bound, front, examined, exhaustive: false })
    }
}

/// The tables of a rung, one way for each block, and its limits.
struct Lookup<'a> {
    problem: Problem<'a>,
    tables: &'a Tables,
    free: &'a [(Vec<usize>, u8)],
    limits: Limits,
}

impl Lookup<'_> {
    /// Looks a sub-network up.
    #[inline]
    fn look(&self, genes: Genes) -> Option<Individual> {
        let sums = self.tables.sums(&genes)?;
        Some(Individual { genes, linear: self.problem.linear(&sums), costs: Costs::from(&sums) })
    }

    /// One task's children that keep the limits, those that no other dominates, and how many were
    /// looked at.
    fn children(
        &self,
        parents: &[Individual],
        random: bool,
        rng: &mut ChaCha8Rng,
    ) -> (Vec<Individual>, u64) {
        let (mut made, mut examined) = (Vec::with_capacity(CHILDREN[1] as usize), 0);
        for child in 0..CHILDREN[1] {
            let mut genes = if parents.is_empty() || (random && child % 2 == 0) {
                let mut genes: Genes = [0; MAX_LAYERS];
                for (layers, options) in self.free {
                    let option = rng.random_range(0..*options);
                    layers.iter().for_each(|&i| genes[i] = option);
                }
                genes
            } else {
                self.cross(parents, rng)
            };
            loop {
                examined += 1;
                match self.look(genes) {
                    Some(found) if self.limits.allow(found.costs) => made.push(found),
                    Some(_) if self.narrow(&mut genes, rng) => continue,
                    _ => {}
                }
                break;
            }
        }
        made.sort_by(Individual::better);
        made.dedup_by(|a, b| a.genes == b.genes);
        // Best first, so only costs decide.
        let mut kept: Vec<Individual> = Vec::new();
        for child in made {
            if kept.len() < 32 && !kept.iter().any(|k| k.costs.within(child.costs)) {
                kept.push(child);
            }
        }
        (kept, examined)
    }

    /// Uniform crossover of two parents, better ones being likelier, and a mutation or two.
    fn cross(&self, parents: &[Individual], rng: &mut ChaCha8Rng) -> Genes {
        let mut pick = || {
            let (a, b) = (rng.random_range(0..parents.len()), rng.random_range(0..parents.len()));
            parents[a.min(b)].genes
        };
        let (mut child, other) = (pick(), pick());
        let mut mask = rng.next_u64();
        for (layers, _) in self.free {
            if mask & 1 == 1 {
                layers.iter().for_each(|&i| child[i] = other[i]);
            }
            mask >>= 1;
        }
        for _ in 0..1 + (mask & 1) {
            let (layers, options) = &self.free[rng.random_range(0..self.free.len())];
            let option = rng.random_range(0..*options);
            layers.iter().for_each(|&i| child[i] = option);
        }
        child
    }

    /// Takes an option from a random layer that has one to lose; false where none has.
    fn narrow(&self, genes: &mut Genes, rng: &mut ChaCha8Rng) -> bool {
        let wide = self.free.iter().filter(|(layers, _)| genes[layers[0]] > 0);
        let count = wide.clone().count();
        if count == 0 {
            return false;
        }
        let mut chosen = wide;
        if let Some((layers, _)) = chosen.nth(rng.random_range(0..count)) {
            let option = genes[layers[0]] - 1;
            layers.iter().for_each(|&i| genes[i] = option);
        }
        true
    }

    /// Takes the best exchange of one layer's option, or else of two, until none is better; what
    /// was taken on the way, and how many were looked at.
    fn climb(&self, start: Individual) -> (Vec<Individual>, u64) {
        let (mut best, mut path, mut examined) = (start, vec![start], 0);
        let options: u64 = self.free.iter().map(|f| u64::from(f.1)).sum();
        let layers = self.free.len();
        loop {
            let single = self.exchanged(&best, 0..layers, None);
            examined += options * if single.is_some() { 1 } else { options / 2 };
            let better = single.or_else(|| {
                let pairs: Vec<Individual> = (0..layers)
                    .into_par_iter()
                    .filter_map(|i| self.exchanged(&best, i + 1..layers, Some(i)))
                    .collect();
                pairs.into_iter().min_by(Individual::better)
            });
            let Some(better) = better else { return (path, examined) };
            best = better;
            path.push(best);
        }
    }

    /// The best sub-network that differs in one layer of `layers` (and in `first`), if better.
    fn exchanged(
        &self,
        from: &Individual,
        layers: std::ops::Range<usize>,
        first: Option<usize>,
    ) -> Option<Individual> {
        let mut best: Option<Individual> = None;
        let mut genes = from.genes;
        let outer = first.map_or(1, |i| self.free[i].1);
        for option in 0..outer {
            if let Some(first) = first {
                self.free[first].0.iter().for_each(|&i| genes[i] = option);
            }
            for layer in layers.clone() {
                let (tied, options) = &self.free[layer];
                let before = genes[tied[0]];
                for other in (0..*options).filter(|&o| o != before) {
                    tied.iter().for_each(|&i| genes[i] = other);
                    let Some(found) = self.look(genes) else { continue };
                    let beats = best.as_ref().unwrap_or(from);
                    if found.linear > beats.linear && self.limits.allow(found.costs) {
                        best = Some(found);
                    }
                }
                tied.iter().for_each(|&i| genes[i] = before);
            }
        }
        best
    }
}

fn survive(population: &mut Vec<Individual>) {
    population.sort_by(Individual::better);
    population.dedup_by(|a, b| a.genes == b.genes);
    population.truncate(PARENTS);
}
