//! Compiles the CUDA kernels of a training step on a machine without a GPU, with NVIDIA's compilers
//! from PyPI.

use std::path::PathBuf;

use crate::process::{self, Failure, Result, cargo, program, root};
use crate::setup::Consent;

/// Compilers and headers, and their versions. Kernels are loaded as PTX, so the compiler must not be
/// newer than the driver of the GPU.
const WHEELS: [&str; 5] = [
    "nvidia-cuda-nvrtc==13.0.88",
    "nvidia-cuda-runtime==13.0.96",
    "nvidia-cuda-crt==13.0.88",
    "nvidia-cuda-cccl==13.0.85",
    "nvidia-cuda-nvcc==13.0.88",
];

/// The program that compiles the kernels.
const KERNELS: &str = "cuda_kernels";

/// The processor that every test run compiles for: that of an H100.
const TESTED: &str = "sm_90a";

/// Has a test run compile a few kernels of each name, network, precision and tiling.
const SOME: &str = "some";

/// Compiles the kernels for all processors and prints a table. Fails if a kernel does not compile or
/// spills more than some registers.
pub fn run() -> Result<()> {
    compile(&[])
}

fn compile(chosen: &[&str]) -> Result<()> {
    let cuda = install()?;
    let mut command = program(example(KERNELS)?, [&cuda, &target().join("cuda-kernels")]);
    command.args(chosen).env("LD_LIBRARY_PATH", cuda.join("lib"));
    process::shown_run(&mut command)
}

/// Builds the program that compiles the kernels.
pub fn build() -> Result<()> {
    example(KERNELS).map(|_| ())
}

/// Builds an example of the workspace with its GPU backends, and returns its path.
pub fn example(name: &str) -> Result<PathBuf> {
    process::run(cargo(["build", "--release", "--example", name]).args(super::PACKAGES))?;
    Ok(target().join("release").join("examples").join(name))
}

/// Compiles some kernels for one processor if the compilers are there or may be installed; says so if
/// not.
pub fn check(consent: Consent) -> Result<()> {
    if !installed().is_dir() && consent != Consent::Given {
        note!("SKIPPED: CUDA kernels are not compiled without `cargo xtask gpu --kernels`");
        return Ok(());
    }
    if let Err(failure) = install() {
        note!("SKIPPED: CUDA kernels are not compiled: {failure}");
        return Ok(());
    }
    compile(&[TESTED, SOME])
}

fn target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    root().join(target)
}

/// The folder with `bin`, `include` and `lib`, which is there after a complete installation.
fn installed() -> PathBuf {
    target().join("cuda-13.0").join("nvidia").join("cu13")
}

/// Installs the compilers below the target folder, and returns their folder.
fn install() -> Result<PathBuf> {
    let folder = installed();
    if folder.is_dir() {
        return Ok(folder);
    }
    if cfg!(not(target_os = "linux")) {
        return Err(Failure::tool("NVIDIA's compilers are installed on Linux only"));
    }
    let partial = target().join("cuda-13.0.partial");
    let pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target"];
    process::run(program("python3", pip).arg(&partial).args(WHEELS))?;
    let whole = target().join("cuda-13.0");
    std::fs::rename(&partial, &whole)
        .map_err(|e| Failure::tool(format!("{}: {e}", whole.display())))?;
    Ok(folder)
}
