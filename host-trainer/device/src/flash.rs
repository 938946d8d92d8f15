//! The contents of a chip's flash: agent and network. Planning needs no probe.

mod write;

use std::ops::Range;

use serde::Serialize;
use supernano_base::error::{Error, Result};
use supernano_core::blob::BlobView;
use supernano_core::exec::Network;
use supernano_core::kernel::Reference;

pub use self::write::{FlashReport, FlashRequest, write};
use crate::elf::{Firmware, Segment};
use crate::placed::placed_bytes;

/// Name of the agent's ELF file for a chip; `None` if no board with this chip has an agent.
pub fn agent_of(chip: &str) -> Option<&'static str> {
    let chip = chip.to_ascii_lowercase();
    let mut boards = supernano_facts::BOARDS.iter();
    let board = boards.find(|board| chip.starts_with(&board.family.to_ascii_lowercase()))?;
    board.package.agent().map(|agent| agent.file)
}

/// The bytes that are written to a chip, and their sizes.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct FlashPlan {
    /// Bytes of firmware.
    pub firmware_bytes: usize,
    /// Bytes of the blob.
    pub blob_bytes: usize,
    /// Bytes of the region that are used: a header of 16 bytes, the blob, and padding to 4 bytes.
    pub region_used: usize,
    /// Bytes of the region for the blob.
    pub region_bytes: u64,
    /// Start address of the region.
    pub region_address: u64,
    /// CRC-32 of the blob.
    pub checksum: u32,
    /// Flash in use: the sum of `firmware_bytes` and `region_used`.
    pub flash_bytes: usize,
    /// Bytes of arena that the blob needs.
    pub arena_bytes: u64,
    /// Bytes of the logits.
    pub logits_bytes: u64,
    /// Static variables of the firmware, bytes. The buffers for arena and logits are among them.
    pub statics_bytes: u64,
    /// All segments, in the order of addresses, without overlaps.
    #[serde(skip)]
    pub segments: Vec<Segment>,
}

/// Plans the addresses of a firmware and a blob. `flash` is the non-volatile memory of the chip; `place`
/// names the file of the firmware in errors. The region holds one set without images, in the layout of
/// memory that is placed before the start (`core/docs/wire-format.md`).
///
/// # Errors
/// [`Error::Core`] for a blob that fails its check. [`Error::Invalid`] for a firmware without a region,
/// a region that holds code or is not aligned, a blob larger than the region, and segments outside the
/// flash of the chip.
pub fn plan(
    firmware: &Firmware,
    blob: &[u8],
    flash: &[Range<u64>],
    place: &str,
) -> Result<FlashPlan> {
    let view = BlobView::new_checked(blob).map_err(|e| Error::core("network", e))?;
    let region = firmware.blob.clone().ok_or_else(|| {
        let expected = "symbols __supernano_blob_start and __supernano_blob_end";
        Error::invalid(place, "blob region", expected, "none of them")
    })?;
    if region.start % 4 != 0 {
        let found = format!("{:#x}", region.start);
        return Err(Error::invalid(place, "blob region", "an address divisible by 4", found));
    }
    let placed = placed_bytes(blob, &[], view.image_len());
    let room = region.end.saturating_sub(region.start);
    if placed.len() as u64 > room {
        let expected =
            format!("at most {room} bytes, the firmware's blob region, 16 of them header");
        let found = format!("{} bytes with header and padding", placed.len());
        return Err(Error::invalid("network", "blob", expected, found));
    }
    let own = Segment { address: region.start, bytes: placed };
    let mut segments = firmware.segments.clone();
    if let Some(code) = segments.iter().find(|s| overlap(&s.range(), &region)) {
        let expected = format!("{:#x}..{:#x} free of code", region.start, region.end);
        return Err(Error::invalid(place, "blob region", expected, shown(&code.range())));
    }
    let (firmware_bytes, region_used) =
        (segments.iter().map(|s| s.bytes.len()).sum(), own.bytes.len());
    segments.push(own);
    segments.sort_by_key(|s| s.address);
    for pair in segments.windows(2) {
        if overlap(&pair[0].range(), &pair[1].range()) {
            let expected = format!("nothing over {}", shown(&pair[0].range()));
            return Err(Error::invalid(place, "segment", expected, shown(&pair[1].range())));
        }
    }
    for segment in &segments {
        let range = segment.range();
        if !flash.iter().any(|f| f.start <= range.start && range.end <= f.end) {
            let parts: Vec<String> = flash.iter().map(shown).collect();
            let expected = format!("inside the chip's flash {}", parts.join(", "));
            return Err(Error::invalid(place, "segment", expected, shown(&range)));
        }
    }
    Ok(FlashPlan {
        firmware_bytes,
        flash_bytes: firmware_bytes + region_used,
        blob_bytes: blob.len(),
        region_used,
        region_bytes: room,
        region_address: region.start,
        checksum: view.checksum(),
        arena_bytes: Network::new(&view, Reference).arena_bytes() as u64,
        logits_bytes: 4 * view.classes() as u64,
        statics_bytes: firmware.statics,
        segments,
    })
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

fn shown(range: &Range<u64>) -> String {
    format!("{:#x}..{:#x}", range.start, range.end)
}

#[cfg(test)]
mod tests;
