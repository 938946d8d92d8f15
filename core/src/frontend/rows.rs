//! The last rows of a stream, in a ring.

use super::error::{FrontEndError, Memory};

/// A ring of rows of bytes.
#[derive(Debug)]
pub(super) struct Rows<'m> {
    bytes: &'m mut [u8],
    row: usize,
    /// Start of the row that is written next, bytes.
    next: usize,
    /// Bytes that have been written, at most all.
    filled: usize,
}

impl<'m> Rows<'m> {
    /// An empty ring of `count` rows of `row` bytes.
    pub fn new(memory: &'m mut [u8], count: usize, row: usize) -> Result<Self, FrontEndError> {
        let (needed, found) = (count * row, memory.len());
        let bytes = memory.get_mut(..needed);
        let bytes = bytes.ok_or(FrontEndError::TooSmall { memory: Memory::Rows, needed, found })?;
        Ok(Self { bytes, row, next: 0, filled: 0 })
    }

    /// Writes the next row, over the oldest one if all exist.
    pub fn push(&mut self, write: impl FnOnce(&mut [u8])) {
        let end = self.next + self.row;
        if let Some(row) = self.bytes.get_mut(self.next..end) {
            write(row);
        }
        self.next = if end >= self.bytes.len() { 0 } else { end };
        self.filled = (self.filled + self.row).min(self.bytes.len());
    }

    /// True if every row has been written.
    pub fn full(&self) -> bool {
        self.filled == self.bytes.len()
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        (self.next, self.filled) = (0, 0);
    }

    /// Copies the rows to the start of `out`, the oldest one first.
    pub fn copy(&self, out: &mut [u8]) -> Result<(), FrontEndError> {
        let (needed, found) = (self.bytes.len(), out.len());
        if !self.full() {
            let row = self.row.max(1);
            return Err(FrontEndError::NotReady { needed: needed / row, found: self.filled / row });
        }
        let too_small = FrontEndError::TooSmall { memory: Memory::Output, needed, found };
        let out = out.get_mut(..needed).ok_or(too_small)?;
        let (young, old) = self.bytes.split_at_checked(self.next).unwrap_or((&[], self.bytes));
        for (to, from) in out.iter_mut().zip(old.iter().chain(young)) {
            *to = *from;
        }
        Ok(())
    }
}
