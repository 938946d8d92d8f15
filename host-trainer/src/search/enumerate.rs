//! Exhaustive search of a small space, on all cores.

use rayon::prelude::*;
use supernano_core::arch::{Arch, ArchCode};

use super::{Candidate, Found, Limits, Problem, front};
use crate::error::{Error, Result};

/// Codes that one task examines before its feasible ones are reduced to a front.
const CHUNK: u64 = 4096;

/// Smallest costs met: of all sub-networks, and of those that keep the other two limits.
#[derive(Clone, Copy)]
struct Least {
    alone: [u64; 3],
    others_kept: [Option<u64>; 3],
}

impl Least {
    const NONE: Self = Self { alone: [u64::MAX; 3], others_kept: [None; 3] };

    fn meet(&mut self, limits: Limits, candidate: &Candidate) {
        let (values, kept) = (candidate.costs.values(), limits.kept(candidate.costs));
        for (k, value) in values.into_iter().enumerate() {
            self.alone[k] = self.alone[k].min(value);
            if (0..3).all(|other| other == k || kept[other]) {
                self.others_kept[k] = Some(self.others_kept[k].map_or(value, |v| v.min(value)));
            }
        }
    }

    fn join(mut self, other: Self) -> Self {
        for k in 0..3 {
            self.alone[k] = self.alone[k].min(other.alone[k]);
            self.others_kept[k] = match (self.others_kept[k], other.others_kept[k]) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        self
    }
}

/// Examines every sub-network.
///
/// # Errors
/// [`Error::No`] where none is feasible.
pub fn search(problem: &Problem<'_>) -> Result<Found> {
    let (space, size) = (problem.space, problem.space.size());
    let chunk = |index: u64| {
        let (mut feasible, mut least) = (Vec::new(), Least::NONE);
        for code in index * CHUNK..size.min((index + 1) * CHUNK) {
            let Ok(arch) = Arch::from_code(space, ArchCode(code)) else { continue };
            let candidate = problem.candidate(arch);
            least.meet(problem.limits, &candidate);
            if problem.limits.allow(candidate.costs) {
                feasible.push(candidate);
            }
        }
        (front::pareto(feasible), least)
    };
    let (feasible, least) = (0..size.div_ceil(CHUNK)).into_par_iter().map(chunk).reduce(
        || (Vec::new(), Least::NONE),
        |(mut a, x), (b, y)| {
            a.extend(b);
            (a, x.join(y))
        },
    );
    let front = front::pareto(feasible);
    if front.is_empty() {
        return Err(infeasible(problem.limits, least.alone, least.others_kept));
    }
    Ok(Found { front, examined: size, exhaustive: true })
}

/// Says which limits fail. `alone`: the smallest value of each cost; `others_kept`: the smallest
/// among sub-networks that keep the other two limits, where there are any.
pub fn infeasible(limits: Limits, alone: [u64; 3], others_kept: [Option<u64>; 3]) -> Error {
    let mut says: Vec<String> = Vec::new();
    for (k, (name, limit)) in Limits::NAMES.iter().zip(limits.values()).enumerate() {
        if let Some(limit) = limit.filter(|&limit| alone[k] > limit) {
            let needs = others_kept[k].unwrap_or(alone[k]);
            says.push(format!("{name} {limit}: the smallest network needs {needs}"));
        }
    }
    if says.is_empty() {
        for (k, (name, limit)) in Limits::NAMES.iter().zip(limits.values()).enumerate() {
            if let (Some(limit), Some(needs)) = (limit, others_kept[k]) {
                says.push(format!("{name} {limit}: within the other limits it takes {needs}"));
            }
        }
    }
    Error::No(format!("nothing feasible: {}", says.join("; ")))
}
