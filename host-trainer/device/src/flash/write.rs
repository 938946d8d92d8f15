//! Writes an agent and a network to a chip.

use std::path::{Path, PathBuf};

use serde::Serialize;
use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result};

use super::{FlashPlan, agent_of, plan};
use crate::agents::agent;
use crate::elf::Firmware;
use crate::probe;

/// A network and the chip to which it is written.
#[derive(Clone, Copy, Debug)]
pub struct FlashRequest<'a> {
    /// The network.
    pub blob: &'a Blob,
    /// Chip, in the spelling of probe-rs.
    pub chip: &'a str,
    /// USB vendor and product of the debug probe; `None` if only one is connected.
    pub probe: Option<(u16, u16)>,
    /// The board's agent, an ELF file. `None` selects that of [`agent`].
    pub firmware: Option<&'a Path>,
    /// Whether the chip is written; otherwise the contents are only planned.
    pub write: bool,
}

/// The contents of a chip's flash after a request.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct FlashReport {
    /// Chip, in the spelling of probe-rs.
    pub chip: String,
    /// The agent's ELF file.
    pub firmware: String,
    /// Whether the chip was written.
    pub written: bool,
    /// Sizes and addresses of agent and network.
    #[serde(flatten)]
    pub plan: FlashPlan,
}

/// Writes an agent and a network to separate regions of a chip's flash, verifies them and starts the
/// chip.
///
/// # Errors
/// [`Error::Invalid`] for an unknown chip, and for a chip without an agent if no firmware is given;
/// [`Error::Missing`] without the agent's file; as [`plan()`]; [`Error::Tool`] without a probe, and if
/// writing fails.
pub fn write(request: &FlashRequest<'_>) -> Result<FlashReport> {
    let (chip, flash) = probe::flash_of(request.chip)?;
    let path = firmware_of(&chip, request.firmware)?;
    let firmware = path.display().to_string();
    let plan = plan(&Firmware::read(&path)?, request.blob.bytes(), &flash, &firmware)?;
    if request.write {
        probe::write(request.probe, &chip, &plan.segments)?;
    }
    Ok(FlashReport { chip, firmware, written: request.write, plan })
}

fn firmware_of(chip: &str, named: Option<&Path>) -> Result<PathBuf> {
    let Some(path) = named else {
        return agent(agent_of(chip).ok_or_else(|| {
            let expected = "--firmware FILE: no agent is made for this chip's boards";
            Error::invalid("option --chip", "chip", expected, chip)
        })?);
    };
    match path.is_file() {
        true => Ok(path.to_path_buf()),
        false => {
            let needed_for = format!("the agent of {chip}");
            Err(Error::Missing { path: path.to_path_buf(), needed_for })
        }
    }
}
