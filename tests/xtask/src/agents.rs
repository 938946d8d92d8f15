//! `cargo xtask agents`: the archive of agents that the host's build puts into the program.

use std::fs;
use std::io::Write as _;

use lzma_rust2::{XzOptions, XzWriter};
use supernano_facts::{BOARDS, MACHINES};

use crate::firmware::{self, Firmware};
use crate::process::{Failure, Result, root};
use crate::setup::{self, Consent};

/// The archive, from the root of the workspace.
pub const ARCHIVE: &str = "host-trainer/device/agents/agents.tar.xz";

/// Strongest compression: the agents of one core share most of their code.
const PRESET: u32 = 9;

/// The agents of all emulated machines and boards.
fn agents() -> Vec<Firmware> {
    let machines = MACHINES.iter().map(|machine| machine.package.name);
    let names: Vec<&str> = machines.chain(BOARDS.iter().map(|b| b.package.name)).collect();
    firmware::agents(&names)
}

/// Builds the agents and writes the archive. An archive with the same bytes stays untouched, so that
/// nothing is compiled again.
///
/// # Errors
/// A failed build, and an archive that cannot be written.
pub fn write(consent: Consent) -> Result<()> {
    setup::ensure(&setup::targets(), consent)?;
    let agents = agents();
    firmware::build(&agents)?;
    let path = root().join(ARCHIVE);
    let failed = |e: std::io::Error| Failure::tool(format!("{}: {e}", path.display()));
    let bytes = archive(&agents).map_err(failed)?;
    if fs::read(&path).is_ok_and(|found| found == bytes) {
        note!("{ARCHIVE}: unchanged");
        return Ok(());
    }
    fs::write(&path, &bytes).map_err(failed)?;
    note!("{ARCHIVE}: {} agents, {} bytes", agents.len(), bytes.len());
    Ok(())
}

fn archive(agents: &[Firmware]) -> std::io::Result<Vec<u8>> {
    let xz = XzWriter::new(Vec::new(), XzOptions::with_preset(PRESET))?;
    let mut tar = tar::Builder::new(xz);
    for agent in agents {
        let bytes = fs::read(agent.elf())?;
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, agent.program.file, bytes.as_slice())?;
    }
    let mut xz = tar.into_inner()?;
    xz.flush()?;
    xz.finish()
}
