//! Programs and Rust components that a task needs. A task installs missing ones only with consent.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use supernano_facts::{RustTarget, TARGETS};

use crate::process::{self, Failure, Result, cargo, in_path, program, succeeds};

mod tools;

pub use tools::{CLIPPY, COMPILER, Component, GCC, QEMU, RUSTFMT, Tool, VULKAN};

/// Whether a task may call a package manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Yes: `--yes` was given, or this is a continuous integration run.
    Given,
    /// A person at the terminal decides.
    Ask,
    /// No.
    Withheld,
}

impl Consent {
    /// The consent of this process. `yes` is the option of that name.
    pub fn new(yes: bool) -> Self {
        let ci = std::env::var("CI").is_ok_and(|value| value == "true");
        Self::of(yes || ci, io::stdin().is_terminal() && io::stderr().is_terminal())
    }

    fn of(given: bool, terminal: bool) -> Self {
        match (given, terminal) {
            (true, _) => Self::Given,
            (false, true) => Self::Ask,
            (false, false) => Self::Withheld,
        }
    }
}

/// Something that a machine may lack.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// The standard library of a Rust target.
    Target(RustTarget),
    /// A component of the Rust toolchain.
    Component(&'static Component),
    /// A program or a driver of the system.
    Tool(&'static Tool),
}

/// Everything that any task needs.
pub fn everything() -> Vec<Need> {
    let mut needs: Vec<Need> = TARGETS.map(Need::Target).into();
    needs.extend([Need::Component(&RUSTFMT), Need::Component(&CLIPPY)]);
    needs.extend([Need::Tool(&QEMU), Need::Tool(&COMPILER)]);
    if cfg!(target_os = "linux") {
        needs.push(Need::Tool(&VULKAN));
    }
    needs
}

/// Every Rust target, for a task that builds all firmware.
pub fn targets() -> Vec<Need> {
    TARGETS.map(Need::Target).into()
}

impl Need {
    fn name(&self) -> &'static str {
        match self {
            Self::Target(target) => target.triple,
            Self::Component(component) => component.name,
            Self::Tool(tool) => tool.name,
        }
    }

    fn present(&self) -> bool {
        match self {
            Self::Target(target) => has_target(target.triple),
            Self::Component(component) => succeeds(&mut cargo([component.subcommand, "--version"])),
            Self::Tool(tool) => (tool.present)(),
        }
    }
}

/// Installs the missing ones of `needs`. Asks once for all of them.
///
/// # Errors
/// A missing program without consent or without a known package manager, and a failed installation.
pub fn ensure(needs: &[Need], consent: Consent) -> Result<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !need.present()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.iter().map(|need| need.name()).collect::<Vec<_>>().join(", ");
    let commands = commands(&missing, |program| in_path(program).is_some())?;
    let lines: Vec<String> = commands.iter().map(|c| format!("  {}", c.join(" "))).collect();
    let lines = lines.join("\n");
    if consent == Consent::Withheld || (consent == Consent::Ask && !agreed(&names, &lines)?) {
        return Err(Failure::tool(format!(
            "this machine lacks {names}; type\n{lines}\nor run the task again with --yes"
        )));
    }
    for command in &commands {
        let mut call = program(&command[0], &command[1..]);
        process::run(call.env("DEBIAN_FRONTEND", "noninteractive"))
            .map_err(|e| Failure::tool(format!("{e}; to install {names}, type\n{lines}")))?;
    }
    match missing.iter().find(|need| !need.present()) {
        None => Ok(()),
        Some(need) => Err(Failure::tool(format!("{}: installed but not found", need.name()))),
    }
}

/// Asks the person at the terminal.
fn agreed(names: &str, lines: &str) -> Result<bool> {
    note!("This machine lacks {names}. These commands install it:\n{lines}\nRun them? [y/N]");
    let mut answer = String::new();
    io::stderr()
        .flush()
        .and_then(|()| io::stdin().read_line(&mut answer))
        .map_err(|e| Failure::tool(format!("terminal: {e}")))?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}

/// The commands that install everything in `missing`. `in_path` tells whether a program exists.
fn commands(missing: &[&Need], in_path: impl Fn(&str) -> bool) -> Result<Vec<Vec<String>>> {
    let mut commands = Vec::new();
    let of = |kind: &str, names: Vec<&str>| -> Option<Vec<String>> {
        let words = ["rustup", kind, "add"].into_iter().chain(names.iter().copied());
        (!names.is_empty()).then(|| words.map(str::to_owned).collect())
    };
    let targets = missing.iter().filter(|need| matches!(need, Need::Target(_)));
    let components = missing.iter().filter(|need| matches!(need, Need::Component(_)));
    commands.extend(of("target", targets.map(|need| need.name()).collect()));
    commands.extend(of("component", components.map(|need| need.name()).collect()));
    if let Some(command) = commands.first()
        && !in_path("rustup")
    {
        let typed = command.join(" ");
        return Err(Failure::tool(format!("rustup: not found; install it, then type\n  {typed}")));
    }
    for need in missing {
        if let Need::Tool(tool) = need {
            for command in tools::commands(tool, &in_path)? {
                // A refresh of the package lists serves all packages.
                if !commands.contains(&command) {
                    commands.push(command);
                }
            }
        }
    }
    Ok(commands)
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

/// Packages that the suite of foreign formats reads the files with.
const PYTHON: [&str; 3] = ["numpy", "onnxruntime", "safetensors"];

/// Makes a Python environment in `target/python` for the suite of foreign formats. Without one the
/// suite prints that it skips those files, and nothing fails.
pub fn python() -> Result<()> {
    let directory = process::root().join("target/python");
    let bin = if cfg!(windows) { "Scripts" } else { "bin" };
    let python = directory.join(bin).join(format!("python{}", std::env::consts::EXE_SUFFIX));
    let imports = format!("import {}", PYTHON.join(", "));
    if succeeds(&mut program(&python, ["-c", &imports])) {
        return Ok(());
    }
    let Some(system) = ["python3", "python"].into_iter().find(|p| in_path(p).is_some()) else {
        note!("SKIPPED: no python3 in PATH; ONNX and safetensors files are not checked");
        return Ok(());
    };
    let made = process::run(program(system, ["-m", "venv"]).arg(&directory)).and_then(|_| {
        process::run(program(&python, ["-m", "pip", "install", "--quiet"]).args(PYTHON))
    });
    if let Err(e) = made {
        note!("SKIPPED: {e}; ONNX and safetensors files are not checked");
    }
    Ok(())
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|o| String::from_utf8_lossy(&o.stdout).trim() == "0")
}

#[cfg(test)]
mod tests;
