//! Zip archives, read strictly: every entry is there once, apart from the others, and whole.
//!
//! Entries are stored or deflated, with 32- or 64-bit sizes. The checksum of every entry is
//! compared, used or not.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::Range;

use flate2::bufread::DeflateDecoder;

use crate::cursor::Cursor;
use crate::fault::{AGAIN, Fault, Result, short};

const CRC: crc::Crc<u32, crc::Table<16>> =
    crc::Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISO_HDLC);

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR: u32 = 0x0706_4b50;
/// Bytes of the end record without its comment, and of the 64-bit locator before it.
const END_BYTES: usize = 22;
const LOCATOR_BYTES: usize = 20;

/// A 32-bit size whose value is in the extra field.
const WIDE: u64 = u32::MAX as u64;

/// Largest ratio of deflate.
const RATIO: u64 = 1032;
/// Largest deflated entry that is kept in memory, bytes.
const MOST: u64 = 1 << 30;

/// What the records are, for messages.
const WHAT: &str = "zip archive";

/// An entry whose checksum was compared.
#[derive(Clone, Debug)]
pub(crate) struct ZipEntry {
    /// Its bytes in the file.
    pub data: Range<usize>,
    /// Whether they are deflated.
    pub deflated: bool,
    /// Bytes of its contents.
    pub size: u64,
}

/// The entries of an archive by their names.
pub(crate) type Entries = BTreeMap<String, ZipEntry>;

/// True where a zip archive ends, whatever is before it.
pub(crate) fn ends(bytes: &[u8]) -> bool {
    end(bytes).is_some()
}

/// Position of the end record: its comment ends the file.
fn end(bytes: &[u8]) -> Option<usize> {
    let last = bytes.len().checked_sub(END_BYTES)?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    (first..=last).rev().find(|&at| {
        bytes[at..].starts_with(&END.to_le_bytes())
            && usize::from(u16::from_le_bytes([bytes[at + 20], bytes[at + 21]])) == last - at
    })
}

/// Where the directory is.
struct Directory {
    start: u64,
    end: u64,
    entries: u64,
}

fn directory(bytes: &[u8]) -> Result<Directory> {
    let missing = || Fault::new(WHAT, "an end record", format!("none; {AGAIN}"));
    let at = end(bytes).ok_or_else(missing)?;
    let mut record = Cursor::new(bytes, at + 4, WHAT);
    let disks = (record.u16()?, record.u16()?);
    let (here, entries) = (u64::from(record.u16()?), u64::from(record.u16()?));
    let (size, start) = (u64::from(record.u32()?), u64::from(record.u32()?));
    let mut found = (here, entries, size, start);
    let mut directory_end = at as u64;
    let locator = at.checked_sub(LOCATOR_BYTES);
    if let Some(locator) = locator.filter(|&l| bytes[l..].starts_with(&LOCATOR.to_le_bytes())) {
        let mut cursor = Cursor::new(bytes, locator + 8, WHAT);
        directory_end = cursor.u64()?;
        found = wide(bytes, directory_end, locator, found)?;
    }
    let (here, entries, size, start) = found;
    if disks != (0, 0) || here != entries {
        return Err(Fault::new(WHAT, "one file", "a part of several"));
    }
    if start.checked_add(size) != Some(directory_end) {
        let expected = format!("a directory of {size} bytes from byte {start} on");
        return Err(Fault::new(
            WHAT,
            expected,
            format!("its end at byte {directory_end}; {AGAIN}"),
        ));
    }
    Ok(Directory { start, end: directory_end, entries })
}

type Numbers = (u64, u64, u64, u64);

/// The 64-bit end record at `at`, which ends where its locator starts. Its numbers are those of the
/// 32-bit one where these fit.
fn wide(bytes: &[u8], at: u64, locator: usize, narrow: Numbers) -> Result<Numbers> {
    let broken = || Fault::new(WHAT, "a 64-bit end record", format!("another record; {AGAIN}"));
    let start = usize::try_from(at).map_err(|_| broken())?;
    let mut record = Cursor::new(bytes, start, WHAT);
    let (signature, length) = (record.u32()?, record.u64()?);
    if signature != END_64
        || at.checked_add(12).and_then(|a| a.checked_add(length)) != Some(locator as u64)
    {
        return Err(broken());
    }
    record.take(12)?;
    let found = (record.u64()?, record.u64()?, record.u64()?, record.u64()?);
    let agree = |wide: u64, narrow: u64, limit: u64| narrow == limit || narrow == wide;
    let (short, long) = (u64::from(u16::MAX), u64::from(u32::MAX));
    if agree(found.0, narrow.0, short)
        && agree(found.1, narrow.1, short)
        && agree(found.2, narrow.2, long)
        && agree(found.3, narrow.3, long)
    {
        return Ok(found);
    }
    Err(broken())
}

/// How messages name an entry.
pub(crate) fn field(name: &str) -> String {
    format!("zip entry `{}`", short(name))
}

/// Reads the directory, and compares every entry with its checksum.
pub(crate) fn read(bytes: &[u8]) -> Result<Entries> {
    let directory = directory(bytes)?;
    let start = usize::try_from(directory.start)
        .map_err(|_| Fault::new(WHAT, "a directory inside the file", directory.start))?;
    let mut cursor = Cursor::new(bytes, start, WHAT);
    let mut entries = Entries::new();
    let mut places = Vec::new();
    for _ in 0..directory.entries {
        let (name, place, entry, sum) = entry(bytes, directory.start, &mut cursor)?;
        check(bytes, &name, &entry, sum)?;
        places.push((place, entry.data.end));
        if let Some(twice) = entries.insert(name.clone(), entry) {
            let found = format!("two, one of {} bytes", twice.size);
            return Err(Fault::new(field(&name), "one entry of this name", found));
        }
    }
    if cursor.at() as u64 != directory.end {
        let expected = format!("a directory of {} entries", directory.entries);
        return Err(Fault::new(WHAT, expected, format!("more; {AGAIN}")));
    }
    places.sort_unstable();
    if places.windows(2).any(|pair| pair[0].1 > pair[1].0) {
        return Err(Fault::new(WHAT, "entries apart from each other", "entries that overlap"));
    }
    Ok(entries)
}

/// The next entry of the directory: name, place of its header, where its bytes are, checksum.
fn entry(
    bytes: &[u8],
    limit: u64,
    cursor: &mut Cursor<'_>,
) -> Result<(String, usize, ZipEntry, u32)> {
    if cursor.u32()? != CENTRAL {
        return Err(cursor.fault("an entry of the directory", format!("another record; {AGAIN}")));
    }
    cursor.take(4)?;
    let (flags, method) = (cursor.u16()?, cursor.u16()?);
    cursor.take(4)?;
    let sum = cursor.u32()?;
    let (packed, size) = (cursor.u32()?, cursor.u32()?);
    let lengths = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
    cursor.take(8)?;
    let place = cursor.u32()?;
    let name = cursor.take(lengths.0.into())?;
    let mut sizes = [size.into(), packed.into(), place.into()];
    extra(cursor.take(lengths.1.into())?, &mut sizes)?;
    cursor.take(lengths.2.into())?;
    let [size, packed, place] = sizes;
    let text = std::str::from_utf8(name)
        .map_err(|_| Fault::new(WHAT, "names of entries in UTF-8", "other bytes"))?;
    let fault = |expected: &str, found: String| Err(Fault::new(field(text), expected, found));
    // encrypted, patched, or with a hidden directory
    if flags & 0x2061 != 0 {
        return fault("plain data", format!("flags 0x{flags:04x} (encrypted)"));
    }
    if method != 0 && method != 8 {
        return fault("method 0 (stored) or 8 (deflated)", format!("method {method}"));
    }
    let start = usize::try_from(place)
        .map_err(|_| Fault::new(field(text), "a header inside the file", place))?;
    let mut header = Cursor::new(bytes, start, WHAT);
    if !local(&mut header, method, name)? {
        return fault("a header as in the directory", format!("another one; {AGAIN}"));
    }
    let left = limit.saturating_sub(header.at() as u64);
    if packed > left {
        return fault("its data before the directory", format!("{packed} bytes; {AGAIN}"));
    }
    if method == 0 && packed != size || size > packed.saturating_mul(RATIO) + RATIO {
        return fault("sizes that agree", format!("{packed} bytes for {size}; {AGAIN}"));
    }
    let data = header.at()..header.at() + packed as usize;
    Ok((text.to_owned(), start, ZipEntry { data, deflated: method == 8, size }, sum))
}

/// Reads an entry's own header, up to its data; false where it is not that of `method` and `name`.
fn local(header: &mut Cursor<'_>, method: u16, name: &[u8]) -> Result<bool> {
    if header.u32()? != LOCAL {
        return Ok(false);
    }
    header.take(4)?;
    let same = header.u16()? == method;
    header.take(16)?;
    let lengths = (header.u16()?, header.u16()?);
    if usize::from(lengths.0) != name.len() {
        return Ok(false);
    }
    let same = same && header.take(lengths.0.into())? == name;
    header.take(lengths.1.into())?;
    Ok(same)
}

/// Takes 64-bit sizes from the extra field where the 32-bit ones are not enough.
fn extra(bytes: &[u8], sizes: &mut [u64; 3]) -> Result<()> {
    if sizes.iter().all(|&size| size != WIDE) {
        return Ok(());
    }
    let mut fields = Cursor::new(bytes, 0, "zip extra field");
    while fields.left() > 0 {
        let (kind, length) = (fields.u16()?, fields.u16()?);
        let contents = fields.take(length.into())?;
        if kind == 1 {
            let mut numbers = Cursor::new(contents, 0, "zip extra field");
            for size in sizes.iter_mut().filter(|size| **size == WIDE) {
                *size = numbers.u64()?;
            }
            return Ok(());
        }
    }
    Ok(())
}

/// Compares an entry's contents with its size and checksum.
fn check(bytes: &[u8], name: &str, entry: &ZipEntry, sum: u32) -> Result<()> {
    let mut digest = CRC.digest();
    if entry.deflated {
        inflate(&bytes[entry.data.clone()], entry.size, |part| digest.update(part))
            .map_err(|found| Fault::new(field(name), format!("{} bytes", entry.size), found))?;
    } else {
        digest.update(&bytes[entry.data.clone()]);
    }
    let found = digest.finalize();
    if found == sum {
        return Ok(());
    }
    // PyTorch writes 0 where it computes no checksums
    let why = if sum == 0 {
        "the file was saved without checksums, or is damaged: save it again after \
         torch.serialization.set_crc32_options(True)"
    } else {
        AGAIN
    };
    Err(Fault::new(field(name), format!("CRC-32 {sum:08x}"), format!("{found:08x}; {why}")))
}

/// Inflates all of `packed` to exactly `size` bytes, in parts.
fn inflate(packed: &[u8], size: u64, mut sink: impl FnMut(&[u8])) -> Result<(), String> {
    let mut decoder = DeflateDecoder::new(packed);
    let mut part = vec![0; 1 << 16];
    let mut total = 0_u64;
    loop {
        match decoder.read(&mut part) {
            Ok(0) => break,
            Ok(n) => {
                total += n as u64;
                if total > size {
                    return Err(format!("more; {AGAIN}"));
                }
                sink(&part[..n]);
            }
            Err(e) => return Err(format!("{e}; {AGAIN}")),
        }
    }
    let rest = decoder.into_inner().len();
    if total == size && rest == 0 {
        return Ok(());
    }
    Err(format!("{total} bytes and {rest} unused ones; {AGAIN}"))
}

/// The contents of an entry.
pub(crate) fn contents<'a>(bytes: &'a [u8], name: &str, entry: &ZipEntry) -> Result<Cow<'a, [u8]>> {
    let packed = &bytes[entry.data.clone()];
    if !entry.deflated {
        return Ok(Cow::Borrowed(packed));
    }
    if entry.size > MOST {
        let found = format!("{} bytes; save the file again without compression", entry.size);
        return Err(Fault::new(field(name), format!("at most {MOST} bytes deflated"), found));
    }
    let mut whole = Vec::new();
    inflate(packed, entry.size, |part| whole.extend_from_slice(part))
        .map_err(|found| Fault::new(field(name), format!("{} bytes", entry.size), found))?;
    Ok(Cow::Owned(whole))
}
