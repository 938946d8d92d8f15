//! Networks and images that are in a device's memory before it starts.

use std::io::Write as _;

use supernano_base::error::{Error, Result};
use supernano_base::interrupt::Temporary;
use supernano_core::wire::placed;

/// Most bytes that an emulated machine can hold before its start.
pub(crate) const PLACED_CAPACITY: usize = 16 << 20;

/// A blob and images in the layout that an agent reads (`core/docs/wire-format.md`): a header of 16
/// bytes, the blob, and the images, each padded to 4 bytes.
pub(crate) fn placed_bytes(blob: &[u8], images: &[u8], image_len: usize) -> Vec<u8> {
    let count = images.len() / image_len.max(1);
    let header = [placed::MAGIC, blob.len() as u32, count as u32, image_len as u32];
    let mut bytes: Vec<u8> = header.iter().flat_map(|w| w.to_le_bytes()).collect();
    for part in [blob, images] {
        bytes.extend(part);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

/// A temporary file with such bytes. It may be removed as soon as the emulator has answered.
pub(crate) fn placed_file(bytes: &[u8]) -> Result<Temporary> {
    let file = Temporary::new()?;
    file.file().write_all(bytes).map_err(|e| Error::tool("temporary file", e))?;
    Ok(file)
}
