//! `cargo xtask code`: the code size of the smallest firmware on every core, and the absence of panics
//! in it.

use std::fs;
use std::path::{Path, PathBuf};

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionKind};

use supernano_facts::RustTarget;

use crate::bench;
use crate::firmware::{self, Optimised};
use crate::process::{self, Failure, Result, root, run};
use crate::setup::{self, Consent};

/// Limits of the code size of the smallest firmware, built for size, bytes. The first number is for a
/// firmware that checks any residual network at its start and has all kernels of such networks. The
/// second is for a firmware
/// whose network the compiler has checked and that has the kernels of this network only.
const LIMITS: [(&str, u64, u64); 6] = [
    ("m0", 25_344, 12_288),
    ("m3", 28_672, 12_800),
    ("m4", 24_576, 12_288),
    ("m7", 24_576, 12_288),
    ("m33", 24_576, 12_288),
    ("m55", 28_672, 12_288),
];
/// Size of the image beside an embedded network, bytes.
const IMAGE: usize = 32 * 32 * 3;

/// The linked code of the smallest firmware.
pub struct Code {
    /// Instructions and constants, with the start-up code, without network, image and vectors, bytes.
    pub total: u64,
    /// Symbols that only a panic reaches.
    pub panics: Vec<String>,
}

/// An embedded network and its image.
struct Embedded {
    network: PathBuf,
    image: PathBuf,
}

/// Builds the smallest firmware with the kernels of residual networks for a core, and reads its ELF file.
pub fn bytes(core: &str) -> Result<Code> {
    build(firmware::machine_of(core)?.package.target, None, Optimised::Speed)
}

fn build(target: RustTarget, embedded: Option<&Embedded>, optimised: Optimised) -> Result<Code> {
    let mut command = optimised.minimal(target);
    let golden = |name: &str| root().join("tests/golden").join(name);
    let data = match embedded {
        None => [golden("tiny.snb"), golden("tiny.image")],
        Some(Embedded { network, image }) => {
            command.args(["--features", "embedded"]);
            command.env("SUPERNANO_NETWORK", network).env("SUPERNANO_IMAGE", image);
            [network.clone(), image.clone()]
        }
    };
    run(&mut command)?;
    let path = optimised.output(target);
    let bytes = read(&path)?;
    let elf = parse(&path, &bytes)?;
    let loaded = elf
        .sections()
        .filter(|s| matches!(s.kind(), SectionKind::Text | SectionKind::ReadOnlyData))
        .filter(|s| s.name() != Ok(".vector_table"));
    let linked: u64 = loaded.map(|s| s.size()).sum();
    let data = data.map(|path| fs::metadata(&path).map_or(0, |m| m.len()));
    let total = linked.saturating_sub(data.iter().sum());
    Ok(Code { total, panics: panics_of(&elf) })
}

/// Symbols of a linked file that only a panic reaches.
///
/// # Errors
/// An unreadable file.
pub fn panics(path: &Path) -> Result<Vec<String>> {
    let bytes = read(path)?;
    Ok(panics_of(&parse(path, &bytes)?))
}

fn panics_of(elf: &object::File<'_>) -> Vec<String> {
    let names = elf.symbols().filter_map(|s| s.name().ok());
    let panics = names.filter(|n| n.contains("panicking") || n.contains("rust_begin_unwind"));
    panics.map(str::to_owned).collect()
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| Failure::tool(format!("{}: {e}", path.display())))
}

fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<object::File<'a>> {
    object::File::parse(bytes).map_err(|e| Failure::tool(format!("{}: {e}", path.display())))
}

/// The network `small` with the kernels of each preference on a core, and an image.
fn networks(core: &str) -> Result<Vec<(&'static str, Embedded)>> {
    let directory = root().join("target/code").join(core);
    let failed = |e: std::io::Error| Failure::tool(format!("{}: {e}", directory.display()));
    fs::create_dir_all(&directory).map_err(failed)?;
    let image = directory.join("image");
    fs::write(&image, [0; IMAGE]).map_err(failed)?;
    let made = bench::small(core, &directory)?;
    Ok(made
        .into_iter()
        .map(|(prefer, network)| (prefer, Embedded { network, image: image.clone() }))
        .collect())
}

/// A target's firmware: for any residual network first, then for `small` with each preference.
struct Target {
    target: RustTarget,
    sets: Vec<(String, Option<Embedded>)>,
}

/// Prints the table.
///
/// # Errors
/// A firmware that is too large or can panic, at either optimisation.
pub fn check(consent: Consent) -> Result<()> {
    setup::ensure(&setup::targets(), consent)?;
    process::build_host()?;
    // Cores with the same target have the same code.
    let mut targets: Vec<Target> = Vec::new();
    let mut cores = Vec::with_capacity(LIMITS.len());
    for (core, all, one) in LIMITS {
        let target = firmware::machine_of(core)?.package.target;
        let known = targets.iter().position(|other| other.target == target);
        if known.is_none() {
            targets.push(Target { target, sets: sets(core)? });
        }
        cores.push((core, [all, one], known.unwrap_or(targets.len() - 1)));
    }
    // A link uses one processor, so both kinds of builds run at a time.
    let (size, speed) = std::thread::scope(|scope| {
        let size = scope.spawn(|| codes(&targets, Optimised::Size));
        let speed = codes(&targets, Optimised::Speed);
        (size.join().unwrap_or_else(|_| Err(Failure::no("a build for size panicked"))), speed)
    });
    let (size, speed) = (size?, speed?);
    let mut over = Vec::new();
    say!("| core | linked | for size, bytes | limit | for speed, bytes |\n|---|---|---|---|---|");
    for (core, limits, at) in cores {
        let sets = targets[at].sets.iter().zip(size[at].iter().zip(&speed[at]));
        for (i, ((set, _), (size, speed))) in sets.enumerate() {
            let limit = limits[usize::from(i > 0)];
            say!("| {core} | {set} | {} | {limit} | {} |", size.total, speed.total);
            for panic in size.panics.iter().chain(&speed.panics) {
                over.push(format!("{core}, {set}: {panic} linked"));
            }
            if size.total > limit {
                over.push(format!("{core}, {set}: {} bytes of code, over {limit}", size.total));
            }
        }
    }
    if over.is_empty() { Ok(()) } else { Err(Failure::no(over.join("\n"))) }
}

fn sets(core: &str) -> Result<Vec<(String, Option<Embedded>)>> {
    let one = |(name, network)| (format!("one network, `{name}`"), Some(network));
    let any = ("any residual network".to_owned(), None);
    Ok(std::iter::once(any).chain(networks(core)?.into_iter().map(one)).collect())
}

/// The code of every set of every target.
fn codes(targets: &[Target], optimised: Optimised) -> Result<Vec<Vec<Code>>> {
    let code =
        |t: &Target| t.sets.iter().map(|(_, e)| build(t.target, e.as_ref(), optimised)).collect();
    targets.iter().map(code).collect()
}
