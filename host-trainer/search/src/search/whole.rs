//! The search of spaces with other layers or choices than widths. Their scores and costs are no sums
//! over blocks: layers roll into each other across blocks, and a depth decides which blocks there
//! are. Every candidate is therefore evaluated as a whole.
//!
//! A space of up to [`ENUMERATED`] sub-networks is enumerated. A larger one is searched by evolution
//! on a ladder of limits, and by local search from the best networks of each rung. The result of an
//! evolution is the best that was found; it is not proved.

use std::collections::BTreeMap;

use rand::Rng as _;
use rayon::prelude::*;
use supernano_base::codes;
use supernano_base::error::{Error, Result};
use supernano_base::progress::Task;
use supernano_base::rng::{ChaCha8Rng, Key, Purpose};
use supernano_core::arch::Arch;
use supernano_core::space::Choice;

use super::{Method, Problem, ScoredNetwork, Solution, front};
use crate::cost::{Costs, Limits};

/// Number of sub-networks up to which a space is enumerated, if the settings allow as many.
pub const ENUMERATED: u64 = 1 << 13;
/// Rungs of the ladder of limits.
const RUNGS: u64 = 5;
/// Generations of a rung.
const GENERATIONS: u64 = 16;
/// Children of a generation.
const CHILDREN: u64 = 128;
/// Survivors of a generation.
const SURVIVORS: usize = 64;
/// Survivors of a rung that start a local search.
const CLIMBERS: usize = 2;
/// Steps of a local search.
const STEPS: usize = 6;

/// Searches the space of a problem. The same problem and seed give the same solution on any number
/// of cores.
///
/// # Errors
/// [`Error::No`] if nothing feasible is found.
pub fn search(problem: &Problem<'_>, method: &Method, task: &dyn Task) -> Result<Solution> {
    let networks = problem.space.networks();
    if networks <= method.enumerable.min(ENUMERATED).into() {
        return enumerate(problem, task);
    }
    task.extend(RUNGS);
    let choices: Vec<Choice> = problem.space.choices().collect();
    let mut evolution = Evolution { problem, choices, seed: method.seed, known: BTreeMap::new() };
    for rung in 0..RUNGS {
        evolution.rung(rung);
        task.advance(1);
    }
    evolution.finish()
}

fn enumerate(problem: &Problem<'_>, task: &dyn Task) -> Result<Solution> {
    let archs: Vec<Arch> = codes::all(problem.space).collect();
    task.extend(archs.len() as u64);
    let evaluate = |arch: &Arch| {
        task.advance(1);
        problem.candidate(arch.clone(), Vec::new())
    };
    let all: Vec<ScoredNetwork> = archs.par_iter().map(evaluate).collect();
    let feasible = all.iter().filter(|c| problem.limits.allow(c.costs)).cloned().collect();
    let front = front::pareto(feasible);
    let Some(best) = front.first() else {
        return Err(infeasible(problem.limits, all.iter().map(|c| c.costs), "nothing feasible"));
    };
    let (bound, examined) = (best.score, all.len() as u64);
    Ok(Solution { bound, front, examined, exhaustive: true, optimal: true })
}

/// The evolution of one problem.
struct Evolution<'a> {
    problem: &'a Problem<'a>,
    choices: Vec<Choice>,
    seed: u64,
    /// Every sub-network that was evaluated.
    known: BTreeMap<Arch, (f64, Costs)>,
}

impl Evolution<'_> {
    /// Evaluates sub-networks that are not known.
    fn evaluate(&mut self, archs: impl IntoIterator<Item = Arch>) {
        let mut new: Vec<Arch> =
            archs.into_iter().filter(|arch| !self.known.contains_key(arch)).collect();
        new.sort_unstable();
        new.dedup();
        let problem = self.problem;
        let evaluated: Vec<(Arch, (f64, Costs))> = new
            .into_par_iter()
            .map(|arch| {
                let costs = problem.costs.costs_within(&arch, problem.limits);
                let score = problem.score.link(problem.score.whole(problem.space, &arch));
                (arch, (score, costs))
            })
            .collect();
        self.known.extend(evaluated);
    }

    /// The limits of a rung: those of the user for rung 0, then values on a geometric scale down to
    /// the costs of the smallest sub-network.
    fn limits(&self, rung: u64) -> Limits {
        if rung == 0 {
            return self.problem.limits;
        }
        let costs = |arch: Arch| self.known.get(&arch).map_or([0; 3], |(_, costs)| costs.values());
        let low = costs(Arch::smallest(self.problem.space));
        let high = costs(Arch::largest(self.problem.space));
        let share = 1.0 - rung as f64 / RUNGS as f64;
        let user = self.problem.limits.values();
        Limits::of(std::array::from_fn(|k| {
            let high = user[k].map_or(high[k], |limit| limit.min(high[k])).max(low[k]);
            let ratio = high as f64 / low[k].max(1) as f64;
            Some(((low[k] as f64 * ratio.powf(share)).ceil() as u64).clamp(low[k], high))
        }))
    }

    /// The best known sub-networks under limits: those that exceed them least, then those with the
    /// highest scores.
    fn best(&self, limits: Limits, count: usize) -> Vec<Arch> {
        let mut ranked: Vec<(f64, f64, &Arch)> = self
            .known
            .iter()
            .map(|(arch, (score, costs))| (excess(limits, *costs), *score, arch))
            .collect();
        let order = |a: &(f64, f64, &Arch), b: &(f64, f64, &Arch)| {
            a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(b.2))
        };
        if ranked.len() > count {
            ranked.select_nth_unstable_by(count, order);
            ranked.truncate(count);
        }
        ranked.sort_unstable_by(order);
        ranked.into_iter().map(|(_, _, arch)| arch.clone()).collect()
    }

    fn rung(&mut self, rung: u64) {
        let space = self.problem.space;
        self.evaluate([Arch::smallest(space), Arch::largest(space)]);
        let limits = self.limits(rung);
        for generation in 0..GENERATIONS {
            let parents = self.best(limits, SURVIVORS);
            let children: Vec<Arch> = (0..CHILDREN)
                .map(|child| {
                    let index = (rung * GENERATIONS + generation) * CHILDREN + child;
                    let mut rng = Key::new(self.seed).rng(Purpose::Search, index);
                    self.child(&parents, generation == 0, &mut rng)
                })
                .collect();
            self.evaluate(children);
        }
        for start in self.best(limits, CLIMBERS) {
            let mut here = start;
            for _ in 0..STEPS {
                let neighbours = self.neighbours(&here);
                self.evaluate(neighbours.iter().cloned());
                let value = |arch: &Arch| {
                    let (score, costs) = self.known[arch];
                    (-excess(limits, costs), score)
                };
                let best = neighbours.into_iter().max_by(|a, b| {
                    let (a, b) = (value(a), value(b));
                    a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
                });
                match best {
                    Some(best) if value(&best) > value(&here) => here = best,
                    _ => break,
                }
            }
        }
    }

    /// A random sub-network, or a child of two parents with about two mutations.
    fn child(&self, parents: &[Arch], first: bool, rng: &mut ChaCha8Rng) -> Arch {
        let space = self.problem.space;
        let pick = |rng: &mut ChaCha8Rng| &parents[rng.random_range(0..parents.len())];
        let random = (first && rng.random_ratio(1, 2)) || rng.random_ratio(1, 16);
        let (a, b) = (pick(rng), pick(rng));
        let rate = 2.0 / self.choices.len() as f64;
        let options: Vec<u8> = self
            .choices
            .iter()
            .map(|&choice| {
                let count = space.options(choice);
                let any = rng.random_range(0..count) as u8;
                let block = space.block_of(choice).map(|placed| placed.index);
                let has = |arch: &Arch| block.is_none_or(|block| arch.keeps(space, block));
                let [one, two] = if rng.random() { [a, b] } else { [b, a] };
                let inherited = [one, two].into_iter().find(|arch| has(arch));
                let mutated = random || rng.random_bool(rate.min(1.0));
                match inherited {
                    Some(parent) if !mutated => parent.option(choice),
                    _ => any,
                }
            })
            .collect();
        Arch::from_options(space, options).expect("options of the space")
    }

    /// The sub-networks that differ in one step of one choice.
    fn neighbours(&self, arch: &Arch) -> Vec<Arch> {
        let space = self.problem.space;
        let options: Vec<u8> = self.choices.iter().map(|&choice| arch.option(choice)).collect();
        let mut found = Vec::new();
        for (i, &choice) in self.choices.iter().enumerate() {
            let up = (usize::from(options[i]) + 1 < space.options(choice)).then(|| options[i] + 1);
            for option in [options[i].checked_sub(1), up].into_iter().flatten() {
                let mut changed = options.clone();
                changed[i] = option;
                let other = Arch::from_options(space, changed).expect("options of the space");
                if other != *arch {
                    found.push(other);
                }
            }
        }
        found
    }

    fn finish(self) -> Result<Solution> {
        let problem = self.problem;
        let examined = self.known.len() as u64;
        let feasible = self.known.iter().filter(|(_, (_, costs))| problem.limits.allow(*costs));
        let scored = feasible.map(|(arch, &(score, costs))| ScoredNetwork {
            arch: arch.clone(),
            score,
            costs,
            kinds: Vec::new(),
        });
        let front = front::pareto(scored.collect());
        let Some(best) = front.first() else {
            let seen = self.known.values().map(|(_, costs)| *costs);
            return Err(infeasible(problem.limits, seen, "nothing feasible was found"));
        };
        let bound = problem.score.most(problem.space).max(best.score);
        Ok(Solution { bound, front, examined, exhaustive: false, optimal: false })
    }
}

/// The sum of the relative amounts by which costs exceed limits; 0 within them.
fn excess(limits: Limits, costs: Costs) -> f64 {
    let over = |(limit, value): (Option<u64>, u64)| {
        limit.map_or(0.0, |limit| (value as f64 / limit.max(1) as f64 - 1.0).max(0.0))
    };
    limits.values().into_iter().zip(costs.values()).map(over).sum()
}

/// The error for a problem without a feasible candidate: for each limit that fails alone, the smallest
/// value of all candidates; if none does, for each limit the smallest value within the others.
fn infeasible(limits: Limits, seen: impl Iterator<Item = Costs> + Clone, start: &str) -> Error {
    let values = limits.values();
    let smallest = |k: usize, limits: Limits| {
        seen.clone().filter(|c| limits.allow(*c)).map(|c| c.values()[k]).min()
    };
    let mut reasons: Vec<String> = Vec::new();
    for (k, limit) in values.into_iter().enumerate() {
        let needed = smallest(k, Limits::default());
        if let (Some(limit), Some(needed)) =
            (limit, needed.filter(|n| limit.is_some_and(|l| *n > l)))
        {
            let name = Limits::NAMES[k];
            reasons.push(format!("{name} {limit}: the smallest network needs {needed}"));
        }
    }
    if reasons.is_empty() {
        for (k, limit) in values.into_iter().enumerate() {
            let mut others = values;
            others[k] = None;
            if let (Some(limit), Some(needed)) = (limit, smallest(k, Limits::of(others))) {
                let name = Limits::NAMES[k];
                reasons.push(format!("{name} {limit}: within the other limits it takes {needed}"));
            }
        }
    }
    if reasons.is_empty() {
        reasons.push("the limits contradict each other, even without any one of them".to_owned());
    }
    Error::No(format!("{start}: {}", reasons.join("; ")))
}

#[cfg(test)]
mod tests;
