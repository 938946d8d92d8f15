//! `cargo xtask code`: the code size of the smallest firmware on every core, and the absence of panics
//! in it.

use std::fs;
use std::path::{Path, PathBuf};

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionKind};

use supernano_facts::RustTarget;

use crate::bench;
use crate::firmware::{self, MINIMAL};
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
/// Arguments of a build for size.
const FOR_SIZE: [&str; 2] = ["--config", "profile.release.opt-level='s'"];
/// Size of the image beside an embedded network, bytes.
const IMAGE: usize = 32 * 32 * 3;

/// The linked code of the smallest firmware.
#[derive(Clone)]
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
    build(firmware::machine_of(core)?.package.target, None, &[])
}

fn build(target: RustTarget, embedded: Option<&Embedded>, arguments: &[&str]) -> Result<Code> {
    let mut command = firmware::cargo_for(target, "build");
    command.args(["--quiet", "--package", MINIMAL, "--bin", MINIMAL]).args(arguments);
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
    let path = firmware::output(target, MINIMAL);
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

/// The code of the smallest firmware, built for size and for speed.
#[derive(Clone)]
struct Sizes {
    size: Code,
    speed: Code,
}

/// Prints the table.
///
/// # Errors
/// A firmware that is too large or can panic, at either optimisation.
pub fn check(consent: Consent) -> Result<()> {
    setup::ensure(&setup::targets(), consent)?;
    process::build_host()?;
    // Cores with the same target have the same code.
    let mut built: Vec<(RustTarget, Vec<(String, Sizes)>)> = Vec::new();
    let mut over = Vec::new();
    say!("| core | linked | for size, bytes | limit | for speed, bytes |\n|---|---|---|---|---|");
    for (core, all, one) in LIMITS {
        let target = firmware::machine_of(core)?.package.target;
        let known = built.iter().find(|(other, _)| *other == target);
        let sizes = match known {
            Some((_, sizes)) => sizes.clone(),
            None => sizes(core, target)?,
        };
        for (i, (set, Sizes { size, speed })) in sizes.iter().enumerate() {
            let limit = if i == 0 { all } else { one };
            say!("| {core} | {set} | {} | {limit} | {} |", size.total, speed.total);
            for panic in size.panics.iter().chain(&speed.panics) {
                over.push(format!("{core}, {set}: {panic} linked"));
            }
            if size.total > limit {
                over.push(format!("{core}, {set}: {} bytes of code, over {limit}", size.total));
            }
        }
        if known.is_none() {
            built.push((target, sizes));
        }
    }
    if over.is_empty() { Ok(()) } else { Err(Failure::no(over.join("\n"))) }
}

/// The code for any residual network first, then that for `small` with each preference.
fn sizes(core: &str, target: RustTarget) -> Result<Vec<(String, Sizes)>> {
    let sizes = |network: Option<&Embedded>| -> Result<Sizes> {
        Ok(Sizes { size: build(target, network, &FOR_SIZE)?, speed: build(target, network, &[])? })
    };
    let mut list = vec![("any residual network".to_owned(), sizes(None)?)];
    for (name, network) in networks(core)? {
        list.push((format!("one network, `{name}`"), sizes(Some(&network))?));
    }
    Ok(list)
}
