//! The network file (`core/docs/blob-format.md`): a checked view without copies, and the writer.

mod check;
mod view;
mod write;

pub use view::BlobView;
pub use write::{Sections, write};

/// First bytes of a blob.
pub const MAGIC: [u8; 4] = *b"SNB\0";
/// Version of the format that this library reads and writes.
pub const VERSION: u16 = 1;
/// Alignment of a blob in memory and of its sections, bytes.
pub const ALIGNMENT: usize = 4;

/// Bytes of the fixed part.
const FIXED: usize = 32;
/// Offsets in the fixed part, bytes.
mod offset {
    pub const VERSION: usize = 4;
    pub const RESERVED: usize = 6;
    pub const LENGTH: usize = 8;
    pub const CHECKSUM: usize = 12;
    /// The checksum covers everything from here on.
    pub const HEADER_LENGTH: usize = 16;
    pub const LABELS_LENGTH: usize = 20;
    pub const DATA: usize = 24;
    pub const DATA_LENGTH: usize = 28;
}

fn checksum(bytes: &[u8]) -> u32 {
    const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    CRC.checksum(bytes)
}

#[cfg(target_endian = "big")]
compile_error!("blobs are read in place and are little-endian");

#[cfg(test)]
mod tests;
