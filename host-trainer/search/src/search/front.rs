//! Pareto fronts of candidates, and a few candidates that represent one.

use std::cmp::Ordering;

use supernano_core::arch::Arch;

use super::ScoredNetwork;
use crate::cost::Costs;

/// Returns the candidates that no other one dominates, best score first. A candidate dominates
/// another if its score is at least as high and none of its costs is above the other's. Of equal
/// candidates the first in [`order`] stays.
pub fn pareto(mut candidates: Vec<ScoredNetwork>) -> Vec<ScoredNetwork> {
    candidates.sort_by(order);
    // Scores fall along the list, so costs alone decide. `cheapest` holds the costs of the kept
    // candidates that no later one undercuts; they rule out all that the others would.
    let mut cheapest: Vec<Costs> = Vec::new();
    candidates.retain(|c| {
        if cheapest.iter().any(|kept| kept.within(c.costs)) {
            return false;
        }
        cheapest.retain(|kept| !c.costs.within(*kept));
        cheapest.push(c.costs);
        true
    });
    candidates
}

/// A front that grows by candidates in any order.
#[derive(Clone, Debug, Default)]
pub struct Growing {
    candidates: Vec<ScoredNetwork>,
    /// Number of candidates above which they are reduced to their front.
    full: usize,
}

impl Growing {
    /// True if a candidate with this score and at least these costs would be dominated.
    pub fn rules_out(&self, score: f64, costs: Costs) -> bool {
        self.candidates.iter().any(|c| c.score > score && c.costs.within(costs))
    }

    /// The front.
    pub fn into_front(self) -> Vec<ScoredNetwork> {
        pareto(self.candidates)
    }
}

impl Extend<ScoredNetwork> for Growing {
    fn extend<T: IntoIterator<Item = ScoredNetwork>>(&mut self, candidates: T) {
        self.candidates.extend(candidates);
        if self.candidates.len() > self.full {
            self.candidates = pareto(std::mem::take(&mut self.candidates));
            self.full = 2 * self.candidates.len().max(32);
        }
    }
}

/// Best score first, then the lowest costs, then the lowest code.
pub fn order(a: &ScoredNetwork, b: &ScoredNetwork) -> Ordering {
    b.score
        .total_cmp(&a.score)
        .then_with(|| a.costs.values().cmp(&b.costs.values()))
        .then_with(|| a.arch.cmp(&b.arch))
}

/// The sum of the logarithms of the costs, which ranks candidates by all costs at once.
fn expense(candidate: &ScoredNetwork) -> f64 {
    candidate.costs.values().iter().map(|&v| (v.max(1) as f64).ln()).sum()
}

/// Selects up to `n` candidates that represent a front, best score first: the one with the best
/// score, the cheapest one, and between them, for evenly spaced scores, the cheapest one that
/// reaches each score. `front` is a result of [`pareto`].
pub fn spread(front: &[ScoredNetwork], n: usize) -> Vec<ScoredNetwork> {
    let Some(best) = front.first() else { return Vec::new() };
    let by_expense = |a: &&ScoredNetwork, b: &&ScoredNetwork| expense(a).total_cmp(&expense(b));
    let cheapest = front.iter().min_by(by_expense).unwrap_or(best);
    let mut chosen: Vec<&ScoredNetwork> = Vec::new();
    let is_chosen = |chosen: &[&ScoredNetwork], arch: &Arch| chosen.iter().any(|c| c.arch == *arch);
    for step in 0..n {
        let pick = if step == 0 {
            Some(best)
        } else if step + 1 == n {
            Some(cheapest)
        } else {
            let share = step as f64 / (n - 1) as f64;
            let level = best.score + share * (cheapest.score - best.score);
            front.iter().take_while(|c| c.score >= level).min_by(by_expense)
        };
        if let Some(pick) = pick.filter(|p| !is_chosen(&chosen, &p.arch)) {
            chosen.push(pick);
        }
    }
    // Several scores can select the same candidate. The candidate with the largest distance in
    // score and expense to all chosen ones then fills the gap.
    let span = |f: &dyn Fn(&ScoredNetwork) -> f64| (f(best) - f(cheapest)).abs().max(1e-12);
    let scores = span(&|c| c.score);
    let expenses = span(&expense);
    while chosen.len() < n.min(front.len()) {
        let distance = |c: &ScoredNetwork| -> f64 {
            let distances = chosen.iter().map(|k| {
                let score = (c.score - k.score) / scores;
                let expense = (expense(c) - expense(k)) / expenses;
                score.hypot(expense)
            });
            distances.fold(f64::INFINITY, f64::min)
        };
        let rest = front.iter().filter(|c| !is_chosen(&chosen, &c.arch));
        let Some(next) = rest.max_by(|a, b| distance(a).total_cmp(&distance(b))) else { break };
        chosen.push(next);
    }
    chosen.sort_by(|a, b| order(a, b));
    chosen.into_iter().cloned().collect()
}
