//! Limits of one network's file and arena, under which its kernels are chosen.

use supernano_base::blob::Blob;
use supernano_base::error::Result;

use super::instructions::InstructionTable;
use super::kernels::{Room, within};

/// Limits, and the core for which the kernels are chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelLimits {
    /// Limits of the file and of the arena.
    pub room: Room,
    /// Name of the core's table of instructions: `cortex-m4`.
    pub core: String,
}

impl KernelLimits {
    /// The same network with the kernels that need the fewest instructions within the limits. Without
    /// any limit, the network keeps its kernels.
    ///
    /// # Errors
    /// As [`within`] and [`InstructionTable::of_core`].
    pub fn apply(&self, blob: Blob) -> Result<Blob> {
        if self.room == Room::default() {
            return Ok(blob);
        }
        within(&blob, self.room, &InstructionTable::of_core(&self.core)?)
    }
}
