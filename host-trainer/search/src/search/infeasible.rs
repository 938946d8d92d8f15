//! Diagnosis of a problem without a feasible sub-network: the smallest limits that would suffice.

use supernano_base::error::Error;

use super::dual::Objective;
use super::exact::maximise;
use super::tables::Tables;
use super::{Problem, ScoredNetwork};
use crate::cost::Limits;

/// Node budget of branch and bound for one question.
const NODES: u64 = 5_000_000;

/// Describes why nothing is feasible.
///
/// If limits fail alone, the error names each of them with the smallest sufficient value, within
/// the other limits if possible. Otherwise it names, for each limit, the value needed within the
/// others.
pub fn error(problem: &Problem<'_>, tables: &Tables) -> Error {
    let limits = problem.limits.values();
    let alone = |k: usize| {
        let mut only = [None; 3];
        only[k] = limits[k];
        limits[k].is_some() && cheap(problem, tables, Limits::of(only), k).is_none()
    };
    let without = |k: usize| {
        let mut others = limits;
        others[k] = None;
        smallest(problem, tables, Limits::of(others), k)
    };
    let failing: Vec<usize> = (0..3).filter(|&k| alone(k)).collect();
    let mut reasons: Vec<String> = Vec::new();
    for &k in &failing {
        let needed = without(k).or_else(|| smallest(problem, tables, Limits::default(), k));
        if let (Some(limit), Some(needed)) = (limits[k], needed) {
            let name = Limits::NAMES[k];
            reasons.push(format!("{name} {limit}: the smallest network needs {needed}"));
        }
    }
    if failing.is_empty() {
        for (k, limit) in limits.into_iter().enumerate() {
            if let (Some(limit), Some(needed)) = (limit, limit.and_then(|_| without(k))) {
                let name = Limits::NAMES[k];
                reasons.push(format!("{name} {limit}: within the other limits it takes {needed}"));
            }
        }
    }
    if reasons.is_empty() {
        reasons.push("the limits contradict each other, even without any one of them".to_owned());
    }
    Error::No(format!("nothing feasible: {}", reasons.join("; ")))
}

/// The smallest value of cost `k` within limits on the other two. Returns `None` if those cannot be
/// met.
fn smallest(problem: &Problem<'_>, tables: &Tables, limits: Limits, k: usize) -> Option<u64> {
    let mut known = cheap(problem, tables, limits, k)?.costs.values()[k];
    let within = |value: u64| {
        let mut values = limits.values();
        values[k] = Some(value);
        Limits::of(values)
    };
    // Bisection between 0 and the smallest known value.
    let mut low = 0;
    while low < known {
        let middle = low + (known - low) / 2;
        match cheap(problem, tables, within(middle), k) {
            Some(found) => known = found.costs.values()[k],
            None => low = middle + 1,
        }
    }
    Some(known)
}

/// A feasible sub-network with low costs, above all a low cost `k`.
fn cheap(
    problem: &Problem<'_>,
    tables: &Tables,
    limits: Limits,
    k: usize,
) -> Option<ScoredNetwork> {
    let weight = |limit: Option<u64>| 1.0 / limit.map_or(f64::INFINITY, |l| l.max(1) as f64);
    let mut flash = weight(limits.flash_bytes);
    let mut instructions = weight(limits.instructions);
    match k {
        0 => flash += 1e-3,
        2 => instructions += 1e-6,
        _ => {}
    }
    let mut tables = tables.clone();
    for variant in tables.blocks.iter_mut().flat_map(|table| &mut table.variants) {
        let sums = &mut variant.sums;
        sums.score = -(flash * sums.flash as f64 + instructions * sums.instructions as f64);
    }
    let relaxed = Problem { limits, ..*problem };
    let proof = maximise(&relaxed, Objective { logs: [0.0; 2] }, &tables, None, NODES, false);
    proof.best.filter(|best| limits.allow(best.costs))
}
