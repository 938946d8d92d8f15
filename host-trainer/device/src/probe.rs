//! Debug probes: they write the flash of a chip, and they carry RTT channels.

use std::io::{Error as IoError, ErrorKind, Read, Write};
use std::ops::Range;
use std::time::Duration;

use probe_rs::config::{MemoryRegion, Registry, TargetSelector};
use probe_rs::flashing::{DownloadOptions, FlashProgress};
use probe_rs::probe::list::Lister;
use probe_rs::rtt::{ScanRegion, try_attach_to_rtt};
use probe_rs::{Permissions, Session};
use supernano_base::error::{Error, Result};
use supernano_base::names::nearest;

use crate::elf::Segment;
use crate::session::ByteStream;
use crate::target::ProbeId;

/// Longest wait for a firmware to set up its channels.
const ATTACH: Duration = Duration::from_secs(2);
/// Name of the up channel and the down channel that carry the protocol.
const CHANNEL: &str = "supernano";
/// Name of the channel that carries logs.
pub(crate) const LOGS: &str = "defmt";

/// Name of a chip in the spelling of probe-rs, and its non-volatile memory.
///
/// # Errors
/// [`Error::Invalid`] with the nearest names for an unknown chip.
pub(crate) fn flash_of(chip: &str) -> Result<(String, Vec<Range<u64>>)> {
    let registry = Registry::from_builtin_families();
    let target = registry.get_target_by_name(chip).map_err(|e| {
        let families = registry.families().iter();
        let names = families.flat_map(|f| f.variants.iter().map(|v| v.name.as_str()));
        let expected = format!("a chip of probe-rs, such as {}", nearest(chip, names).join(", "));
        Error::invalid("option --chip", "chip", expected, format!("{chip} ({e})"))
    })?;
    let flash = target.memory_map.iter().filter_map(|region| match region {
        MemoryRegion::Nvm(nvm) => Some(nvm.range.clone()),
        _ => None,
    });
    Ok((target.name.clone(), flash.collect()))
}

fn failed(e: impl std::fmt::Display) -> Error {
    Error::tool("debug probe", e)
}

/// Attaches to a chip behind the only probe that matches.
fn attach(id: Option<(u16, u16)>, chip: Option<&str>) -> Result<Session> {
    let probes = Lister::new().list_all();
    let fits = |vendor, product| id.is_none_or(|id| id == (vendor, product));
    let mut fitting = probes.iter().filter(|p| fits(p.vendor_id, p.product_id));
    let Some(probe) = fitting.next() else {
        let found: Vec<String> = probes.iter().map(ToString::to_string).collect();
        let found = if found.is_empty() { "none".into() } else { found.join("; ") };
        return Err(failed(format!(
            "no matching debug probe; connected: {found}. Is it plugged in, and may you open it \
             (on Linux, udev rules: https://probe.rs/docs/getting-started/probe-setup)?"
        )));
    };
    if let (None, Some(other)) = (id, fitting.next()) {
        let problem = format!("several probes ({probe}; {other}): name one as VID:PID");
        return Err(failed(problem));
    }
    let target = chip.map_or(TargetSelector::Auto, TargetSelector::from);
    probe.open().map_err(failed)?.attach(target, Permissions::default()).map_err(failed)
}

/// Writes segments to a chip's flash, verifies them and starts the chip.
///
/// # Errors
/// [`Error::Tool`] without a probe or a chip, and if writing fails.
pub(crate) fn write(id: Option<(u16, u16)>, chip: &str, segments: &[Segment]) -> Result<()> {
    let mut session = attach(id, Some(chip))?;
    let mut loader = session.target().flash_loader();
    for segment in segments {
        loader.add_data(segment.address, &segment.bytes).map_err(failed)?;
    }
    let mut options = DownloadOptions::default();
    options.verify = true;
    loader.commit(&mut session, options).map_err(failed)?;
    loader.verify(&mut session, &mut FlashProgress::empty()).map_err(failed)?;
    session.core(0).and_then(|mut core| core.reset()).map_err(failed)
}

/// The RTT channels of one purpose.
struct Rtt {
    session: Session,
    rtt: probe_rs::rtt::Rtt,
    up: usize,
    down: Option<usize>,
}

/// Opens the RTT channels of the protocol.
///
/// # Errors
/// [`Error::Tool`] without a probe; [`Error::Firmware`] if the firmware has no such channel.
pub(crate) fn rtt(probe: &ProbeId) -> Result<Box<dyn ByteStream>> {
    open(probe, CHANNEL)
}

/// Opens the RTT channels of this name.
///
/// # Errors
/// The errors of [`rtt`].
pub(crate) fn open(probe: &ProbeId, channel: &str) -> Result<Box<dyn ByteStream>> {
    let stranger = |found: String| Error::Firmware {
        link: "debug probe".into(),
        expected: format!("an RTT channel `{channel}`"),
        found,
    };
    let mut session = attach(probe.usb, probe.chip.as_deref())?;
    let mut rtt = {
        let mut core = session.core(0).map_err(failed)?;
        try_attach_to_rtt(&mut core, ATTACH, &ScanRegion::Ram)
            .map_err(|e| stranger(format!("no RTT ({e})")))?
    };
    let up = rtt.up_channels().iter().position(|c| c.name() == Some(channel));
    let down = rtt.down_channels().iter().position(|c| c.name() == Some(channel));
    let up = up.ok_or_else(|| stranger("others only".into()))?;
    Ok(Box::new(Rtt { session, rtt, up, down }))
}

fn io(e: impl std::fmt::Display) -> IoError {
    IoError::other(e.to_string())
}

impl Read for Rtt {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut core = self.session.core(0).map_err(io)?;
        let channel = self.rtt.up_channel(self.up).ok_or(ErrorKind::NotFound)?;
        match channel.read(&mut core, buffer).map_err(io)? {
            0 => {
                std::thread::sleep(Duration::from_millis(1));
                Err(ErrorKind::WouldBlock.into())
            }
            n => Ok(n),
        }
    }
}

impl Write for Rtt {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut core = self.session.core(0).map_err(io)?;
        let down = self.down.ok_or(ErrorKind::NotFound)?;
        let channel = self.rtt.down_channel(down).ok_or(ErrorKind::NotFound)?;
        // A full buffer empties as soon as the device reads. A halted device never reads.
        for _ in 0..2000 {
            match channel.write(&mut core, bytes).map_err(io)? {
                0 => std::thread::sleep(Duration::from_millis(1)),
                n => return Ok(n),
            }
        }
        Err(ErrorKind::TimedOut.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl ByteStream for Rtt {
    fn name(&self) -> String {
        "debug probe".into()
    }
}
