//! How many sub-networks share their prefixes at once under a memory limit.

use supernano_base::error::{Error, Result};
use supernano_core::arch::Arch;
use supernano_core::plan::{cost, max_width};

use super::ranker::{Effort, Settings};
use crate::backend::LANES;
use crate::run::Run;
use crate::supernet::tree::margin;

/// What fits into the memory limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capacity {
    /// Leading layers whose feature maps are kept for other sub-networks.
    pub shared: usize,
    /// Sub-networks whose weights and results are in memory at the same time.
    pub group: usize,
}

/// Largest group. Neighbours in the order of the codes share most, so a larger group gains nothing.
const GROUP: usize = 64;

const MIB: u64 = 1 << 20;

/// Finds the deepest sharing and the largest group that fit.
///
/// # Errors
/// [`Error::Invalid`] if a single sub-network does not fit.
pub(super) fn plan(run: &Run, settings: &Settings, effort: Effort) -> Result<Capacity> {
    let space = run.space();
    let threads = rayon::current_num_threads() as u64;
    let blocks = if settings.bn_images == 0 { 1 } else { settings.bn_batch.div_ceil(LANES) };
    let map = |i: usize| {
        let shape = space.output_of(i);
        let side = |n: u16| u64::from(n) + 2 * margin(&space) as u64;
        let values = side(shape.height) * side(shape.width) * (LANES * blocks) as u64;
        4 * values * u64::from(max_width(&space, i, run.enhancement()).0)
    };
    let layers = space.layers.len();
    let maps: Vec<u64> = (0..layers).map(map).collect();
    // a block's input, its first output, its output, and the shortcut's
    let working = 4 * maps.iter().max().copied().unwrap_or(0);
    let walks = |shared: usize| threads * (working + maps[..shared].iter().sum::<u64>());
    let one = cost(&space, &run.plan(&Arch::largest(&space))).params * 8
        + (settings.images * 8) as u64
        + 64 * 1024;
    let needed = walks(0) + one * threads;
    if needed > effort.memory {
        let expected = format!("at least {} MiB", needed.div_ceil(MIB));
        let found = format!("{} MiB", effort.memory / MIB);
        return Err(Error::invalid("--memory", "feature maps and weights", expected, found));
    }
    if !effort.share {
        return Ok(Capacity { shared: 0, group: 1 });
    }
    let fits = |&shared: &usize| walks(shared) + one * threads <= effort.memory / 4 * 3;
    let shared = (1..=layers).rev().find(fits).unwrap_or(0);
    let group = (effort.memory - walks(shared)) / one;
    Ok(Capacity { shared, group: usize::try_from(group).unwrap_or(GROUP).clamp(1, GROUP) })
}
