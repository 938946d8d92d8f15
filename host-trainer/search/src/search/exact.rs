//! Branch and bound: the best sub-network within limits, with a proof.
//!
//! The search decides blocks from the first to the last. It leaves a branch if the limits can no
//! longer be met or if the Lagrangian bound ([`super::dual`]) shows that nothing better follows.
//! The logarithms of the objective are bounded by lines, which are tight on short intervals only.
//! Therefore the ranges of MACs and parameters are cut into boxes, each with its own bound.

mod branch;

use super::dual::{Objective, Prices, Range, Relaxation};
use super::tables::{Sums, Tables};
use super::{Problem, ScoredNetwork};
use branch::BranchAndBound;

/// Values closer than this are equal.
const EQUAL: f64 = 1e-9;
/// Subgradient steps for the bound of the whole space.
const ROOT_STEPS: usize = 400;
/// Subgradient steps for the bound of a box.
const BOX_STEPS: usize = 60;

/// The result of branch and bound.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The best sub-network found. It is feasible by its exact costs.
    pub best: Option<ScoredNetwork>,
    /// Upper bound of the objective over all feasible sub-networks.
    pub bound: f64,
    /// True if `best` is optimal, or if nothing is feasible and `best` is `None`.
    pub proved: bool,
    /// Number of variants visited.
    pub nodes: u64,
    /// Prices of flash and instructions at the root bound, per byte and per instruction.
    pub prices: [f64; 2],
}

/// Maximises the score of a problem. `start` is a known feasible sub-network; at most `budget`
/// nodes are visited. Among sub-networks of equal score it returns the first in the order of
/// [`super::front::order`].
pub fn best(
    problem: &Problem<'_>,
    tables: &Tables,
    start: Option<&ScoredNetwork>,
    budget: u64,
) -> Proof {
    let objective = Objective { logs: problem.score.logs() };
    maximise(problem, objective, tables, start, budget, true)
}

/// Maximises an objective over the sub-networks of the tables within the limits of a problem. With
/// `ties` the result is the first of all optimal sub-networks in the order of
/// [`super::front::order`], otherwise any of them.
pub fn maximise(
    problem: &Problem<'_>,
    objective: Objective,
    tables: &Tables,
    start: Option<&ScoredNetwork>,
    budget: u64,
    ties: bool,
) -> Proof {
    let tables = &tables.within(problem.limits);
    if tables.blocks.iter().any(|table| table.variants.is_empty()) {
        return Proof {
            best: None,
            bound: f64::NEG_INFINITY,
            proved: true,
            nodes: 0,
            prices: [0.0; 2],
        };
    }
    let mut search = BranchAndBound::new(problem, objective, tables, budget);
    if let Some(start) = start {
        search.start(start);
    }
    let whole = search.whole();
    let relaxation = Relaxation::new(objective, tables, problem.limits, whole);
    let target = search.value;
    let (root, prices) =
        relaxation.lower(tables, [0.0; 4], target, ROOT_STEPS, |path| search.try_path(path));
    let mut boxes = search.boxes(whole, prices);
    boxes.sort_by(|a, b| b.bound.total_cmp(&a.bound));
    let mut open = f64::NEG_INFINITY;
    for part in &mut boxes {
        if search.hopeless(part.bound) {
            continue;
        }
        let target = search.value + EQUAL;
        let (bound, prices) =
            part.relaxation
                .lower(tables, part.prices, target, BOX_STEPS, |path| search.try_path(path));
        if bound < part.bound {
            part.bound = bound;
            part.prices = prices;
        }
        if !search.hopeless(part.bound) && !search.descend(part) {
            open = open.max(part.bound);
        }
    }
    if ties && search.best.is_some() {
        search.ties = true;
        for part in &boxes {
            if !search.hopeless(part.bound) {
                search.descend(part);
            }
        }
    }
    let open = open.min(root.max(search.value));
    let proved = open <= search.value + EQUAL;
    Proof {
        proved,
        bound: if proved { search.value } else { open },
        best: search.best,
        nodes: search.nodes,
        prices: [prices[0], prices[1]],
    }
}

/// A box of the ranges of MACs and parameters, with its bound.
struct SizeBox {
    ranges: [Range; 2],
    relaxation: Relaxation,
    prices: Prices,
    bound: f64,
}

/// `[block][input]`: the largest sum of an amount over all blocks from that block on.
fn most_after(tables: &Tables, amount: fn(&Sums) -> u64) -> Vec<Vec<u64>> {
    // The least sum of the complement gives the largest sum of the amount. A variant has far less
    // than 2^40 of any amount.
    const HIGH: u64 = 1 << 56;
    let mut most = tables.least_after(|sums| HIGH - amount(sums).min(HIGH));
    let count = tables.blocks.len();
    for (k, values) in most.iter_mut().enumerate() {
        let whole = (count - k) as u64 * HIGH;
        for value in values {
            *value = whole.saturating_sub(*value);
        }
    }
    most
}
