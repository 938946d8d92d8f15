//! What every test run does with the GPU backends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{PACKAGES, SMALL, build, failed, kernels, pack, succeeds_with_cuda};
use crate::process::{self, Failure, Result, cargo, program};
use crate::setup::{self, Consent, Need};

/// A folder in which programs on Vulkan keep the kernels that they have compiled. A software driver
/// compiles a kernel in a second, and many programs of a check need the same ones. CubeCL's part is
/// known by the names of kernels and not by their sources, so a folder serves one check only.
#[derive(Clone)]
pub struct Compiled(PathBuf);

impl Compiled {
    /// An empty folder for kernels, which is also a folder to run programs in: CubeCL reads its
    /// settings there.
    ///
    /// # Errors
    /// A folder or file that cannot be written.
    fn new(folder: PathBuf) -> Result<Self> {
        let new = Self(folder);
        fs::create_dir_all(new.driver()).map_err(|e| failed(&new.0, &e))?;
        let settings = new.0.join("cubecl.toml");
        let text = format!("[compilation]\ncache = {{ file = {:?} }}\n", new.kernels());
        fs::write(&settings, text).map_err(|e| failed(&settings, &e))?;
        Ok(new)
    }

    fn kernels(&self) -> PathBuf {
        self.0.join("kernels")
    }

    fn driver(&self) -> PathBuf {
        self.0.join("driver")
    }

    /// Has a program and those that it starts use the folder, and Mesa's software driver compile a
    /// little faster.
    pub fn used_by<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("MESA_SHADER_CACHE_DIR", self.driver());
        // Read by `run.sh`, which writes CubeCL's settings.
        command.env("KERNELS", self.kernels());
        command.env("GALLIVM_PERF", "nopt").env("LP_NATIVE_VECTOR_WIDTH", "128")
    }
}

/// Runs the suites of the GPU kernels and of training on Vulkan, and rehearses a pack: it compares the
/// device with the CPU, times it, trains and scores, and is cut off at ten moments. A software driver is
/// sufficient. Also compiles the CUDA kernels, and checks that the program rejects CUDA on a machine
/// without it.
pub fn check(consent: Consent) -> Result<()> {
    if cfg!(not(target_os = "linux")) {
        note!("SKIPPED: GPU backends are checked on Linux only, with Mesa's software driver");
        return Ok(());
    }
    setup::ensure(&[Need::Tool(&setup::VULKAN)], consent)?;
    let built = build()?;
    let tests = tests()?;
    kernels::build()?;
    let folder = tempfile::tempdir().map_err(|e| failed(Path::new("temporary folder"), &e))?;
    let [own, shared] = ["own", "shared"].map(|name| Compiled::new(folder.path().join(name)));
    let (own, shared) = (own?, shared?);
    // A driver compiles on one thread of a program, so two chains of programs run at a time, which take
    // about as long as each other. The pack trains what the epochs train; the suite of the kernels and the
    // other spaces have shapes of their own.
    let outcomes = std::thread::scope(|scope| {
        let kernels = scope.spawn(|| {
            test(&tests, "work", &own)?;
            test(&tests, "suite", &own)?;
            test(&tests, "spaces", &own)?;
            kernels::check(consent)
        });
        let training = test(&tests, "epoch", &shared)
            .and_then(|()| pack::rehearse(&built, folder.path(), &shared));
        [
            training,
            kernels.join().unwrap_or_else(|_| Err(Failure::no("the kernels' checks panicked"))),
        ]
    });
    outcomes.into_iter().collect::<Result<()>>()?;
    rejects_cuda(&built, folder.path())
}

/// Checks that a program rejects CUDA on a machine without it.
fn rejects_cuda(built: &Path, folder: &Path) -> Result<()> {
    if succeeds_with_cuda() {
        note!("SKIPPED: the rejection of CUDA, because this machine has an NVIDIA GPU");
        return Ok(());
    }
    let mut cuda =
        program(built, ["dev", "gpu", "--device", "cuda", "--config", SMALL, "--output"]);
    match process::run(cuda.arg(folder.join("cuda"))) {
        Err(Failure { code: 3, .. }) => Ok(()),
        Err(other) => Err(other),
        Ok(_) => Err(Failure::no("supernano dev gpu --device cuda: succeeded without a GPU")),
    }
}

/// Builds the suites, and returns their names and programs.
fn tests() -> Result<Vec<(String, PathBuf)>> {
    let mut command = cargo(["test", "--release"]);
    command.args(["suite", "epoch", "spaces", "work"].iter().flat_map(|name| ["--test", name]));
    command.args(PACKAGES).args(["--no-run", "--message-format", "json-render-diagnostics"]);
    Ok(programs_of(&process::text(&mut command)?))
}

/// The tests in the messages of Cargo.
fn programs_of(messages: &str) -> Vec<(String, PathBuf)> {
    let of = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        let program = message["executable"].as_str()?;
        let is_test = message["profile"]["test"] == true;
        is_test.then(|| Some((message["target"]["name"].as_str()?.to_owned(), program.into())))?
    };
    messages.lines().filter_map(of).collect()
}

/// Runs a suite.
fn test(tests: &[(String, PathBuf)], name: &str, compiled: &Compiled) -> Result<()> {
    let (_, path) = tests
        .iter()
        .find(|(found, _)| found == name)
        .ok_or_else(|| Failure::tool(format!("cargo test --no-run: no program for `{name}`")))?;
    let mut command = Command::new(path);
    process::captured_run(compiled.used_by(command.current_dir(&compiled.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_found_among_the_messages_of_cargo() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"supernano"},"profile":{"test":false},"executable":"/a/supernano"}
{"reason":"compiler-artifact","target":{"name":"suite"},"profile":{"test":true},"executable":"/a/suite-1"}
{"reason":"compiler-artifact","target":{"name":"rayon"},"profile":{"test":false},"executable":null}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(programs_of(messages), [("suite".to_owned(), PathBuf::from("/a/suite-1"))]);
    }
}
