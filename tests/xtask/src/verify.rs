//! `cargo xtask test`: everything that is checked, cheapest first, each step timed.

use std::process::Command;
use std::time::Instant;

use crate::process::{self, Failure, Result, cargo};
use crate::setup;
use crate::{boards, c_library, code, firmware, gpu};

/// Arguments of `cargo xtask test`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Go on after a failed step and list all failures at the end.
    #[arg(long)]
    keep_going: bool,
}

type Step = (&'static str, Box<dyn Fn() -> Result<()>>);

fn commands(list: impl Fn() -> Vec<Command> + 'static) -> Box<dyn Fn() -> Result<()>> {
    Box::new(move || list().iter_mut().try_for_each(|c| process::run(c).map(|_| ())))
}

fn in_firmware(mut command: Command) -> Command {
    command
        .current_dir(firmware::workspace())
        .env("CARGO_TARGET_DIR", firmware::workspace().join("target"));
    command
}

fn steps() -> Vec<Step> {
    vec![
        ("set-up", Box::new(|| setup::run().and_then(|()| setup::c_compiler()))),
        (
            "format",
            commands(|| {
                vec![
                    cargo(["fmt", "--all", "--check"]),
                    in_firmware(cargo(["fmt", "--all", "--check"])),
                ]
            }),
        ),
        (
            "models of chips",
            commands(|| {
                let test = |package| in_firmware(cargo(["test", "--quiet", "--package", package]));
                let of_chip = |board: &supernano_facts::Board| {
                    let mut command = test("supernano-chips");
                    command.args(["--features", board.feature]);
                    command
                };
                let boards = supernano_facts::BOARDS.iter().map(of_chip);
                [test("supernano-facts")].into_iter().chain(boards).collect()
            }),
        ),
        ("boards", Box::new(boards::check)),
        ("C library", Box::new(|| c_library::check(&c_library::Args::default()))),
        ("code", Box::new(code::check)),
        (
            "no_std builds",
            commands(|| {
                let build = |target| {
                    let core = ["build", "--release", "--package", "supernano-core"];
                    let mut command = cargo(core);
                    command.args(["--target", target]);
                    command
                };
                let mut runtime = build("thumbv7em-none-eabihf");
                runtime.args(["--package", "supernano-runtime"]);
                runtime.args(["--features", "supernano-runtime/defmt"]);
                vec![build("thumbv6m-none-eabi"), runtime]
            }),
        ),
        (
            "clippy",
            commands(|| {
                let warnings = ["--", "-D", "warnings"];
                let mut host =
                    cargo(["clippy", "--release", "--workspace", "--all-targets", "--quiet"]);
                host.args(warnings);
                let mut devices =
                    cargo(["clippy", "--release", "--package", "supernano", "--quiet"]);
                devices.args(["--all-targets", "--no-default-features", "--features", "probe"]);
                devices.args(warnings);
                let mut list = vec![host, devices];
                for firmware in
                    firmware::ALL.iter().chain([&firmware::MINIMAL, &firmware::C_LIBRARY])
                {
                    let mut one = firmware.cargo("clippy");
                    one.arg("--quiet").args(warnings);
                    list.push(one);
                }
                list
            }),
        ),
        (
            "documentation",
            commands(|| {
                let mut doc = cargo(["doc", "--release", "--workspace", "--no-deps", "--quiet"]);
                doc.env("RUSTDOCFLAGS", "-D warnings");
                vec![doc]
            }),
        ),
        ("GPU backends", Box::new(gpu::check)),
        (
            "build",
            commands(|| vec![cargo(["build", "--release", "--workspace", "--bin", "supernano"])]),
        ),
        ("python", Box::new(setup::python)),
        ("tests", commands(|| vec![cargo(["test", "--release", "--workspace", "--no-fail-fast"])])),
    ]
}

/// Runs all steps; stops at the first failure unless told to keep going.
pub fn run(args: &Args) -> Result<()> {
    let mut lines = Vec::new();
    let mut failures: Vec<Failure> = Vec::new();
    for (name, step) in steps() {
        eprintln!("== {name}");
        let start = Instant::now();
        let outcome = step();
        let mark = if outcome.is_ok() { "ok" } else { "FAILED" };
        lines.push(format!("{name:<16}{:>8.1} s  {mark}", start.elapsed().as_secs_f64()));
        failures.extend(outcome.err());
        if !failures.is_empty() && !args.keep_going {
            break;
        }
    }
    println!("{}", lines.join("\n"));
    match failures.len() {
        0 => Ok(()),
        1 => Err(failures.remove(0)),
        _ => {
            let all: Vec<String> = failures.iter().map(ToString::to_string).collect();
            Err(Failure { code: failures[0].code, message: all.join("\n       ") })
        }
    }
}
