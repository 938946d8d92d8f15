//! Targets, and how they are spelled on the command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use supernano_base::error::{Error, Result};
pub use supernano_facts::{MACHINES, Machine};

/// A place where a network runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This computer.
    Host,
    /// A machine that QEMU emulates.
    Qemu(Machine),
    /// A board behind a debug probe.
    Probe(ProbeId),
    /// A board on a serial port.
    Serial(PathBuf),
    /// An agent behind a TCP connection, `HOST:PORT`.
    Tcp(String),
}

/// A debug probe and the chip behind it. A part that is `None` is detected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeId {
    /// USB vendor identifier and product identifier.
    pub usb: Option<(u16, u16)>,
    /// Chip, in the spelling of probe-rs. Some chips cannot be detected.
    pub chip: Option<String>,
}

/// All targets but the host, for a message.
pub(crate) fn known() -> String {
    let names: Vec<&str> = MACHINES.iter().map(|m| m.name).collect();
    format!("{}, probe[:VID:PID][@CHIP], serial:PATH or tcp:HOST:PORT", names.join(", "))
}

/// Reads `VID:PID` in hexadecimal.
///
/// # Errors
/// [`Error::Invalid`] for any other spelling.
pub fn usb_id(text: &str) -> Result<(u16, u16)> {
    let id = text.split_once(':').and_then(|(vendor, product)| {
        let number = |t: &str| u16::from_str_radix(t, 16).ok();
        Some((number(vendor)?, number(product)?))
    });
    id.ok_or_else(|| Error::invalid("debug probe", "VID:PID", "such as 0483:374b", text))
}

impl FromStr for ProbeId {
    type Err = Error;

    /// Reads `[:VID:PID][@CHIP]`.
    fn from_str(text: &str) -> Result<Self> {
        let (usb, chip) = match text.split_once('@') {
            Some((usb, chip)) => (usb, Some(chip)),
            None => (text, None),
        };
        if chip.is_some_and(str::is_empty) {
            return Err(Error::invalid("debug probe", "@CHIP", "such as RP2040", "nothing"));
        }
        let usb = match usb.strip_prefix(':') {
            Some(id) => Some(usb_id(id)?),
            None if usb.is_empty() => None,
            None => return Err(Error::invalid("debug probe", "target", "probe:VID:PID", text)),
        };
        Ok(Self { usb, chip: chip.map(str::to_owned) })
    }
}

impl fmt::Display for ProbeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((vendor, product)) = self.usb {
            write!(f, ":{vendor:04x}:{product:04x}")?;
        }
        self.chip.as_ref().map_or(Ok(()), |chip| write!(f, "@{chip}"))
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "host" {
            return Ok(Self::Host);
        }
        if let Some(id) = text.strip_prefix("probe")
            && (id.is_empty() || id.starts_with(['@', ':']))
        {
            return id.parse().map(Self::Probe);
        }
        match text.split_once(':') {
            Some(("serial", path)) if !path.is_empty() => return Ok(Self::Serial(path.into())),
            Some(("tcp", address)) => {
                let port = address.rsplit_once(':').map(|(host, p)| (host, p.parse::<u16>()));
                if matches!(port, Some((host, Ok(1..))) if !host.is_empty()) {
                    return Ok(Self::Tcp(address.to_owned()));
                }
            }
            _ => {}
        }
        let machine = MACHINES.iter().find(|m| m.name == text);
        machine.copied().map(Self::Qemu).ok_or_else(|| {
            let expected = format!("host or one of {}", known());
            Error::invalid("option --target", "target", expected, text)
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("host"),
            Self::Qemu(machine) => f.write_str(machine.name),
            Self::Probe(id) => write!(f, "probe{id}"),
            Self::Serial(path) => write!(f, "serial:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read_and_written_alike() {
        for text in [
            "host",
            "qemu-m0",
            "qemu-m33",
            "probe",
            "probe:0483:374b",
            "probe@RP2040",
            "probe:2e8a:000c@RP235x",
            "serial:/dev/ttyACM0",
            "tcp:localhost:4000",
            "tcp:[::1]:4000",
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "qemu-m5",
            "probe:1",
            "probe:x:y",
            "probe@",
            "probes",
            "probe:@RP2040",
            "serial:",
            "tcp:",
            "tcp:a",
            "tcp:a:0",
        ] {
            assert_eq!(text.parse::<Target>().unwrap_err().exit_code(), 2, "{text}");
        }
    }
}
