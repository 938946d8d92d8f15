//! The device agents, one ELF file a board, in `target/firmware/`.

use std::fs;
use std::path::PathBuf;

use crate::process::{Failure, Result, cargo, root, run};

/// A board's agent: package and binary in `firmware-examples`, and its Rust target.
pub struct Agent {
    /// Package in the workspace `firmware-examples`.
    pub package: &'static str,
    /// Binary, and the ELF file's name.
    pub binary: &'static str,
    /// Rust target.
    pub target: &'static str,
}

const fn agent(package: &'static str, binary: &'static str, target: &'static str) -> Agent {
    Agent { package, binary, target }
}

/// Every agent there is.
pub const AGENTS: [Agent; 5] = [
    agent("qemu-m0", "qemu-m0-agent", "thumbv6m-none-eabi"),
    agent("qemu-m3", "qemu-m3-agent", "thumbv7m-none-eabi"),
    agent("qemu-m4", "qemu-m4-agent", "thumbv7em-none-eabihf"),
    agent("qemu-m7", "qemu-m7-agent", "thumbv7em-none-eabihf"),
    agent("qemu-m33", "qemu-m33-agent", "thumbv8m.main-none-eabi"),
];

/// The firmware's own workspace.
pub fn workspace() -> PathBuf {
    root().join("firmware-examples")
}

/// Builds every agent in the firmware's own target directory and copies the ELF files.
pub fn build() -> Result<()> {
    let own_target = workspace().join("target");
    let out = root().join("target/firmware");
    fs::create_dir_all(&out).map_err(|e| Failure::tool(format!("{}: {e}", out.display())))?;
    for agent in AGENTS {
        run(cargo(["build", "--release", "--package", agent.package, "--bin", agent.binary])
            .args(["--target", agent.target])
            .current_dir(workspace())
            .env("CARGO_TARGET_DIR", &own_target))?;
        let from = own_target.join(agent.target).join("release").join(agent.binary);
        let to = out.join(format!("{}.elf", agent.binary));
        fs::copy(&from, &to)
            .map_err(|e| Failure::tool(format!("{} -> {}: {e}", from.display(), to.display())))?;
        eprintln!("built {}", to.strip_prefix(root()).unwrap_or(&to).display());
    }
    Ok(())
}
