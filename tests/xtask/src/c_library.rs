//! `cargo xtask c-library`: the C library, its header, and the C example on an emulated Cortex-M4.

use std::fs;
use std::path::{Path, PathBuf};

use object::{Object as _, ObjectSymbol as _};
use supernano_facts::{Emulator, QEMU_M4};

use crate::boards;
use crate::firmware::{self, C_LIBRARY};
use crate::image::Image;
use crate::process::{self, Failure, Result, program, root, run};
use crate::setup::{self, Consent, Need};

/// Arguments of `cargo xtask c-library`.
#[derive(clap::Args, Debug, Default)]
pub struct Args {
    /// Write the header instead of comparing it with its source.
    #[arg(long)]
    write: bool,
}

/// Core and floating-point unit of the example: those of the library's target.
const CPU: [&str; 4] = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"];
const FLAGS: [&str; 11] = [
    "-std=gnu11",
    "-Os",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-ffreestanding",
    "-ffunction-sections",
    "-nostdlib",
    "-Wl,--gc-sections",
    "-Wl,--fatal-warnings",
    "-Wl,-z,noexecstack",
];
/// Limit of the example's code, bytes. The library built for speed and 1.6 KiB of C fit.
const LIMIT: u64 = 40 << 10;
/// The files that the example builds in.
const FILES: [&str; 2] = ["tiny.snb", "tiny.image"];
/// The logits of the host for them.
const LOGITS: &str = "tiny.logits";

/// Compares or writes the header, then builds the library and the example, and runs the example.
///
/// # Errors
/// A committed header that differs from the generated one, code that can panic, output that differs
/// from `firmware-examples/c-qemu-m4/expected.txt`, and missing tools.
pub fn check(args: &Args, consent: Consent) -> Result<()> {
    let generated = header()?;
    if args.write {
        fs::write(header_path(), generated).map_err(|e| file(&header_path(), e))?;
    } else if read(&header_path())? != generated {
        let path = header_path();
        let shown = path.strip_prefix(root()).unwrap_or(&path).display();
        let fix = "`cargo xtask c-library --write` writes it";
        return Err(Failure::no(format!("{shown} differs from its source; {fix}")));
    }
    let target = Need::Target(QEMU_M4.package.target);
    setup::ensure(&[target, Need::Tool(&setup::COMPILER), Need::Tool(&setup::QEMU)], consent)?;
    let elf = build()?;
    let lines = boards::output(&elf, &Emulator { board: QEMU_M4.board, port: 0 })?;
    compare(&lines, &read(&example("expected.txt"))?, &read(&golden(LOGITS))?)?;
    let bytes = code(&elf)?;
    say!("C library: {bytes} bytes of code in the example, {}", lines.join("; "));
    if bytes > LIMIT {
        return Err(Failure::no(format!("C example: {bytes} bytes of code, over {LIMIT}")));
    }
    Ok(())
}

/// Generates the header from the library's source.
fn header() -> Result<String> {
    process::text(&mut program(process::own_program("c-header")?, [""; 0]))
}

fn header_path() -> PathBuf {
    root().join("device-runtime/c/supernano.h")
}

fn example(name: &str) -> PathBuf {
    firmware::workspace().join("c-qemu-m4").join(name)
}

fn golden(name: &str) -> PathBuf {
    root().join("tests/golden").join(name)
}

fn file(path: &Path, error: std::io::Error) -> Failure {
    Failure::tool(format!("{}: {error}", path.display()))
}

/// Reads a text, with line feeds as line ends.
fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map(|text| text.replace("\r\n", "\n")).map_err(|e| file(path, e))
}

/// Builds library and example, and returns the linked file.
///
/// # Errors
/// A failed build.
pub fn build() -> Result<PathBuf> {
    let (package, library) = C_LIBRARY;
    let target = QEMU_M4.package.target;
    run(firmware::cargo_for(target, "build").args(["--quiet", "--package", package]))?;
    let out = root().join("target/firmware");
    fs::create_dir_all(&out).map_err(|e| file(&out, e))?;
    let elf = out.join("c-qemu-m4.elf");
    let mut compiler = program(setup::GCC, CPU);
    compiler.args(FLAGS).args(["-Idevice-runtime/c", "-Wa,-Itests/golden"]);
    compiler.arg("-T").arg(example("link.ld"));
    compiler.args(["startup.c", "main.c"].map(example)).arg(firmware::output(target, library));
    run(compiler.arg("-o").arg(&elf))?;
    Ok(elf)
}

/// Code and constants without the built-in files, bytes. Fails if a panic is linked.
fn code(elf: &Path) -> Result<u64> {
    let bytes = fs::read(elf).map_err(|e| file(elf, e))?;
    let failed = |e: String| Failure::tool(format!("{}: {e}", elf.display()));
    let object = object::File::parse(&*bytes).map_err(|e| failed(e.to_string()))?;
    let names = object.symbols().filter_map(|s| s.name().ok());
    let panics: Vec<&str> =
        names.filter(|n| n.contains("panicking") || n.contains("rust_begin_unwind")).collect();
    if !panics.is_empty() {
        return Err(Failure::no(format!("C library: {} linked", panics.join(", "))));
    }
    let built_in = FILES.map(|name| fs::metadata(golden(name)).map_or(0, |m| m.len()));
    let flash = Image::parse(&bytes).map_err(failed)?.flash();
    Ok(flash.saturating_sub(built_in.iter().sum()))
}

/// Fails if the output is not the expected one, or if a line of logits differs from the host's.
fn compare(output: &[String], expected: &str, logits: &str) -> Result<()> {
    if output != expected.lines().collect::<Vec<_>>() {
        let found = output.join("\n");
        return Err(Failure::no(format!("C example: output\n{found}\nexpected\n{expected}")));
    }
    let host = format!("logits {}", logits.lines().collect::<Vec<_>>().join(" "));
    let lines: Vec<&String> = output.iter().filter(|l| l.starts_with("logits ")).collect();
    if lines.len() != 2 || lines.iter().any(|l| **l != host) {
        return Err(Failure::no(format!("C example: {lines:?}, expected {host:?} twice")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
