//! Code size, and what must not be linked: read from the least firmware's ELF file.

use std::fs;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionKind};

use crate::firmware::{self, MINIMAL};
use crate::process::{Failure, Result, root, run};

/// Kernels that a firmware links: a name, the features that choose them, and the most bytes of
/// code that the least firmware with them may have when it is built for size.
const SETS: [(&str, &[&str], u64); 2] = [
    ("all kernels", &[], 32 << 10),
    ("direct convolutions only", &["--no-default-features"], 25 << 10),
];
/// Arguments that build for size.
const FOR_SIZE: [&str; 2] = ["--config", "profile.release.opt-level='s'"];

/// What one core's least firmware links.
pub struct Code {
    /// Bytes of instructions and constants without blob, image and vectors, start-up included.
    pub total: u64,
    /// Symbols that only a panic reaches.
    pub panics: Vec<String>,
}

/// Builds the least firmware for a core with all kernels and reads its ELF file.
pub fn bytes(core: &str) -> Result<Code> {
    build(core, &[])
}

fn build(core: &str, arguments: &[&str]) -> Result<Code> {
    let wanted = firmware::of_core(core)?;
    let minimal = firmware::Firmware { target: wanted.target, cpu: wanted.cpu, ..MINIMAL };
    run(minimal.cargo("build").arg("--quiet").args(arguments))?;
    let path = minimal.elf();
    let failed = |e: String| Failure::tool(format!("{}: {e}", path.display()));
    let bytes = fs::read(&path).map_err(|e| failed(e.to_string()))?;
    let elf = object::File::parse(&*bytes).map_err(|e| failed(e.to_string()))?;
    let loaded = elf
        .sections()
        .filter(|s| matches!(s.kind(), SectionKind::Text | SectionKind::ReadOnlyData))
        .filter(|s| s.name() != Ok(".vector_table"));
    let linked: u64 = loaded.map(|s| s.size()).sum();
    let data = ["tiny.snb", "tiny.image"].map(|name| {
        let path = root().join("tests/golden").join(name);
        fs::metadata(&path).map_or(0, |m| m.len())
    });
    let panics = elf.symbols().filter_map(|s| s.name().ok());
    let panics = panics.filter(|n| n.contains("panicking") || n.contains("rust_begin_unwind"));
    Ok(Code {
        total: linked.saturating_sub(data.iter().sum()),
        panics: panics.map(str::to_owned).collect(),
    })
}

/// Fails where a core's least firmware is too large or can panic, at either optimisation.
pub fn check() -> Result<()> {
    for core in crate::bench::CORES {
        for (set, features, limit) in SETS {
            for (level, arguments) in [("speed", &[][..]), ("size", &FOR_SIZE)] {
                let code = build(core, &[features, arguments].concat())?;
                eprintln!("{core}, {set}, for {level}: {} bytes of code", code.total);
                if !code.panics.is_empty() {
                    let panics = code.panics.join(", ");
                    return Err(Failure::no(format!("{core}, {set}: {panics} linked")));
                }
                if level == "size" && code.total > limit {
                    let over = format!("{} bytes of code, over {limit}", code.total);
                    return Err(Failure::no(format!("{core}, {set}: {over}")));
                }
            }
        }
    }
    Ok(())
}
