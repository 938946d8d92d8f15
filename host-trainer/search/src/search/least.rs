//! What would do where nothing is feasible.

use supernano_base::error::Error;

use super::dual::Goal;
use super::exact::maximise;
use super::tables::{Sums, Tables};
use super::{Candidate, Problem};
use crate::cost::{Costs, Limits};

/// Rows that one question may look at.
const BUDGET: u64 = 5_000_000;

/// [`Error::No`] that names each limit that fails by itself, with the smallest value that would do
/// (within the other limits, where that is possible at all); else those that fail together.
pub fn infeasible(problem: &Problem<'_>, tables: &Tables) -> Error {
    let set = problem.limits.values();
    let mut says: Vec<String> = Vec::new();
    let alone = |k: usize| {
        let mut only = [None; 3];
        only[k] = set[k];
        let limits = Limits::of(only);
        set[k].is_some() && feasible(problem, tables, limits, k).is_none()
    };
    let failing: Vec<usize> = (0..3).filter(|&k| alone(k)).collect();
    let others = |k: usize| {
        let mut others = set;
        others[k] = None;
        smallest(problem, tables, Limits::of(others), k)
    };
    for &k in &failing {
        let needs = others(k).or_else(|| smallest(problem, tables, Limits::default(), k));
        if let (Some(limit), Some(needs)) = (set[k], needs) {
            says.push(format!("{} {limit}: the smallest network needs {needs}", Limits::NAMES[k]));
        }
    }
    if failing.is_empty() {
        for (k, limit) in set.into_iter().enumerate() {
            if let (Some(limit), Some(needs)) = (limit, limit.and_then(|_| others(k))) {
                says.push(format!(
                    "{} {limit}: within the other limits it takes {needs}",
                    Limits::NAMES[k]
                ));
            }
        }
    }
    if says.is_empty() {
        says.push("the limits exclude each other, whichever one of them is dropped".to_owned());
    }
    Error::No(format!("nothing feasible: {}", says.join("; ")))
}

/// The smallest value of cost `k` within limits on the other two; `None` where those fail.
pub fn smallest(problem: &Problem<'_>, tables: &Tables, limits: Limits, k: usize) -> Option<u64> {
    let mut known = feasible(problem, tables, limits, k)?.costs.values()[k];
    let within = |value: u64| {
        let mut values = limits.values();
        values[k] = Some(value);
        Limits::of(values)
    };
    // Halve down to the least that the tables allow, then ask for one less until there is none.
    let mut low = 0;
    while low < known {
        let middle = low + (known - low) / 2;
        match feasible(problem, tables, within(middle), k) {
            Some(found) => known = found.costs.values()[k],
            None => low = middle + 1,
        }
    }
    Some(known)
}

/// A sub-network within the limits, one that is as cheap in cost `k` as the bounds find.
fn feasible(problem: &Problem<'_>, tables: &Tables, limits: Limits, k: usize) -> Option<Candidate> {
    let scale = |limit: Option<u64>| 1.0 / limit.map_or(f64::INFINITY, |l| l.max(1) as f64);
    let (mut flash, mut work) = (scale(limits.flash_bytes), scale(limits.instructions));
    match k {
        0 => flash += 1e-3,
        2 => work += 1e-6,
        _ => {}
    }
    let mut tables = tables.clone();
    for row in tables.stages.iter_mut().flat_map(|s| &mut s.rows) {
        let sums: &mut Sums = &mut row.sums;
        sums.score = -(flash * sums.flash as f64 + work * sums.instructions as f64);
    }
    let asked = Problem { limits, ..*problem };
    let found = maximise(&asked, Goal { logs: [0.0; 2] }, &tables, None, BUDGET, false);
    found.best.filter(|b: &Candidate| limits.allow(Costs { ..b.costs }))
}
