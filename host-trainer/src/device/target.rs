//! How a target is spelled.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Where a network runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// This computer.
    Host,
    /// A machine of QEMU.
    Qemu(Machine),
}

/// An emulated machine and the agent that is made for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// `qemu-` and the core: the target's name.
    pub name: &'static str,
    /// QEMU's name of the machine.
    pub board: &'static str,
    /// Where PSRAM begins: what is placed before the start goes there.
    pub placed: u32,
}

/// Every emulated machine. `qemu-m0` runs code for Cortex-M0 on a Cortex-M3, which executes it
/// unchanged and has a counter and the memory.
pub const MACHINES: [Machine; 5] = [
    Machine { name: "qemu-m0", board: "mps2-an385", placed: 0x2100_0000 },
    Machine { name: "qemu-m3", board: "mps2-an385", placed: 0x2100_0000 },
    Machine { name: "qemu-m4", board: "mps2-an386", placed: 0x2100_0000 },
    Machine { name: "qemu-m7", board: "mps2-an500", placed: 0x6000_0000 },
    Machine { name: "qemu-m33", board: "mps2-an505", placed: 0x8000_0000 },
];

impl Machine {
    /// File name of its agent.
    pub fn agent(&self) -> String {
        format!("{}-agent.elf", self.name)
    }
}

/// The targets there are, as a message lists them.
pub(crate) fn known() -> String {
    let names: Vec<&str> = MACHINES.iter().map(|m| m.name).collect();
    names.join(", ")
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "host" {
            return Ok(Self::Host);
        }
        let machine = MACHINES.iter().find(|m| m.name == text);
        let later = text.starts_with("probe") || text.contains(':');
        let which = if later { "one that this version has: " } else { "" };
        machine.copied().map(Self::Qemu).ok_or_else(|| {
            let expected = format!("{which}host or one of {}", known());
            Error::invalid("option --target", "target", expected, text)
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "host",
            Self::Qemu(machine) => machine.name,
        })
    }
}
