//! What an engine must beat on a core without SIMD: plain loops, counted on the emulated machine.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::firmware::{self, MINIMAL};
use crate::process::{Failure, Result, run};

const QEMU: &str = "qemu-system-arm";

/// One network by plain loops.
pub struct Plain {
    /// Name of the network.
    pub network: String,
    /// Instructions of an inference.
    pub instructions: u64,
    /// Bytes of the maps that are alive at once.
    pub arena_bytes: u64,
}

/// Ends the emulator whatever happens.
struct Emulator(Child);

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Builds `firmware-examples/minimal/src/plain.rs` for Cortex-M0 and counts it on `mps2-an385`.
pub fn count() -> Result<Vec<Plain>> {
    let target = firmware::of_core("m0")?.target;
    let plain = firmware::Firmware { target, binary: "plain", ..MINIMAL };
    run(plain.cargo("build").args(["--quiet", "--bin", plain.binary]))?;
    let mut command = Command::new(QEMU);
    command
        .args(["-M", "mps2-an385", "-display", "none", "-monitor", "none", "-icount", "shift=6"])
        .args(["-serial", "stdio", "-kernel"])
        .arg(plain.elf())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let failed = |e: std::io::Error| Failure::tool(format!("{QEMU}: {e}"));
    let mut emulator = Emulator(command.spawn().map_err(failed)?);
    let output = emulator.0.stdout.take().ok_or_else(|| Failure::tool("no output"))?;
    let mut counted = Vec::new();
    for line in BufReader::new(output).lines() {
        let line = line.map_err(failed)?;
        if line == "end" {
            return Ok(counted);
        }
        counted.push(parsed(&line).ok_or_else(|| Failure::tool(format!("{QEMU}: said {line}")))?);
    }
    Err(Failure::tool(format!("{QEMU}: ended early")))
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
