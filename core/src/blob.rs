//! The network file (`core/docs/blob-format.md`): a checked view without copies, and the writer.

mod check;
mod kinds;
mod record;
mod view;
mod write;

pub use kinds::with_kinds;
pub use view::BlobView;
pub use write::{Sections, encoded_len, write};

/// First bytes of a blob.
pub const MAGIC: [u8; 4] = *b"SNB\0";
/// Version of the format that this library reads and writes.
pub const VERSION: u16 = 2;
/// Alignment of a blob in memory and of its sections, bytes.
pub const ALIGNMENT: usize = 4;

/// Bytes of the fixed part.
const FIXED: usize = 44;
/// Offsets in the fixed part, bytes.
mod offset {
    pub const VERSION: usize = 4;
    pub const RESERVED: usize = 6;
    pub const LENGTH: usize = 8;
    pub const CHECKSUM: usize = 12;
    /// The checksum covers everything from here on.
    pub const CHECKED: usize = 16;
    pub const ARENA: usize = 16;
    pub const LOGIT_SCALE: usize = 20;
    pub const DATA: usize = 24;
    pub const TABLE: usize = 28;
    pub const LABELS: usize = 32;
    pub const CLASSES: usize = 36;
    pub const SPACE: usize = 38;
    pub const CODE: usize = 40;
    pub const TENSORS: usize = 42;
    pub const OPS: usize = 43;
}

/// Words of the arena that a blob asks for, before any check: for the length of a static.
/// 0 for bytes that are no blob of this version.
///
/// ```
/// # const BLOB: &[u8] = &[0; 8];
/// static mut ARENA: [u32; supernano_core::blob::arena_words(BLOB)] = [0; _];
/// ```
pub const fn arena_words(blob: &[u8]) -> usize {
    match fixed(blob) {
        Some(fixed) => word_at(fixed, offset::ARENA) / 4,
        None => 0,
    }
}

/// Classes that a blob says it has, before any check; 0 for bytes that are no blob of this version.
pub const fn classes(blob: &[u8]) -> usize {
    match fixed(blob) {
        Some(fixed) => word_at(fixed, offset::CLASSES) & 0xffff,
        None => 0,
    }
}

/// The fixed part of a blob of this version.
const fn fixed(blob: &[u8]) -> Option<&[u8; FIXED]> {
    let (Some(fixed), [version, 0]) = (blob.first_chunk::<FIXED>(), VERSION.to_le_bytes()) else {
        return None;
    };
    if fixed[offset::VERSION] != version || fixed[offset::VERSION + 1] != 0 {
        return None;
    }
    Some(fixed)
}

const fn word_at(fixed: &[u8; FIXED], at: usize) -> usize {
    u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]) as usize
}

pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    CRC.checksum(bytes)
}

#[cfg(target_endian = "big")]
compile_error!("blobs are read in place and are little-endian");

#[cfg(test)]
mod tests;
