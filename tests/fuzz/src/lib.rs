//! Helpers of the fuzz targets: numbers from the fuzzer's input, and damaged networks with a correct
//! checksum, which a fuzzer would hardly find by itself.

use supernano_core::wire;

const TINY: &[u8] = include_bytes!("../../golden/tiny.snb");
/// Offset of a blob's length (`core/docs/blob-format.md`).
const LENGTH: usize = 8;
/// Offset of a blob's checksum.
const CHECKSUM: usize = 12;
/// First byte that the checksum covers.
const CHECKED: usize = 16;

/// The fuzzer's input, from which numbers are read. Beyond its end all numbers are 0.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// Takes the next bytes, at most `length` of them.
    pub fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Takes the next byte.
    pub fn u8(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// Takes the next two bytes, little-endian.
    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.u8(), self.u8()])
    }

    /// Takes the next four bytes, little-endian.
    pub fn u32(&mut self) -> u32 {
        u32::from(self.u16()) | u32::from(self.u16()) << 16
    }
}

/// The golden network with some bytes changed, truncated or extended. Length and checksum are
/// corrected in half of the cases.
pub fn damaged(input: &mut Input<'_>) -> Vec<u8> {
    let mut blob = TINY.to_vec();
    let how = input.u8();
    for _ in 0..how % 8 {
        // The check reads the header, the tensors and the operations, so these change more often.
        let at = input.u16();
        let at = usize::from(if at % 4 == 0 { at / 4 } else { at / 4 % 256 }) % blob.len();
        blob[at] = input.u8();
    }
    if how & 8 != 0 {
        blob.truncate(usize::from(input.u16()) % (blob.len() + 1));
    }
    if how & 16 != 0 {
        let length = usize::from(input.u8());
        blob.extend_from_slice(input.take(length));
    }
    if how & 32 == 0 && blob.len() >= CHECKED {
        let length = blob.len() as u32;
        blob[LENGTH..LENGTH + 4].copy_from_slice(&length.to_le_bytes());
        let checksum = wire::checksum(&blob[CHECKED..]);
        blob[CHECKSUM..CHECKSUM + 4].copy_from_slice(&checksum.to_le_bytes());
    }
    blob
}

/// Bytes aligned to words.
pub struct AlignedBytes {
    words: Vec<u32>,
    length: usize,
}

impl AlignedBytes {
    /// Copies bytes.
    pub fn new(bytes: &[u8]) -> Self {
        let mut words = vec![0u32; bytes.len().div_ceil(4)];
        for (word, chunk) in words.iter_mut().zip(bytes.chunks(4)) {
            let mut four = [0; 4];
            four[..chunk.len()].copy_from_slice(chunk);
            *word = u32::from_ne_bytes(four);
        }
        Self { words, length: bytes.len() }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.length]
    }
}
