//! Limits on the file and the arena of one network, within which its kernels are chosen.

use supernano_base::blob::Blob;
use supernano_base::error::Result;

use super::instructions::InstructionTable;
use super::kernels::{SizeLimits, within};

/// Core whose instructions are modelled if none is named.
pub const DEFAULT_CORE: &str = "cortex-m4";

/// Limits, and the core that the kernels are chosen for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelLimits {
    /// Limits of the file and of the arena.
    pub sizes: SizeLimits,
    /// Core of the instruction table, such as `cortex-m4`, if one was named.
    pub core: Option<String>,
}

impl KernelLimits {
    /// The core of the instruction table.
    pub fn core(&self) -> &str {
        self.core.as_deref().unwrap_or(DEFAULT_CORE)
    }

    /// True if there is no limit.
    pub fn is_free(&self) -> bool {
        self.sizes == SizeLimits::default()
    }

    /// Returns the same network with the kernels that need the fewest modelled instructions within
    /// the limits. Without any limit the network keeps its kernels.
    ///
    /// # Errors
    /// As [`within`] and [`InstructionTable::of_core`].
    pub fn apply(&self, blob: Blob) -> Result<Blob> {
        if self.is_free() {
            return Ok(blob);
        }
        within(&blob, self.sizes, &InstructionTable::of_core(self.core())?)
    }
}
