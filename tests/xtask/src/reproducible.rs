//! `cargo xtask reproducible`: two clean builds and two trainings give the same bytes.

use std::path::Path;

use supernano_facts::QEMU_M4;

use crate::kills::job::{CONFIG, LAYERS};
use crate::process::{self, Failure, Result, root, supernano};
use crate::setup::{self, Consent};
use crate::{firmware, process::run as execute};

/// Builds the agent of an emulated machine twice from nothing, and trains and exports a network twice.
///
/// # Errors
/// A [`Failure`] if two results differ.
pub fn run(consent: Consent) -> Result<()> {
    setup::ensure(&setup::targets(), consent)?;
    process::build_host()?;
    for (what, make) in
        [("firmware", firmware_bytes as fn() -> Result<Vec<u8>>), ("network", network_bytes)]
    {
        let (first, second) = (make()?, make()?);
        if first != second {
            return Err(Failure::no(format!("two {what} files differ")));
        }
        say!("{what}: {} bytes, twice the same", first.len());
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| Failure::tool(format!("{}: {e}", path.display())))
}

/// The agent, built in an empty directory.
fn firmware_bytes() -> Result<Vec<u8>> {
    let folder = root().join("target/reproducible");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|e| Failure::tool(e.to_string()))?;
    }
    let agents = firmware::agents(&[QEMU_M4.package.name]);
    let agent = agents.first().ok_or_else(|| Failure::tool("no agent of qemu-m4"))?;
    let mut command = firmware::cargo_for(agent.package.target, "build");
    command.args(["--package", agent.package.name, "--bin", agent.program.binary]);
    command.env("CARGO_TARGET_DIR", &folder);
    execute(&mut command)?;
    let bytes = read(&agent.elf_in(&folder))?;
    std::fs::remove_dir_all(&folder).map_err(|e| Failure::tool(e.to_string()))?;
    Ok(bytes)
}

/// A network of a training of a second.
fn network_bytes() -> Result<Vec<u8>> {
    let folder = tempfile::tempdir().map_err(|e| Failure::tool(e.to_string()))?;
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("config.toml"), CONFIG).map_err(|e| Failure::tool(e.to_string()))?;
    execute(&mut supernano(["train", &at("config.toml"), "-o", &at("run")]))?;
    let code = ["8"; LAYERS].join("-");
    execute(&mut supernano(["export", &at("run"), &code, "-o", &at("network.snb")]))?;
    read(Path::new(&at("network.snb")))
}
