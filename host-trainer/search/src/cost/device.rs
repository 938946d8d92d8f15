//! The cost model of Cortex-M devices.
//!
//! Flash and RAM are exact: the model lowers the sub-network as the exporter does and measures the
//! blob and the arena. Instructions come from an [`InstructionTable`]. In spaces with other layers or
//! choices than those of residual networks, every convolution has its default kernel, and layers roll
//! into each other as far as that makes the arena smaller.

use supernano_core::arch::Arch;
use supernano_core::arena::{ArenaPlan, roll, unit_bytes};
use supernano_core::blob;
use supernano_core::graph::{KernelKind, Op};
use supernano_core::lower::{Lowered, WeightOrigin, lower, lower_with};
use supernano_core::plan::{BranchScheme, Enhancement, resolve};
use supernano_core::space::{PlacedBlock, Space};

use super::instructions::InstructionTable;
use super::memory::Memory;
use super::{BlockCost, CostModel, Costs, Limits};

/// Kernel kinds in the order of the base-5 digits of [`BlockCost::kinds`]. The least significant
/// digit belongs to the first layer of the block.
pub const KINDS: [KernelKind; 5] = [
    KernelKind::Direct,
    KernelKind::WinogradOnline,
    KernelKind::Winograd,
    KernelKind::WinogradTallOnline,
    KernelKind::WinogradTall,
];

/// Costs of the effective sub-networks of a space on one core.
#[derive(Clone, Debug)]
pub struct DeviceCosts<'a> {
    /// The search space.
    pub space: &'a Space<'a>,
    /// Enhancement of the run, which decides the effective widths.
    pub enhancement: Enhancement,
    /// Size of the class labels in the blob, bytes, with a line feed after each label.
    pub labels: usize,
    /// Instruction coefficients and memory overhead of the core.
    pub table: InstructionTable,
}

impl CostModel for DeviceCosts<'_> {
    fn costs(&self, arch: &Arch, kinds: &[u8]) -> Costs {
        let code = arch.display(self.space).to_string();
        self.of(&self.lowered(arch, &code, kinds))
    }

    fn costs_within(&self, arch: &Arch, limits: Limits) -> Costs {
        let code = arch.display(self.space).to_string();
        let mut lowered = self.flat(arch, &code);
        let flat = self.of(&lowered);
        if limits.flash_bytes.is_some_and(|limit| flat.flash_bytes > limit) {
            return flat;
        }
        // The choice of rolled layers takes most of the time.
        roll(&mut lowered.header, 0);
        self.of(&lowered)
    }

    fn base(&self) -> Costs {
        let arch = Arch::smallest(self.space);
        let code = arch.display(self.space).to_string();
        let lowered = self.lowered(&arch, &code, &[]);
        let header = &lowered.header;
        let flash = blob::encoded_len(header, self.labels, lowered.data_len) - lowered.data_len;
        let first = header.ops.first().map_or(0, weights_at) as usize;
        let classes = usize::from(self.space.classes);
        let memory = Memory::new((flash + first) as u64, 0, classes, self.table.overhead);
        Costs {
            flash_bytes: memory.flash_bytes,
            ram_bytes: memory.ram_bytes,
            instructions: self.table.image(header),
        }
    }

    fn block_costs(&self, block: PlacedBlock, input: Option<u8>, options: &[u8]) -> Vec<BlockCost> {
        let space = self.space;
        let given = |layer: usize| match (layer + 1).checked_sub(block.first) {
            Some(0) => input,
            Some(i) => options.get(i - 1).copied(),
            None => None,
        };
        // The options of tied layers are equal, so any of them decides.
        let option = |layer: usize| {
            (0..space.layers.len()).filter(|&i| space.source(i) == layer).find_map(given)
        };
        let free = space.free_layers().map(|i| option(i).unwrap_or(0));
        let arch = Arch::from_options(space, free).expect("options of the space");
        let index = space.placed_blocks().position(|b| b == block).expect("a block of the space");
        let choices = KINDS.len().pow(options.len() as u32) as u8;
        let mut costs: Vec<BlockCost> = Vec::new();
        for choice in 0..choices {
            let mut kinds = vec![0; space.blocks.len()];
            kinds[index] = choice;
            let Some(cost) = self.block_cost(&arch, block, &kinds, choice) else { continue };
            let dominates = |other: &BlockCost| {
                other.flash_bytes <= cost.flash_bytes
                    && other.ram_bytes <= cost.ram_bytes
                    && other.instructions <= cost.instructions
            };
            if !costs.iter().any(dominates) {
                costs.push(cost);
            }
        }
        costs
    }
}

impl<'a> DeviceCosts<'a> {
    /// Lowers a sub-network to its graph, with the kernel kinds `kinds` of its blocks. Blocks
    /// without an entry use direct kernels. In spaces of other than residual networks, kernels are the
    /// default ones, and layers roll.
    pub fn lowered<'c>(&self, arch: &Arch, code: &'c str, kinds: &[u8]) -> Lowered<'c>
    where
        'a: 'c,
    {
        // Costs depend on the widths alone. Any branch scheme gives the same graph.
        if !self.space.is_residual() {
            let mut lowered = self.flat(arch, code);
            roll(&mut lowered.header, 0);
            return lowered;
        }
        let plan = resolve(self.space, arch, self.enhancement, BranchScheme::Shared);
        lower_with(self.space, &plan, code, &|source, _| match source {
            WeightOrigin::Layer(layer) => kind(self.space, kinds, usize::from(layer)),
            _ => KernelKind::Direct,
        })
    }

    /// The graph of a sub-network with default kernels, in which nothing rolls.
    fn flat<'c>(&self, arch: &Arch, code: &'c str) -> Lowered<'c>
    where
        'a: 'c,
    {
        let plan = resolve(self.space, arch, self.enhancement, BranchScheme::Shared);
        lower(self.space, &plan, code)
    }

    /// Exact costs of a graph.
    fn of(&self, lowered: &Lowered<'_>) -> Costs {
        let header = &lowered.header;
        let flash = blob::encoded_len(header, self.labels, lowered.data_len) as u64;
        let arena = ArenaPlan::of_header(header).bytes() as u64;
        let classes = usize::from(self.space.classes);
        let memory = Memory::new(flash, arena, classes, self.table.overhead);
        Costs {
            flash_bytes: memory.flash_bytes,
            ram_bytes: memory.ram_bytes,
            instructions: self.table.network(header),
        }
    }

    /// Contribution of one block with the kernel choice `choice`. Returns `None` if a layer cannot
    /// use its kernel or the table does not know the kernel.
    fn block_cost(
        &self,
        arch: &Arch,
        block: PlacedBlock,
        kinds: &[u8],
        choice: u8,
    ) -> Option<BlockCost> {
        let lowered = self.lowered(arch, "", kinds);
        let header = &lowered.header;
        let in_block = |source: &WeightOrigin| match source {
            WeightOrigin::Layer(layer) | WeightOrigin::Projection(layer) => {
                (block.first..=block.last()).contains(&usize::from(*layer))
            }
            WeightOrigin::Classifier => block.last() + 1 == self.space.layers.len(),
        };
        let mut cost = BlockCost { kinds: choice, ..BlockCost::default() };
        let mut first = None;
        for (i, op) in header.ops.iter().enumerate() {
            if !in_block(&lowered.sources[i]) {
                continue;
            }
            first.get_or_insert(i);
            if let Op::Conv(conv) = op {
                let wanted = match lowered.sources[i] {
                    WeightOrigin::Layer(layer) => kind(self.space, kinds, usize::from(layer)),
                    _ => KernelKind::Direct,
                };
                if conv.kind != wanted || !self.table.knows(wanted) {
                    return None;
                }
            }
            let end = header.ops.get(i + 1).map_or(lowered.data_len as u32, weights_at);
            cost.flash_bytes += u64::from(end - weights_at(op));
            cost.instructions += self.table.operation(header, op);
        }
        let mut unit = first?;
        let end = unit + lowered.sources.iter().filter(|s| in_block(s)).count();
        while unit < end {
            let (bytes, next) = unit_bytes(header, unit)?;
            cost.ram_bytes = cost.ram_bytes.max(bytes as u64);
            unit = next;
        }
        Some(cost)
    }
}

/// The kernel kind of a layer, given the encoded kinds of every block ([`BlockCost::kinds`]).
/// Layers of blocks without an entry use the direct kernel.
pub fn kind(space: &Space<'_>, kinds: &[u8], layer: usize) -> KernelKind {
    for (block, &encoded) in space.placed_blocks().zip(kinds) {
        if (block.first..=block.last()).contains(&layer) {
            let digit = usize::from(encoded) / KINDS.len().pow((layer - block.first) as u32);
            return KINDS[digit % KINDS.len()];
        }
    }
    KernelKind::Direct
}

/// Offset of an operation's weights in the data section, bytes.
fn weights_at(op: &Op) -> u32 {
    match op {
        Op::Conv(c) => c.weights,
        Op::Classifier(c) => c.weights,
    }
}

#[cfg(test)]
mod tests;
