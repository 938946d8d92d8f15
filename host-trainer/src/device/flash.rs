//! What is written where when a network goes to a chip: planned here, without a probe.

use std::ops::Range;

use serde::Serialize;
use supernano_core::blob::BlobView;
use supernano_core::exec::Network;
use supernano_core::kernel::Reference;

use super::check::placed_bytes;
use super::elf::{Firmware, Segment};
use crate::error::{Error, Result};

/// The ELF file of the agent for a chip, if one of the boards has such a chip.
pub fn agent_of(chip: &str) -> Option<&'static str> {
    let chip = chip.to_ascii_lowercase();
    let mut boards = supernano_facts::BOARDS.iter();
    let board = boards.find(|board| chip.starts_with(&board.family.to_ascii_lowercase()))?;
    board.package.agent().map(|agent| agent.file)
}

/// What is written, and what it takes.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Plan {
    /// Bytes of firmware.
    pub firmware_bytes: usize,
    /// Bytes of the blob.
    pub blob_bytes: usize,
    /// Bytes that it takes in its region: a header of 16 bytes, the blob, padding to a word.
    pub region_used: usize,
    /// Bytes of the region.
    pub region_bytes: u64,
    /// Start of the region.
    pub region_address: u64,
    /// CRC-32 of the blob.
    pub checksum: u32,
    /// Bytes of arena that the blob needs.
    pub arena_bytes: u64,
    /// All that is written, in the order of addresses; nothing overlaps.
    #[serde(skip)]
    pub segments: Vec<Segment>,
}

/// Plans where a firmware and a blob go. `flash` is the chip's non-volatile memory; `place` names
/// the firmware's file. The region holds what `core/docs/wire-format.md` calls memory that is placed
/// before the start: one set, with no images.
///
/// # Errors
/// [`Error::Core`] for a blob that fails its check; [`Error::Invalid`] for a firmware without a region,
/// with a region that holds code or is not aligned, a blob larger than the region, and what lies
/// outside the chip's flash.
pub fn plan(firmware: &Firmware, blob: &[u8], flash: &[Range<u64>], place: &str) -> Result<Plan> {
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
    Ok(Plan {
        firmware_bytes,
        blob_bytes: blob.len(),
        region_used,
        region_bytes: room,
        region_address: region.start,
        checksum: view.checksum(),
        arena_bytes: Network::new(&view, Reference).arena_bytes() as u64,
        segments,
    })
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

fn shown(range: &Range<u64>) -> String {
    format!("{:#x}..{:#x}", range.start, range.end)
}

/// The names nearest to one that there is not, best first.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let lower = name.to_lowercase();
    let mut scored: Vec<(f64, &str)> =
        known.map(|k| (strsim::jaro_winkler(&lower, &k.to_lowercase()), k)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored.into_iter().take(5).map(|(_, k)| k).collect()
}

#[cfg(test)]
mod tests;
