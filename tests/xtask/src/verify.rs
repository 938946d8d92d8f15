//! `cargo xtask test`: every check, the cheapest first. Each step is timed.

use std::process::Command;
use std::time::Instant;

use supernano_facts::{BOARDS, Board, Package, QEMU_M4, packages};

use crate::process::{self, Failure, Result, cargo};
use crate::setup::{self, Consent};
use crate::{agents, boards, c_library, code, firmware, footprint, gpu};

/// Arguments of `cargo xtask test`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Continue after a failed step, and list all failures at the end.
    #[arg(long)]
    keep_going: bool,
}

type Step = (&'static str, Box<dyn Fn() -> Result<()>>);

/// Arguments that turn warnings of clippy into errors.
const STRICT: [&str; 3] = ["--", "-D", "warnings"];

fn commands(list: impl Fn() -> Vec<Command> + 'static) -> Box<dyn Fn() -> Result<()>> {
    Box::new(move || list().iter_mut().try_for_each(|c| process::run(c).map(|_| ())))
}

fn steps(consent: Consent) -> Vec<Step> {
    vec![
        ("set-up", Box::new(move || setup::ensure(&setup::everything(), consent))),
        ("format", commands(formats)),
        ("models of chips", commands(models)),
        ("boards", Box::new(move || boards::check(consent))),
        ("agents", Box::new(move || agents::write(consent))),
        ("C library", Box::new(move || c_library::check(&c_library::Args::default(), consent))),
        ("code", Box::new(move || code::check(consent))),
        ("footprint", Box::new(move || footprint::check(consent))),
        ("clippy", commands(lints)),
        (
            "documentation",
            commands(|| {
                let mut doc = cargo(["doc", "--release", "--workspace", "--no-deps", "--quiet"]);
                doc.env("RUSTDOCFLAGS", "-D warnings");
                vec![doc]
            }),
        ),
        ("checked", commands(checked)),
        ("GPU backends", Box::new(move || gpu::check(consent))),
        ("build", Box::new(|| process::build_host().and_then(|()| process::build_plugin()))),
        ("python", Box::new(setup::python)),
        ("tests", commands(tests)),
    ]
}

/// The packages of the host's workspace whose code runs on devices.
const ON_DEVICES: [&str; 2] = ["supernano-core", "supernano-runtime"];

/// All tests of the host's workspace, except those of [`checked`]. The steps "boards" and "build" have
/// built what they start.
fn tests() -> Vec<Command> {
    let mut command = cargo(["test", "--release", "--workspace", "--no-fail-fast"]);
    command.args(ON_DEVICES.iter().flat_map(|package| ["--exclude", package]));
    command.env("SUPERNANO_BUILT", "1");
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        // Tests of lines and devices wait for most of their time.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        command.env("RUST_TEST_THREADS", (2 * cores).to_string());
    }
    vec![command]
}

fn formats() -> Vec<Command> {
    let all = || cargo(["fmt", "--all", "--check"]);
    vec![all(), firmware::in_workspace(all())]
}

/// The tests of `supernano-chips` for every chip. One invocation tests
/// one chip of each peripheral access crate.
fn models() -> Vec<Command> {
    let boards: &'static [Board] = &BOARDS;
    let groups =
        firmware::groups(boards.iter().map(|board| &board.package), firmware::registers_with);
    let of_group = |group: &Vec<&Package>| {
        let mut command = cargo(["test", "--quiet", "--package", "supernano-chips"]);
        let features = group.iter().filter_map(|package| package.access);
        let features = features.map(|access| format!("supernano-chips/{}", access.feature));
        command.args(["--features", &features.collect::<Vec<_>>().join(",")]);
        firmware::in_workspace(command)
    };
    groups.iter().map(of_group).collect()
}

/// The tests of the code that runs on devices, with checked arithmetic and assertions.
fn checked() -> Vec<Command> {
    let mut command = cargo(["test", "--profile", "checked", "--quiet"]);
    command.args(ON_DEVICES.iter().flat_map(|package| ["--package", package]));
    vec![command]
}

/// Clippy on the host's workspace with its GPU backends, on the host without training and probes, and on
/// all firmware. One invocation lints the packages of a Rust target, as far as their chips allow.
fn lints() -> Vec<Command> {
    let clippy = ["clippy", "--release", "--all-targets", "--quiet"];
    let mut host = cargo(clippy);
    // The GPU backends load their drivers at run time, so that they are linted everywhere.
    host.args(gpu::PACKAGES).args(["--features", "supernano-experiments/peers"]).args(STRICT);
    let mut devices = cargo(clippy);
    devices.args(["--package", "supernano", "--no-default-features"]);
    devices.args(STRICT);
    let of_group = |group: Vec<&'static Package>| {
        let target = group[0].target;
        let mut command = firmware::cargo_for(target, "clippy");
        command.arg("--quiet");
        command.args(group.iter().flat_map(|package| ["--package", package.name]));
        if group.contains(&&QEMU_M4.package) {
            // These two are for any core.
            let (library, _) = firmware::C_LIBRARY;
            command.args(["--package", firmware::MINIMAL, "--package", library]);
        }
        command.args(STRICT);
        command
    };
    let groups = firmware::groups(packages(), firmware::checks_with);
    [host, devices].into_iter().chain(groups.into_iter().map(of_group)).collect()
}

/// Runs all steps. Stops at the first failure unless `--keep-going` is given.
///
/// # Errors
/// The failures of the steps.
pub fn run(args: &Args, consent: Consent) -> Result<()> {
    let mut lines = Vec::new();
    let mut failures: Vec<Failure> = Vec::new();
    for (name, step) in steps(consent) {
        note!("== {name}");
        let start = Instant::now();
        let outcome = step();
        let mark = if outcome.is_ok() { "ok" } else { "FAILED" };
        lines.push(format!("{name:<16}{:>8.1} s  {mark}", start.elapsed().as_secs_f64()));
        failures.extend(outcome.err());
        if !failures.is_empty() && !args.keep_going {
            break;
        }
    }
    say!("{}", lines.join("\n"));
    match failures.len() {
        0 => Ok(()),
        1 => Err(failures.remove(0)),
        _ => {
            let all: Vec<String> = failures.iter().map(ToString::to_string).collect();
            Err(Failure { code: failures[0].code, message: all.join("\n       ") })
        }
    }
}
