//! Blobs: network files that devices read in place (`core/docs/blob-format.md`).
//!
//! [`BlobView`] checks a blob and gives access to it without copies. [`Sections`] and [`write()`]
//! make one; [`with_kinds`] rewrites one for other kernels, and [`upgrade`] one of version 2. [`arena_words`], [`classes`] and
//! [`kernels`] read a blob while a program is compiled.

mod check;
mod checksum;
mod kinds;
mod peek;
mod record;
#[allow(clippy::indexing_slicing, reason = "only hosts upgrade blobs")]
mod upgrade;
mod view;
#[allow(clippy::indexing_slicing, reason = "only hosts write blobs")]
mod write;

pub(crate) use checksum::checksum;
pub use kinds::with_kinds;
pub use peek::{arena_words, classes, kernels};
pub use upgrade::upgrade;
pub use view::BlobView;
pub(crate) use view::Residual;
pub use write::{Sections, encoded_len, write};

/// First bytes of a blob.
pub const MAGIC: [u8; 4] = *b"SNB\0";
/// Version of the format.
pub const VERSION: u16 = 3;
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
    /// First byte that the checksum covers.
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

#[cfg(target_endian = "big")]
compile_error!("blobs are read in place and are little-endian");

#[cfg(test)]
mod tests;
