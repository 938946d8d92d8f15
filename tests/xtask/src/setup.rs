//! What a fresh machine lacks: Cortex-M targets, rustfmt, clippy and QEMU.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::process::{self, Failure, Result, cargo, in_path, program, succeeds};

/// Every Rust target that firmware or a check is built for.
pub const TARGETS: [&str; 4] = [
    "thumbv6m-none-eabi",
    "thumbv7m-none-eabi",
    "thumbv7em-none-eabihf",
    "thumbv8m.main-none-eabihf",
];

const QEMU: &str = "qemu-system-arm";

/// A system package manager: the program that betrays it, whether it wants root, what it is
/// asked. Each line of `commands` is one call.
struct Manager {
    program: &'static str,
    root: bool,
    commands: &'static [&'static [&'static str]],
}

const MANAGERS: [Manager; 7] = [
    Manager {
        program: "apt-get",
        root: true,
        commands: &[
            &["apt-get", "update"],
            &["apt-get", "install", "-y", "--no-install-recommends", QEMU],
        ],
    },
    Manager {
        program: "dnf",
        root: true,
        commands: &[&["dnf", "install", "-y", "qemu-system-arm"]],
    },
    Manager {
        program: "pacman",
        root: true,
        commands: &[&["pacman", "-Sy", "--noconfirm", "qemu-system-arm"]],
    },
    Manager { program: "apk", root: true, commands: &[&["apk", "add", "qemu-system-arm"]] },
    Manager {
        program: "zypper",
        root: true,
        commands: &[&["zypper", "install", "-y", "qemu-arm"]],
    },
    Manager { program: "brew", root: false, commands: &[&["brew", "install", "qemu"]] },
    Manager {
        program: "winget",
        root: false,
        commands: &[&["winget", "install", "-e", "--id", "SoftwareFreedomConservancy.QEMU"]],
    },
];

/// Everything that the demo and the tests need.
pub fn run() -> Result<()> {
    targets()?;
    components()?;
    qemu()
}

/// Adds the missing Cortex-M targets.
pub fn targets() -> Result<()> {
    let missing: Vec<&str> = TARGETS.into_iter().filter(|t| !has_target(t)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    rustup("target", &missing)
}

fn has_target(target: &str) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    program(rustc, ["--print", "target-libdir", "--target", target])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|o| {
            o.status.success() && Path::new(String::from_utf8_lossy(&o.stdout).trim()).is_dir()
        })
}

/// Adds rustfmt and clippy where the toolchain came without.
fn components() -> Result<()> {
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if !succeeds(&mut cargo([subcommand, "--version"])) {
            rustup("component", &[component])?;
        }
    }
    Ok(())
}

fn rustup(kind: &str, names: &[&str]) -> Result<()> {
    let by_hand = format!("rustup {kind} add {}", names.join(" "));
    if in_path("rustup").is_none() {
        return Err(Failure::tool(format!(
            "{} not installed and no rustup in PATH; install rustup, then: {by_hand}",
            names.join(", ")
        )));
    }
    process::run(program("rustup", [kind, "add"]).args(names))
        .map(|_| ())
        .map_err(|e| Failure::tool(format!("{e}; by hand: {by_hand}")))
}

/// Installs `qemu-system-arm` where the system's package manager lets us, else says the one
/// command to type.
fn qemu() -> Result<()> {
    if in_path(QEMU).is_some() {
        return Ok(());
    }
    let Some(manager) = MANAGERS.iter().find(|m| in_path(m.program).is_some()) else {
        return Err(Failure::tool(format!(
            "{QEMU}: not in PATH, and no package manager known to this task; \
             install it from https://www.qemu.org/download/"
        )));
    };
    let prefix: &[&str] = match manager.root && !is_root() {
        false => &[],
        true if succeeds(Command::new("sudo").args(["-n", "true"])) => &["sudo", "-n"],
        true => return Err(by_hand(manager)),
    };
    for words in manager.commands {
        let all: Vec<&str> = prefix.iter().chain(*words).copied().collect();
        process::run(program(all[0], &all[1..]).env("DEBIAN_FRONTEND", "noninteractive"))
            .map_err(|e| Failure::tool(format!("{e}; {}", by_hand(manager))))?;
    }
    match in_path(QEMU) {
        Some(_) => Ok(()),
        None => Err(Failure::tool(format!("{QEMU}: installed, yet not in PATH"))),
    }
}

fn by_hand(manager: &Manager) -> Failure {
    let sudo = if manager.root { "sudo " } else { "" };
    let typed: Vec<String> =
        manager.commands.iter().map(|c| format!("{sudo}{}", c.join(" "))).collect();
    Failure::tool(format!("{QEMU}: not in PATH; install it with: {}", typed.join(" && ")))
}

/// Packages that the suite of foreign formats reads the files with.
const PYTHON: [&str; 3] = ["numpy", "onnxruntime", "safetensors"];

/// A Python environment in `target/python` for the suite of foreign formats. Where it cannot be
/// made the suite is left out, which is said, and nothing fails.
pub fn python() -> Result<()> {
    let directory = process::root().join("target/python");
    let bin = if cfg!(windows) { "Scripts" } else { "bin" };
    let python = directory.join(bin).join(format!("python{}", std::env::consts::EXE_SUFFIX));
    let imports = format!("import {}", PYTHON.join(", "));
    if succeeds(&mut program(&python, ["-c", &imports])) {
        return Ok(());
    }
    let Some(system) = ["python3", "python"].into_iter().find(|p| in_path(p).is_some()) else {
        eprintln!("SKIPPED: no python3 in PATH; ONNX and safetensors files stay unchecked");
        return Ok(());
    };
    let made = process::run(program(system, ["-m", "venv"]).arg(&directory)).and_then(|_| {
        process::run(program(&python, ["-m", "pip", "install", "--quiet"]).args(PYTHON))
    });
    if let Err(e) = made {
        eprintln!("SKIPPED: {e}; ONNX and safetensors files stay unchecked");
    }
    Ok(())
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|o| String::from_utf8_lossy(&o.stdout).trim() == "0")
}
