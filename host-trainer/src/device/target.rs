//! How a target is spelled.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Where a network runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// This computer.
    Host,
    /// QEMU's mps2-an386, a Cortex-M4.
    QemuM4,
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let known = ["qemu-m0", "qemu-m3", "qemu-m7", "qemu-m33", "probe"];
        match text {
            "host" => Ok(Self::Host),
            "qemu-m4" => Ok(Self::QemuM4),
            _ if known.contains(&text) || text.contains(':') => Err(Error::invalid(
                "option --target",
                "target",
                "one that this version has: host or qemu-m4",
                text,
            )),
            _ => Err(Error::invalid("option --target", "target", "host or qemu-m4", text)),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "host",
            Self::QemuM4 => "qemu-m4",
        })
    }
}
