//! The baseline that a user would build by hand: every layer narrowed by the same factor.

use supernano_base::error::Result;
use supernano_core::arch::Arch;
use supernano_core::space::Choice;

use super::tables::{Tables, genes};
use super::{Problem, ScoredNetwork, front};

/// The best feasible sub-network of uniform width. For one common fraction, every layer has its
/// widest option of at most that fraction of its largest width, or its narrowest option if none is.
/// Returns `None` if no such sub-network is feasible.
///
/// # Errors
/// The errors of [`Tables::new`].
///
/// In spaces of other than residual networks, the widths and the resolution are narrowed by a fraction
/// each, and depths, expansions and kernels have their largest option, or else their smallest.
pub fn best(problem: &Problem<'_>) -> Result<Option<ScoredNetwork>> {
    let space = problem.space;
    if !space.is_residual() {
        return Ok(whole(problem));
    }
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

/// As [`best`], for spaces of other than residual networks.
fn whole(problem: &Problem<'_>) -> Option<ScoredNetwork> {
    let space = problem.space;
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for layer in space.layers.iter().filter(|layer| !layer.expands) {
        if let Some(&largest) = layer.widths.last() {
            parts.extend(layer.widths.iter().map(|&w| (u32::from(w), u32::from(largest))));
        }
    }
    parts.sort_by_key(|&(a, b)| (a << 16) / b);
    parts.dedup_by(|x, y| x.0 * y.1 == y.0 * x.1);
    let sides = space.resolutions.len().max(1);
    let candidate = |(part, whole): (u32, u32), side: usize, most: bool| {
        let options = space.choices().map(|choice| {
            let count = space.options(choice);
            let option = match choice {
                Choice::Resolution => side,
                Choice::Width(layer) => {
                    let widths = space.layers[layer].widths;
                    let largest = u32::from(widths[count - 1]);
                    let fits = |&w: &u16| u32::from(w) * whole <= part * largest;
                    widths.iter().rposition(fits).unwrap_or(0)
                }
                _ if most => count - 1,
                _ => 0,
            };
            option as u8
        });
        let arch = Arch::from_options(space, options).expect("options of the space");
        let found = problem.candidate(arch, Vec::new());
        problem.limits.allow(found.costs).then_some(found)
    };
    [true, false].into_iter().find_map(|most| {
        let all = parts.iter().flat_map(|&part| (0..sides).map(move |side| (part, side)));
        all.filter_map(|(part, side)| candidate(part, side, most)).min_by(front::order)
    })
}
