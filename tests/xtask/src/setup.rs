//! What the tasks need of the machine.

use supernano_facts::TARGETS;
pub use supernano_setup::{CLIPPY, COMPILER, Consent, GCC, Need, QEMU, RUSTFMT, VULKAN, emulator};

use crate::process::{self, Failure, Result, in_path, program, succeeds};

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

/// The consent of this process. `yes` is the option of that name; a continuous integration run needs
/// none.
pub fn consent(yes: bool) -> Consent {
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    Consent::new(yes || ci)
}

/// Installs the missing ones of `needs`. Asks once for all of them.
///
/// # Errors
/// A missing program without consent or without a known package manager, and a failed installation.
pub fn ensure(needs: &[Need], consent: Consent) -> Result<()> {
    supernano_setup::ensure(needs, consent).map_err(|lacking| Failure::tool(lacking.to_string()))
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
