//! Builds of `firmware-examples`. The ELF files go to `target/firmware/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use supernano_facts::{MACHINES, Machine, Package, Program, RustTarget, packages};

use crate::process::{Failure, Result, cargo, root, run};

/// The smallest firmware that classifies. It is built for any core.
pub const MINIMAL: &str = "minimal";

/// The package of the C library, and the file name of the library.
pub const C_LIBRARY: (&str, &str) = ("supernano-c", "libsupernano.a");

/// A program of a package.
#[derive(Clone, Copy, Debug)]
pub struct Firmware {
    pub package: &'static Package,
    pub program: &'static Program,
}

/// What the compiler optimises the smallest firmware for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Optimised {
    /// Few cycles, as all other firmware.
    Speed,
    /// Few bytes. Such builds have a folder of their own, so that both kinds can be built at a time.
    Size,
}

/// Every program of every package.
pub fn every() -> Vec<Firmware> {
    let of = |package: &'static Package| {
        package.programs.iter().map(move |program| Firmware { package, program })
    };
    packages().flat_map(of).collect()
}

/// The agents of the emulated machines with these names.
pub fn agents(machines: &[&str]) -> Vec<Firmware> {
    let named = every().into_iter().filter(|f| machines.contains(&f.package.name));
    named.filter(|f| f.package.agent() == Some(f.program)).collect()
}

/// The emulated machine for a core, such as `m4`.
///
/// # Errors
/// An unknown core.
pub fn machine_of(core: &str) -> Result<&'static Machine> {
    let machines: &'static [Machine] = &MACHINES;
    let found = machines.iter().find(|m| m.name.strip_prefix("qemu-") == Some(core));
    found.ok_or_else(|| Failure { code: 2, message: format!("unknown core `{core}`") })
}

/// `cargo SUBCOMMAND --release` in the firmware's workspace and its own target directory.
pub fn cargo_for(target: RustTarget, subcommand: &str) -> Command {
    let mut command = in_workspace(cargo([subcommand, "--release", "--target", target.triple]));
    // Cargo's configuration cannot give flags to a target whose name contains a dot.
    if let Some(cpu) = target.cpu {
        command.env("RUSTFLAGS", format!("-C target-cpu={cpu}"));
    }
    command
}

impl Optimised {
    /// The folder of the builds.
    fn folder(self) -> PathBuf {
        let folder = workspace().join("target");
        match self {
            Self::Speed => folder,
            Self::Size => folder.join("small"),
        }
    }

    /// `cargo build --release` of the smallest firmware for a target.
    pub fn minimal(self, target: RustTarget) -> Command {
        let mut command = cargo_for(target, "build");
        command.args(["--quiet", "--package", MINIMAL, "--bin", MINIMAL]);
        if self == Self::Size {
            command.args(["--config", "profile.release.opt-level='s'"]);
        }
        command.env("CARGO_TARGET_DIR", self.folder());
        command
    }

    /// What [`Self::minimal`] builds.
    pub fn output(self, target: RustTarget) -> PathBuf {
        self.folder().join(target.triple).join("release").join(MINIMAL)
    }
}

/// Moves a command to the firmware's workspace.
pub fn in_workspace(mut command: Command) -> Command {
    command.current_dir(workspace()).env("CARGO_TARGET_DIR", workspace().join("target"));
    command
}

/// A file that a build for a target makes.
pub fn output(target: RustTarget, file: &str) -> PathBuf {
    workspace().join("target").join(target.triple).join("release").join(file)
}

/// The firmware's workspace.
pub fn workspace() -> PathBuf {
    root().join("firmware-examples")
}

impl Firmware {
    /// The linked file.
    pub fn elf(&self) -> PathBuf {
        output(self.package.target, self.program.binary)
    }

    /// The linked file below another directory of Cargo's output.
    pub fn elf_in(&self, folder: &Path) -> PathBuf {
        folder.join(self.package.target.triple).join("release").join(self.program.binary)
    }
}

/// True if one invocation of Cargo can check both packages. Cargo unites the features of all packages
/// of an invocation, and a peripheral access crate rejects the features of two chips.
pub fn checks_with(a: &Package, b: &Package) -> bool {
    a.target == b.target && registers_with(a, b)
}

/// True if one invocation of Cargo can link both packages. Packages that log differently need
/// different features of the runtime.
fn links_with(a: &Package, b: &Package) -> bool {
    checks_with(a, b) && a.log == b.log
}

/// True if both packages can use their peripheral access crates in one build.
pub fn registers_with(a: &Package, b: &Package) -> bool {
    match (a.access, b.access) {
        (Some(a), Some(b)) => a.name != b.name || a.feature == b.feature,
        _ => true,
    }
}

/// Divides packages into groups. All packages of a group are `together` with each other.
pub fn groups(
    packages: impl IntoIterator<Item = &'static Package>,
    together: impl Fn(&Package, &Package) -> bool,
) -> Vec<Vec<&'static Package>> {
    let mut groups: Vec<Vec<&'static Package>> = Vec::new();
    for package in packages {
        match groups.iter_mut().find(|g| g.iter().all(|other| together(other, package))) {
            Some(group) if group.contains(&package) => {}
            Some(group) => group.push(package),
            None => groups.push(vec![package]),
        }
    }
    groups
}

/// Builds programs and copies their ELF files. Packages that can be linked together share one
/// invocation of Cargo.
///
/// # Errors
/// A failed build or copy.
pub fn build(programs: &[Firmware]) -> Result<()> {
    let out = root().join("target/firmware");
    fs::create_dir_all(&out).map_err(|e| Failure::tool(format!("{}: {e}", out.display())))?;
    for group in groups(programs.iter().map(|f| f.package), links_with) {
        let of_group = || programs.iter().filter(|f| group.contains(&f.package));
        let mut command = cargo_for(group[0].target, "build");
        command.args(group.iter().flat_map(|package| ["--package", package.name]));
        command.args(of_group().flat_map(|f| ["--bin", f.program.binary]));
        run(&mut command)?;
        for firmware in of_group() {
            let (from, to) = (firmware.elf(), out.join(firmware.program.file));
            let failed = |e| format!("{} -> {}: {e}", from.display(), to.display());
            fs::copy(&from, &to).map_err(|e| Failure::tool(failed(e)))?;
            note!("built {}", to.strip_prefix(root()).unwrap_or(&to).display());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
