//! `cargo xtask gpu`: runs the trainer on a GPU, or packs it for another machine. Every test run also
//! checks it on Vulkan.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::process::{self, Failure, Result, cargo, in_path, program, root};
use crate::setup::{self, Consent, Need};

/// The configuration of a space of a few channels and 25 updates.
const SMALL: &str = "host-trainer/gpu/agreement.toml";

/// Arguments of `cargo xtask gpu`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Without --pack, runs `supernano dev gpu` on this machine with the arguments \
    after `--`. Another call continues the run.\n\n\
    Example: cargo xtask gpu --pack out --data cifar-100-binary.tar.gz"
)]
pub struct Args {
    /// Kind of device.
    #[arg(long, default_value = "cuda", value_parser = ["cuda", "vulkan"])]
    device: String,
    /// Write the program, and the data in parts, to this folder, for a machine with a GPU.
    #[arg(long)]
    pack: Option<PathBuf>,
    /// Archive of CIFAR-100 to pack.
    #[arg(long, requires = "pack")]
    data: Option<PathBuf>,
    /// Size of the largest part of the data, MiB.
    #[arg(long, default_value_t = 48, value_parser = clap::value_parser!(u64).range(1..=4096))]
    part_mib: u64,
    /// Arguments for `supernano dev gpu`.
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Builds the program, and packs or runs it.
pub fn run(args: &Args) -> Result<()> {
    let built = build(&args.device)?;
    let Some(folder) = &args.pack else {
        let mut command = program(&built, ["dev", "gpu", "--device", &args.device]);
        return process::run(command.args(&args.arguments)).map(|_| ());
    };
    pack(&built, folder)?;
    let mut data = String::new();
    if let Some(archive) = &args.data {
        let name = archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let parts = split(archive, folder, &name, args.part_mib << 20)?;
        say!("{parts} parts; on the other machine, first type\n  cat {name}.part-* > {name}");
        data = format!(" --data {name}");
    }
    say!(
        "{}: then repeat this command until it prints `finished`\n  \
         ./supernano dev gpu --device {}{data} --output results --minutes 9 --precision bfloat16",
        folder.display(),
        args.device
    );
    Ok(())
}

/// Copies a program to a folder, without its symbols, and returns the copy.
fn pack(program: &Path, folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
    let packed = folder.join(format!("supernano{}", std::env::consts::EXE_SUFFIX));
    let packed = std::path::absolute(&packed).map_err(|e| failed(&packed, &e))?;
    fs::copy(program, &packed).map_err(|e| failed(&packed, &e))?;
    match in_path("strip") {
        Some(strip) => process::run(&mut process::program(strip, [&packed])).map(|_| ())?,
        None => note!("strip: not in PATH; the program keeps its symbols"),
    }
    Ok(packed)
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::tool(format!("{}: {error}", path.display()))
}

/// Builds the program with a device's feature. The file has its own name, so the build without the
/// feature remains.
fn build(features: &str) -> Result<PathBuf> {
    let build = ["build", "--release", "--package", "supernano", "--bin", "supernano"];
    process::run(cargo(build).args(["--features", features]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    let release = root().join(target).join("release");
    let suffix = std::env::consts::EXE_SUFFIX;
    let built = release.join(format!("supernano{suffix}"));
    let own = release.join(format!("supernano-gpu{suffix}"));
    fs::copy(&built, &own).map_err(|e| failed(&own, &e))?;
    Ok(own)
}

/// Cuts a file into parts of at most `most` bytes, and returns their number.
fn split(file: &Path, folder: &Path, name: &str, most: u64) -> Result<usize> {
    let mut from = File::open(file).map_err(|e| failed(file, &e))?;
    for part in 0.. {
        let mut bytes = Vec::new();
        Read::by_ref(&mut from).take(most).read_to_end(&mut bytes).map_err(|e| failed(file, &e))?;
        if bytes.is_empty() {
            return Ok(part);
        }
        let path = folder.join(format!("{name}.part-{part:03}"));
        fs::write(&path, &bytes).map_err(|e| failed(&path, &e))?;
    }
    Ok(0)
}

/// Runs the suite of the GPU kernels on Vulkan, then every operation of training with the packed
/// program, and compares it with the CPU. A software driver is sufficient. Also checks that the program rejects CUDA on a machine without it.
pub fn check(consent: Consent) -> Result<()> {
    if cfg!(not(target_os = "linux")) {
        note!("SKIPPED: GPU backends are checked on Linux only, with Mesa's software driver");
        return Ok(());
    }
    setup::ensure(&[Need::Tool(&setup::VULKAN)], consent)?;
    let kernels = ["test", "--release", "--package", "supernano-gpu-kernels"];
    process::run(cargo(kernels).args(["--features", "vulkan"]))?;
    let folder = tempfile::tempdir().map_err(|e| failed(Path::new("temporary folder"), &e))?;
    let packed = pack(&build("cuda,vulkan")?, &folder.path().join("packed"))?;
    let output = folder.path().join("gpu");
    let gpu = |device: &str| {
        let mut command =
            program(&packed, ["dev", "gpu", "--device", device, "--config", SMALL, "--json"]);
        command.args(["--updates", "2", "--sliced-updates", "0", "--precision", "float16"]);
        command.arg("--output").arg(&output);
        command
    };
    let report = process::json(&mut gpu("vulkan"))?;
    let (agrees, epochs) = (&report["check"]["agrees"], &report["train"]["epochs"]);
    if *agrees != true || *epochs != 1 || report["finished"] != true {
        return Err(Failure::no(format!("supernano dev gpu --device vulkan: {report}")));
    }
    if succeeds_with_cuda() {
        note!("SKIPPED: the rejection of CUDA, because this machine has an NVIDIA GPU");
        return Ok(());
    }
    match process::run(&mut gpu("cuda")) {
        Err(Failure { code: 3, .. }) => Ok(()),
        Err(other) => Err(other),
        Ok(_) => Err(Failure::no("supernano dev gpu --device cuda: succeeded without a GPU")),
    }
}

fn succeeds_with_cuda() -> bool {
    process::succeeds(&mut program("nvidia-smi", ["-L"]))
}

#[cfg(test)]
mod tests;
