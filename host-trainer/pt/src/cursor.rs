//! Little-endian fields of a byte string, each read checked.

use crate::fault::{AGAIN, Fault, Result};

/// A position in bytes.
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// What the bytes are, for messages.
    what: &'a str,
}

impl<'a> Cursor<'a> {
    /// Starts at byte `at` of `bytes`.
    pub fn new(bytes: &'a [u8], at: usize, what: &'a str) -> Self {
        Self { bytes, at: at.min(bytes.len()), what }
    }

    /// The position.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Bytes that are left.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// How messages name a position.
    pub fn place(&self, at: usize) -> String {
        format!("{}, byte {at}", self.what)
    }

    /// A fault at the current position.
    pub fn fault(&self, expected: impl std::fmt::Display, found: impl std::fmt::Display) -> Fault {
        Fault::new(self.place(self.at), expected, found)
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: u64) -> Result<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let taken = usize::try_from(count).ok().and_then(|n| rest.get(..n)).ok_or_else(|| {
            self.fault(format!("{count} more bytes"), format!("{}; {AGAIN}", rest.len()))
        })?;
        self.at += taken.len();
        Ok(taken)
    }

    /// The next bytes, before a line feed that is skipped.
    pub fn line(&mut self) -> Result<&'a str> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&b| b == b'\n');
        let end = end.ok_or_else(|| self.fault("a line", format!("its end missing; {AGAIN}")))?;
        let text = std::str::from_utf8(&rest[..end])
            .map_err(|_| self.fault("a line of UTF-8", "other bytes"))?;
        self.at += end + 1;
        Ok(text)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64)?);
        Ok(array)
    }

    pub fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    pub fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// A big-endian double, as pickles have them.
    pub fn f64_be(&mut self) -> Result<f64> {
        Ok(f64::from_be_bytes(self.array()?))
    }
}
