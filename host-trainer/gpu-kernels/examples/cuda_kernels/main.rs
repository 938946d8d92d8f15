//! Compiles every CUDA kernel of full steps of ResNet20 and of mobilenet-v2-tiny on a machine without a GPU,
//! and prints its registers, spills, shared memory and theoretical occupancy.
//!
//! The arguments are a folder with CUDA's `bin`, `include` and `lib`, a folder for the sources, and the
//! processors to compile for and the networks, all without any. With the argument `some`, a few kernels of
//! each name, network, precision and tiling stand for all.
//! `LD_LIBRARY_PATH` names that `lib`. The program ends with 1 if a kernel spills more
//! than some registers, and with 3 if one does not compile.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a report")]

mod compile;
mod networks;
mod occupancy;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use supernano_gpu_kernels::bf16;
use supernano_gpu_kernels::cubecl::prelude::*;
use supernano_gpu_kernels::head::Loss;
use supernano_gpu_kernels::network::Network;
use supernano_gpu_kernels::sgd::Sgd;
use supernano_gpu_kernels::sources::{NoDevice, Source, SourceRuntime, take};
use supernano_gpu_kernels::step::{Evaluation, Options, Parameters, Step, Update};
use supernano_gpu_kernels::tile::{VARIANTS, Variant};

use crate::compile::{Compiled, compile};
use crate::networks::{mobilenet_v2_tiny, resnet20};
use crate::occupancy::{DEVICES, Device, occupancy};

/// The kernels of training with a tiling, those of an update first, and the launches of an update.
fn sources<M: Float + CubeElement>(
    network: Network,
    variant: Variant,
) -> Result<(Vec<Source>, usize), String> {
    let client = SourceRuntime::client(&NoDevice);
    let parameters = Parameters::new(&client, &[0.0], &[0.0], &[0], 1);
    let options = Options { variant, epsilon: 1e-5, cubes: 528 };
    let step = Step::<M>::record(&client, network, parameters, options, &mut Vec::new());
    let (numbers, none) = ([0], [M::new(0.0)]);
    let (images, targets) = (&none, &[0.0]);
    let update = Update { images, targets, table: &numbers, used: &numbers, teacher: None };
    let loss = Loss { largest: 1, alpha: 0.8, temperature: 1.0, students: 8 };
    let sgd = Sgd { rate: 0.01, momentum: 0.9, weight_decay: 5e-4, clip: None };
    step.update(&client, &update, loss, &sgd);
    let mut sources = take(&client);
    let launches = sources.iter().map(|source| source.cubes.len()).sum();
    step.update(&client, &update, loss, &Sgd { clip: Some(1.0), ..sgd });
    let mut evaluation = Evaluation::new(&step, &client);
    evaluation.recalibrate(&client, &update);
    evaluation.logits(&client, &update)?;
    let others = take(&client).into_iter().filter(|s| sources.iter().all(|known| known.id != s.id));
    let others: Vec<Source> = others.collect();
    sources.extend(others);
    Ok((sources, launches))
}

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [cuda, folder, archs @ ..] = arguments.as_slice() else {
        eprintln!("usage: cuda_kernels CUDA_FOLDER SOURCE_FOLDER [PROCESSOR | NETWORK | some]..");
        return ExitCode::from(2);
    };
    let named = |name: &str| archs.iter().any(|arch| arch.as_os_str() == name);
    let all_networks = [("resnet20", resnet20()), ("mobilenet-v2-tiny", mobilenet_v2_tiny())];
    let mut networks = all_networks.to_vec();
    networks.retain(|(name, _)| named(name));
    if networks.is_empty() {
        networks = all_networks.into();
    }
    let mut devices: Vec<&Device> = DEVICES.iter().filter(|d| named(d.arch)).collect();
    if devices.is_empty() {
        devices = DEVICES.iter().collect();
    }
    let most = if named("some") { SOME } else { usize::MAX };
    match run(cuda, folder, &networks, &devices, most) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(3)
        }
    }
}

/// Bytes that a unit may spill, stores and loads. ptxas gives up a few registers for one more cube on a
/// multiprocessor; in which kernels depends on the names of variables, which differ from build to build.
const SPILLED: u32 = 64;

/// Kernels of a name that stand for all.
const SOME: usize = 3;

/// At most some kernels of each name: the first, the last, and others between them at equal distances.
fn chosen(mut sources: Vec<Source>, most: usize) -> Vec<Source> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for source in &sources {
        *counts.entry(source.name.clone()).or_default() += 1;
    }
    let mut places: HashMap<String, usize> = HashMap::new();
    sources.retain(|source| {
        let place = places.entry(source.name.clone()).or_default();
        let (count, i) = (counts.get(&source.name).copied().unwrap_or_default(), *place);
        *place += 1;
        count <= most || i * (most - 1) % (count - 1) < most - 1
    });
    sources
}

/// [`sources`] of a precision.
type Sources = fn(Network, Variant) -> Result<(Vec<Source>, usize), String>;

/// A kernel of a tiling.
struct Kernel {
    /// The first network that has it.
    network: &'static str,
    tiling: usize,
    source: Source,
    /// What ptxas says, for each device.
    compiled: Vec<Result<Compiled, String>>,
}

/// Compiles the kernels on all processors of this machine. Returns true if no kernel spills much.
fn run(
    cuda: &Path,
    folder: &Path,
    networks: &[(&'static str, Network)],
    devices: &[&Device],
    most: usize,
) -> Result<bool, String> {
    std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut seen = HashSet::new();
    let mut kernels = Vec::new();
    for (precision, of) in [("float32", sources::<f32> as Sources), ("bfloat16", sources::<bf16>)] {
        for &(name, ref network) in networks {
            // A test run leaves out what no pack trains: the other tilings in bfloat16, and of the second
            // network.
            let all = devices.len() == DEVICES.len();
            let whole = all || (precision == "float32" && name == "resnet20");
            if !whole && networks.len() > 1 && name != "resnet20" && precision != "float32" {
                continue;
            }
            let tilings = if whole { VARIANTS.len() } else { 1 };
            for (tiling, variant) in VARIANTS.into_iter().take(tilings).enumerate() {
                let (sources, launches) = of(network.clone(), variant)?;
                println!(
                    "{name}, {precision}, tiling {tiling}: {variant:?}, {launches} launches in an update"
                );
                let new = sources.into_iter().filter(|source| seen.insert(source.id.clone()));
                let new = chosen(new.collect(), most).into_iter();
                let kernel =
                    |source| Kernel { network: name, tiling, source, compiled: Vec::new() };
                kernels.extend(new.map(kernel));
            }
        }
    }
    let started = std::time::Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = kernels.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        for (part, kernels) in kernels.chunks_mut(share).enumerate() {
            scope.spawn(move || {
                for (i, kernel) in kernels.iter_mut().enumerate() {
                    for device in devices {
                        let number = part * share + i + 1;
                        let stem = folder.join(format!("{number:03}-{}", device.arch));
                        kernel.compiled.push(compile(cuda, &stem, &kernel.source, device.arch));
                    }
                }
            });
        }
    });
    let all_spill_little = print(&kernels, devices)?;
    println!("compiled in {:.0} s on {threads} threads", started.elapsed().as_secs_f64());
    Ok(all_spill_little)
}

/// Prints the table. Returns true if no kernel spills more than [`SPILLED`] bytes.
fn print(kernels: &[Kernel], devices: &[&Device]) -> Result<bool, String> {
    let columns = ["regs", "spill", "shared", "occupancy"];
    print!("{:>3} {:<17} {:<22} {:>5} {:>8}", "no", "network", "kernel", "units", "launches");
    print!(" {:>6} {:<14}", "tiling", "cubes");
    for device in devices {
        print!("  {}:", device.arch);
        columns.iter().for_each(|column| print!(" {column}"));
    }
    println!();
    let (mut spills, mut most) = (0, 0);
    for (i, Kernel { network, tiling, source, compiled }) in kernels.iter().enumerate() {
        let name = source.name.trim_end_matches("_m_f32");
        let (units, shared) = (source.units, source.shared_bytes);
        let [x, y, z] = source.cubes[0];
        let (no, launches, cubes) = (i + 1, source.cubes.len(), format!("{x}x{y}x{z}"));
        print!("{no:>3} {network:<17} {name:<22} {units:>5} {launches:>8} {tiling:>6} {cubes:<14}");
        for (device, compiled) in devices.iter().zip(compiled) {
            let Compiled { registers, spilled } = compiled.as_ref().map_err(Clone::clone)?;
            let share = 100.0 * occupancy(device, *registers, units, shared as u32);
            print!("  {registers:>5} {spilled:>5} {shared:>6} {share:>7.0} %");
            spills += u32::from(*spilled > 0);
            most = most.max(*spilled);
        }
        println!();
    }
    let (kernels, devices) = (kernels.len(), devices.len());
    println!(
        "{kernels} kernels for {devices} devices, {spills} with spills of at most {most} bytes"
    );
    Ok(most <= SPILLED)
}
