//! Compiles every CUDA kernel of a full step of ResNet20 on a machine without a GPU, and prints its
//! registers, spills, shared memory and theoretical occupancy.
//!
//! The arguments are a folder with CUDA's `bin`, `include` and `lib`, a folder for the sources, and the
//! numbers of the tilings to compile, all without any.
//! `LD_LIBRARY_PATH` names that `lib`. The program ends with 1 if a kernel does not compile or
//! spills registers.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a report")]

mod compile;
mod occupancy;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use supernano_gpu_kernels::cubecl::prelude::*;
use supernano_gpu_kernels::head::Loss;
use supernano_gpu_kernels::network::{Block, Layer, Network, Shortcut};
use supernano_gpu_kernels::sgd::Sgd;
use supernano_gpu_kernels::sources::{NoDevice, Source, SourceRuntime, take};
use supernano_gpu_kernels::step::{Options, Parameters, Step, Update};
use supernano_gpu_kernels::tile::{VARIANTS, Variant};

use crate::compile::{Compiled, compile};
use crate::occupancy::{DEVICES, occupancy};

/// The full step of the paper: the largest network and eight others, batch 128.
fn resnet20() -> Network {
    let layers = |channels, stride| Layer { channels, kernel: 3, stride };
    let mut all = vec![layers(16, 1); 7];
    all.push(layers(32, 2));
    all.extend([layers(32, 1); 5]);
    all.push(layers(64, 2));
    all.extend([layers(64, 1); 5]);
    let mut blocks = vec![Block { first: 0, shortcut: Shortcut::None }];
    let projections = (0..9).map(|i| Block { first: 1 + 2 * i, shortcut: Shortcut::Projection });
    blocks.extend(projections);
    Network { paths: 9, images: 128, input: [32, 32, 3], classes: 100, layers: all, blocks }
}

/// The kernels of an update with a tiling.
fn sources(variant: Variant) -> (Vec<Source>, usize) {
    let client = SourceRuntime::client(&NoDevice);
    let network = resnet20();
    let parameters = Parameters::new(&client, &[0.0], &[0.0], &[0], 1);
    let options = Options { variant, epsilon: 1e-5, cubes: 528 };
    let step = Step::<f32>::record(&client, network, parameters, options);
    let (numbers, none) = ([0], [0.0]);
    let update =
        Update { images: &none, labels: &numbers, table: &numbers, used: &numbers, teacher: None };
    let loss = Loss { largest: 1, alpha: 0.8, temperature: 1.0 };
    let sgd = Sgd { rate: 0.01, momentum: 0.9, weight_decay: 5e-4, clip: None };
    step.update(&client, &update, loss, &sgd);
    let sources = take(&client);
    let launches = sources.iter().map(|source| source.cubes.len()).sum();
    (sources, launches)
}

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [cuda, folder, tilings @ ..] = arguments.as_slice() else {
        eprintln!("usage: cuda_kernels CUDA_FOLDER SOURCE_FOLDER [TILING]..");
        return ExitCode::from(2);
    };
    let wanted = |tile: usize| {
        tilings.is_empty() || tilings.iter().any(|t| t.as_os_str() == tile.to_string().as_str())
    };
    match run(cuda, folder, &wanted) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(3)
        }
    }
}

/// Returns true if no kernel spills registers.
fn run(cuda: &Path, folder: &Path, wanted: &dyn Fn(usize) -> bool) -> Result<bool, String> {
    std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut seen = HashSet::new();
    let mut spills = 0;
    let columns = ["regs", "spill", "shared", "occupancy"];
    print!("{:>3} {:<22} {:>5} {:>8} {:>4}", "no", "kernel", "units", "launches", "tile");
    for device in &DEVICES {
        print!("  {}:", device.arch);
        columns.iter().for_each(|column| print!(" {column}"));
    }
    println!();
    for (tile, variant) in VARIANTS.into_iter().enumerate().filter(|(tile, _)| wanted(*tile)) {
        let (sources, launches) = sources(variant);
        println!("variant {tile}: {variant:?}, {launches} launches in an update");
        for source in sources {
            if !seen.insert(source.id.clone()) {
                continue;
            }
            let number = seen.len();
            let name = source.name.trim_end_matches("_m_f32");
            let count = source.cubes.len();
            print!("{number:>3} {name:<22} {:>5} {count:>8} {tile:>4}", source.units);
            for device in &DEVICES {
                let stem = folder.join(format!("{number:03}-{}", device.arch));
                let Compiled { registers, spilled } = compile(cuda, &stem, &source, device.arch)?;
                let share = occupancy(device, registers, source.units, source.shared_bytes as u32);
                let shared = source.shared_bytes;
                print!("  {registers:>5} {spilled:>5} {shared:>6} {:>7.0} %", 100.0 * share);
                spills += u32::from(spilled > 0);
            }
            println!();
        }
    }
    println!("{} kernels for {} devices, {spills} with spills", seen.len(), DEVICES.len());
    Ok(spills == 0)
}
