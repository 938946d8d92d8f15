//! `cargo xtask gpu`: runs the trainer on a GPU, packs it for another machine, or compiles the CUDA
//! kernels without a GPU. Every test run also checks the trainer on Vulkan.

mod check;
mod images;
mod kernels;
mod pack;

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::{self, Failure, Result, cargo, in_path, program, root};
use crate::setup::Consent;

pub use self::check::check;

/// The configuration of a space of a few channels and 25 updates.
const SMALL: &str = "host-trainer/gpu/agreement.toml";

/// The packages of the Vulkan check, and their features. With the whole workspace, crates that know
/// nothing of devices have the features of other builds, so that they are compiled once for all.
pub const PACKAGES: [&str; 3] =
    ["--workspace", "--features", "supernano/cuda,supernano/vulkan,supernano-gpu/sources"];

/// Updates whose mean work is printed.
const UPDATES: &str = "1000";

/// Arguments of `cargo xtask gpu`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Without --pack, runs `supernano dev gpu` on this machine with the arguments \
    after `--`. Another call continues the run.\n\n\
    Example: cargo xtask gpu --pack out --data cifar-100-binary.tar.gz --checkpoint step1.pt \
    --supernet step2.pt --codes ground_truth_dev_300.csv"
)]
pub struct Args {
    /// Kind of device.
    #[arg(long, default_value = "cuda", value_parser = ["cuda", "vulkan"])]
    device: String,
    /// Write all that a rented machine with a GPU needs to this folder.
    #[arg(long, requires_all = ["data", "checkpoint", "supernet", "codes"])]
    pack: Option<PathBuf>,
    /// Compile every CUDA kernel of a training step on this machine, which needs no GPU, and print
    /// registers, spills, shared memory and occupancy. Downloads NVIDIA's compilers from PyPI into
    /// the target folder.
    #[arg(long, conflicts_with = "pack")]
    kernels: bool,
    /// Print the operations and the memory traffic of an update with this configuration (TOML), and what an
    /// H100 would take for them by arithmetic. Needs no GPU.
    #[arg(long, value_name = "CONFIG", conflicts_with_all = ["pack", "kernels"])]
    work: Option<PathBuf>,
    /// Do what a test run does: the suites on Vulkan, the CUDA kernels, and the rehearsal of a pack.
    #[arg(long, conflicts_with_all = ["pack", "kernels", "work"])]
    check: bool,
    /// Archive of CIFAR-100 to pack.
    #[arg(long, requires = "pack")]
    data: Option<PathBuf>,
    /// Half of the training images to pack.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    half: u8,
    /// The reference's checkpoint of step 1 to pack (.pt).
    #[arg(long, requires = "pack")]
    checkpoint: Option<PathBuf>,
    /// The reference's checkpoint of step 2 to pack (.pt).
    #[arg(long, requires = "pack")]
    supernet: Option<PathBuf>,
    /// Codes with known accuracies to pack (CSV).
    #[arg(long, requires = "pack")]
    codes: Option<PathBuf>,
    /// Unpack images on the rented machine.
    #[arg(long, requires_all = ["labels", "into"], hide = true)]
    unpack: Option<PathBuf>,
    /// Names of the classes of the unpacked images.
    #[arg(long, hide = true)]
    labels: Option<PathBuf>,
    /// Folder of the unpacked images.
    #[arg(long, hide = true)]
    into: Option<PathBuf>,
    /// Arguments for `supernano dev gpu`.
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Compiles the kernels, or builds the program, and packs or runs it.
pub fn run(args: &Args, consent: Consent) -> Result<()> {
    if let (Some(file), Some(labels), Some(into)) = (&args.unpack, &args.labels, &args.into) {
        return pack::unpack(file, labels, into);
    }
    if args.check {
        return check(consent);
    }
    if args.kernels {
        return kernels::run();
    }
    if let Some(config) = &args.work {
        return work(config);
    }
    let built = build()?;
    if let (Some(folder), Some(data), Some(checkpoint), Some(supernet), Some(codes)) =
        (&args.pack, &args.data, &args.checkpoint, &args.supernet, &args.codes)
    {
        let absolute = |path| std::path::absolute(path).map_err(|e| failed(path, &e));
        let contents = pack::Contents {
            data: &absolute(data)?,
            half: args.half.into(),
            checkpoint: &absolute(checkpoint)?,
            supernet: &absolute(supernet)?,
            codes: &absolute(codes)?,
        };
        let folder = absolute(folder)?;
        let size = pack::pack(&built, &folder, &contents)?;
        let (folder, mib) = (folder.display(), size as f64 / f64::from(1 << 20));
        say!("{folder}: {mib:.1} MiB; on the other machine: sh run.sh RESULTS");
        return Ok(());
    }
    let mut command = program(&built, ["dev", "gpu", "--device", &args.device]);
    process::run(command.args(&args.arguments)).map(|_| ())
}

/// Prints the mean work of [`UPDATES`] updates.
fn work(config: &Path) -> Result<()> {
    let config = std::path::absolute(config).map_err(|e| failed(config, &e))?;
    let example = kernels::example("expected_work")?;
    process::shown_run(program(example, [config.as_os_str()]).arg(UPDATES))
}

/// Copies a program to a folder, without its symbols, and returns the copy.
fn packed_program(program: &Path, folder: &Path) -> Result<PathBuf> {
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

/// Builds the program with all devices. The file has its own name, so the build without them remains.
fn build() -> Result<PathBuf> {
    process::run(cargo(["build", "--release", "--bin", "supernano"]).args(PACKAGES))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    let release = root().join(target).join("release");
    let suffix = std::env::consts::EXE_SUFFIX;
    let built = release.join(format!("supernano{suffix}"));
    let own = release.join(format!("supernano-gpu{suffix}"));
    fs::copy(&built, &own).map_err(|e| failed(&own, &e))?;
    Ok(own)
}

/// True if this machine has an NVIDIA GPU.
fn succeeds_with_cuda() -> bool {
    process::succeeds(&mut program("nvidia-smi", ["-L"]))
}

#[cfg(test)]
mod tests;
