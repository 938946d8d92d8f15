//! `cargo xtask boards`: every firmware built, checked from its ELF file, run where its machine is
//! emulated.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};
use supernano_facts::BOARDS;

use crate::firmware::{self, Firmware};
use crate::image::Image;
use crate::process::{Failure, Result};

/// Arguments of `cargo xtask boards`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// One JSON object on standard output.
    #[arg(long)]
    pub json: bool,
}

/// A machine of QEMU, and what its firmware is for.
struct Machine {
    package: &'static str,
    machine: &'static str,
    chip: &'static str,
    core: &'static str,
    clock_hz: u32,
    /// Ports before the one that speaks.
    silent: usize,
}

const fn mps2(
    package: &'static str,
    machine: &'static str,
    core: &'static str,
    clock_hz: u32,
) -> Machine {
    Machine { package, machine, chip: machine, core, clock_hz, silent: 0 }
}

static MACHINES: [Machine; 6] = [
    mps2("qemu-m0", "mps2-an385", "cortex-m0 code", 25_000_000),
    mps2("qemu-m3", "mps2-an385", "cortex-m3", 25_000_000),
    mps2("qemu-m4", "mps2-an386", "cortex-m4", 25_000_000),
    mps2("qemu-m7", "mps2-an500", "cortex-m7", 25_000_000),
    mps2("qemu-m33", "mps2-an505", "cortex-m33", 20_000_000),
    // An STM32F405 without a clock tree and without a cycle counter: core, memory and port.
    Machine { silent: 1, ..mps2("f4-discovery", "netduinoplus2", "cortex-m4", 0) },
];

/// Longest that an emulated program may take.
const PATIENCE: Duration = Duration::from_secs(60);

struct Row {
    firmware: &'static Firmware,
    chip: &'static str,
    core: &'static str,
    clock_hz: u32,
    image: Image,
    stack: u64,
    emulated: Option<String>,
}

/// Builds, checks, runs, and prints the table.
///
/// # Errors
/// A firmware that does not build, fit or start, or says something unexpected.
pub fn run(args: &Args) -> Result<()> {
    firmware::build()?;
    let rows = firmware::ALL.iter().map(row).collect::<Result<Vec<Row>>>()?;
    if args.json {
        println!("{}", json!({ "boards": rows.iter().map(Row::json).collect::<Vec<_>>() }));
    } else {
        println!(
            "{:<24}{:<16}{:<16}{:>8}{:>9}{:>9}{:>9}  emulated",
            "firmware", "chip", "core", "MHz", "flash", "RAM", "stack"
        );
        for row in &rows {
            println!("{}", row.line());
        }
    }
    Ok(())
}

/// Builds and checks without printing the table on standard output.
///
/// # Errors
/// Those of [`run`].
pub fn check() -> Result<()> {
    firmware::build()?;
    for firmware in &firmware::ALL {
        eprintln!("{}", row(firmware)?.line());
    }
    Ok(())
}

fn row(firmware: &'static Firmware) -> Result<Row> {
    let path = firmware.elf();
    let failed = |e: String| Failure::tool(format!("{}: {e}", path.display()));
    let bytes = fs::read(&path).map_err(|e| failed(e.to_string()))?;
    let image = Image::parse(&bytes).map_err(failed)?;
    let board = BOARDS.iter().find(|b| b.package == firmware.package);
    let machine = MACHINES.iter().find(|m| m.package == firmware.package);
    let (chip, core, clock_hz, floor) = match (board, machine) {
        (Some(b), _) => (b.chip, b.core, b.clock_hz, b.stack.start),
        (None, Some(m)) => (m.chip, m.core, m.clock_hz, 0),
        _ if firmware.package == "microbit" => ("nRF51822", "cortex-m0", 16_000_000, 0),
        _ => ("mps2-an386", "cortex-m4", 25_000_000, 0),
    };
    let problems = board.map(|b| image.problems(b)).unwrap_or_default();
    if !problems.is_empty() {
        return Err(Failure::no(format!("{}: {}", firmware.binary, problems.join("; "))));
    }
    if firmware.binary.ends_with("-agent") && !image.has_channels() {
        return Err(Failure::no(format!("{}: no channels of RTT", firmware.binary)));
    }
    let classifies = firmware.binary == format!("{}-classify", firmware.package);
    let emulated = machine.filter(|_| classifies).map(|m| emulate(firmware, m)).transpose()?;
    let stack = image.stack(floor.into());
    Ok(Row { firmware, chip, core, clock_hz, image, stack, emulated })
}

impl Row {
    fn emulated(&self) -> &str {
        let board = BOARDS.iter().any(|b| b.package == self.firmware.package);
        match &self.emulated {
            Some(said) => said,
            None if board => "not run on hardware",
            None => "in the tests",
        }
    }

    fn line(&self) -> String {
        format!(
            "{:<24}{:<16}{:<16}{:>8}{:>9}{:>9}{:>9}  {}",
            self.firmware.binary,
            self.chip,
            self.core,
            self.clock_hz / 1_000_000,
            self.image.flash(),
            self.image.ram(),
            self.stack,
            self.emulated()
        )
    }

    fn json(&self) -> Value {
        json!({
            "board": self.firmware.package,
            "firmware": self.firmware.binary,
            "chip": self.chip,
            "core": self.core,
            "clock_hz": self.clock_hz,
            "builds": true,
            "flash_bytes": self.image.flash(),
            "static_ram_bytes": self.image.ram(),
            "stack_bytes": self.stack,
            "emulated": self.emulated,
            "run_on_hardware": false,
        })
    }
}

/// Runs a firmware twice, compares what it says with the file beside it, and returns it in a line.
fn emulate(firmware: &Firmware, machine: &Machine) -> Result<String> {
    let file = firmware::workspace().join(firmware.package).join("classify.txt");
    let expected =
        fs::read_to_string(&file).map_err(|e| Failure::tool(format!("{}: {e}", file.display())))?;
    let (said, again) = (listen(&firmware.elf(), machine)?, listen(&firmware.elf(), machine)?);
    let found: Vec<String> = said.iter().map(|line| blank(line)).collect();
    if found != expected.lines().collect::<Vec<_>>() || said != again {
        let message = format!("{}: {said:?}, then {again:?}", firmware.binary);
        return Err(Failure::no(format!("{message}; expected {expected:?}")));
    }
    let images = said.iter().filter(|l| l.starts_with("image ")).count();
    let last = said.iter().rev().nth(1).map_or("", String::as_str);
    Ok(format!("{}: {images} images as expected, the last one: {last}", machine.machine))
}

/// A line with its count of instructions, which differs between compilers, as `*`.
fn blank(line: &str) -> String {
    match line.split_once(' ') {
        Some((count, "instructions")) if count.parse::<u32>().is_ok_and(|c| c > 1000) => {
            "* instructions".into()
        }
        _ => line.into(),
    }
}

/// What an ELF file says until `end` on the machine of a package.
///
/// # Errors
/// No such package, or no QEMU.
pub fn said(package: &str, elf: &Path) -> Result<Vec<String>> {
    let machine = MACHINES.iter().find(|m| m.package == package);
    machine.map_or_else(|| Err(Failure::no(format!("no machine {package}"))), |m| listen(elf, m))
}

/// What a firmware says until `end`.
fn listen(elf: &Path, machine: &Machine) -> Result<Vec<String>> {
    let failed = |e: std::io::Error| Failure::tool(format!("qemu-system-arm: {e}"));
    let mut command = Command::new("qemu-system-arm");
    command.args(["-M", machine.machine, "-display", "none", "-monitor", "none"]);
    for _ in 0..machine.silent {
        command.args(["-serial", "null"]);
    }
    command.args(["-serial", "stdio", "-icount", "shift=6", "-kernel"]).arg(elf);
    let mut qemu = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(failed)?;
    let (sender, receiver) = mpsc::channel();
    if let Some(out) = qemu.stdout.take() {
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(std::result::Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
    }
    let mut said: Vec<String> = Vec::new();
    while said.last().is_none_or(|l| l != "end") {
        match receiver.recv_timeout(PATIENCE) {
            Ok(line) => said.push(line),
            Err(_) => break,
        }
    }
    qemu.kill().map_err(failed)?;
    qemu.wait().map_err(failed)?;
    Ok(said)
}
