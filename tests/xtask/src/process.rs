//! Calls of other programs. A failure names the command.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use serde_json::Value;
pub use supernano_setup::{in_path, succeeds};

/// The reason why a task failed, and its exit code.
#[derive(Debug)]
pub struct Failure {
    /// 1 for a failed check, 2 for wrong use, 3 for a failed tool.
    pub code: u8,
    /// Message for the user.
    pub message: String,
}

impl Failure {
    /// A check failed.
    pub fn no(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }

    /// A tool, the disk or the system failed.
    pub fn tool(message: impl Into<String>) -> Self {
        Self { code: 3, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Result of a task.
pub type Result<T> = std::result::Result<T, Failure>;

/// Root directory of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .components()
        .collect::<PathBuf>()
        .canonicalize()
        .unwrap_or_else(|_| PathBuf::from("."))
}

/// The `cargo` that runs this task, in the root of the workspace.
pub fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// Builds the `supernano` binary.
pub fn build_host() -> Result<()> {
    run(&mut cargo(["build", "--release", "--workspace", "--bin", "supernano"])).map(|_| ())
}

/// Builds a `supernano` binary without debug probes, which builds faster.
pub fn build_host_without_probes() -> Result<()> {
    let features = ["--no-default-features", "--features", "train"];
    run(cargo(["build", "--release", "--package", "supernano"]).args(features)).map(|_| ())
}

/// Builds QEMU's plugin for cycles, beside the `supernano` binary. Windows has no such plugins.
pub fn build_plugin() -> Result<()> {
    if cfg!(unix) {
        let plugin = "supernano-cycle-plugin";
        run(&mut cargo(["build", "--release", "--package", plugin, "--lib"]))?;
    }
    Ok(())
}

/// The path of QEMU's plugin for cycles.
pub fn plugin() -> PathBuf {
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    release().join(format!("{prefix}supernano_cycles{suffix}"))
}

/// A program in the root of the workspace.
pub fn program<S: AsRef<OsStr>>(
    name: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new(name);
    command.args(args).current_dir(root());
    command
}

/// The `supernano` binary, in the root of the workspace.
pub fn supernano<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    program(built("supernano"), args)
}

/// Builds a program of the workspace and returns its path.
pub fn own_program(name: &str) -> Result<PathBuf> {
    own_program_with(name, &[])
}

/// As [`own_program`], with features.
pub fn own_program_with(name: &str, features: &[&str]) -> Result<PathBuf> {
    let mut command = cargo(["build", "--release", "--workspace", "--bin", name]);
    run(command.args(features.iter().flat_map(|feature| ["--features", feature])))?;
    Ok(built(name))
}

/// The directory of what Cargo builds in release mode.
fn release() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    root().join(target).join("release")
}

/// The path of a program that Cargo builds in release mode.
fn built(name: &str) -> PathBuf {
    release().join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_stem().unwrap_or_default();
    std::iter::once(name)
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

fn ended(command: &Command, status: ExitStatus) -> Result<()> {
    match status.code() {
        Some(0) => Ok(()),
        Some(code @ 1..=3) => Err(Failure {
            code: code as u8,
            message: format!("`{}` ended with {status}", shown(command)),
        }),
        Some(101) => Err(Failure::no(format!("`{}` failed", shown(command)))),
        _ => Err(Failure::tool(format!("`{}` ended with {status}", shown(command)))),
    }
}

/// Runs a command with its standard output on standard error. Returns its wall-clock time, seconds.
pub fn run(command: &mut Command) -> Result<f64> {
    note!("$ {}", shown(command));
    let start = Instant::now();
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::from(std::io::stderr()))
        .status()
        .map_err(|e| Failure::tool(format!("`{}`: {e}", shown(command))))?;
    ended(command, status)?;
    Ok(start.elapsed().as_secs_f64())
}

/// Runs a command beside others, and shows what it printed when it has ended.
pub fn captured_run(command: &mut Command) -> Result<()> {
    note!("$ {}", shown(command));
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Failure::tool(format!("`{}`: {e}", shown(command))))?;
    let printed = [output.stdout, output.stderr].concat();
    note!("{}", String::from_utf8_lossy(&printed).trim_end());
    ended(command, output.status)
}

/// Runs a command whose standard output is shown.
pub fn shown_run(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|e| Failure::tool(format!("`{}`: {e}", shown(command))))?;
    ended(command, status)
}

/// Runs a command and returns what it prints on standard output.
///
/// # Errors
/// A command that cannot be started, that fails, or whose output is not UTF-8.
pub fn text(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| Failure::tool(format!("`{}`: {e}", shown(command))))?;
    ended(command, output.status)?;
    String::from_utf8(output.stdout)
        .map_err(|e| Failure::tool(format!("`{}`: {e}", shown(command))))
}

/// Runs a command that prints one JSON object.
pub fn json(command: &mut Command) -> Result<Value> {
    answer(command)?.map_err(Failure::no)
}

/// Runs `supernano ... --json`. Returns its object, or its message if the exit code is 1.
///
/// # Errors
/// A [`Failure`] for every other exit code.
pub fn answer(command: &mut Command) -> Result<std::result::Result<Value, String>> {
    note!("$ {}", shown(command));
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Failure::tool(format!("`{}`: {e}", shown(command))))?;
    let message = String::from_utf8_lossy(&output.stderr);
    note!("{}", message.trim_end());
    if output.status.code() == Some(1) {
        return Ok(Err(message.trim().to_owned()));
    }
    ended(command, output.status)?;
    let object = serde_json::from_slice(&output.stdout);
    Ok(Ok(object
        .map_err(|e| Failure::tool(format!("`{}`: invalid JSON object: {e}", shown(command))))?))
}
