//! Counts of networks, kept in a file so that none is counted twice.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result, parser_words};
use supernano_base::files;
use supernano_core::wire;
use supernano_device::{LatencyReport, LayerCount, Target, agent};
use supernano_search::cost::calibration::{CountingDevice, RawCounts};
use supernano_search::cost::estimate::CycleSums;

/// What the plugin has added up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sums {
    /// Core of the timings.
    core: String,
    /// Sums of the whole inference.
    pub(super) total: CycleSums,
    /// Sums of the conversion of the image, then of every operation.
    pub(super) parts: Vec<CycleSums>,
}

/// The counts of a network.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// CRC-32 of the network.
    network: u32,
    /// CRC-32 of the emulator's agent; 0 for a board.
    agent: u32,
    pub(super) device: CountingDevice,
    pub(super) counts: RawCounts,
    pub(super) sums: Option<Sums>,
}

impl Record {
    /// The counts of a report.
    pub(super) fn new(meter: Meter<'_>, device: CountingDevice, report: &LatencyReport) -> Self {
        let part = |layer: &LayerCount| (layer.name.clone(), layer.count.value());
        let sums = |layer: &LayerCount| {
            Some(CycleSums { cycles: layer.cycles_estimated?, flash: layer.flash_reads? })
        };
        Self {
            network: report.checksum,
            agent: meter.agent,
            device,
            counts: RawCounts {
                total: report.total.value(),
                parts: report.layers.iter().map(part).collect(),
                stack_bytes: report.stack_bytes,
            },
            sums: report.estimate.as_ref().and_then(|estimate| {
                let (cycles, flash) = (estimate.cycles_estimated, estimate.flash_reads?);
                let parts = report.layers.iter().map(sums).collect::<Option<_>>()?;
                Some(Sums {
                    core: estimate.core.clone(),
                    total: CycleSums { cycles, flash },
                    parts,
                })
            }),
        }
    }
}

/// What counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meter<'a> {
    target: &'a Target,
    /// CRC-32 of the emulator's agent; 0 for a board.
    agent: u32,
    /// Core of the estimated cycles.
    core: Option<&'a str>,
}

impl<'a> Meter<'a> {
    /// A target, whose emulator runs `firmware` or else the agent of this program.
    ///
    /// # Errors
    /// As [`agent`] and [`files::read`].
    pub(super) fn new(
        target: &'a Target,
        firmware: Option<&Path>,
        core: Option<&'a str>,
    ) -> Result<Self> {
        let elf = match (target, firmware) {
            (Target::Qemu(_), Some(path)) => Some(path.to_path_buf()),
            (Target::Qemu(machine), None) => Some(agent(machine.agent())?),
            _ => None,
        };
        let agent = elf.map(|path| files::read(&path)).transpose()?;
        Ok(Self { target, agent: agent.map_or(0, |bytes| wire::checksum(&bytes)), core })
    }
}

/// Kept counts, by the networks' CRC-32.
#[derive(Debug, Default)]
pub(super) struct Counts {
    kept: HashMap<u32, Record>,
    file: Option<File>,
}

impl Counts {
    /// Reads the counts of this meter from a file, one network a line, and opens it for more. Counts of
    /// other meters stay in the file.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Invalid`] for a line that holds no counts.
    pub(super) fn open(path: &Path, meter: Meter<'_>) -> Result<Self> {
        let io = |source| Error::Io { path: path.to_path_buf(), source };
        let text =
            if path.is_file() { fs::read_to_string(path).map_err(io)? } else { String::new() };
        let mut kept = HashMap::new();
        // The last line is incomplete if the command was stopped while it wrote.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for (i, line) in whole.lines().enumerate() {
            let record: Record = serde_json::from_str(line).map_err(|e| {
                let field = format!("line {}", i + 1);
                Error::invalid(path.display(), field, "counts of a network", parser_words(&e))
            })?;
            let core = record.sums.as_ref().map(|sums| sums.core.as_str());
            let of_meter = record.device.target == meter.target.to_string()
                && record.agent == meter.agent
                && (meter.core.is_none() || core == meter.core);
            if of_meter {
                kept.insert(record.network, record);
            }
        }
        let mut file = File::options().create(true).append(true).open(path).map_err(io)?;
        if whole.len() + 1 < text.len() {
            file.write_all(b"\n").map_err(io)?;
        }
        Ok(Self { kept, file: Some(file) })
    }

    /// The kept counts of a network.
    pub(super) fn of(&self, blob: &Blob) -> Result<Option<Record>> {
        Ok(self.kept.get(&blob.view()?.checksum()).cloned())
    }

    /// Adds a line.
    ///
    /// # Errors
    /// [`Error::Tool`] if the file cannot be written.
    pub(super) fn keep(&mut self, record: &Record) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let failed = |e: std::io::Error| Error::tool("file of counts", e);
        let mut line = serde_json::to_string(record).map_err(|e| failed(e.into()))?;
        line.push('\n');
        file.write_all(line.as_bytes()).map_err(failed)
    }
}
