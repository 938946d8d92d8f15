//! `cargo xtask boards`: builds every firmware, checks its ELF file, and runs it if its machine is
//! emulated.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};
use supernano_facts::{
    BOARDS, Emulator, Kind, MACHINES, MICROBIT, PLACED_BYTES, Package, QEMU_M4, QEMU_M4_LOG, Region,
};

use crate::firmware::{self, Firmware};
use crate::image::Image;
use crate::process::{Failure, Result};
use crate::setup::{self, Consent, Need, QEMU};

/// Arguments of `cargo xtask boards`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Print one JSON object on standard output instead of the table.
    #[arg(long)]
    pub json: bool,
}

/// Longest run of an emulated program.
const LIMIT: Duration = Duration::from_secs(60);

/// A row of the table.
struct Row {
    firmware: Firmware,
    facts: Facts,
    image: Image,
    stack: u64,
    emulated: Option<String>,
}

/// The facts of a package's board or machine.
struct Facts {
    /// Chip, or QEMU's machine.
    chip: &'static str,
    core: &'static str,
    clock_hz: u32,
    /// Lowest address of the stack.
    floor: u32,
    /// Region that may hold a network.
    blob: Region,
    /// Emulator of the `classify` program.
    emulator: Option<Emulator>,
    /// Text of the last column if there is no emulator.
    without: &'static str,
}

fn facts(package: &Package) -> Facts {
    let own = |other: &Package| other.name == package.name;
    if let Some(board) = BOARDS.iter().chain([&MICROBIT]).find(|board| own(&board.package)) {
        let microbit = own(&MICROBIT.package);
        return Facts {
            chip: board.chip.name,
            core: board.chip.core.name(),
            clock_hz: board.clock_hz(),
            floor: board.stack.start,
            blob: board.blob,
            // The tests give the micro:bit a network. Without one it prints no logits.
            emulator: board.emulator.filter(|_| !microbit),
            without: if microbit { "in the tests" } else { "not run on hardware" },
        };
    }
    let machine = MACHINES.iter().find(|machine| own(&machine.package));
    debug_assert!(machine.is_some() || own(&QEMU_M4_LOG), "{}", package.name);
    let machine = machine.unwrap_or(&QEMU_M4);
    Facts {
        chip: machine.board,
        core: machine.core,
        clock_hz: machine.clock_hz,
        floor: 0,
        blob: Region { start: machine.placed, bytes: PLACED_BYTES },
        emulator: Some(Emulator { board: machine.board, port: 0 }),
        without: "in the tests",
    }
}

/// Builds, checks, runs, and prints the table.
///
/// # Errors
/// A firmware that does not build, fit or start, or that prints unexpected text.
pub fn run(args: &Args, consent: Consent) -> Result<()> {
    let rows = rows(consent)?;
    if args.json {
        say!("{}", json!({ "boards": rows.iter().map(Row::json).collect::<Vec<_>>() }));
    } else {
        say!(
            "{:<24}{:<16}{:<30}{:>4}{:>9}{:>9}{:>9}  emulated",
            "firmware",
            "chip",
            "core",
            "MHz",
            "flash",
            "RAM",
            "stack"
        );
        for row in &rows {
            say!("{}", row.line());
        }
    }
    Ok(())
}

/// As [`run`], with the table on standard error.
///
/// # Errors
/// Those of [`run`].
pub fn check(consent: Consent) -> Result<()> {
    for row in rows(consent)? {
        note!("{}", row.line());
    }
    Ok(())
}

fn rows(consent: Consent) -> Result<Vec<Row>> {
    let mut needs = setup::targets();
    needs.push(Need::Tool(&QEMU));
    setup::ensure(&needs, consent)?;
    let all = firmware::every();
    firmware::build(&all)?;
    all.into_iter().map(row).collect()
}

fn row(firmware: Firmware) -> Result<Row> {
    let path = firmware.elf();
    let failed = |e: String| Failure::tool(format!("{}: {e}", path.display()));
    let bytes = fs::read(&path).map_err(|e| failed(e.to_string()))?;
    let image = Image::parse(&bytes).map_err(failed)?;
    let facts = facts(firmware.package);
    let board = BOARDS.iter().find(|board| board.package == *firmware.package);
    let problems = match board {
        Some(board) => image.problems(board),
        None => image.region_problems(facts.blob),
    };
    let (binary, kind) = (firmware.program.binary, firmware.program.kind);
    if !problems.is_empty() {
        return Err(Failure::no(format!("{binary}: {}", problems.join("; "))));
    }
    if kind == Kind::Agent && !image.has_channels() {
        return Err(Failure::no(format!("{binary}: no RTT channels in RAM")));
    }
    let emulated = match (facts.emulator, kind.expected()) {
        (Some(emulator), Some(expected)) => Some(emulate(&firmware, &emulator, expected)?),
        _ => None,
    };
    let stack = image.stack(facts.floor.into());
    Ok(Row { firmware, facts, image, stack, emulated })
}

impl Row {
    fn line(&self) -> String {
        format!(
            "{:<24}{:<16}{:<30}{:>4}{:>9}{:>9}{:>9}  {}",
            self.firmware.program.binary,
            self.facts.chip,
            self.facts.core,
            self.facts.clock_hz / 1_000_000,
            self.image.flash(),
            self.image.ram(),
            self.stack,
            self.emulated.as_deref().unwrap_or(self.facts.without)
        )
    }

    fn json(&self) -> Value {
        json!({
            "board": self.firmware.package.name,
            "firmware": self.firmware.program.binary,
            "chip": self.facts.chip,
            "core": self.facts.core,
            "clock_hz": self.facts.clock_hz,
            "builds": true,
            "flash_bytes": self.image.flash(),
            "static_ram_bytes": self.image.ram(),
            "stack_bytes": self.stack,
            "emulated": self.emulated,
            "run_on_hardware": false,
        })
    }
}

/// Runs a program twice and compares its output with a file of its package. Returns a summary.
fn emulate(firmware: &Firmware, emulator: &Emulator, expected: &str) -> Result<String> {
    let file = firmware::workspace().join(firmware.package.name).join(expected);
    let expected =
        fs::read_to_string(&file).map_err(|e| Failure::tool(format!("{}: {e}", file.display())))?;
    let (first, again) = (output(&firmware.elf(), emulator)?, output(&firmware.elf(), emulator)?);
    let found: Vec<String> = first.iter().map(|line| without_count(line)).collect();
    if found != expected.lines().collect::<Vec<_>>() || first != again {
        return Err(Failure::no(format!(
            "{}: first output {first:?}, second output {again:?}, expected {expected:?}",
            firmware.program.binary
        )));
    }
    let answers = first.iter().filter(|l| l.contains(": class ")).count();
    let counted = first.iter().rev().find(|l| *l != &without_count(l));
    let last = counted.or(first.iter().rev().nth(1)).map_or("", String::as_str);
    Ok(format!("{}: {answers} answers as expected, last count: {last}", emulator.board))
}

/// Replaces a count of instructions or of bytes of stack by `*`: it differs between compilers.
fn without_count(line: &str) -> String {
    let number = |text: &str, least: u32| text.parse::<u32>().is_ok_and(|n| n > least);
    match line.split_once(' ') {
        Some((count, "instructions")) if number(count, 1000) => "* instructions".into(),
        Some((count, "bytes of stack")) if number(count, 100) => "* bytes of stack".into(),
        _ => line.into(),
    }
}

/// The output of a program on an emulated machine, up to the line `end`.
///
/// # Errors
/// QEMU is missing or fails.
pub fn output(elf: &Path, emulator: &Emulator) -> Result<Vec<String>> {
    output_with(elf, emulator, &[])
}

/// As [`output`], with more arguments of QEMU.
pub fn output_with(elf: &Path, emulator: &Emulator, more: &[&str]) -> Result<Vec<String>> {
    let failed = |e: std::io::Error| Failure::tool(format!("{}: {e}", QEMU.name));
    let mut command = setup::emulator();
    command.args(["-M", emulator.board, "-display", "none", "-monitor", "none"]);
    for _ in 0..emulator.port {
        command.args(["-serial", "null"]);
    }
    command.args(["-serial", "stdio", "-icount", "shift=6", "-kernel"]).arg(elf).args(more);
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
    let mut lines: Vec<String> = Vec::new();
    while lines.last().is_none_or(|l| l != "end") {
        match receiver.recv_timeout(LIMIT) {
            Ok(line) => lines.push(line),
            Err(_) => break,
        }
    }
    qemu.kill().map_err(failed)?;
    qemu.wait().map_err(failed)?;
    Ok(lines)
}
