//! The baseline on a core without SIMD: plain loops, counted on the emulated machine.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use supernano_facts::QEMU_M0;

use crate::firmware::{self, MINIMAL};
use crate::process::{Failure, Result, run};
use crate::setup::{self, QEMU};

/// The binary of [`MINIMAL`] with the plain loops.
const BINARY: &str = "plain";

/// A network computed by plain loops.
pub struct Plain {
    pub network: String,
    /// Instructions of one inference.
    pub instructions: u64,
    /// Feature maps that are live at the same time, bytes.
    pub arena_bytes: u64,
}

/// An emulator that ends when this is dropped.
struct Emulator(Child);

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Builds `firmware-examples/minimal/src/plain.rs` for Cortex-M0 and counts its instructions.
pub fn count() -> Result<Vec<Plain>> {
    let target = QEMU_M0.package.target;
    let mut build = firmware::cargo_for(target, "build");
    run(build.args(["--quiet", "--package", MINIMAL, "--bin", BINARY]))?;
    let mut command = setup::emulator();
    command
        .args(["-M", QEMU_M0.board, "-display", "none", "-monitor", "none", "-icount", "shift=6"])
        .args(["-serial", "stdio", "-kernel"])
        .arg(firmware::output(target, BINARY))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let name = QEMU.name;
    let failed = |e: std::io::Error| Failure::tool(format!("{name}: {e}"));
    let mut emulator = Emulator(command.spawn().map_err(failed)?);
    let output = emulator.0.stdout.take().ok_or_else(|| Failure::tool("no output"))?;
    let mut counted = Vec::new();
    for line in BufReader::new(output).lines() {
        let line = line.map_err(failed)?;
        if line == "end" {
            return Ok(counted);
        }
        counted.push(
            parsed(&line)
                .ok_or_else(|| Failure::tool(format!("{name}: unexpected line {line}")))?,
        );
    }
    Err(Failure::tool(format!("{name}: no line `end`")))
}

fn parsed(line: &str) -> Option<Plain> {
    let mut words = line.split(' ');
    let plain = Plain {
        network: words.next()?.to_owned(),
        instructions: words.next()?.parse().ok()?,
        arena_bytes: words.next()?.parse().ok()?,
    };
    words.next().is_none().then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_a_name_and_two_numbers() {
        let plain = parsed("large 422323496 49152").map(|p| (p.network, p.instructions));
        assert_eq!(plain, Some(("large".to_owned(), 422_323_496)));
        for line in ["", "large", "large 1", "large 1 2 3", "large x 2"] {
            assert!(parsed(line).is_none(), "{line}");
        }
    }
}
