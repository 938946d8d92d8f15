//! What the fuzz targets share: numbers from an input, and networks with damage behind a right
//! checksum, which fuzzing would not find by itself.

use supernano_core::wire;

const TINY: &[u8] = include_bytes!("../../golden/tiny.snb");
/// Where a blob has its length and its checksum, and from where on the latter counts
/// (`core/docs/blob-format.md`).
const LENGTH: usize = 8;
const CHECKSUM: usize = 12;
const CHECKED: usize = 16;

/// An input that numbers are taken from; zeros behind its end.
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    /// The next bytes, at most so many.
    pub fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// The next byte.
    pub fn u8(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// The next two bytes, little-endian.
    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.u8(), self.u8()])
    }

    /// The next four bytes, little-endian.
    pub fn u32(&mut self) -> u32 {
        u32::from(self.u16()) | u32::from(self.u16()) << 16
    }
}

/// The golden network with some bytes changed, shorter or longer; length and checksum are right
/// again afterwards, mostly.
pub fn damaged(input: &mut Bytes<'_>) -> Vec<u8> {
    let mut blob = TINY.to_vec();
    let how = input.u8();
    for _ in 0..how % 8 {
        // The header, tensors and operations are what a check reads: they are changed more often.
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

/// Bytes that are aligned like words.
pub struct Words {
    words: Vec<u32>,
    length: usize,
}

impl Words {
    /// A copy.
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
