//! Mutated inputs for every reader: each returns a value or an error with exit code 2, and neither
//! panics nor hangs.
//!
//! `cargo run --release -p supernano-readers` needs no instrumentation and runs on stable Rust; the
//! targets of `tests/fuzz` search further on nightly Rust.
//!
//! Without arguments, flips and truncations of files with a checksum come first, and each target runs for 1.5 seconds. With names of
//! targets and `--seconds N` it runs for longer: `cargo run --release -p supernano-readers -- pt
//! --seconds 600`. The input of a failure is kept in `target/readers/`.

#![allow(clippy::print_stdout, reason = "a report")]

mod data;
mod flips;
mod inputs;
mod lines;
mod models;
mod mutator;
mod sounds;
mod targets;
mod texts;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mutator::Mutator;
use targets::{Target, targets};

/// Longest time that an input may take.
const SLOW: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|a| a == name)?;
        arguments.get(at + 1)?.parse::<u64>().ok()
    };
    let seconds = value("--seconds");
    let smoke = Duration::from_millis(1500);
    let time = seconds.map_or(smoke, Duration::from_secs);
    // A file is rewritten for every input, which a disk delays.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let folder = folder.expect("a temporary directory");
    let all = targets(folder.path());
    let named: Vec<&String> =
        arguments.iter().filter(|a| all.iter().any(|target| target.name == **a)).collect();
    let mut failures = u32::from(named.is_empty() && !flips::refused(&all));
    println!("| target | seeds | accepted | inputs | a second | slowest, ms |");
    println!("|---|---|---|---|---|---|");
    for target in all.iter().filter(|t| named.is_empty() || named.iter().any(|n| *n == t.name)) {
        failures += u32::from(!survives(target, time, value("--seed").unwrap_or(1)));
    }
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Gives mutated inputs to a target for some time.
fn survives(target: &Target, time: Duration, seed: u64) -> bool {
    for (i, input) in target.seeds.iter().enumerate() {
        if let Err(error) = (target.read)(input) {
            println!("{}: seed {i} is refused: {error}", target.name);
            return false;
        }
    }
    let mut mutator = Mutator::new(seed);
    let start = Instant::now();
    let (mut inputs, mut accepted, mut slowest) = (0u64, 0u64, Duration::ZERO);
    while start.elapsed() < time {
        let mut input = mutator.mutated(&target.seeds);
        if mutator.below(4) > 0 {
            (target.repair)(&mut input);
        }
        let begun = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| (target.read)(&input)));
        slowest = slowest.max(begun.elapsed());
        inputs += 1;
        let problem = match outcome {
            Ok(Ok(())) => {
                accepted += 1;
                None
            }
            Ok(Err(error)) if error.exit_code() == 2 => None,
            Ok(Err(error)) => Some(format!("exit code {}: {error}", error.exit_code())),
            Err(_) => Some("a panic".into()),
        };
        let problem = problem.or_else(|| (slowest > SLOW).then(|| format!("{slowest:?}")));
        if let Some(problem) = problem {
            println!("{}: {problem}: {}", target.name, kept(target.name, &input).display());
            return false;
        }
    }
    let rate = inputs as f64 / start.elapsed().as_secs_f64();
    let (name, seeds, slowest) = (target.name, target.seeds.len(), slowest.as_secs_f64() * 1e3);
    println!("| {name} | {seeds} | {accepted} | {inputs} | {rate:.0} | {slowest:.1} |");
    true
}

/// Keeps an input in a file.
fn kept(name: &str, input: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/readers");
    let checksum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(input);
    let path = folder.join(format!("{name}-{checksum:08x}"));
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, input));
    if let Err(error) = written {
        println!("{}: {error}", path.display());
    }
    path
}
