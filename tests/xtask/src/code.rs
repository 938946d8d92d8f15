//! Code size, and what must not be linked: read from the least firmware's ELF file.

use std::fs;
use std::path::PathBuf;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionKind};

use crate::bench;
use crate::firmware::{self, MINIMAL};
use crate::process::{self, Failure, Result, root, run};

/// Most bytes of code of the least firmware, built for size, that checks any network when it
/// starts and has all kernels; of one that the compiler checked, with its own kernels.
const LIMITS: [(&str, u64, u64); 5] = [
    ("m0", 25_088, 12_288),
    ("m3", 28_672, 14_848),
    ("m4", 24_576, 12_288),
    ("m7", 24_576, 12_288),
    ("m33", 24_576, 12_288),
];
/// Arguments that build for size.
const FOR_SIZE: [&str; 2] = ["--config", "profile.release.opt-level='s'"];
/// Bytes of the image that is built in beside an embedded network.
const IMAGE: usize = 32 * 32 * 3;

/// What one core's least firmware links.
pub struct Code {
    /// Bytes of instructions and constants without blob, image and vectors, start-up included.
    pub total: u64,
    /// Symbols that only a panic reaches.
    pub panics: Vec<String>,
}

/// A network that is built in, and its image.
struct Embedded {
    network: PathBuf,
    image: PathBuf,
}

/// Builds the least firmware for a core with all kernels and reads its ELF file.
pub fn bytes(core: &str) -> Result<Code> {
    build(core, None, &[])
}

fn build(core: &str, embedded: Option<&Embedded>, arguments: &[&str]) -> Result<Code> {
    let wanted = firmware::of_core(core)?;
    let minimal = firmware::Firmware { target: wanted.target, cpu: wanted.cpu, ..MINIMAL };
    let mut command = minimal.cargo("build");
    command.args(["--quiet", "--bin", minimal.binary]).args(arguments);
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
    let path = minimal.elf();
    let failed = |e: String| Failure::tool(format!("{}: {e}", path.display()));
    let bytes = fs::read(&path).map_err(|e| failed(e.to_string()))?;
    let elf = object::File::parse(&*bytes).map_err(|e| failed(e.to_string()))?;
    let loaded = elf
        .sections()
        .filter(|s| matches!(s.kind(), SectionKind::Text | SectionKind::ReadOnlyData))
        .filter(|s| s.name() != Ok(".vector_table"));
    let linked: u64 = loaded.map(|s| s.size()).sum();
    let data = data.map(|path| fs::metadata(&path).map_or(0, |m| m.len()));
    let panics = elf.symbols().filter_map(|s| s.name().ok());
    let panics = panics.filter(|n| n.contains("panicking") || n.contains("rust_begin_unwind"));
    Ok(Code {
        total: linked.saturating_sub(data.iter().sum()),
        panics: panics.map(str::to_owned).collect(),
    })
}

/// The smallest named network, with the kernels of each preference, and an image.
fn networks() -> Result<Vec<(&'static str, Embedded)>> {
    process::build_host()?;
    let directory = root().join("target/code");
    let failed = |e: std::io::Error| Failure::tool(format!("{}: {e}", directory.display()));
    fs::create_dir_all(&directory).map_err(failed)?;
    let image = directory.join("image");
    fs::write(&image, [0; IMAGE]).map_err(failed)?;
    let made = bench::small(&directory)?;
    Ok(made
        .into_iter()
        .map(|(prefer, network)| (prefer, Embedded { network, image: image.clone() }))
        .collect())
}

/// Prints a table, and fails where a core's least firmware is too large or can panic, at either
/// optimisation.
pub fn check() -> Result<()> {
    let networks = networks()?;
    let mut over = Vec::new();
    println!(
        "| core | linked | for size, bytes | limit | for speed, bytes |\n|---|---|---|---|---|"
    );
    for (core, all, one) in LIMITS {
        let embedded = networks.iter().map(|(name, network)| (*name, Some(network)));
        for (name, network) in std::iter::once(("", None)).chain(embedded) {
            let (set, limit) = match network {
                None => ("any network, all kernels".to_owned(), all),
                Some(_) => (format!("one network, `{name}`"), one),
            };
            let size = build(core, network, &FOR_SIZE)?;
            let speed = build(core, network, &[])?;
            println!("| {core} | {set} | {} | {limit} | {} |", size.total, speed.total);
            for panic in [size.panics, speed.panics].concat() {
                over.push(format!("{core}, {set}: {panic} linked"));
            }
            if size.total > limit {
                over.push(format!("{core}, {set}: {} bytes of code, over {limit}", size.total));
            }
        }
    }
    if over.is_empty() { Ok(()) } else { Err(Failure::no(over.join("\n"))) }
}
