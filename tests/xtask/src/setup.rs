//! What a fresh machine lacks: Cortex-M targets, rustfmt, clippy, QEMU and a C compiler.

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

/// A program that is not Rust's, and where it comes from.
struct Tool {
    program: &'static str,
    /// Package by package manager; one that is not here does not have it.
    packages: &'static [(&'static str, &'static str)],
    /// Where to get it without one.
    page: &'static str,
}

const QEMU: Tool = Tool {
    program: "qemu-system-arm",
    packages: &[
        ("apt-get", "qemu-system-arm"),
        ("dnf", "qemu-system-arm"),
        ("pacman", "qemu-system-arm"),
        ("apk", "qemu-system-arm"),
        ("zypper", "qemu-arm"),
        ("brew", "qemu"),
        ("winget", "SoftwareFreedomConservancy.QEMU"),
    ],
    page: "https://www.qemu.org/download/",
};

/// The compiler of the example in C.
pub const GCC: &str = "arm-none-eabi-gcc";

const COMPILER: Tool = Tool {
    program: GCC,
    packages: &[
        ("apt-get", "gcc-arm-none-eabi"),
        ("dnf", "arm-none-eabi-gcc-cs"),
        ("pacman", "arm-none-eabi-gcc"),
        ("apk", "gcc-arm-none-eabi"),
        ("brew", "arm-none-eabi-gcc"),
        ("winget", "Arm.GnuArmEmbeddedToolchain"),
    ],
    page: "https://developer.arm.com/downloads/-/arm-gnu-toolchain-downloads",
};

const DRIVER: Tool = Tool {
    program: "a Vulkan driver",
    packages: &[
        ("apt-get", "mesa-vulkan-drivers"),
        ("dnf", "mesa-vulkan-drivers"),
        ("pacman", "vulkan-swrast"),
        ("apk", "mesa-vulkan-swrast"),
        ("zypper", "libvulkan_lvp"),
    ],
    page: "https://docs.mesa3d.org/install.html",
};

/// A system package manager: the program that betrays it, whether it wants root, what it is
/// asked. Each line of `commands` is one call; the package follows the last.
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
            &["apt-get", "install", "-y", "--no-install-recommends"],
        ],
    },
    Manager { program: "dnf", root: true, commands: &[&["dnf", "install", "-y"]] },
    Manager { program: "pacman", root: true, commands: &[&["pacman", "-Sy", "--noconfirm"]] },
    Manager { program: "apk", root: true, commands: &[&["apk", "add"]] },
    Manager { program: "zypper", root: true, commands: &[&["zypper", "install", "-y"]] },
    Manager { program: "brew", root: false, commands: &[&["brew", "install"]] },
    Manager { program: "winget", root: false, commands: &[&["winget", "install", "-e", "--id"]] },
];

impl Manager {
    /// What it is asked for a package.
    fn calls(&self, package: &'static str) -> Vec<Vec<&'static str>> {
        let mut calls: Vec<Vec<&str>> = self.commands.iter().map(|c| c.to_vec()).collect();
        if let Some(last) = calls.last_mut() {
            last.push(package);
        }
        calls
    }
}

/// Everything that the demo and the tests need.
pub fn run() -> Result<()> {
    targets()?;
    components()?;
    install(&QEMU)
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

/// The compiler of the example in C, which only the tests need.
pub fn c_compiler() -> Result<()> {
    install(&COMPILER)
}

/// A Vulkan driver, which only the tests need: Mesa's draws on the processor.
pub fn vulkan() -> Result<()> {
    let folders = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"];
    let driver = || {
        let files = folders.iter().filter_map(|f| std::fs::read_dir(f).ok()).flatten().flatten();
        files.map(|f| f.path()).any(|p| p.extension().is_some_and(|e| e == "json"))
    };
    if driver() {
        return Ok(());
    }
    fetch(&DRIVER)?;
    match driver() {
        true => Ok(()),
        false => Err(Failure::tool(format!("{}: installed, yet no driver found", DRIVER.program))),
    }
}

/// Installs a tool where the system's package manager lets us, else says the one command to type.
fn install(tool: &Tool) -> Result<()> {
    let name = tool.program;
    if in_path(name).is_some() {
        return Ok(());
    }
    fetch(tool)?;
    match in_path(name) {
        Some(_) => Ok(()),
        None => Err(Failure::tool(format!("{name}: installed, yet not in PATH"))),
    }
}

/// Has the system's package manager install it.
fn fetch(tool: &Tool) -> Result<()> {
    let name = tool.program;
    let package = |m: &Manager| tool.packages.iter().find(|(p, _)| *p == m.program).map(|p| p.1);
    let present = MANAGERS.iter().filter(|m| in_path(m.program).is_some());
    let Some((manager, package)) = present.filter_map(|m| Some((m, package(m)?))).next() else {
        return Err(Failure::tool(format!(
            "{name}: not found, and no package manager known to this task has it; \
             install it from {}",
            tool.page
        )));
    };
    let by_hand = by_hand(name, manager, package);
    let prefix: &[&str] = match manager.root && !is_root() {
        false => &[],
        true if succeeds(Command::new("sudo").args(["-n", "true"])) => &["sudo", "-n"],
        true => return Err(Failure::tool(by_hand)),
    };
    for words in manager.calls(package) {
        let all: Vec<&str> = prefix.iter().copied().chain(words).collect();
        process::run(program(all[0], &all[1..]).env("DEBIAN_FRONTEND", "noninteractive"))
            .map_err(|e| Failure::tool(format!("{e}; {by_hand}")))?;
    }
    Ok(())
}

fn by_hand(name: &str, manager: &Manager, package: &'static str) -> String {
    let sudo = if manager.root { "sudo " } else { "" };
    let calls = manager.calls(package);
    let typed: Vec<String> = calls.iter().map(|c| format!("{sudo}{}", c.join(" "))).collect();
    format!("{name}: not found; install it with: {}", typed.join(" && "))
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
