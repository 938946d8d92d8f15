//! Fields of a blob before any check, for constants.
//!
//! These functions size a static and choose a set of kernels while a program is compiled. They do
//! not check the blob; [`BlobView`](super::BlobView) does.

use super::record::{self, OpRecord, TensorRecord};
use super::{FIXED, VERSION, offset};
use crate::graph::KernelSet;

/// 32-bit words of the blob's arena, before any check; 0 if the bytes are not a blob of this
/// version.
///
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

/// Number of classes, before any check; 0 if the bytes are not a blob of this version.
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

/// Kernels of the blob's layers, before any check; none if the bytes are not a blob of this
/// version.
pub const fn kernels(blob: &[u8]) -> KernelSet {
    let Some(fixed) = fixed(blob) else { return KernelSet::NONE };
    let (tensors, ops) = (fixed[offset::TENSORS] as usize, fixed[offset::OPS] as usize);
    let (mut set, mut op) = (KernelSet::NONE, 0);
    while op < ops {
        let at = FIXED + tensors * size_of::<TensorRecord>() + op * size_of::<OpRecord>();
        let Some((_, rest)) = blob.split_at_checked(at) else { return set };
        let Some(bytes) = rest.first_chunk::<{ size_of::<OpRecord>() }>() else { return set };
        let record = words(bytes);
        set = set.union(record::kernels_of(&record));
        op += 1;
    }
    set
}

/// The words of an operation's record.
#[expect(clippy::indexing_slicing, reason = "a chunk for each word")]
const fn words(bytes: &[u8; size_of::<OpRecord>()]) -> OpRecord {
    let (mut record, mut i) = ([0; size_of::<OpRecord>() / 4], 0);
    while i < record.len() {
        record[i] = u32::from_le_bytes(bytes.as_chunks::<4>().0[i]);
        i += 1;
    }
    record
}

#[expect(clippy::indexing_slicing, reason = "every offset lies below `FIXED`")]
const fn word_at(fixed: &[u8; FIXED], at: usize) -> usize {
    u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]) as usize
}
