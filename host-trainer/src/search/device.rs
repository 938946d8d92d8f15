//! Costs of the blob and the arena, exact, and of an inference, modelled.

use supernano_core::arch::Arch;
use supernano_core::blob;
use supernano_core::exec::ArenaPlan;
use supernano_core::lower::lower;
use supernano_core::plan::{BranchScheme, Enhancement, resolve};
use supernano_core::space::Space;

use super::instructions::InstructionTable;
use super::{CostModel, Costs, Limits};
use crate::config::RunConfig;
use crate::data::{Source, glyphs};

/// Bytes of CIFAR-100's fine class names in a blob, a line feed after each.
pub const CIFAR100_LABELS: usize = 725;

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
    /// Flash is the length of the blob and RAM that of its arena, as exporter and executor have
    /// them; instructions are modelled.
    fn costs(&self, arch: &Arch) -> Costs {
        self.measure(arch, Limits::default()).unwrap_or(Costs {
            flash_bytes: u64::MAX,
            ram_bytes: u64::MAX,
            instructions: u64::MAX,
        })
    }

    fn costs_within(&self, arch: &Arch, limits: Limits) -> Option<Costs> {
        self.measure(arch, limits)
    }
}

impl DeviceCosts<'_> {
    /// The arena takes longest to plan, so it comes last.
    fn measure(&self, arch: &Arch, limits: Limits) -> Option<Costs> {
        // Widths alone decide; the branch does not.
        let plan = resolve(self.space, arch, self.enhancement, BranchScheme::Shared);
        let code = arch.display(self.space).to_string();
        let lowered = lower(self.space, &plan, &code);
        let header = &lowered.header;
        let mut costs = Costs {
            flash_bytes: blob::encoded_len(header, self.labels, lowered.data_len) as u64,
            ram_bytes: 0,
            instructions: self.table.network(header),
        };
        if limits.allow(costs) {
            costs.ram_bytes = ArenaPlan::of_header(header).bytes() as u64;
        }
        limits.allow(costs).then_some(costs)
    }
}

/// Bytes of the labels that a run's blobs carry.
pub fn label_bytes(config: &RunConfig) -> usize {
    match config.data.name {
        Source::Cifar100 => CIFAR100_LABELS,
        Source::Glyphs => {
            let classes = usize::from(config.space().classes);
            glyphs::CLASSES.iter().take(classes).map(|(name, _)| name.len() + 1).sum()
        }
    }
}

#[cfg(test)]
mod tests;
