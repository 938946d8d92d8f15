//! `cargo xtask kills`: kills commands at random moments and at system calls, and compares what they
//! leave with an undisturbed run, byte for byte.

pub mod job;
mod tree;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use self::job::{Job, jobs};
use self::tree::{copy, difference, leftovers};
use crate::firmware;
use crate::process::{self, Failure, Result, supernano};
use crate::setup::{self, Consent};

/// Arguments of `cargo xtask kills`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Kills of each command at random moments.
    #[arg(long, default_value_t = 200)]
    times: u32,
    /// Seed of the moments.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Leave out the kills at system calls, which need strace.
    #[arg(long)]
    no_calls: bool,
    /// Only this command: train, rank, search, standalone, "standalone --shard" or check.
    #[arg(long)]
    only: Option<String>,
}

/// System calls that change which file a name stands for, or make a file durable.
const CALLS: [&str; 8] =
    ["rename", "renameat2", "fsync", "fdatasync", "unlink", "unlinkat", "link", "linkat"];

/// Marks the processes of a killed command.
const MARK: &str = "SUPERNANO_KILLED";

/// The fate of all kills of one command.
#[derive(Default)]
struct Tally {
    /// Kills that met a running command.
    random: u32,
    /// Kills at a system call.
    calls: u32,
    problems: Vec<String>,
}

/// Kills every command, and prints a table.
///
/// # Errors
/// A [`Failure`] for a result that differs, a file left behind, or a process that survives.
pub fn run(args: &Args, consent: Consent) -> Result<()> {
    setup::ensure(&setup::targets(), consent)?;
    firmware::build(&firmware::agents(&[supernano_facts::QEMU_M4.package.name]))?;
    process::build_host()?;
    let folder = tempfile::tempdir().map_err(|e| Failure::tool(e.to_string()))?;
    let template = folder.path().join("template");
    let jobs = jobs(&template)?;
    let mut problems = Vec::new();
    say!("| command | seconds | killed at random | killed at a call | problems |");
    say!("|---|---|---|---|---|");
    for job in jobs.iter().filter(|job| args.only.as_ref().is_none_or(|only| only == job.name)) {
        let start = Instant::now();
        let tally = job_tally(job, args, &template, folder.path())?;
        let seconds = start.elapsed().as_secs_f64();
        let (random, calls, n) = (tally.random, tally.calls, tally.problems.len());
        say!("| {} | {seconds:.0} | {random} | {calls} | {n} |", job.name);
        problems.extend(tally.problems.into_iter().map(|p| format!("{}: {p}", job.name)));
    }
    problems.truncate(20);
    if problems.is_empty() { Ok(()) } else { Err(Failure::no(problems.join("\n       "))) }
}

fn job_tally(job: &Job, args: &Args, template: &Path, folder: &Path) -> Result<Tally> {
    let (expected, place) = (folder.join("expected"), folder.join("place"));
    // Some files hold the path of the directory, so all commands run in the same one.
    copy(template, &place)?;
    let start = Instant::now();
    job.finish(&place)?;
    let whole = start.elapsed();
    copy(&place, &expected)?;
    let mut tally = Tally::default();
    let mut moment = args.seed;
    for n in 0..args.times {
        copy(template, &place)?;
        // Knuth's generator; the moments spread over a little more than the undisturbed run.
        moment =
            moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wait = whole.mul_f64((moment >> 40) as f64 / (1u64 << 24) as f64 * 1.05);
        let mark = format!("{}-{n}", std::process::id());
        let mut child = start_of(&mut job.command(&place), &mark)?;
        std::thread::sleep(wait);
        tally.random += u32::from(matches!(child.try_wait(), Ok(None)));
        let _ = child.kill();
        let _ = child.wait();
        let what = format!("killed after {:.3} s", wait.as_secs_f64());
        judge(job, &what, &mark, &place, &expected, &mut tally)?;
    }
    if args.no_calls || process::in_path("strace").is_none() {
        return Ok(tally);
    }
    for call in CALLS {
        for n in 1.. {
            copy(template, &place)?;
            let command = job.command(&place);
            let mut traced = Command::new("strace");
            let inject = format!("inject={call}:signal=SIGKILL:when={n}");
            traced.args(["-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
            traced.arg(command.get_program()).args(command.get_args());
            traced.current_dir(process::root());
            let mark = format!("{}-{call}-{n}", std::process::id());
            let status = start_of(&mut traced, &mark)?.wait();
            // The command ends by itself when it makes fewer calls.
            if status.is_ok_and(|s| s.code().is_some()) {
                break;
            }
            tally.calls += 1;
            judge(job, &format!("killed at {call} {n}"), &mark, &place, &expected, &mut tally)?;
        }
    }
    Ok(tally)
}

fn start_of(command: &mut Command, mark: &str) -> Result<Child> {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.env(MARK, mark).spawn().map_err(|e| Failure::tool(format!("supernano: {e}")))
}

/// Completes a killed command and compares its files with those of an undisturbed one.
fn judge(
    job: &Job,
    what: &str,
    mark: &str,
    place: &Path,
    expected: &Path,
    tally: &mut Tally,
) -> Result<()> {
    if survivors(mark) {
        tally.problems.push(format!("{what}: a process survives"));
    }
    if let Err(failure) = job.finish(place) {
        tally.problems.push(format!("{what}: {failure}"));
        return Ok(());
    }
    let found = difference(place, expected, job.volatile)?;
    tally.problems.extend(found.map(|found| format!("{what}: {found}")));
    tally.problems.extend(leftovers(place)?.map(|file| format!("{what}: {file} is left")));
    Ok(())
}

/// True if a process of the killed command lives a second after it.
fn survivors(mark: &str) -> bool {
    let mark = format!("{MARK}={mark}\0");
    let lives = || {
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        processes.into_iter().any(|process| {
            let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
            environment.windows(mark.len()).any(|at| at == mark.as_bytes())
        })
    };
    let start = Instant::now();
    while lives() {
        if start.elapsed() > Duration::from_secs(1) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

/// Runs `supernano` to its end.
///
/// # Errors
/// A [`Failure`] with its message if it fails.
fn succeed(args: &[String]) -> Result<()> {
    let output = supernano(args).stdin(Stdio::null()).output();
    let output = output.map_err(|e| Failure::tool(format!("supernano: {e}")))?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr);
    Err(Failure::no(format!("supernano {}: {}: {message}", args.join(" "), output.status)))
}
