//! Counts of one inference, operation by operation.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::check::same_blob;
use super::qemu::{Qemu, firmware};
use super::session::Session;
use super::target::Target;
use crate::blob::Blob;
use crate::error::{Error, Result};
use crate::export::kind;

/// Longest time of one counted inference.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Count of one operation.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct LayerCount {
    /// What it is.
    pub name: String,
    /// Retired instructions.
    pub instructions: u32,
    /// Multiply-accumulates.
    pub macs: u64,
}

/// What a latency run counted.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct LatencyReport {
    /// Where the network ran.
    pub target: String,
    /// Sub-network.
    pub code: String,
    /// Unit of all counts.
    pub unit: &'static str,
    /// Of one inference, counted in one piece.
    pub instructions: u32,
    /// CRC-32 of the network.
    pub checksum: u32,
    /// The image's conversion, then every operation.
    pub layers: Vec<LayerCount>,
}

/// Counts one inference on `target`, with interrupts masked.
///
/// # Errors
/// [`Error::Invalid`] for the host, [`Error::Tool`] where the device fails.
pub fn latency(blob: &Blob, target: Target, elf: Option<&Path>) -> Result<LatencyReport> {
    if target == Target::Host {
        let found = target.to_string();
        return Err(Error::invalid("option --target", "target", "a device: qemu-m4", found));
    }
    let view = blob.view()?;
    let qemu = Qemu::start(&firmware(elf), None, true)?;
    let mut session = Session::tcp(qemu.stream()?, TIMEOUT)?;
    same_blob(blob, session.send_blob(blob.bytes())?)?;
    session.send_image(&vec![128; view.image_len()])?;
    let (total, parts) = session.counts()?;
    let ops = &view.header().ops;
    if parts.len() != ops.len() + 1 {
        let problem = format!("{} counts for {} operations", parts.len(), ops.len());
        return Err(Error::tool("device", problem));
    }
    let names = std::iter::once(("image".to_owned(), 0))
        .chain(ops.iter().map(|op| (kind(op), supernano_core::exec::macs(&view, op))));
    Ok(LatencyReport {
        target: target.to_string(),
        code: view.header().code.to_owned(),
        unit: "instructions",
        instructions: total,
        checksum: view.checksum(),
        layers: names
            .zip(parts)
            .map(|((name, macs), instructions)| LayerCount { name, instructions, macs })
            .collect(),
    })
}
