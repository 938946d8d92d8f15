//! Costs of a sub-network on a device, limits on them, and the interface to a cost model.
//!
//! A [`CostModel`] returns the exact costs of a whole sub-network and the contribution of each
//! block, from which the search builds its tables. [`device`] is the model for Cortex-M,
//! [`instructions`] holds its instruction tables, [`estimate`] those of estimated cycles, [`memory`]
//! the parts of flash and RAM, and [`kernels`] chooses the kernels of one exported network.

pub mod calibration;
pub mod device;
pub mod estimate;
pub mod instructions;
pub mod kernels;
pub mod limits;
pub mod memory;

use serde::{Deserialize, Serialize};
use supernano_core::arch::Arch;
use supernano_core::space::PlacedBlock;

/// Costs of the effective sub-network, which is the one that ships.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Costs {
    /// Flash, bytes.
    pub flash_bytes: u64,
    /// RAM, bytes.
    pub ram_bytes: u64,
    /// Instructions of one inference.
    pub instructions: u64,
}

impl Costs {
    /// The three costs in the order of [`Limits::NAMES`].
    pub fn values(self) -> [u64; 3] {
        [self.flash_bytes, self.ram_bytes, self.instructions]
    }

    /// True if every cost is at most the other's.
    pub fn within(self, other: Self) -> bool {
        self.values().iter().zip(other.values()).all(|(a, b)| *a <= b)
    }
}

/// The contribution of one block to the costs of a network, for one choice of kernels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockCost {
    /// Flash, bytes, exact.
    pub flash_bytes: u64,
    /// Peak RAM while the block runs, bytes: a lower bound of the RAM of the network.
    pub ram_bytes: u64,
    /// Instructions, exact.
    pub instructions: u64,
    /// Kernel kinds of the block's layers, encoded by the cost model.
    pub kinds: u8,
}

/// A model of the costs of sub-networks: exact for a whole sub-network, and additive over blocks.
pub trait CostModel: Sync {
    /// Exact costs of a sub-network. `kinds` holds the kernel kinds of every block
    /// ([`BlockCost::kinds`]).
    fn costs(&self, arch: &Arch, kinds: &[u8]) -> Costs;

    /// As [`Self::costs`] with default kernels, for a candidate that matters only within limits: if the
    /// flash exceeds its limit, RAM may be more than the exact value.
    fn costs_within(&self, arch: &Arch, _limits: Limits) -> Costs {
        self.costs(arch, &[])
    }

    /// Costs that every sub-network has in addition to its blocks. Flash and RAM are lower bounds,
    /// instructions are exact.
    fn base(&self) -> Costs;

    /// Contributions of `block`, one for each choice of its kernels. `input` is the option of the
    /// layer before the block (`None` for the image), `options` those of the block's layers.
    fn block_costs(&self, block: PlacedBlock, input: Option<u8>, options: &[u8]) -> Vec<BlockCost>;
}

/// Limits on the costs. `None` stands for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Flash, bytes.
    pub flash_bytes: Option<u64>,
    /// RAM, bytes.
    pub ram_bytes: Option<u64>,
    /// Instructions of one inference.
    pub instructions: Option<u64>,
}

impl Limits {
    /// Command-line options that set the limits, in the order of [`Costs::values`].
    pub const NAMES: [&'static str; 3] = ["--flash", "--ram", "--instructions"];

    /// The three limits in the order of [`Self::NAMES`].
    pub fn values(self) -> [Option<u64>; 3] {
        [self.flash_bytes, self.ram_bytes, self.instructions]
    }

    /// Limits from three values in the order of [`Self::NAMES`].
    pub fn of([flash_bytes, ram_bytes, instructions]: [Option<u64>; 3]) -> Self {
        Self { flash_bytes, ram_bytes, instructions }
    }

    /// True if the costs are within all limits.
    pub fn allow(self, costs: Costs) -> bool {
        let mut pairs = self.values().into_iter().zip(costs.values());
        pairs.all(|(limit, value)| limit.is_none_or(|limit| value <= limit))
    }
}
