//! Limits on the file and the arena of one network, within which its kernels are chosen.

use supernano_base::blob::Blob;
use supernano_base::error::Result;

use super::instructions::InstructionTable;
use super::kernels::{SizeLimits, within};

/// Limits, and the core that the kernels are chosen for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelLimits {
    /// Limits of the file and of the arena.
    pub sizes: SizeLimits,
    /// Core of the instruction table, such as `cortex-m4`.
    pub core: String,
}

impl KernelLimits {
    /// Returns the same network with the kernels that need the fewest modelled instructions within
    /// the limits. Without any limit the network keeps its kernels.
    ///
    /// # Errors
    /// As [`within`] and [`InstructionTable::of_core`].
    pub fn apply(&self, blob: Blob) -> Result<Blob> {
        if self.sizes == SizeLimits::default() {
            return Ok(blob);
        }
        within(&blob, self.sizes, &InstructionTable::of_core(&self.core)?)
    }
}
