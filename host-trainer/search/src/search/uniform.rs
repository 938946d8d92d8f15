//! The network that a user would make by hand: every layer narrowed by the same factor.

use supernano_core::arch::Arch;

use super::tables::{Tables, genes};
use super::{Candidate, Problem, front};

/// The best feasible sub-network whose every layer has the widest option that is at most the same
/// share of its largest width (the narrowest where none is); `None` where none is feasible.
pub fn best(problem: &Problem<'_>) -> supernano_base::error::Result<Option<Candidate>> {
    let space = problem.space;
    let tables = Tables::new(problem)?;
    // Shares as fractions: all that any layer offers.
    let mut shares: Vec<(u32, u32)> = space
        .layers
        .iter()
        .flat_map(|l| {
            l.widths.iter().map(|&w| (u32::from(w), u32::from(l.widths[l.widths.len() - 1])))
        })
        .collect();
    shares.sort_by_key(|&(a, b)| (a << 16) / b);
    shares.dedup_by(|x, y| x.0 * y.1 == y.0 * x.1);
    let networks = shares.into_iter().filter_map(|(part, whole)| {
        let option = |i: usize| {
            let widths = space.layers[i].widths;
            let largest = u32::from(widths[widths.len() - 1]);
            let fits = |&w: &u16| u32::from(w) * whole <= part * largest;
            widths.iter().rposition(fits).unwrap_or(0) as u8
        };
        let arch = Arch::from_options(space, space.free_layers().map(option)).ok()?;
        problem.feasible(&tables, &genes(&arch))
    });
    Ok(networks.min_by(front::order))
}
