//! Costs of a sub-network on the device, limits on them, and the parts that they are sums of.

pub mod calibration;
pub mod device;
pub mod instructions;
pub mod kernels;
pub mod limits;

use serde::{Deserialize, Serialize};
use supernano_core::arch::Arch;
use supernano_core::space::PlacedBlock;

/// What the effective sub-network, the one that ships, costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Costs {
    /// Bytes of flash.
    pub flash_bytes: u64,
    /// Bytes of RAM.
    pub ram_bytes: u64,
    /// Instructions of one inference.
    pub instructions: u64,
}

impl Costs {
    /// The three numbers, in the order of [`Limits::NAMES`].
    pub fn values(self) -> [u64; 3] {
        [self.flash_bytes, self.ram_bytes, self.instructions]
    }

    /// True where no cost is above the other's.
    pub fn within(self, other: Self) -> bool {
        self.values().iter().zip(other.values()).all(|(a, b)| *a <= b)
    }
}

/// What one block of a network adds, in one of the ways in which it can be computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Bytes of flash, exact.
    pub flash_bytes: u64,
    /// Bytes of RAM that are in use at once while the block runs: the network takes at least these.
    pub ram_bytes: u64,
    /// Instructions, exact.
    pub instructions: u64,
    /// Which way; its meaning is the cost model's.
    pub kinds: u8,
}

/// Says what a sub-network costs: exactly, and as a sum of what its blocks add.
pub trait CostModel: Sync {
    /// Costs of a sub-network whose blocks are computed in these ways ([`Part::kinds`]).
    fn costs(&self, arch: &Arch, kinds: &[u8]) -> Costs;

    /// What every sub-network has beside its blocks, at least; the instructions are exact.
    fn base(&self) -> Costs;

    /// What `block` adds where it reads option `input` of the layer before it (`None`: the image)
    /// and its layers have these options; one part for each way of computing it.
    fn parts(&self, block: PlacedBlock, input: Option<u8>, options: &[u8]) -> Vec<Part>;
}

/// Limits; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of flash.
    pub flash_bytes: Option<u64>,
    /// Bytes of RAM.
    pub ram_bytes: Option<u64>,
    /// Instructions of one inference.
    pub instructions: Option<u64>,
}

impl Limits {
    /// Options that set the limits, in the order of [`Costs::values`].
    pub const NAMES: [&'static str; 3] = ["--flash", "--ram", "--instructions"];

    /// The three limits.
    pub fn values(self) -> [Option<u64>; 3] {
        [self.flash_bytes, self.ram_bytes, self.instructions]
    }

    /// The limits with these values.
    pub fn of([flash_bytes, ram_bytes, instructions]: [Option<u64>; 3]) -> Self {
        Self { flash_bytes, ram_bytes, instructions }
    }

    /// Which limits the costs keep.
    pub fn kept(self, costs: Costs) -> [bool; 3] {
        let (limits, values) = (self.values(), costs.values());
        std::array::from_fn(|k| limits[k].is_none_or(|limit| values[k] <= limit))
    }

    /// True where all limits are kept.
    pub fn allow(self, costs: Costs) -> bool {
        self.kept(costs) == [true; 3]
    }
}
