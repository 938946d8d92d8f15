//! Programs and Rust components that supernano and its tasks need. Missing ones are installed only
//! with consent, and no package is removed: where `apt-get` would have to, QEMU is unpacked into a folder
//! of the user.

#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use supernano_facts::RustTarget;

mod tools;
mod unpack;

pub use tools::{CLIPPY, COMPILER, Component, GCC, QEMU, RUSTFMT, Tool, VULKAN};

/// Whether a command may call a package manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Yes: `--yes` was given.
    Given,
    /// A person at the terminal decides.
    Ask,
    /// No.
    Withheld,
}

impl Consent {
    /// The consent of this process. `given` is the option `--yes`.
    pub fn new(given: bool) -> Self {
        Self::of(given, io::stdin().is_terminal() && io::stderr().is_terminal())
    }

    fn of(given: bool, terminal: bool) -> Self {
        match (given, terminal) {
            (true, _) => Self::Given,
            (false, true) => Self::Ask,
            (false, false) => Self::Withheld,
        }
    }
}

/// What a machine lacks, and the commands to type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking(pub String);

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Lacking {}

/// Result of an installation.
pub type Result<T, E = Lacking> = std::result::Result<T, E>;

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

impl Need {
    /// Name in messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Target(target) => target.triple,
            Self::Component(component) => component.name,
            Self::Tool(tool) => tool.name,
        }
    }

    /// True if the machine has it.
    pub fn present(&self) -> bool {
        match self {
            Self::Target(target) => has_target(target.triple),
            Self::Component(component) => succeeds(
                Command::new(rust("CARGO", "cargo")).args([component.subcommand, "--version"]),
            ),
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
    let names = names(&missing).join(", ");
    let commands = commands(&missing, |program| in_path(program).is_some())?;
    let lines: Vec<String> = commands.iter().map(|c| format!("  {}", c.join(" "))).collect();
    let lines = lines.join("\n");
    if consent == Consent::Withheld || (consent == Consent::Ask && !agreed(&names, &lines)?) {
        return Err(Lacking(format!(
            "this machine lacks {names}; type\n{lines}\nor run the same command again with --yes"
        )));
    }
    for command in &commands {
        install(command).map_err(|e| Lacking(format!("{e}; to install {names}, type\n{lines}")))?;
    }
    match missing.iter().find(|need| !need.present()) {
        None => Ok(()),
        Some(need) => Err(Lacking(format!("{}: installed but not found", need.name()))),
    }
}

/// Names of needs, each once: two processors may share a Rust target.
pub fn names(needs: &[&Need]) -> Vec<&'static str> {
    let mut names: Vec<&str> = Vec::new();
    for name in needs.iter().map(|need| need.name()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Asks the person at the terminal.
fn agreed(names: &str, lines: &str) -> Result<bool> {
    let question = format!("This machine lacks {names}. These commands install it:\n{lines}\n");
    let mut answer = String::new();
    let mut stderr = io::stderr();
    write!(stderr, "{question}Run them? [y/N] ")
        .and_then(|()| stderr.flush())
        .and_then(|()| io::stdin().read_line(&mut answer))
        .map_err(|e| Lacking(format!("terminal: {e}")))?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}

/// The line to type that installs `needs`, or the reason why there is none.
pub fn to_type(needs: &[&Need]) -> String {
    match commands(needs, |program| in_path(program).is_some()) {
        Ok(commands) => {
            commands.iter().map(|words| words.join(" ")).collect::<Vec<_>>().join(" && ")
        }
        Err(lacking) => lacking.to_string(),
    }
}

/// Runs a command that installs. If `apt-get` would have to remove packages to install QEMU, the
/// emulator is unpacked into a folder of the user.
fn install(command: &[String]) -> Result<()> {
    let Err(failure) = run(command, None) else { return Ok(()) };
    let of_qemu = command.last().is_some_and(|package| package == QEMU.name);
    if !of_qemu || !command.iter().any(|word| word == "apt-get") {
        return Err(failure);
    }
    let plan = unpack::Plan::of(QEMU.name);
    if plan.remove.is_empty() {
        return Err(failure);
    }
    let removed = plan.remove.join(", ");
    let said = "apt-get would have to remove packages; the emulator is unpacked instead:";
    let _ = writeln!(io::stderr(), "{said} {removed} stay");
    unpack::install(&plan)
}

/// Runs a command with its standard output on standard error, in a directory if one is given.
fn run(words: &[String], directory: Option<&Path>) -> Result<()> {
    let shown = words.join(" ");
    let failed = |problem: String| Lacking(format!("`{shown}`{problem}"));
    let (program, arguments) = words.split_first().ok_or_else(|| failed(": empty".into()))?;
    let _ = writeln!(io::stderr(), "$ {shown}");
    let mut command = Command::new(program);
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    if let Some(directory) = directory {
        command.current_dir(directory);
    }
    let status = command.stdin(Stdio::null()).stdout(Stdio::from(io::stderr())).status();
    match status.map_err(|e| failed(format!(": {e}")))? {
        status if status.success() => Ok(()),
        status => Err(failed(format!(" ended with {status}"))),
    }
}

/// The commands that install everything in `missing`. `in_path` tells whether a program exists.
fn commands(missing: &[&Need], in_path: impl Fn(&str) -> bool) -> Result<Vec<Vec<String>>> {
    let mut commands = Vec::new();
    let of = |kind: &str, wanted: fn(&Need) -> bool| -> Option<Vec<String>> {
        let wanted: Vec<&Need> = missing.iter().copied().filter(|need| wanted(need)).collect();
        let words = ["rustup", kind, "add"].into_iter().chain(names(&wanted));
        (!wanted.is_empty()).then(|| words.map(str::to_owned).collect())
    };
    commands.extend(of("target", |need| matches!(need, Need::Target(_))));
    commands.extend(of("component", |need| matches!(need, Need::Component(_))));
    if let Some(command) = commands.first()
        && !in_path("rustup")
    {
        let typed = command.join(" ");
        return Err(Lacking(format!("rustup: not found; install it, then type\n  {typed}")));
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
    Command::new(rust("RUSTC", "rustc"))
        .args(["--print", "target-libdir", "--target", target])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|o| {
            o.status.success() && Path::new(String::from_utf8_lossy(&o.stdout).trim()).is_dir()
        })
}

/// A program of the Rust toolchain: the one that a variable of Cargo names, or the one in PATH.
fn rust(variable: &str, name: &str) -> OsString {
    std::env::var_os(variable).unwrap_or_else(|| name.into())
}

/// True if the command starts and succeeds. Its output is discarded.
pub fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|s| s.success())
}

/// The emulator: the one in PATH, or the one that was unpacked into a folder of the user.
pub fn qemu() -> Option<PathBuf> {
    in_path(QEMU.name).or_else(unpack::emulator)
}

/// A command that starts the emulator.
pub fn emulator() -> Command {
    Command::new(qemu().unwrap_or_else(|| QEMU.name.into()))
}

/// The first file with the name `name` or `name.exe` in PATH.
pub fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|d| [d.join(name), d.join(format!("{name}.exe"))])
        .find(|f| f.is_file())
}

#[cfg(test)]
mod tests;
