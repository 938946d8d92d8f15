//! Individuals, selection, crossover and mutation.

use std::cmp::Ordering;

use rand::{Rng as _, RngCore as _};
use supernano_base::rng::ChaCha8Rng;
use supernano_core::space::MAX_LAYERS;

use super::super::Problem;
use super::super::tables::{Genes, Tables};
use super::FreeLayer;
use crate::cost::{Costs, Limits};

/// Children that one task makes.
pub(super) const CHILDREN: u64 = 512;
/// Survivors of a generation.
const SURVIVORS: usize = 256;
/// Largest number of children that a task returns.
const RETURNED: usize = 32;

/// A sub-network with its score and its costs from the tables.
#[derive(Clone, Copy, Debug)]
pub(super) struct Individual {
    pub genes: Genes,
    /// Score on the linear scale.
    pub linear: f64,
    pub costs: Costs,
}

impl Individual {
    /// Best score first, then the lowest costs, then the lowest genes.
    pub fn order(&self, other: &Self) -> Ordering {
        other
            .linear
            .total_cmp(&self.linear)
            .then_with(|| self.costs.values().cmp(&other.costs.values()))
            .then_with(|| self.genes.cmp(&other.genes))
    }
}

/// Keeps the best individuals, each once, best first.
pub(super) fn select(individuals: &mut Vec<Individual>) {
    individuals.sort_by(Individual::order);
    individuals.dedup_by(|a, b| a.genes == b.genes);
    individuals.truncate(SURVIVORS);
}

/// The environment of a rung's population: tables with one variant in each entry, and limits.
pub(super) struct Population<'a> {
    pub problem: Problem<'a>,
    pub tables: &'a Tables,
    pub free: &'a [FreeLayer],
    pub limits: Limits,
}

impl Population<'_> {
    /// Looks up the score and the costs of a sub-network. Returns `None` if a table has no entry
    /// for it.
    #[inline]
    pub fn look(&self, genes: Genes) -> Option<Individual> {
        let sums = self.tables.sums(&genes)?;
        Some(Individual { genes, linear: self.problem.linear(&sums), costs: Costs::from(&sums) })
    }

    /// Makes the children of one task and returns those within the limits that no other one
    /// dominates, with the number of sub-networks examined. A child that exceeds a limit is
    /// narrowed until it is within. With `random`, every second child is random.
    pub fn children(
        &self,
        parents: &[Individual],
        random: bool,
        rng: &mut ChaCha8Rng,
    ) -> (Vec<Individual>, u64) {
        let mut made = Vec::with_capacity(CHILDREN as usize);
        let mut examined = 0;
        for child in 0..CHILDREN {
            let mut genes = if parents.is_empty() || (random && child % 2 == 0) {
                self.random(rng)
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
        made.sort_by(Individual::order);
        made.dedup_by(|a, b| a.genes == b.genes);
        // Scores fall along the list, so a child is dominated if an earlier one costs no more.
        let mut kept: Vec<Individual> = Vec::new();
        for child in made {
            if kept.len() < RETURNED && !kept.iter().any(|k| k.costs.within(child.costs)) {
                kept.push(child);
            }
        }
        (kept, examined)
    }

    fn random(&self, rng: &mut ChaCha8Rng) -> Genes {
        let mut genes: Genes = [0; MAX_LAYERS];
        for layer in self.free {
            layer.set(&mut genes, rng.random_range(0..layer.options));
        }
        genes
    }

    /// Uniform crossover of two parents, followed by one or two mutations. The better of two random
    /// individuals becomes a parent.
    fn cross(&self, parents: &[Individual], rng: &mut ChaCha8Rng) -> Genes {
        let mut pick = || {
            let (a, b) = (rng.random_range(0..parents.len()), rng.random_range(0..parents.len()));
            parents[a.min(b)].genes
        };
        let mut child = pick();
        let other = pick();
        let mut mask = rng.next_u64();
        for layer in self.free {
            if mask & 1 == 1 {
                layer.set(&mut child, layer.option(&other));
            }
            mask >>= 1;
        }
        for _ in 0..1 + (mask & 1) {
            let layer = &self.free[rng.random_range(0..self.free.len())];
            layer.set(&mut child, rng.random_range(0..layer.options));
        }
        child
    }

    /// Lowers the option of a random layer by one. Returns false if every layer has its narrowest
    /// option.
    fn narrow(&self, genes: &mut Genes, rng: &mut ChaCha8Rng) -> bool {
        let mut wide = self.free.iter().filter(|layer| layer.option(genes) > 0);
        let count = wide.clone().count();
        if count == 0 {
            return false;
        }
        if let Some(layer) = wide.nth(rng.random_range(0..count)) {
            layer.set(genes, layer.option(genes) - 1);
        }
        true
    }
}
