//! Limits of one network's kernels.

use supernano_base::blob::Blob;
use supernano_base::error::Result;
use supernano_search::cost::instructions::InstructionTable;
use supernano_search::cost::kernels::{Room, within};
use supernano_search::size;

/// Kernels chosen by counted costs under limits; without limits `--prefer` decides alone.
#[derive(clap::Args, Debug)]
pub struct RoomArgs {
    /// Most bytes of the network's file: the kernels with the fewest instructions that fit.
    #[arg(long, value_name = "SIZE")]
    max_blob: Option<String>,
    /// Most bytes of its arena, likewise.
    #[arg(long, value_name = "SIZE")]
    max_arena: Option<String>,
    /// The core whose instructions are counted: m0, m3, m4, m7 or m33.
    #[arg(long, default_value = "m4")]
    core: String,
}

impl RoomArgs {
    /// Name of the core's table: `cortex-m4`.
    pub fn core(&self) -> String {
        format!("cortex-{}", self.core)
    }

    /// The network with the kernels that fit.
    ///
    /// # Errors
    /// [`supernano_base::error::Error::Invalid`] for a size or core that there is not; as [`within`].
    pub fn apply(&self, blob: Blob) -> Result<Blob> {
        let limit = |option: &str, text: &Option<String>| -> Result<Option<usize>> {
            let parsed = text.as_deref().map(|t| size::parse(option, t)).transpose()?;
            Ok(parsed.map(|n| usize::try_from(n).unwrap_or(usize::MAX)))
        };
        let room = Room {
            flash: limit("option --max-blob", &self.max_blob)?,
            ram: limit("option --max-arena", &self.max_arena)?,
        };
        if room == Room::default() {
            return Ok(blob);
        }
        within(&blob, room, &InstructionTable::of_core(&self.core())?)
    }
}
