//! The network file (`core/docs/blob-format.md`): a checked view without copies, and the writer.

mod check;
mod kinds;
mod record;
mod view;
mod write;

use record::{OpRecord, TensorRecord};

use crate::graph::KernelSet;

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

/// Kernels that a blob asks for, before any check; none for bytes that are no blob of this version.
pub const fn kernels(blob: &[u8]) -> KernelSet {
    let Some(fixed) = fixed(blob) else { return KernelSet::NONE };
    let (tensors, ops) = (fixed[offset::TENSORS] as usize, fixed[offset::OPS] as usize);
    let (mut set, mut op) = (KernelSet::NONE, 0);
    while op < ops {
        let at = FIXED + tensors * size_of::<TensorRecord>() + op * size_of::<OpRecord>();
        let Some((_, rest)) = blob.split_at_checked(at) else { return set };
        let Some(&[a, b, c, d, e, f, g, h]) = rest.first_chunk() else { return set };
        let words = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        set = set.union(record::kernel_of(words.0, words.1));
        op += 1;
    }
    set
}

const fn word_at(fixed: &[u8; FIXED], at: usize) -> usize {
    u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]) as usize
}

pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    CRC.checksum(bytes)
}

/// [`checksum`] of words from `start` on, with a table of 64 bytes and for constants.
pub(crate) const fn words_checksum(words: &[u32], start: usize) -> u32 {
    let (mut sum, mut at) = (u32::MAX, start);
    while at < words.len() {
        sum ^= words[at];
        let mut nibble = 0;
        while nibble < 8 {
            sum = (sum >> 4) ^ NIBBLES[(sum & 15) as usize];
            nibble += 1;
        }
        at += 1;
    }
    !sum
}

/// What four bits add to a CRC-32 (ISO-HDLC, polynomial 0xedb88320 reflected).
const NIBBLES: [u32; 16] = {
    let (mut table, mut i) = ([0; 16], 0);
    while i < 16 {
        let (mut sum, mut bit) = (i as u32, 0);
        while bit < 4 {
            sum = (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
            bit += 1;
        }
        table[i] = sum;
        i += 1;
    }
    table
};

#[cfg(target_endian = "big")]
compile_error!("blobs are read in place and are little-endian");

#[cfg(test)]
mod tests;
