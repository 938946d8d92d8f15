//! Runs the `supernano` binary as a user does.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// Root directory of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn cargo(args: &[&str]) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(args).current_dir(root()).status();
    assert!(status.is_ok_and(|s| s.success()), "cargo {} failed", args.join(" "));
}

/// True if `cargo xtask test`, which runs this test, has built the `supernano` program and all firmware
/// before. Cargo takes seconds to find that nothing is to be done, for each of many tests.
fn built_before() -> bool {
    std::env::var_os("SUPERNANO_BUILT").is_some()
}

/// Builds a program of the workspace with the profile of the running test, and returns its path.
fn built(program: &str, before: bool) -> PathBuf {
    // A test runs from <target>/<directory of the profile>/deps/.
    let test = std::env::current_exe().unwrap_or_default();
    let directory = test.ancestors().nth(2).unwrap_or(&test);
    let name = directory.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let profile = if name == "debug" { "dev" } else { name };
    if !before {
        cargo(&["build", "--profile", profile, "--quiet", "--workspace", "--bin", program]);
    }
    directory.join(format!("{program}{}", std::env::consts::EXE_SUFFIX))
}

/// The binary, built from the current sources.
pub fn binary() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built("supernano", built_before()))
}

/// The program that gives mutated inputs to every reader, built from the current sources.
pub fn readers() -> PathBuf {
    built("readers", false)
}

/// ELF file of a firmware, built from the current sources.
pub fn firmware(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        if !built_before() {
            cargo(&["xtask", "firmware"]);
        }
    });
    root().join("target/firmware").join(name).with_extension("elf")
}

/// The end of a command.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; -1 if a signal ended the command.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Ended {
    /// Asserts the exit code, and that standard error contains each of the texts.
    #[track_caller]
    pub fn fails(self, code: i32, texts: &[&str]) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        for text in texts {
            assert!(self.stderr.contains(text), "no {text:?} in: {}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// Asserts success.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        self.fails(0, &[])
    }

    /// Asserts success and reads the one JSON object on standard output.
    #[track_caller]
    pub fn json(self) -> Value {
        let ended = self.succeeds();
        match serde_json::from_str(&ended.stdout) {
            Ok(value) => value,
            Err(error) => panic!("{error} in: {}", ended.stdout),
        }
    }
}

/// Runs the binary in the root of the workspace.
pub fn supernano<S: AsRef<OsStr>>(args: &[S]) -> Ended {
    supernano_with(args, &[])
}

/// Runs the binary with additional environment variables.
pub fn supernano_with<S: AsRef<OsStr>>(args: &[S], environment: &[(&str, OsString)]) -> Ended {
    let mut command = Command::new(binary());
    command.args(args).envs(environment.iter().map(|(k, v)| (k, v)));
    run(command.current_dir(root()))
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Ended {
    match command.output() {
        Ok(output) => Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        },
        Err(error) => panic!("{}: {error}", command.get_program().display()),
    }
}

/// The number at a path of a JSON object, such as `/total/instructions`.
#[track_caller]
pub fn number(value: &Value, pointer: &str) -> f64 {
    match value.pointer(pointer).and_then(Value::as_f64) {
        Some(number) => number,
        None => panic!("no number at {pointer} in {value}"),
    }
}
