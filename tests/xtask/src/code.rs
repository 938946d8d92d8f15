//! Code size, and what must not be linked: read from the least firmware's ELF file.

use std::fs;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionKind};

use crate::firmware::{self, MINIMAL};
use crate::process::{Failure, Result, root, run};

/// Most bytes of code that a firmware with one network may need.
const LIMIT: u64 = 12 << 10;

/// What one core's least firmware links.
pub struct Code {
    /// Bytes of instructions and constants without blob, image and vectors, start-up included.
    pub total: u64,
    /// Symbols that only a panic reaches.
    pub panics: Vec<String>,
}

/// Builds the least firmware for a core and reads its ELF file.
pub fn bytes(core: &str) -> Result<Code> {
    let wanted = firmware::of_core(core)?;
    let minimal = firmware::Firmware { target: wanted.target, cpu: wanted.cpu, ..MINIMAL };
    run(minimal.cargo("build").arg("--quiet"))?;
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
    let panics = panics.filter(|n| n.contains("panic") || n.contains("rust_begin_unwind"));
    Ok(Code {
        total: linked.saturating_sub(data.iter().sum()),
        panics: panics.map(str::to_owned).collect(),
    })
}

/// Fails where a core's least firmware is too large or can panic.
pub fn check() -> Result<()> {
    for core in crate::bench::CORES {
        let code = bytes(core)?;
        eprintln!("{core}: {} bytes of code, {} panic symbols", code.total, code.panics.len());
        if !code.panics.is_empty() {
            return Err(Failure::no(format!("{core}: a panic is linked: {:?}", code.panics)));
        }
        if code.total > LIMIT {
            return Err(Failure::no(format!("{core}: {} bytes of code, over {LIMIT}", code.total)));
        }
    }
    Ok(())
}
