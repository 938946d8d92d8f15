//! Reads the parts of a description in order.

use bytemuck::Pod;

use super::error::{Field, FrontEndError, Table};
use super::{ALIGNMENT, MAGIC, VERSION};

/// The bytes of a description that have not been read yet.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    /// Checks alignment, magic, version and length. Returns a reader of the bytes from 12 on, and
    /// the kind.
    pub fn new(bytes: &'a [u8]) -> Result<(Self, u8), FrontEndError> {
        let remainder = bytes.as_ptr().align_offset(ALIGNMENT);
        if remainder != 0 {
            return Err(FrontEndError::Misaligned { remainder: ALIGNMENT - remainder });
        }
        let mut reader = Self { rest: bytes, length: bytes.len() };
        let magic = reader.array()?;
        if magic != MAGIC {
            return Err(FrontEndError::Magic { found: u32::from_le_bytes(magic) });
        }
        let version = reader.u16()?;
        if version != VERSION {
            return Err(FrontEndError::Version { expected: VERSION, found: version });
        }
        let [kind] = reader.array()?;
        let [reserved] = reader.array()?;
        in_range(Field::Reserved, u32::from(reserved), 0, 0)?;
        let length = reader.u32()? as usize;
        let rest = length.checked_sub(bytes.len() - reader.rest.len());
        let rest = rest.and_then(|rest| reader.rest.get(..rest));
        let short = FrontEndError::Truncated { needed: length, found: bytes.len() };
        reader.rest = rest.ok_or(short)?;
        reader.length = length;
        Ok((reader, kind))
    }

    /// The next `N` bytes.
    fn array<const N: usize>(&mut self) -> Result<[u8; N], FrontEndError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or_else(|| self.short(N))?;
        self.rest = rest;
        Ok(*head)
    }

    pub fn u8(&mut self) -> Result<u8, FrontEndError> {
        self.array().map(|[byte]| byte)
    }

    pub fn u16(&mut self) -> Result<u16, FrontEndError> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, FrontEndError> {
        self.array().map(u32::from_le_bytes)
    }

    /// A field of 16 bits with its range.
    pub fn size(
        &mut self,
        field: Field,
        smallest: usize,
        largest: usize,
    ) -> Result<usize, FrontEndError> {
        let found = self.u16()?;
        in_range(field, found.into(), smallest as u32, largest as u32)?;
        Ok(usize::from(found))
    }

    /// A field of 8 bits with its range.
    pub fn byte(&mut self, field: Field, smallest: u8, largest: u8) -> Result<u8, FrontEndError> {
        let found = self.u8()?;
        in_range(field, found.into(), smallest.into(), largest.into())?;
        Ok(found)
    }

    /// A table of `count` elements and the zeros behind it.
    pub fn table<T: Pod>(&mut self, count: usize) -> Result<&'a [T], FrontEndError> {
        let bytes = count * size_of::<T>();
        let padded = bytes.next_multiple_of(ALIGNMENT);
        let (table, rest) = self.rest.split_at_checked(padded).ok_or_else(|| self.short(padded))?;
        let (table, padding) = table.split_at_checked(bytes).unwrap_or((table, &[]));
        self.rest = rest;
        if let Some((index, &found)) = padding.iter().enumerate().find(|&(_, &byte)| byte != 0) {
            let table = Table::Padding;
            let found = found.into();
            return Err(FrontEndError::Entry { table, index, smallest: 0, largest: 0, found });
        }
        // The start of every table is a multiple of 4, and no element needs more.
        bytemuck::try_cast_slice(table).map_err(|_| FrontEndError::Misaligned { remainder: 0 })
    }

    /// Checks that everything has been read.
    pub fn end(&self) -> Result<(), FrontEndError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(FrontEndError::Length { expected: self.length - left, found: self.length }),
        }
    }

    /// The error of a part of `bytes` that exceeds the description.
    fn short(&self, bytes: usize) -> FrontEndError {
        let needed = self.length - self.rest.len() + bytes;
        FrontEndError::Truncated { needed, found: self.length }
    }
}

/// Checks that a field is in its range.
pub(super) fn in_range(
    field: Field,
    found: u32,
    smallest: u32,
    largest: u32,
) -> Result<(), FrontEndError> {
    if (smallest..=largest).contains(&found) {
        Ok(())
    } else {
        Err(FrontEndError::Field { field, smallest, largest, found })
    }
}
