//! Counts of one inference, operation by operation.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use supernano_core::wire::Request;

use super::check::{placed_bytes, placed_file, same_blob};
use super::qemu::Qemu;
use super::session::{Counts, Device, Session};
use super::target::{Target, known};
use crate::blob::Blob;
use crate::data::Images;
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
    /// Who counted.
    pub device: Device,
    /// Sub-network.
    pub code: String,
    /// Unit of all counts.
    pub unit: &'static str,
    /// Of one inference, counted in one piece.
    pub instructions: u32,
    /// Bytes of arena.
    pub arena_bytes: u32,
    /// Bytes of stack that one inference took.
    pub stack_bytes: u32,
    /// Bytes of stack that it took to open the network: checks and arena plan.
    pub open_stack_bytes: u32,
    /// CRC-32 of the network.
    pub checksum: u32,
    /// The image's conversion, then every operation.
    pub layers: Vec<LayerCount>,
}

/// Counts one inference on `target`, with interrupts masked.
///
/// # Errors
/// [`Error::Invalid`] for the host, [`Error::Tool`] where the device fails, [`Error::No`] where it
/// counts a wrong answer.
pub fn latency(blob: &Blob, target: Target, elf: Option<&Path>) -> Result<LatencyReport> {
    let Target::Qemu(machine) = target else {
        let expected = format!("a device, one of {}", known());
        return Err(Error::invalid("option --target", "target", expected, target.to_string()));
    };
    let view = blob.view()?;
    let placed = placed_file(&placed_bytes(blob.bytes(), &[], view.image_len()))?;
    let qemu = Qemu::start(&machine, elf, Some(placed.path()), true)?;
    let mut session = Session::tcp(qemu.stream()?, TIMEOUT)?;
    drop(placed); // it is in the board's memory
    let opened = session.open(&Request::OpenPlaced { set: 0 })?;
    same_blob(blob, opened.checksum)?;
    let image: Vec<u8> = (0..view.image_len()).map(|i| (i * 37 % 251) as u8).collect();
    session.send_image(&image)?;
    let Counts { total, parts, stack_bytes, open_stack_bytes } = session.counts()?;
    let image = Images { shape: view.header().input(), pixels: image, labels: vec![0] };
    if session.logits(&Request::Run)? != blob.logits(&image)? {
        return Err(Error::No("the device's answer differs from the host's".into()));
    }
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
        device: session.device().clone(),
        instructions: total,
        arena_bytes: opened.arena_bytes,
        stack_bytes,
        open_stack_bytes,
        checksum: view.checksum(),
        layers: names
            .zip(parts)
            .map(|((name, macs), instructions)| LayerCount { name, instructions, macs })
            .collect(),
    })
}
