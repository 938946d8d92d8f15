//! Frames: messages on a byte stream.
//!
//! A frame is `COBS(sequence number u16, postcard message, CRC-32) 0x00`, all little-endian. The
//! CRC detects damage. A zero ends a frame and occurs nowhere else.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use super::MAX_FRAME;
use crate::blob;

/// The reason why a frame was not made or not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FrameError {
    /// The message does not fit into a frame.
    TooLong,
    /// The bytes are not COBS, or too few.
    Framing,
    /// The checksum differs.
    Checksum,
    /// The bytes are not a message of this version.
    Message,
}

/// Maximum length of a frame before COBS.
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
    let sum = checksum(plain.get(..length).ok_or(FrameError::TooLong)?);
    let end = length + 4;
    plain.get_mut(length..end).ok_or(FrameError::TooLong)?.copy_from_slice(&sum.to_le_bytes());
    let plain = plain.get(..end).ok_or(FrameError::TooLong)?;
    let used = cobs::try_encode(plain, out).map_err(|_| FrameError::TooLong)?;
    *out.get_mut(used).ok_or(FrameError::TooLong)? = 0;
    Ok(used + 1)
}

/// Decodes a frame in place, without its closing zero, to sequence number and message.
///
/// # Errors
/// Those of [`unframe`] and [`message`].
pub fn decode<'a, T: Deserialize<'a>>(frame: &'a mut [u8]) -> Result<(u16, T), FrameError> {
    let (sequence, bytes) = unframe(frame)?;
    Ok((sequence, message(bytes)?))
}

/// Decodes the message of an undamaged frame.
///
/// # Errors
/// [`FrameError::Message`].
pub fn message<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, FrameError> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        _ => Err(FrameError::Message),
    }
}

/// CRC-32 (ISO-HDLC) of bytes.
pub fn checksum(bytes: &[u8]) -> u32 {
    blob::checksum(bytes)
}

/// True if `sequence` is older than `latest`, so that its request must not be carried out any more.
/// Sequence numbers wrap around: half of them are older.
pub fn stale(sequence: u16, latest: u16) -> bool {
    (1..0x8000).contains(&latest.wrapping_sub(sequence))
}

/// Decodes the COBS of a frame in place and checks the checksum. Returns sequence number and
/// message.
///
/// # Errors
/// [`FrameError::Framing`] or [`FrameError::Checksum`].
pub fn unframe(frame: &mut [u8]) -> Result<(u16, &[u8]), FrameError> {
    let used = cobs::decode_in_place(frame).map_err(|_| FrameError::Framing)?;
    let plain = frame.get(..used).ok_or(FrameError::Framing)?;
    let body_end = used.checked_sub(4).filter(|&n| n >= 2).ok_or(FrameError::Framing)?;
    let (body, sum) = plain.split_at_checked(body_end).ok_or(FrameError::Framing)?;
    let sum: [u8; 4] = sum.try_into().map_err(|_| FrameError::Framing)?;
    if checksum(body) != u32::from_le_bytes(sum) {
        return Err(FrameError::Checksum);
    }
    let (sequence, message) = body.split_at_checked(2).ok_or(FrameError::Framing)?;
    let sequence: [u8; 2] = sequence.try_into().map_err(|_| FrameError::Framing)?;
    Ok((u16::from_le_bytes(sequence), message))
}

/// Collects bytes into frames. It drops a frame that is too long as a whole.
#[derive(Debug, Default)]
pub struct Collector {
    bytes: Vec<u8, MAX_FRAME>,
    overflown: bool,
}

impl Collector {
    /// A collector without bytes.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), overflown: false }
    }

    /// Takes a byte. Returns true if [`Self::frame`] now holds a whole frame, which must be used
    /// before the next byte.
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

    /// The bytes of the frame, without its closing zero.
    pub fn frame(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Drops the bytes, to start the next frame.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }
}
