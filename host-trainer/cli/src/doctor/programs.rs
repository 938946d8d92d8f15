//! The emulator, agents, processors, Rust targets and the disk.

use std::path::Path;
use std::time::Duration;

use supernano_base::error::Result;
use supernano_device::elf::Firmware;
use supernano_device::{
    AgentOrigin, Counting, MACHINES, Machine, Qemu, cycle_plugin, emulator_version, located,
};
use supernano_facts::{BOARDS, TARGETS};
#[cfg(feature = "train")]
use supernano_gpu::device::Device;
use supernano_setup::{Need, QEMU, in_path, names, to_type};

use super::{Finding, State};
#[cfg(feature = "train")]
use crate::processor;

/// Longest wait for the first answer of an emulated agent.
const ANSWER: Duration = Duration::from_secs(10);
/// Least free space for a run, MiB: checkpoints, networks and the cache.
const LEAST_MIB: u64 = 1024;

/// The emulator.
pub fn emulator() -> Finding {
    let part = "emulator";
    match emulator_version() {
        Ok(version) => Finding::ok(part, version.split(" (").next().unwrap_or(&version)),
        Err(error) => {
            let need = Need::Tool(&QEMU);
            let remedy = to_type(&[&need]);
            let finding = Finding::new(part, State::Problem, error.to_string()).remedied(remedy);
            Finding { needs: vec![need], ..finding }
        }
    }
}

/// The agents of the emulated machines. Each is started and asked for its core.
pub fn agents() -> Finding {
    let part = "emulated cores";
    let mut origin = AgentOrigin::BuiltIn;
    for machine in MACHINES {
        match answer(&machine) {
            Ok(found) => origin = found,
            Err(error) => {
                let remedy = "install this program again, or in the repository, type `cargo xtask \
                              firmware`";
                return Finding::new(part, State::Problem, format!("{}: {error}", machine.name))
                    .remedied(remedy);
            }
        }
    }
    Finding::ok(part, format!("{} answer; agents {}", MACHINES.len(), origin.words()))
}

fn answer(machine: &Machine) -> Result<AgentOrigin> {
    let (path, origin) = located(machine.agent())?;
    Qemu::start(machine, Some(&path), None, Counting::Nothing)?.session(ANSWER)?;
    Ok(origin)
}

/// The agents of the boards. Their files are read.
pub fn board_agents() -> Finding {
    let part = "board agents";
    let agents = BOARDS.iter().filter_map(|board| board.package.agent());
    for agent in agents {
        let read = located(agent.file).and_then(|(path, _)| Firmware::read(&path));
        if let Err(error) = read {
            return Finding::new(part, State::Note, error.to_string()).remedied(
                "`flash` needs them: install this program again, or in the repository, type `cargo \
                 xtask firmware`",
            );
        }
    }
    Finding::ok(part, format!("{} boards", BOARDS.len()))
}

/// QEMU's plugin for cycles, where this program looks for it.
pub fn plugin() -> Finding {
    let part = "cycle plugin";
    match cycle_plugin() {
        Some(path) => Finding::ok(part, path.display().to_string()),
        None => Finding::new(part, State::Note, "absent: `latency` counts instructions only")
            .remedied("in the repository, type `cargo xtask firmware` (docs/cycles.md)"),
    }
}

/// The processors that can train. A GPU that was built in must answer.
#[cfg(feature = "train")]
pub fn processors() -> Vec<Finding> {
    let part = "GPU";
    let mut found = Vec::new();
    for device in [Device::Cuda, Device::Vulkan].into_iter().filter(|d| d.built_in()) {
        found.push(match processor::check(device) {
            Ok(()) => Finding::ok(part, format!("{device} computes")),
            Err(error) => Finding::new(part, State::Note, error.to_string())
                .remedied("install the GPU's driver; without it, training runs on the CPU"),
        });
    }
    if found.is_empty() {
        let driver = in_path("nvidia-smi").is_some();
        found.push(match driver {
            true => {
                Finding::new(part, State::Note, "an NVIDIA driver, which this program cannot use")
                    .remedied("build the program with `--features cuda` (docs/cuda.md)")
            }
            false => Finding::ok(part, "none built in; training runs on the CPU"),
        });
    }
    found
}

/// The Rust targets of firmware.
pub fn targets() -> Finding {
    let part = "Rust targets";
    let missing: Vec<Need> =
        TARGETS.into_iter().map(Need::Target).filter(|need| !need.present()).collect();
    if missing.is_empty() {
        return Finding::ok(part, format!("{} Cortex-M targets", TARGETS.len()));
    }
    let wanted: Vec<&Need> = missing.iter().collect();
    let found = format!("without {}; only own firmware needs them", names(&wanted).join(", "));
    let finding = Finding::new(part, State::Note, found);
    match in_path("rustup") {
        Some(_) => {
            let remedy = to_type(&wanted);
            Finding { needs: missing, ..finding.remedied(remedy) }
        }
        None => finding.remedied("install rustup from https://rustup.rs"),
    }
}

/// Free space in the current directory.
pub fn disk() -> Finding {
    let part = "disk";
    let Some(bytes) = supernano_device::access::free_bytes(Path::new(".")) else {
        return Finding::new(part, State::Note, "the free space is unknown");
    };
    let free = format!("{:.1} GB free in the current directory", bytes as f64 / 1e9);
    match bytes >> 20 {
        0..LEAST_MIB => Finding::new(part, State::Problem, free)
            .remedied(format!("free {LEAST_MIB} MiB, or work in another directory")),
        _ => Finding::ok(part, free),
    }
}
