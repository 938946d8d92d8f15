//! Costs of the blob and the arena, exact, and of an inference, modelled.

use supernano_core::arch::Arch;
use supernano_core::blob;
use supernano_core::exec::{ArenaPlan, unit_bytes};
use supernano_core::graph::{KernelKind, Op};
use supernano_core::lower::{Lowered, Source, lower_with};
use supernano_core::plan::{BranchScheme, Enhancement, resolve};
use supernano_core::space::{PlacedBlock, Space};

use super::instructions::InstructionTable;
use super::{CostModel, Costs, Part};

/// Kinds of kernels, in the order of the digits of [`Part::kinds`].
pub const KINDS: [KernelKind; 3] =
    [KernelKind::Direct, KernelKind::WinogradOnline, KernelKind::Winograd];

/// Costs of the effective sub-networks of a space.
#[derive(Clone, Debug)]
pub struct DeviceCosts<'a> {
    /// The space.
    pub space: &'a Space<'a>,
    /// Enhancement of the run: what ships is the effective network.
    pub enhancement: Enhancement,
    /// Bytes of class labels in the blob, a line feed after each counted in.
    pub labels: usize,
    /// Instructions an operation.
    pub table: InstructionTable,
}

impl CostModel for DeviceCosts<'_> {
    /// Flash and RAM are exact, as exporter and executor have them; instructions are modelled.
    fn costs(&self, arch: &Arch, kinds: &[u8]) -> Costs {
        let code = arch.display(self.space).to_string();
        let lowered = self.lowered(arch, &code, kinds);
        let header = &lowered.header;
        let flash = blob::encoded_len(header, self.labels, lowered.data_len) as u64;
        Costs {
            flash_bytes: flash + self.table.overhead.code,
            ram_bytes: ArenaPlan::of_header(header).bytes() as u64
                + self.table.overhead.stack
                + self.table.overhead.statics,
            instructions: self.table.network(header),
        }
    }

    fn base(&self) -> Costs {
        let arch = Arch::smallest(self.space);
        let code = arch.display(self.space).to_string();
        let lowered = self.lowered(&arch, &code, &[]);
        let header = &lowered.header;
        let flash = blob::encoded_len(header, self.labels, lowered.data_len) - lowered.data_len;
        let first = header.ops.first().map_or(0, weights_at) as usize;
        Costs {
            flash_bytes: (flash + first) as u64 + self.table.overhead.code,
            ram_bytes: self.table.overhead.stack + self.table.overhead.statics,
            instructions: self.table.image(header),
        }
    }

    fn parts(&self, block: PlacedBlock, input: Option<u8>, options: &[u8]) -> Vec<Part> {
        let space = self.space;
        let asked = |layer: usize| match (layer + 1).checked_sub(block.first) {
            Some(0) => input,
            Some(i) => options.get(i - 1).copied(),
            None => None,
        };
        // Tied layers ask for the same option, or the tables would not ask.
        let option = |layer: usize| {
            (0..space.layers.len()).filter(|&i| space.source(i) == layer).find_map(asked)
        };
        let free = space.free_layers().map(|i| option(i).unwrap_or(0));
        let Ok(arch) = Arch::from_options(space, free) else { return Vec::new() };
        let index = space.placed_blocks().position(|b| b == block).unwrap_or(0);
        let ways = KINDS.len().pow(options.len() as u32) as u8;
        let mut parts: Vec<Part> = Vec::new();
        for way in 0..ways {
            let mut kinds = vec![0; space.blocks.len()];
            kinds[index] = way;
            let Some(part) = self.part(&arch, block, &kinds, way) else { continue };
            let cheaper = |p: &Part| {
                p.flash_bytes <= part.flash_bytes
                    && p.ram_bytes <= part.ram_bytes
                    && p.instructions <= part.instructions
            };
            if !parts.iter().any(cheaper) {
                parts.push(part);
            }
        }
        parts
    }
}

impl<'a> DeviceCosts<'a> {
    /// The graph of a sub-network whose blocks are computed in these ways; blocks beyond them
    /// directly.
    pub fn lowered<'c>(&self, arch: &Arch, code: &'c str, kinds: &[u8]) -> Lowered<'c>
    where
        'a: 'c,
    {
        // Widths alone decide; the branch does not.
        let plan = resolve(self.space, arch, self.enhancement, BranchScheme::Shared);
        lower_with(self.space, &plan, code, &|source, _| match source {
            Source::Layer(layer) => kind(self.space, kinds, usize::from(layer)),
            _ => KernelKind::Direct,
        })
    }

    /// What a block of a sub-network adds; `None` where it is not computed in the way asked for.
    fn part(&self, arch: &Arch, block: PlacedBlock, kinds: &[u8], way: u8) -> Option<Part> {
        let lowered = self.lowered(arch, "", kinds);
        let header = &lowered.header;
        let of = |source: &Source| match source {
            Source::Layer(layer) | Source::Projection(layer) => {
                (block.first..=block.last()).contains(&usize::from(*layer))
            }
            Source::Classifier => block.last() + 1 == self.space.layers.len(),
        };
        let (mut part, mut first) = (Part { kinds: way, ..Part::default() }, None);
        for (i, op) in header.ops.iter().enumerate() {
            if !of(&lowered.sources[i]) {
                continue;
            }
            first.get_or_insert(i);
            if let Op::Conv(conv) = op {
                let asked = match lowered.sources[i] {
                    Source::Layer(layer) => kind(self.space, kinds, usize::from(layer)),
                    _ => KernelKind::Direct,
                };
                if conv.kind != asked || !self.table.knows(asked) {
                    return None;
                }
            }
            let end = header.ops.get(i + 1).map_or(lowered.data_len as u32, weights_at);
            part.flash_bytes += u64::from(end - weights_at(op));
            part.instructions += self.table.operation(header, op);
        }
        let mut unit = first?;
        let end = unit + lowered.sources.iter().filter(|s| of(s)).count();
        while unit < end {
            let (bytes, next) = unit_bytes(header, unit)?;
            part.ram_bytes = part.ram_bytes.max(bytes as u64);
            unit = next;
        }
        Some(part)
    }
}

/// The kind that a layer is asked to have, from the ways of the blocks.
pub fn kind(space: &Space<'_>, kinds: &[u8], layer: usize) -> KernelKind {
    for (block, &way) in space.placed_blocks().zip(kinds) {
        if (block.first..=block.last()).contains(&layer) {
            let digit = usize::from(way) / KINDS.len().pow((layer - block.first) as u32);
            return KINDS[digit % KINDS.len()];
        }
    }
    KernelKind::Direct
}

fn weights_at(op: &Op) -> u32 {
    match op {
        Op::Conv(c) => c.weights,
        Op::Classifier(c) => c.weights,
    }
}

#[cfg(test)]
mod tests;
