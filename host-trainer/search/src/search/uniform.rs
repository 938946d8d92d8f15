//! The baseline that a user would build by hand: every layer narrowed by the same factor.

use supernano_base::error::Result;
use supernano_core::arch::Arch;

use super::tables::{Tables, genes};
use super::{Problem, ScoredNetwork, front};

/// The best feasible sub-network of uniform width. For one common fraction, every layer has its
/// widest option of at most that fraction of its largest width, or its narrowest option if none is.
/// Returns `None` if no such sub-network is feasible.
///
/// # Errors
/// The errors of [`Tables::new`].
pub fn best(problem: &Problem<'_>) -> Result<Option<ScoredNetwork>> {
    let space = problem.space;
    let tables = Tables::new(problem)?;
    // The fractions `width / largest width` of all options of all layers.
    let mut fractions: Vec<(u32, u32)> = Vec::new();
    for layer in space.layers {
        let largest = u32::from(layer.widths[layer.widths.len() - 1]);
        fractions.extend(layer.widths.iter().map(|&w| (u32::from(w), largest)));
    }
    fractions.sort_by_key(|&(a, b)| (a << 16) / b);
    fractions.dedup_by(|x, y| x.0 * y.1 == y.0 * x.1);
    let candidates = fractions.into_iter().filter_map(|(part, whole)| {
        let option = |i: usize| {
            let widths = space.layers[i].widths;
            let largest = u32::from(widths[widths.len() - 1]);
            let fits = |&w: &u16| u32::from(w) * whole <= part * largest;
            widths.iter().rposition(fits).unwrap_or(0) as u8
        };
        let arch = Arch::from_options(space, space.free_layers().map(option))
            .expect("places in a layer's widths are its options");
        problem.feasible(&tables, &genes(&arch))
    });
    Ok(candidates.min_by(front::order))
}
