//! Pareto fronts, and a few networks that represent one.

use supernano_core::arch::Arch;

use super::Candidate;
use crate::cost::Costs;

/// Candidates that no other dominates: none has a score at least as high and no cost above
/// theirs. Of candidates equal in all four, the first in the order of codes stays. Best score
/// first.
pub fn pareto(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.sort_by(order);
    // Candidates come by falling score, so only costs decide; cheaper later ones replace earlier
    // ones in what is compared with, since whatever those would dominate, these do.
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

/// A front that grows.
#[derive(Clone, Debug, Default)]
pub struct Growing {
    candidates: Vec<Candidate>,
    /// Length at which it is reduced to its front next.
    full: usize,
}

impl Growing {
    /// True where a candidate of this score and at least these costs would be dominated.
    pub fn rules_out(&self, score: f64, costs: Costs) -> bool {
        self.candidates.iter().any(|c| c.score > score && c.costs.within(costs))
    }

    /// Its candidates, reduced.
    pub fn into_front(self) -> Vec<Candidate> {
        pareto(self.candidates)
    }
}

impl Extend<Candidate> for Growing {
    fn extend<T: IntoIterator<Item = Candidate>>(&mut self, candidates: T) {
        self.candidates.extend(candidates);
        if self.candidates.len() > self.full {
            self.candidates = pareto(std::mem::take(&mut self.candidates));
            self.full = 2 * self.candidates.len().max(32);
        }
    }
}

/// Best score first, then cheapest, then lowest code.
pub fn order(a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    b.score
        .total_cmp(&a.score)
        .then_with(|| a.costs.values().cmp(&b.costs.values()))
        .then_with(|| a.arch.cmp(&b.arch))
}

/// Sum of the logarithms of the costs: what "cheap" means where one number is needed.
fn expense(candidate: &Candidate) -> f64 {
    candidate.costs.values().iter().map(|&v| (v.max(1) as f64).ln()).sum()
}

/// Up to `n` networks that are wide apart, best score first, both ends included: the best score,
/// the cheapest network, and between them, at evenly spaced scores, the cheapest network that
/// reaches each. `front` is one from [`pareto`].
pub fn spread(front: &[Candidate], n: usize) -> Vec<Candidate> {
    let Some(best) = front.first() else { return Vec::new() };
    let by_expense = |a: &&Candidate, b: &&Candidate| expense(a).total_cmp(&expense(b));
    let cheapest = front.iter().min_by(by_expense).unwrap_or(best);
    let mut chosen: Vec<&Candidate> = Vec::new();
    let is_chosen = |chosen: &[&Candidate], c: &Arch| chosen.iter().any(|k| k.arch == *c);
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
    // Levels can meet in one network; the gaps are then filled with what is furthest, in score
    // and expense, from all that is chosen.
    let span = |f: &dyn Fn(&Candidate) -> f64| (f(best) - f(cheapest)).abs().max(1e-12);
    let (scores, expenses) = (span(&|c| c.score), span(&expense));
    while chosen.len() < n.min(front.len()) {
        let distance = |c: &&Candidate| -> f64 {
            let to = |k: &&Candidate| {
                let (s, e) = ((c.score - k.score) / scores, (expense(c) - expense(k)) / expenses);
                s.hypot(e)
            };
            chosen.iter().map(to).fold(f64::INFINITY, f64::min)
        };
        let rest = front.iter().filter(|c| !is_chosen(&chosen, &c.arch));
        let Some(next) = rest.max_by(|a, b| distance(a).total_cmp(&distance(b))) else { break };
        chosen.push(next);
    }
    chosen.sort_by(|a, b| order(a, b));
    chosen.into_iter().cloned().collect()
}
