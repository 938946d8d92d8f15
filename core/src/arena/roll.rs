//! The choice of rolled units, for hosts.

use super::plan::ArenaPlan;
use super::rolled::may_roll;
use crate::graph::{Graph as _, Header, MAX_ROLLED, Op};

/// Rolls layers into each other until the arena takes at most `limit` bytes, or no choice makes it
/// smaller. Weights, parameters and logits do not depend on the choice. Each step rolls the run of
/// layers that makes the arena smallest; of equal runs, the shortest. With a `limit` of 0 the arena
/// becomes as small as the steps make it.
pub fn roll(header: &mut Header<'_>, limit: usize) {
    let mut bytes = ArenaPlan::of_header(header).bytes();
    while bytes > limit {
        let mut best = None;
        for start in 0..header.ops.len() {
            let mut tried = header.clone();
            for end in start..(start + MAX_ROLLED - 1).min(header.ops.len()) {
                if !set(&mut tried, end) {
                    break;
                }
                if longest(&tried) > MAX_ROLLED {
                    continue;
                }
                let found = (ArenaPlan::of_header(&tried).bytes(), end - start);
                if found.0 < bytes && best.as_ref().is_none_or(|(least, _)| found < *least) {
                    best = Some((found, tried.clone()));
                }
            }
        }
        let Some(((found, _), tried)) = best else { return };
        bytes = found;
        *header = tried;
    }
}

/// Makes an operation roll, if it may.
fn set(header: &mut Header<'_>, op: usize) -> bool {
    let may = may_roll(header, op);
    if let (true, Some(Op::Conv(conv))) = (may, header.ops.get_mut(op)) {
        conv.rolls = true;
    }
    may
}

/// Operations of the longest rolled unit.
fn longest(header: &Header<'_>) -> usize {
    let (mut longest, mut run) = (0, 1);
    for op in 0..header.ops.len() {
        if header.conv(op).is_some_and(|conv| conv.rolls) {
            run += 1;
            longest = longest.max(run);
        } else {
            run = 1;
        }
    }
    longest
}
