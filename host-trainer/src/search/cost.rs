//! Costs of a sub-network on the device, and limits on them.

use serde::{Deserialize, Serialize};
use supernano_core::arch::Arch;

/// What the effective sub-network, the one that ships, costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Costs {
    /// Bytes of the blob.
    pub flash_bytes: u64,
    /// Bytes of the arena.
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

/// Says what a sub-network costs. Costs must not fall where a layer gets wider.
pub trait CostModel: Sync {
    /// Costs of a sub-network of the model's space.
    fn costs(&self, arch: &Arch) -> Costs;

    /// [`Self::costs`] where they keep the limits; may give up at the first limit that breaks.
    fn costs_within(&self, arch: &Arch, limits: Limits) -> Option<Costs> {
        Some(self.costs(arch)).filter(|&costs| limits.allow(costs))
    }
}

/// Limits; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of the blob.
    pub flash_bytes: Option<u64>,
    /// Bytes of the arena.
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
