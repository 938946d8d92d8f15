//! The firmware, one ELF file a board and program, in `target/firmware/`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::process::{Failure, Result, cargo, root, run};

/// A firmware: package and binary in `firmware-examples`, and its Rust target.
pub struct Firmware {
    /// Package in the workspace `firmware-examples`.
    pub package: &'static str,
    /// Binary, and the ELF file's name.
    pub binary: &'static str,
    /// Rust target.
    pub target: &'static str,
    /// Core, where the target leaves extensions to it.
    pub cpu: Option<&'static str>,
}

const fn firmware(package: &'static str, binary: &'static str, target: &'static str) -> Firmware {
    Firmware { package, binary, target, cpu: None }
}

/// No target of Cortex-M33 has the DSP extension by itself.
const fn m33(package: &'static str, binary: &'static str) -> Firmware {
    Firmware { cpu: Some("cortex-m33"), ..firmware(package, binary, "thumbv8m.main-none-eabihf") }
}

/// Every firmware there is.
pub static ALL: [Firmware; 26] = [
    firmware("microbit", "microbit-classify", "thumbv6m-none-eabi"),
    firmware("qemu-m0", "qemu-m0-agent", "thumbv6m-none-eabi"),
    firmware("qemu-m3", "qemu-m3-agent", "thumbv7m-none-eabi"),
    firmware("qemu-m4", "qemu-m4-agent", "thumbv7em-none-eabihf"),
    firmware("qemu-m4-log", "qemu-m4-log-agent", "thumbv7em-none-eabihf"),
    firmware("qemu-m7", "qemu-m7-agent", "thumbv7em-none-eabihf"),
    firmware("nucleo-f446re", "nucleo-f446re-agent", "thumbv7em-none-eabihf"),
    firmware("nucleo-f446re", "nucleo-f446re-classify", "thumbv7em-none-eabihf"),
    firmware("f4-discovery", "f4-discovery-agent", "thumbv7em-none-eabihf"),
    firmware("f4-discovery", "f4-discovery-classify", "thumbv7em-none-eabihf"),
    firmware("nrf52840-dk", "nrf52840-dk-agent", "thumbv7em-none-eabihf"),
    firmware("nrf52840-dk", "nrf52840-dk-classify", "thumbv7em-none-eabihf"),
    firmware("microbit-v2", "microbit-v2-agent", "thumbv7em-none-eabihf"),
    firmware("microbit-v2", "microbit-v2-classify", "thumbv7em-none-eabihf"),
    firmware("nucleo-h743zi", "nucleo-h743zi-agent", "thumbv7em-none-eabihf"),
    firmware("nucleo-h743zi", "nucleo-h743zi-classify", "thumbv7em-none-eabihf"),
    firmware("pico", "pico-agent", "thumbv6m-none-eabi"),
    firmware("pico", "pico-classify", "thumbv6m-none-eabi"),
    m33("pico2", "pico2-agent"),
    m33("pico2", "pico2-classify"),
    firmware("qemu-m0", "qemu-m0-classify", "thumbv6m-none-eabi"),
    firmware("qemu-m3", "qemu-m3-classify", "thumbv7m-none-eabi"),
    firmware("qemu-m4", "qemu-m4-classify", "thumbv7em-none-eabihf"),
    firmware("qemu-m7", "qemu-m7-classify", "thumbv7em-none-eabihf"),
    m33("qemu-m33", "qemu-m33-agent"),
    m33("qemu-m33", "qemu-m33-classify"),
];

/// The least firmware that classifies, to be built for any target.
pub const MINIMAL: Firmware = firmware("minimal", "minimal", "thumbv7em-none-eabihf");

/// The library for C: `elf` gives the archive.
pub const C_LIBRARY: Firmware = firmware("supernano-c", "libsupernano.a", "thumbv7em-none-eabihf");

/// The agent of an emulated core: `m0` and so on.
pub fn of_core(core: &str) -> Result<&'static Firmware> {
    let package = format!("qemu-{core}");
    let found = ALL.iter().find(|f| f.package == package);
    found.ok_or_else(|| Failure { code: 2, message: format!("no core {core}") })
}

impl Firmware {
    /// `cargo SUBCOMMAND --release` for this package.
    pub fn cargo(&self, subcommand: &str) -> Command {
        let mut command = cargo([subcommand, "--release", "--package", self.package]);
        command
            .args(["--target", self.target])
            .current_dir(workspace())
            .env("CARGO_TARGET_DIR", workspace().join("target"));
        // Cargo finds no flags in a configuration file for a target with a dot in its name.
        if let Some(cpu) = self.cpu {
            command.env("RUSTFLAGS", format!("-C target-cpu={cpu}"));
        }
        command
    }

    /// The linked file.
    pub fn elf(&self) -> PathBuf {
        workspace().join("target").join(self.target).join("release").join(self.binary)
    }
}

/// The firmware's own workspace.
pub fn workspace() -> PathBuf {
    root().join("firmware-examples")
}

/// Builds every firmware in its own target directory and copies the ELF files.
pub fn build() -> Result<()> {
    let out = root().join("target/firmware");
    fs::create_dir_all(&out).map_err(|e| Failure::tool(format!("{}: {e}", out.display())))?;
    for firmware in &ALL {
        run(firmware.cargo("build").args(["--bin", firmware.binary]))?;
        let (from, to) = (firmware.elf(), out.join(format!("{}.elf", firmware.binary)));
        fs::copy(&from, &to)
            .map_err(|e| Failure::tool(format!("{} -> {}: {e}", from.display(), to.display())))?;
        eprintln!("built {}", to.strip_prefix(root()).unwrap_or(&to).display());
    }
    Ok(())
}
