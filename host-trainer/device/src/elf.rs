//! The parts of a firmware's ELF file that are written to a chip.

use std::ops::Range;
use std::path::Path;

use object::Endianness;
use object::elf::{FileHeader32, PF_W, PT_LOAD};
use object::read::elf::{FileHeader as _, ProgramHeader as _, Sym as _};
use supernano_base::error::{Error, Result};
use supernano_base::files;

/// Symbols at the start and the end of the region for a blob.
const BLOB: [&str; 2] = ["__supernano_blob_start", "__supernano_blob_end"];

/// Bytes with their load address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Load address.
    pub address: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Segment {
    /// Addresses that the bytes occupy.
    pub fn range(&self) -> Range<u64> {
        self.address..self.address.saturating_add(self.bytes.len() as u64)
    }
}

/// A firmware to be written to a chip.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Firmware {
    /// Loaded segments, in the order of addresses.
    pub segments: Vec<Segment>,
    /// The region for a blob; `None` if the firmware has no symbols for it.
    pub blob: Option<Range<u64>>,
    /// Static variables in RAM, bytes.
    pub statics: u64,
}

impl Firmware {
    /// Reads a 32-bit ELF file.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::Invalid`] if the file is not a 32-bit ELF file.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&files::read(path)?, &path.display().to_string())
    }

    /// Reads the bytes of a 32-bit ELF file named `place`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the bytes are not a 32-bit ELF file, or have one of the two symbols only.
    pub fn parse(data: &[u8], place: &str) -> Result<Self> {
        let wrong = |e: object::Error| Error::invalid(place, "firmware", "a 32-bit ELF file", e);
        let header = FileHeader32::<Endianness>::parse(data).map_err(wrong)?;
        let endian = header.endian().map_err(wrong)?;
        let mut segments = Vec::new();
        let mut statics = 0;
        for part in header.program_headers(endian, data).map_err(wrong)? {
            if part.p_type(endian) == PT_LOAD && part.p_filesz(endian) > 0 {
                let bytes = part.data(endian, data).map_err(|()| {
                    let found = format!("one at {:#x} beyond it", part.p_offset(endian));
                    Error::invalid(place, "segment", "bytes of the file", found)
                })?;
                let address = part.p_paddr(endian).into();
                segments.push(Segment { address, bytes: bytes.to_vec() });
            }
            if part.p_type(endian) == PT_LOAD && part.p_flags(endian) & PF_W != 0 {
                statics += u64::from(part.p_memsz(endian));
            }
        }
        segments.sort_by_key(|s| s.address);
        let sections = header.sections(endian, data).map_err(wrong)?;
        let symbols = sections.symbols(endian, data, object::elf::SHT_SYMTAB).map_err(wrong)?;
        let find = |name: &str| {
            let named = |s: &&object::elf::Sym32<Endianness>| {
                s.name(endian, symbols.strings()).is_ok_and(|n| n == name.as_bytes())
            };
            symbols.iter().find(named).map(|s| u64::from(s.st_value(endian)))
        };
        let blob = match BLOB.map(find) {
            [Some(start), Some(end)] if start < end => Some(start..end),
            [None, None] => None,
            found => {
                let expected = format!("{} below {}", BLOB[0], BLOB[1]);
                return Err(Error::invalid(place, "symbols", expected, format!("{found:x?}")));
            }
        };
        Ok(Self { segments, blob, statics })
    }
}
