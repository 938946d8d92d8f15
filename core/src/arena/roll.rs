//! The choice of rolled units, for hosts.

use heapless::Vec;

use super::bound::unit_bytes;
use super::plan::ArenaPlan;
use super::rolled::may_roll;
use crate::graph::{Graph as _, Header, MAX_OPS, MAX_ROLLED, Op};

/// Rolls layers into each other until the arena takes at most `limit` bytes, or no choice makes it
/// smaller. Weights, parameters and logits do not depend on the choice. Each step rolls the run of
/// layers that makes the arena smallest; of equal runs, the shortest. With a `limit` of 0 the arena
/// becomes as small as the steps make it.
pub fn roll(header: &mut Header<'_>, limit: usize) {
    let mut bytes = ArenaPlan::of_header(header).bytes();
    while bytes > limit {
        let units = Units::of(header);
        let mut best = None;
        for start in 0..header.ops.len() {
            let mut tried = header.clone();
            for end in start..(start + MAX_ROLLED - 1).min(header.ops.len()) {
                if !set(&mut tried, end) {
                    break;
                }
                let least = best.as_ref().map_or(usize::MAX, |&((least, _), _)| least);
                let bound = units.bound(&tried, start, end);
                if bound >= bytes || bound > least || longest(&tried) > MAX_ROLLED {
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

/// The units of a graph, from which a lower bound of the arena follows for a graph that rolls more.
struct Units {
    /// First operation and bytes of each unit, in order.
    units: Vec<(usize, usize), MAX_OPS>,
}

impl Units {
    fn of(header: &Header<'_>) -> Self {
        let mut units = Vec::new();
        let mut start = 0;
        while let Some((bytes, next)) = unit_bytes(header, start) {
            units.extend([(start, bytes)]);
            start = next;
        }
        Self { units }
    }

    /// A lower bound of the arena of the graph in which the operations from `start` to `end` roll as
    /// well. Only the units that hold them and the operation behind them have changed.
    fn bound(&self, tried: &Header<'_>, start: usize, end: usize) -> usize {
        let first = self.units.iter().rposition(|&(at, _)| at <= start).unwrap_or(0);
        let behind = self.units.iter().position(|&(at, _)| at > end + 1);
        let behind = behind.unwrap_or(self.units.len());
        let same = self.units.iter().take(first).chain(self.units.iter().skip(behind));
        let mut bound = same.map(|&(_, bytes)| bytes).max().unwrap_or(0);
        let stop = self.units.get(behind).map_or(tried.ops.len(), |&(at, _)| at);
        let mut at = self.units.get(first).map_or(0, |&(at, _)| at);
        while at < stop
            && let Some((bytes, next)) = unit_bytes(tried, at)
        {
            bound = bound.max(bytes);
            at = next;
        }
        bound
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::{Arch, ArchCode};
    use crate::lower::lower;
    use crate::plan::{BranchScheme, Enhancement, resolve};
    use crate::space::BUILTIN;
    use crate::testnet::Random;

    /// [`roll`] without bounds.
    fn plain(header: &mut Header<'_>) {
        let mut bytes = ArenaPlan::of_header(header).bytes();
        loop {
            let mut best: Option<((usize, usize), Header<'_>)> = None;
            for start in 0..header.ops.len() {
                let mut tried = header.clone();
                for end in start..(start + MAX_ROLLED - 1).min(header.ops.len()) {
                    if !set(&mut tried, end) {
                        break;
                    }
                    let found = (ArenaPlan::of_header(&tried).bytes(), end - start);
                    let better = best.as_ref().is_none_or(|(least, _)| found < *least);
                    if longest(&tried) <= MAX_ROLLED && found.0 < bytes && better {
                        best = Some((found, tried.clone()));
                    }
                }
            }
            let Some(((found, _), tried)) = best else { return };
            bytes = found;
            *header = tried;
        }
    }

    #[test]
    fn bounds_change_no_choice() {
        let mut random = Random(11);
        for space in BUILTIN {
            let count = if space.layers.len() > 30 { 1 } else { 4 };
            for _ in 0..count {
                let code = u128::from(random.next()) << 64 | u128::from(random.next());
                let arch = Arch::from_code(space, ArchCode(code % space.size())).unwrap();
                let plan = resolve(space, &arch, Enhancement::NONE, BranchScheme::Shared);
                let mut header = lower(space, &plan, "").header;
                let mut other = header.clone();
                roll(&mut header, 0);
                plain(&mut other);
                assert_eq!(header, other, "{}", space.name);
            }
        }
    }
}
