//! The choice of the kernels of one network: the fewest modelled instructions within limits of the
//! blob and of the arena.
//!
//! The arena holds one unit of operations at a time, so its size is bounded below by the largest
//! unit. [`within`] lowers a threshold on the units until the exact arena fits. For each threshold,
//! a dynamic program over the weight bytes finds the kernels with the fewest instructions.

use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result};
use supernano_core::arena::{ArenaPlan, unit_bytes};
use supernano_core::graph::{Conv, Form, Header, KernelKind, Op};
use supernano_core::kernel::pack::WeightShape;
use supernano_core::kernel::weight_words;

use super::super::device::KINDS;
use super::super::instructions::InstructionTable;
use super::{SizeLimits, rewritten};

/// Returns the same network with the kernels that need the fewest modelled instructions within the
/// limits. Logits do not change.
///
/// # Errors
/// [`Error::No`], which states the sizes needed, if no kernels fit.
pub fn within(blob: &Blob, limits: SizeLimits, table: &InstructionTable) -> Result<Blob> {
    let direct = rewritten(blob, &|_, _| KernelKind::Direct)?;
    let header = direct.view()?.header();
    let choice = Choice::new(&header, table);
    let spare = match limits.flash {
        None => Some(usize::MAX),
        Some(most) => most.checked_sub(direct.bytes().len()).map(|bytes| bytes / 4),
    };
    let chosen = spare.and_then(|spare| choice.best(spare, limits.ram));
    let Some(chosen) = chosen else {
        return Err(Error::No(format!(
            "{}: no kernels fit: the smallest blob is {} bytes, its arena {} bytes",
            direct.view()?.code(),
            direct.bytes().len(),
            direct.view()?.arena_bytes(),
        )));
    };
    let kinds = choice.kinds(&chosen);
    rewritten(blob, &|op, _| kinds.get(op).copied().unwrap_or(KernelKind::Direct))
}

/// The kernels of one unit of operations.
#[derive(Clone, Debug)]
struct UnitKernels {
    /// Operations and their kinds. Operations that are not listed are direct.
    kinds: Vec<(usize, KernelKind)>,
    /// Weight words in addition to those of direct kernels.
    words: usize,
    /// Bytes of the arena that the unit uses at once.
    ram: usize,
    /// Modelled instructions.
    instructions: u64,
}

/// The kernels that every unit of a network can use.
struct Choice<'a> {
    /// The network with direct kernels.
    header: &'a Header<'a>,
    table: &'a InstructionTable,
    /// `[unit][kernels]`; the first entry of a unit is direct.
    units: Vec<Vec<UnitKernels>>,
}

impl<'a> Choice<'a> {
    fn new(header: &'a Header<'a>, table: &'a InstructionTable) -> Self {
        let mut units = Vec::new();
        let mut start = 0;
        while let Some((_, end)) = unit_bytes(header, start) {
            units.push(unit_kernels(header, table, start..end));
            start = end;
        }
        Self { header, table, units }
    }

    /// The best kernels of each unit, as positions in `units`. `spare` limits the additional weight
    /// words, `ram` the exact arena in bytes. Returns `None` if no kernels fit.
    fn best(&self, spare: usize, ram: Option<usize>) -> Option<Vec<usize>> {
        let most = ram.unwrap_or(usize::MAX);
        let mut levels: Vec<usize> =
            self.units.iter().flatten().map(|kernels| kernels.ram).filter(|&r| r <= most).collect();
        levels.sort_unstable();
        levels.dedup();
        let mut excluded = false;
        while let Some(level) = levels.pop() {
            let Some(picks) = self.fewest(spare, level) else { break };
            if self.arena(&picks) <= most {
                let improved = excluded.then(|| self.improved(&picks, spare, most));
                return Some(improved.unwrap_or(picks));
            }
            excluded = true;
            let used = self.picked(&picks).map(|kernels| kernels.ram).max().unwrap_or(0);
            levels.retain(|&l| l < used);
        }
        None
    }

    fn picked<'p>(&'p self, picks: &'p [usize]) -> impl Iterator<Item = &'p UnitKernels> {
        self.units.iter().zip(picks).map(|(unit, &pick)| &unit[pick])
    }

    /// The picks with the fewest instructions among the kernels of at most `level` bytes of the
    /// arena, for at most `spare` additional words. Returns `None` if a unit has none.
    fn fewest(&self, spare: usize, level: usize) -> Option<Vec<usize>> {
        let grain = self.units.iter().flatten().fold(0, |g, kernels| gcd(g, kernels.words)).max(1);
        let largest: usize =
            self.units.iter().filter_map(|unit| unit.iter().map(|k| k.words).max()).sum();
        let room = spare.min(largest) / grain;
        // `least[g]`: the fewest instructions of the units so far with at most `g` grains.
        // `picks[unit][g]`: the position behind that minimum.
        let mut least = vec![0u64; room + 1];
        let mut picks: Vec<Vec<u8>> = Vec::with_capacity(self.units.len());
        for unit in &self.units {
            let mut next = vec![u64::MAX; room + 1];
            let mut pick = vec![0u8; room + 1];
            for (i, kernels) in unit.iter().enumerate().filter(|(_, k)| k.ram <= level) {
                for used in kernels.words / grain..=room {
                    let before = least[used - kernels.words / grain];
                    let total = before.saturating_add(kernels.instructions);
                    if total < next[used] {
                        next[used] = total;
                        pick[used] = i as u8;
                    }
                }
            }
            least = next;
            picks.push(pick);
        }
        if least[room] == u64::MAX {
            return None;
        }
        let mut left = room;
        let mut chosen: Vec<usize> = Vec::with_capacity(picks.len());
        for (pick, unit) in picks.iter().zip(&self.units).rev() {
            let i = usize::from(pick[left]);
            left -= unit[i].words / grain;
            chosen.push(i);
        }
        chosen.reverse();
        Some(chosen)
    }

    /// Exchanges the kernels of single units as long as that saves instructions within the limits.
    /// The threshold on units is stricter than the exact arena where the planner loses space.
    fn improved(&self, picks: &[usize], spare: usize, ram: usize) -> Vec<usize> {
        let mut best = picks.to_vec();
        let count = |picks: &[usize]| self.table.network(&self.with(picks));
        let mut fewest = count(&best);
        loop {
            let mut next: Option<(u64, Vec<usize>)> = None;
            for (unit, all) in self.units.iter().enumerate() {
                for (i, kernels) in all.iter().enumerate() {
                    if kernels.instructions >= all[best[unit]].instructions {
                        continue;
                    }
                    let mut other = best.clone();
                    other[unit] = i;
                    let words: usize = self.picked(&other).map(|k| k.words).sum();
                    let rival = next.as_ref().map_or(fewest, |(n, _)| *n);
                    if words <= spare && count(&other) < rival && self.arena(&other) <= ram {
                        next = Some((count(&other), other));
                    }
                }
            }
            let Some((n, other)) = next else { return best };
            (fewest, best) = (n, other);
        }
    }

    /// The header of the network with these kernels.
    fn with(&self, picks: &[usize]) -> Header<'a> {
        let mut header = self.header.clone();
        for (op, kind) in self.picked(picks).flat_map(|kernels| &kernels.kinds) {
            set(&mut header, *op, *kind);
        }
        header
    }

    fn arena(&self, picks: &[usize]) -> usize {
        ArenaPlan::of_header(&self.with(picks)).bytes()
    }

    /// The kind of every operation.
    fn kinds(&self, picks: &[usize]) -> Vec<KernelKind> {
        let mut kinds = vec![KernelKind::Direct; self.header.ops.len()];
        for (op, kind) in self.picked(picks).flat_map(|kernels| &kernels.kinds) {
            kinds[*op] = *kind;
        }
        kinds
    }
}

/// All kernels that the unit of operations `ops` can use, the direct ones first.
fn unit_kernels(
    header: &Header<'_>,
    table: &InstructionTable,
    ops: std::ops::Range<usize>,
) -> Vec<UnitKernels> {
    let mut all: Vec<Vec<(usize, KernelKind)>> = vec![Vec::new()];
    for op in ops.clone() {
        let Op::Conv(conv) = header.ops[op] else { continue };
        let full = conv.form == Form::Full;
        let usable = |kind: &KernelKind| full && kind.suits(&conv.geometry) && table.knows(*kind);
        let others = KINDS.into_iter().filter(|kind| *kind != KernelKind::Direct && usable(kind));
        let mut more = Vec::new();
        for kind in others {
            more.extend(all.iter().map(|kinds| [kinds.as_slice(), &[(op, kind)]].concat()));
        }
        all.extend(more);
    }
    let described = |kinds: Vec<(usize, KernelKind)>| {
        let mut other = header.clone();
        let mut words = 0;
        for &(op, kind) in &kinds {
            words += additional_words(header, op, kind);
            set(&mut other, op, kind);
        }
        let ram = unit_bytes(&other, ops.start).map_or(0, |(bytes, _)| bytes);
        let cost = |op: usize| table.operation(&other, &other.ops[op]);
        UnitKernels { ram, words, instructions: ops.clone().map(cost).sum(), kinds }
    };
    all.into_iter().map(described).collect()
}

/// Weight words of an operation with this kind in addition to those of the direct kernel.
fn additional_words(header: &Header<'_>, op: usize, kind: KernelKind) -> usize {
    let Op::Conv(conv) = &header.ops[op] else { return 0 };
    let channels = |id: u8| header.tensors[usize::from(id)].shape.channels;
    let shape = WeightShape {
        output: channels(conv.output),
        kernel: conv.geometry.kernel,
        input: channels(conv.input),
    };
    weight_words(kind, shape).saturating_sub(weight_words(KernelKind::Direct, shape))
}

fn set(header: &mut Header<'_>, op: usize, kind: KernelKind) {
    if let Op::Conv(conv) = &mut header.ops[op] {
        *conv = Conv { kind, ..*conv };
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
