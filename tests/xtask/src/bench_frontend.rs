//! `cargo xtask bench-frontend`: instructions and memory of a front end on every emulated core.

use serde_json::{Value, json};
use supernano_facts::{Emulator, Kind, Log};

use crate::bench::CORES;
use crate::process::{Failure, Result, root};
use crate::setup::{self, Consent, Need, QEMU};
use crate::{bench_table, boards, code, firmware};

/// Arguments of `cargo xtask bench-frontend`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Print JSON rows on stdout instead of a table.
    #[arg(long)]
    json: bool,
    /// Also write the table to docs/performance.md.
    #[arg(long)]
    write: bool,
}

/// Frames of the network's input, and frames of a second of sound.
const WINDOW: u64 = 49;
const SECOND: u64 = 50;

/// Builds the `listen` programs, runs them, and prints a row for each core.
///
/// # Errors
/// A failed tool; a program that can panic or prints unexpected text.
pub fn run(args: &Args, consent: Consent) -> Result<()> {
    let mut needs = setup::targets();
    needs.push(Need::Tool(&QEMU));
    setup::ensure(&needs, consent)?;
    let every = firmware::every().into_iter();
    let programs: Vec<_> = every.filter(|f| f.program.kind == Kind::Listen).collect();
    firmware::build(&programs)?;
    let mut rows = Vec::new();
    for core in CORES {
        let machine = firmware::machine_of(core)?;
        let of_core = |f: &&firmware::Firmware| f.package.name == machine.name;
        let Some(program) = programs.iter().find(of_core) else { continue };
        // The crates of the log can panic.
        if program.package.log == Log::None {
            let panics = code::panics(&program.elf())?;
            if !panics.is_empty() {
                let linked = panics.join(", ");
                return Err(Failure::no(format!("{core}: panics are linked: {linked}")));
            }
        }
        let emulator = Emulator { board: machine.board, port: 0 };
        rows.push(row(core, &boards::output(&program.elf(), &emulator)?)?);
    }
    let table = table(&rows);
    if args.write {
        bench_table::replace(&root().join("docs/performance.md"), "bench-frontend", &table)?;
    }
    if args.json {
        say!("{}", json!(rows));
    } else {
        say!("{}", table.trim_end());
    }
    Ok(())
}

/// A row, from the output of `listen`: the counts of the inferences, then that of a frame, then the
/// stack of a frame.
fn row(core: &str, lines: &[String]) -> Result<Value> {
    let numbers = |unit: &str| -> Vec<u64> {
        let of = |line: &String| line.strip_suffix(unit)?.trim().parse().ok();
        lines.iter().filter_map(of).collect()
    };
    let (counts, stacks) = (numbers("instructions"), numbers("bytes of stack"));
    let (Some((frame, networks)), [stack]) = (counts.split_last(), &stacks[..]) else {
        return Err(Failure::no(format!("{core}: unexpected output {lines:?}")));
    };
    Ok(json!({
        "core": core,
        "frame_instructions": frame,
        "window_instructions": frame * WINDOW,
        "second_instructions": frame * SECOND,
        "network_instructions": networks.iter().max(),
        "stack_bytes": stack,
    }))
}

fn table(rows: &[Value]) -> String {
    let mut text = "| core | instructions a frame | M a window of 49 frames | M a second of sound \
        | M an inference of the network | stack of a frame, bytes |\n|---|---|---|---|---|---|\n"
        .to_owned();
    for row in rows {
        let millions = |key: &str| row[key].as_u64().unwrap_or(0) as f64 / 1e6;
        text += &format!(
            "| Cortex-{} | {} | {:.2} | {:.2} | {:.2} | {} |\n",
            row["core"].as_str().unwrap_or_default().to_uppercase(),
            row["frame_instructions"],
            millions("window_instructions"),
            millions("second_instructions"),
            millions("network_instructions"),
            row["stack_bytes"],
        );
    }
    text
}

#[cfg(test)]
mod tests;
