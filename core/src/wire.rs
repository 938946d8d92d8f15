//! Messages between host and device (`core/docs/wire-format.md`).
//!
//! A frame is `COBS(sequence number u16, postcard message, CRC-32) 0x00`, all little-endian.

use heapless::Vec;
use serde::{Deserialize, Serialize};

/// Version of the protocol; both sides must have the same.
pub const VERSION: u16 = 3;
/// Most bytes of a blob or an image in one message.
pub const CHUNK: usize = 1024;
/// Longest frame on the wire, its closing zero included.
pub const MAX_FRAME: usize = 2304;
/// Most classes whose logits fit into a reply.
pub const MAX_LOGITS: usize = 256;
/// Most counts of a reply: one for the image, one an operation.
pub const MAX_COUNTS: usize = crate::graph::MAX_OPS + 1;

/// What the host asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request<'a> {
    /// Who is there?
    Hello {
        /// The host's [`VERSION`].
        version: u16,
    },
    /// A part of a blob, into the device's memory.
    Blob {
        /// Where the part goes, bytes.
        offset: u32,
        /// Length of the blob, bytes.
        length: u32,
        /// At most [`CHUNK`] bytes.
        data: &'a [u8],
    },
    /// Check the blob that was sent and use it.
    Open,
    /// Check a blob that was placed in memory before the start, with images behind it, and use it.
    OpenPlaced {
        /// Which of the sets of a blob and its images, from 0.
        set: u16,
    },
    /// A part of an image, u8 height x width x channels.
    Image {
        /// Where the part goes, bytes.
        offset: u32,
        /// At most [`CHUNK`] bytes.
        data: &'a [u8],
    },
    /// Classify the image that was sent.
    Run {
        /// CRC-32 of the image ([`checksum`]): the device runs no other.
        checksum: u32,
    },
    /// Classify an image that was placed in memory before the start.
    RunPlaced {
        /// Which, from 0.
        index: u32,
    },
    /// Count one inference of the image that was sent, operation by operation, with interrupts
    /// masked.
    Measure,
    /// Digest everything that is computed for an image placed with the blob
    /// ([`exec::Digest`](crate::exec::Digest)).
    Digest {
        /// Which, from 0.
        index: u32,
    },
    /// Compare the primitives of the kernels with plain code ([`kernel::check`](crate::kernel::check)).
    SelfTest,
}

/// What a count counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Clock cycles of real hardware.
    Cycles,
    /// Retired instructions of an emulator.
    Instructions,
}

/// What the device answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "no allocator to box the logits with")]
pub enum Reply<'a> {
    /// Who is there.
    Hello {
        /// The device's [`VERSION`].
        version: u16,
        /// Chip or machine.
        chip: &'a str,
        /// Core.
        core: &'a str,
        /// Clock, Hz.
        clock_hz: u32,
        /// Unit of its counts.
        unit: Unit,
        /// Name of its kernels.
        kernels: &'a str,
        /// Longest blob that can be sent, bytes.
        blob_capacity: u32,
        /// Largest arena, bytes.
        arena_capacity: u32,
        /// Longest image that can be sent, bytes.
        image_capacity: u32,
        /// RAM that nothing uses, the stack included, bytes; 0 where the device cannot tell.
        free_ram: u32,
        /// CRC-32 of the blob in use, or of the one placed in memory; 0 where there is none.
        blob_checksum: u32,
    },
    /// Done.
    Done,
    /// A blob is in use.
    Opened {
        /// CRC-32 of the blob.
        checksum: u32,
        /// Bytes of arena that it needs.
        arena_bytes: u32,
        /// Operations.
        ops: u32,
        /// Images that were placed in memory with it.
        images: u32,
    },
    /// One logit a class.
    Logits(Vec<i32, MAX_LOGITS>),
    /// Counts of one inference.
    Counts {
        /// Of the whole, in one piece.
        total: u32,
        /// Of loading the image, then of every operation.
        parts: Vec<u32, MAX_COUNTS>,
        /// Bytes of stack that an inference took; 0 where the device cannot tell.
        stack_bytes: u32,
        /// Bytes of stack that it took to open the network; 0 where the device cannot tell.
        open_stack_bytes: u32,
    },
    /// Digest of all values.
    Digest(u32),
    /// All primitives are right, in so many cases.
    Tested(u32),
    /// It cannot.
    Refused(Refusal),
}

/// Why a device refuses, with numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Refusal {
    /// Another version of the protocol.
    Version {
        /// The device's.
        expected: u16,
        /// The host's.
        found: u16,
    },
    /// A message that this version does not have, a part longer than [`CHUNK`], or a part of a
    /// blob beyond the blob's length.
    Malformed,
    /// More bytes than the device has room for; `what` is 0 a blob, 1 an image, 2 an arena, 3
    /// classes.
    TooLarge {
        /// Which buffer.
        what: u8,
        /// Bytes (classes) asked for.
        needed: u32,
        /// Bytes (classes) there are.
        capacity: u32,
    },
    /// The blob was refused by its check.
    BadBlob,
    /// No blob is in use.
    NoBlob,
    /// No image of that number.
    NoImage {
        /// Images that there are.
        images: u32,
    },
    /// A primitive of the kernels is wrong.
    WrongKernel,
    /// The image that was sent has another length than the blob's input.
    ImageLength {
        /// Bytes that the blob reads.
        expected: u32,
        /// Bytes that were sent.
        found: u32,
    },
    /// The image that was sent is not the one that was to run: a part was lost, or an old one came
    /// late.
    ImageChecksum {
        /// The CRC-32 that the request names.
        expected: u32,
        /// That of the device's image.
        found: u32,
    },
}

/// Why a frame was not made or not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FrameError {
    /// The message does not fit.
    TooLong,
    /// No COBS, or too short.
    Framing,
    /// The checksum differs.
    Checksum,
    /// The bytes are no message of this version.
    Message,
}

const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
/// Longest frame before COBS.
const MAX_PLAIN: usize = MAX_FRAME - MAX_FRAME / 254 - 3;

/// Writes the frame of a message into `out`, closing zero included, and returns its length.
///
/// # Errors
/// [`FrameError::TooLong`].
pub fn encode<T: Serialize>(
    sequence: u16,
    message: &T,
    out: &mut [u8; MAX_FRAME],
) -> Result<usize, FrameError> {
    let mut plain = [0u8; MAX_PLAIN];
    plain[..2].copy_from_slice(&sequence.to_le_bytes());
    let body = plain.get_mut(2..MAX_PLAIN - 4).ok_or(FrameError::TooLong)?;
    let length = 2 + postcard::to_slice(message, body).map_err(|_| FrameError::TooLong)?.len();
    let sum = CRC.checksum(plain.get(..length).ok_or(FrameError::TooLong)?);
    let end = length + 4;
    plain.get_mut(length..end).ok_or(FrameError::TooLong)?.copy_from_slice(&sum.to_le_bytes());
    let plain = plain.get(..end).ok_or(FrameError::TooLong)?;
    let used = cobs::try_encode(plain, out).map_err(|_| FrameError::TooLong)?;
    *out.get_mut(used).ok_or(FrameError::TooLong)? = 0;
    Ok(used + 1)
}

/// Reads a frame without its closing zero, in place: sequence number and message.
///
/// # Errors
/// As [`unframe`] and [`message`].
pub fn decode<'a, T: Deserialize<'a>>(frame: &'a mut [u8]) -> Result<(u16, T), FrameError> {
    let (sequence, bytes) = unframe(frame)?;
    Ok((sequence, message(bytes)?))
}

/// Reads the message of an undamaged frame.
///
/// # Errors
/// [`FrameError::Message`].
pub fn message<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, FrameError> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        _ => Err(FrameError::Message),
    }
}

/// CRC-32 (ISO-HDLC) of an image.
pub fn checksum(bytes: &[u8]) -> u32 {
    CRC.checksum(bytes)
}

/// True where `sequence` is older than `latest`: its request was answered, or given up, and must
/// not be carried out any more. Numbers wrap, so half of them are older.
pub fn stale(sequence: u16, latest: u16) -> bool {
    (1..0x8000).contains(&latest.wrapping_sub(sequence))
}

/// Undoes COBS in place and checks the sum: sequence number and the message's bytes.
///
/// # Errors
/// [`FrameError::Framing`] or [`FrameError::Checksum`].
pub fn unframe(frame: &mut [u8]) -> Result<(u16, &[u8]), FrameError> {
    let used = cobs::decode_in_place(frame).map_err(|_| FrameError::Framing)?;
    let plain = frame.get(..used).ok_or(FrameError::Framing)?;
    let body_end = used.checked_sub(4).filter(|&n| n >= 2).ok_or(FrameError::Framing)?;
    let (body, sum) = plain.split_at_checked(body_end).ok_or(FrameError::Framing)?;
    let sum: [u8; 4] = sum.try_into().map_err(|_| FrameError::Framing)?;
    if CRC.checksum(body) != u32::from_le_bytes(sum) {
        return Err(FrameError::Checksum);
    }
    let (sequence, message) = body.split_at_checked(2).ok_or(FrameError::Framing)?;
    let sequence: [u8; 2] = sequence.try_into().map_err(|_| FrameError::Framing)?;
    Ok((u16::from_le_bytes(sequence), message))
}

/// Collects bytes into frames. A frame that is too long is dropped as a whole.
#[derive(Debug, Default)]
pub struct Collector {
    bytes: Vec<u8, MAX_FRAME>,
    overflown: bool,
}

impl Collector {
    /// Empty.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), overflown: false }
    }

    /// Takes a byte; true where [`Self::frame`] now holds a whole frame, to be used before the
    /// next byte.
    pub fn push(&mut self, byte: u8) -> bool {
        if byte == 0 {
            if core::mem::take(&mut self.overflown) {
                self.bytes.clear();
            }
            return !self.bytes.is_empty();
        }
        if self.bytes.push(byte).is_err() {
            self.overflown = true;
        }
        false
    }

    /// The collected bytes.
    pub fn frame(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Starts the next frame.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }
}

/// Start of what is placed in a device's memory: magic, blob length, images, then the blob and
/// the images, all aligned to 4 bytes.
pub mod placed {
    /// First word.
    pub const MAGIC: u32 = 0x314c_504e;
    /// Words before the blob: magic, blob length, images.
    pub const HEADER_WORDS: usize = 4;

    /// The parts of a set of what was placed: blob, images one behind the other, number of images.
    /// `None` where there is no such set, or not all of it. Sets follow each other, each aligned
    /// to 4 bytes.
    pub fn parts(mut memory: &[u32], set: u16) -> Option<(&[u8], &[u8], usize)> {
        for _ in 0..set {
            let (_, _, _, rest) = first(memory)?;
            memory = rest;
        }
        first(memory).map(|(blob, images, count, _)| (blob, images, count))
    }

    type First<'m> = (&'m [u8], &'m [u8], usize, &'m [u32]);

    fn first(memory: &[u32]) -> Option<First<'_>> {
        let [MAGIC, blob, images, length] = *memory.first_chunk::<HEADER_WORDS>()? else {
            return None;
        };
        let (blob_len, count) = (blob as usize, images as usize);
        let images_len = count.checked_mul(length as usize)?;
        let rest = memory.get(HEADER_WORDS..)?;
        let (blob, rest) = rest.split_at_checked(blob_len.div_ceil(4))?;
        let (images, rest) = rest.split_at_checked(images_len.div_ceil(4))?;
        let bytes = |words, len| bytemuck::cast_slice::<u32, u8>(words).get(..len);
        Some((bytes(blob, blob_len)?, bytes(images, images_len)?, count, rest))
    }
}

#[cfg(test)]
mod tests;
