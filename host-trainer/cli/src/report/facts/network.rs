//! The networks of a run, with everything that commands have found out about each.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use supernano_base::answers::Answers;
use supernano_base::blob::{Blob, kind};
use supernano_base::cycles::{Cycles, Milliseconds};
use supernano_base::error::{Error, Result};
use supernano_base::run_dir::RunDirectory;
use supernano_base::stats::wilson;
use supernano_search::cost::memory::Memory;
use supernano_search::search::file::{Front, FrontNetwork, Verified};

use super::arena::{self, Span};
use super::optional;

/// Most exported networks that the front does not list.
const OTHERS: usize = 16;

/// A share of images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// The share, 0 to 1.
    pub value: f64,
    /// Number of images.
    pub images: usize,
}

impl Share {
    /// Wilson's interval at 95 %, 0 to 1.
    pub fn interval(self) -> [f64; 2] {
        wilson(self.value, self.images, 0.95)
    }
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The target.
    pub target: String,
    /// Images classified.
    pub images: usize,
    /// Images with a logit that differs from the host's.
    pub mismatches: usize,
    /// Top-1 of the device, 0 to 1; only of classes.
    #[serde(default)]
    pub top1_device: Option<f64>,
    /// CRC-32 of the network file.
    pub checksum: u32,
    /// The host's answers.
    #[serde(default, skip_serializing)]
    pub answers: Option<Answers>,
}

/// The count of an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// `image`, or the kind of the operation.
    pub name: String,
    /// Retired instructions of an emulator.
    pub instructions: Option<u64>,
    /// Clock cycles of hardware.
    pub cycles: Option<u64>,
    /// Estimated cycles.
    pub cycles_estimated: Option<Cycles>,
    /// Multiply-accumulates.
    #[serde(default)]
    pub macs: u64,
}

impl Layer {
    /// The count of the device.
    pub fn count(&self) -> u64 {
        self.cycles.or(self.instructions).unwrap_or(0)
    }
}

/// Estimated cycles and times of an inference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Estimated cycles without wait states.
    pub cycles_estimated: Cycles,
    /// Clock, Hz.
    pub clock_hz: Option<u64>,
    /// Chip of the clock.
    pub chip: Option<String>,
    /// Estimated time without wait states.
    pub milliseconds: Option<Milliseconds>,
}

/// What a device says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// Its core, such as `cortex-m4`.
    pub core: Option<String>,
}

/// The counts of an inference on a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    /// The target.
    pub target: String,
    /// The device that counted.
    pub device: Option<Device>,
    /// `instructions` or `cycles`.
    pub unit: String,
    /// Retired instructions of an inference.
    pub instructions: Option<u64>,
    /// Clock cycles of an inference.
    pub cycles: Option<u64>,
    /// Measured time, ms.
    pub milliseconds: Option<f64>,
    /// Inferences counted.
    pub repeats: usize,
    /// CRC-32 of the network file.
    pub checksum: u32,
    /// Estimated cycles and times.
    pub estimate: Option<Estimate>,
    /// Operations.
    pub layers: Vec<Layer>,
}

/// A network.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Network {
    /// Letter in charts: A for the network to ship.
    pub label: String,
    /// Code.
    pub code: String,
    /// Role, in words.
    pub role: &'static str,
    /// The line of the front.
    pub front: Option<FrontNetwork>,
    /// Top-1 with inherited weights on validation images.
    pub inherited: Option<Share>,
    /// Top-1 in float on test images.
    pub float: Option<Share>,
    /// Top-1 in int8 on test images.
    pub int8: Option<Share>,
    /// Top-1 in int8 on validation images, with which the search has chosen.
    pub verified: Option<Share>,
    /// Flash and RAM.
    pub memory: Option<Memory>,
    /// Modelled instructions of an inference.
    pub modelled: Option<u64>,
    /// Estimated time, ms.
    pub milliseconds: Option<Milliseconds>,
    /// Checks on devices.
    pub checks: Vec<Check>,
    /// Counts on devices.
    pub counted: Vec<Counted>,
    /// Operations of the network file.
    pub operations: Vec<String>,
    /// Use of the arena.
    pub arena: Vec<Span>,
    /// Answers for test images.
    #[serde(skip)]
    pub answers: Option<Answers>,
}

impl Network {
    /// Images with the host's logits on devices, and images checked; `None` without a check.
    pub fn exact(&self) -> Option<(usize, usize)> {
        let sum = |of: fn(&Check) -> usize| self.checks.iter().map(of).sum::<usize>();
        let all = sum(|c| c.images);
        (all > 0).then(|| (all - sum(|c| c.mismatches), all))
    }
}

/// The summary that an export leaves. Its parts of flash and RAM are read as [`Memory`].
#[derive(Deserialize)]
struct Summary {
    checksum: u32,
    kernels: Kernels,
    test_images: usize,
    top1_float: Option<f64>,
    top1_int8: Option<f64>,
}

#[derive(Deserialize)]
struct Kernels {
    /// The core that the kernels are for.
    core: Option<String>,
    instructions: u64,
}

/// The letter of a number: A to Z, then A2 to Z2.
fn ordinal(i: usize) -> String {
    let letter = char::from(b'A' + (i % 26) as u8);
    if i < 26 { letter.to_string() } else { format!("{letter}{}", i / 26 + 1) }
}

/// Reads the networks of a run. The network to ship is the first.
pub(super) fn read(
    run: &RunDirectory,
    front: Option<&Front>,
    remarks: &mut Vec<String>,
) -> Result<Vec<Network>> {
    let mut networks: Vec<Network> = Vec::new();
    if let Some(front) = front {
        let mut listed: Vec<(&FrontNetwork, &'static str)> =
            front.networks.iter().map(|n| (n, "on the front")).collect();
        listed.sort_by_key(|(n, _)| n.code != front.winner);
        listed.extend(front.uniform.iter().map(|n| (n, "best of uniform width")));
        listed.extend(front.dominated.iter().map(|n| (n, "dominated after evaluation")));
        for (line, role) in listed {
            if !networks.iter().any(|n| n.code == line.code) {
                networks.push(of_front(front, line, role));
            }
        }
    }
    let mut others = 0;
    for path in exported(run)? {
        let blob = Blob::read(&path)?;
        let code = blob.view()?.code().to_owned();
        let known = networks.iter().position(|n| n.code == code);
        if known.is_none() && others == OTHERS {
            continue;
        }
        others += usize::from(known.is_none());
        let index = known.unwrap_or_else(|| {
            networks.push(Network { code, role: "exported", ..Network::default() });
            networks.len() - 1
        });
        of_file(run, &path, &blob, &mut networks[index], remarks)?;
    }
    if front.is_none() {
        let value = |n: &Network| n.int8.map_or(f64::NEG_INFINITY, |s| s.value);
        networks.sort_by(|a, b| value(b).total_cmp(&value(a)));
    }
    if let Some(first) = networks.first_mut() {
        first.role = "to ship";
    }
    for (i, network) in networks.iter_mut().enumerate() {
        network.label = ordinal(i);
    }
    Ok(networks)
}

fn of_front(front: &Front, line: &FrontNetwork, role: &'static str) -> Network {
    let share =
        |of: fn(&Verified) -> f64| line.verified.map(|v| Share { value: of(&v), images: v.images });
    Network {
        code: line.code.clone(),
        role,
        front: Some(line.clone()),
        inherited: share(|v| v.inherited),
        verified: share(|v| v.int8),
        memory: Some(line.memory(front.overhead)),
        modelled: Some(line.instructions),
        milliseconds: line.time.and_then(|t| t.milliseconds_estimated),
        ..Network::default()
    }
}

/// The network files of a run, sorted.
fn exported(run: &RunDirectory) -> Result<Vec<PathBuf>> {
    with_extension(&run.path().join("networks"), ".snb")
}

/// The files of a folder whose names end like this, sorted; none without the folder.
fn with_extension(folder: &Path, end: &str) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| Error::io(folder, e))? {
        let path = entry.map_err(|e| Error::io(folder, e))?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(end)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Adds what the files beside a network file say. Results of an earlier file are left out, with a
/// remark.
fn of_file(
    run: &RunDirectory,
    path: &Path,
    blob: &Blob,
    network: &mut Network,
    remarks: &mut Vec<String>,
) -> Result<()> {
    let view = blob.view()?;
    let header = view.header();
    network.operations = header.ops.iter().map(kind).collect();
    network.arena = arena::spans(&header);
    let mut current = |name: String, checksum: u32| {
        let same = checksum == view.checksum();
        if !same {
            remarks.push(format!("{name} belongs to an earlier file of the network; left out"));
        }
        same
    };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let summary: Option<Summary> = optional(&path.with_extension("json"), "an export's summary")?;
    let (mut answers, mut core) = (None, None);
    if let Some(s) = summary.filter(|s| current(format!("{stem}.json"), s.checksum)) {
        let share = |value: Option<f64>| Some(Share { value: value?, images: s.test_images });
        (network.float, network.int8) = (share(s.top1_float), share(s.top1_int8));
        network.memory = optional(&path.with_extension("json"), "an export's summary")?;
        (network.modelled, core) = (Some(s.kernels.instructions), s.kernels.core);
        answers = optional(&run.answers(&stem), "the answers of an export")?;
    }
    let prefix = format!("{stem}.");
    let ours = |folder: &str| -> Result<Vec<PathBuf>> {
        let mut files = with_extension(&run.path().join(folder), ".json")?;
        files.retain(|f| {
            let name = f.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&prefix) && !name.ends_with(".partial.json")
        });
        Ok(files)
    };
    for file in ours("check")? {
        let check: Option<Check> = optional(&file, "a result of `supernano check`")?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        network.checks.extend(check.filter(|c| current(name, c.checksum)));
    }
    for file in ours("latency")? {
        let counted: Option<Counted> = optional(&file, "a result of `supernano latency`")?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        network.counted.extend(counted.filter(|c| current(name, c.checksum)));
    }
    // The counts of the core that the network was chosen for come first: figures show the first.
    network
        .counted
        .sort_by_key(|c| c.device.as_ref().and_then(|d| d.core.as_ref()) != core.as_ref());
    let estimates = network.counted.iter().filter_map(|c| c.estimate.as_ref());
    if let Some(time) = { estimates }.find_map(|e| e.milliseconds) {
        network.milliseconds = Some(time);
    }
    let checked = network.checks.iter_mut().filter_map(|c| c.answers.take());
    let most = checked.max_by_key(Answers::len);
    if network.int8.is_none() {
        let accuracy = |a: &Answers| a.right() as f64 / a.len().max(1) as f64;
        network.int8 = most.as_ref().map(|a| Share { value: accuracy(a), images: a.len() });
    }
    network.answers = answers.or(most);
    Ok(())
}
