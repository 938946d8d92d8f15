//! Other programs: run with a title, timed, with failures that name the command.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use serde_json::Value;

/// Why a task ended, and the exit code that says so.
#[derive(Debug)]
pub struct Failure {
    /// 1 the answer is no, 2 wrong use, 3 a tool failed.
    pub code: u8,
    /// For people.
    pub message: String,
}

impl Failure {
    /// The answer is no.
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

/// The workspace's root directory.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .components()
        .collect::<PathBuf>()
        .canonicalize()
        .unwrap_or_else(|_| PathBuf::from("."))
}

/// `cargo` in the workspace's root, the one that runs this task.
pub fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// Builds the `supernano` binary.
pub fn build_host() -> Result<()> {
    run(&mut cargo(["build", "--release", "--workspace", "--bin", "supernano"])).map(|_| ())
}

/// A program in the workspace's root.
pub fn program<S: AsRef<OsStr>>(
    name: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new(name);
    command.args(args).current_dir(root());
    command
}

/// The `supernano` binary in the workspace's root.
pub fn supernano<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let name = format!("supernano{}", std::env::consts::EXE_SUFFIX);
    program(root().join(target).join("release").join(name), args)
}

/// True where the command starts and succeeds; its output is dropped.
pub fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|s| s.success())
}

/// The first file called `name` (or `name.exe`) in PATH.
pub fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|d| [d.join(name), d.join(format!("{name}.exe"))])
        .find(|f| f.is_file())
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

/// Runs a command, its standard output sent to ours of errors; returns its wall-clock seconds.
pub fn run(command: &mut Command) -> Result<f64> {
    eprintln!("$ {}", shown(command));
    let start = Instant::now();
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::from(std::io::stderr()))
        .status()
        .map_err(|e| Failure::tool(format!("`{}`: {e}", shown(command))))?;
    ended(command, status)?;
    Ok(start.elapsed().as_secs_f64())
}

/// Runs a command that prints one JSON object.
pub fn json(command: &mut Command) -> Result<Value> {
    answer(command)?.map_err(Failure::no)
}

/// Runs `supernano ... --json`: the object, or, where the answer is no (exit code 1), what it says.
///
/// # Errors
/// A [`Failure`] for every other exit code.
pub fn answer(command: &mut Command) -> Result<std::result::Result<Value, String>> {
    eprintln!("$ {}", shown(command));
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Failure::tool(format!("`{}`: {e}", shown(command))))?;
    let said = String::from_utf8_lossy(&output.stderr);
    eprint!("{said}");
    if output.status.code() == Some(1) {
        return Ok(Err(said.trim().to_owned()));
    }
    ended(command, output.status)?;
    let object = serde_json::from_slice(&output.stdout);
    Ok(Ok(object.map_err(|e| Failure::tool(format!("`{}`: no JSON object: {e}", shown(command))))?))
}
