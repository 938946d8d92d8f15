//! Messages between peers.
//!
//! A message is a byte for its kind, the length of its contents as u32, and the contents. All numbers are
//! little-endian.

use crate::shard::ShardNumber;

/// Version of the messages. Peers of different versions refuse each other.
pub const VERSION: u16 = 2;
/// The first bytes of a hello.
const MAGIC: &[u8; 4] = b"SNPR";
/// Bytes of a fingerprint.
const FINGERPRINT: usize = 16;

/// Kinds of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A peer introduces itself to the first one.
    Hello = 1,
    /// The first peer accepts it.
    Welcome = 2,
    /// A step begins: its weights and its momentum.
    Begin = 3,
    /// The images and the learning rate of an update.
    Update = 4,
    /// The teacher's logits.
    Logits = 5,
    /// Sums of losses and gradients.
    Sums = 6,
    /// The training is over.
    End = 7,
    /// The sender ends with an error.
    Failed = 8,
    /// The sender is there. It may come between any two messages.
    Alive = 9,
}

/// What peers must agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The peer and the number of peers.
    pub peer: ShardNumber,
    /// Fingerprint of the configuration.
    pub configuration: String,
    /// Fingerprint of the images.
    pub data: String,
}

impl Hello {
    /// Bytes of a hello.
    pub const LENGTH: usize = 4 + 2 + 4 + 4 + 2 * FINGERPRINT;

    /// The contents of a message.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((self.peer.index as u32).to_le_bytes());
        bytes.extend((self.peer.of as u32).to_le_bytes());
        for text in [&self.configuration, &self.data] {
            let mut text = text.as_bytes().to_vec();
            text.resize(FINGERPRINT, b' ');
            bytes.extend(text);
        }
        bytes
    }

    /// Reads the contents of a message.
    ///
    /// # Errors
    /// The version of the other peer, or `None` for contents that are no hello.
    pub fn parse(bytes: &[u8]) -> std::result::Result<Self, Option<u16>> {
        let mut reader = Reader(bytes);
        if reader.take::<4>() != Some(*MAGIC) {
            return Err(None);
        }
        let version = u16::from_le_bytes(reader.take().ok_or(None)?);
        if version != VERSION {
            return Err(Some(version));
        }
        let index = reader.u32().ok_or(None)? as usize;
        let of = reader.u32().ok_or(None)? as usize;
        let mut text = || {
            let bytes: [u8; FINGERPRINT] = reader.take().ok_or(None::<u16>)?;
            Ok::<String, Option<u16>>(
                String::from_utf8_lossy(&bytes).trim_end().escape_default().to_string(),
            )
        };
        let (configuration, data) = (text()?, text()?);
        match reader.0 {
            [] => Ok(Self { peer: ShardNumber { index, of }, configuration, data }),
            _ => Err(None),
        }
    }
}

/// Reads numbers from the contents of a message.
pub struct Reader<'a>(pub &'a [u8]);

impl Reader<'_> {
    /// The next bytes.
    pub fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    /// The next u32.
    pub fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    /// The next u64.
    pub fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    /// The next `n` values.
    pub fn floats(&mut self, n: usize) -> Option<Vec<f32>> {
        let (head, rest) = self.0.split_at_checked(n.checked_mul(4)?)?;
        self.0 = rest;
        Some(head.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }

    /// Flags and the tensors that have one, of these lengths.
    pub fn tensors(&mut self, lengths: &[usize]) -> Option<Vec<Option<Vec<f32>>>> {
        let (flags, rest) = self.0.split_at_checked(lengths.len())?;
        self.0 = rest;
        let one = |(&flag, &length): (&u8, &usize)| match flag {
            0 => Some(None),
            1 => self.floats(length).map(Some),
            _ => None,
        };
        flags.iter().zip(lengths).map(one).collect()
    }
}

/// Appends values.
pub fn put_floats(bytes: &mut Vec<u8>, values: &[f32]) {
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
}

/// Appends a flag for each tensor, and the values of those that there are.
pub fn put_tensors(bytes: &mut Vec<u8>, tensors: &[Option<Vec<f32>>]) {
    bytes.extend(tensors.iter().map(|t| u8::from(t.is_some())));
    tensors.iter().flatten().for_each(|t| put_floats(bytes, t));
}
