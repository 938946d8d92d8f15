//! Sizes in the headers of Ogg Vorbis, which are checked before a decoder reserves memory for them.

use std::collections::HashMap;

/// Most values of the vectors of all codebooks of a stream. Encoders write about 100,000.
const MOST_VALUES: u64 = 1 << 24;

/// Checks the headers of every stream of a file.
///
/// # Errors
/// The first problem.
pub(super) fn check(bytes: &[u8]) -> Result<(), &'static str> {
    let mut pending: HashMap<[u8; 4], Vec<u8>> = HashMap::new();
    let mut rest = bytes;
    while let Some(page) = next_page(&mut rest) {
        let packet = pending.entry(page.serial).or_default();
        if !page.continues {
            packet.clear();
        }
        let mut body = page.body;
        for &size in page.sizes {
            let (part, others) = body.split_at(usize::from(size).min(body.len()));
            packet.extend_from_slice(part);
            body = others;
            // A segment of 255 bytes goes on.
            if size < 255 {
                match packet.split_first_chunk() {
                    Some((b"\x03vorbis", comments)) => check_comments(comments)?,
                    Some((b"\x05vorbis", setup)) => check_codebooks(&mut Bits::new(setup))?,
                    _ => {}
                }
                packet.clear();
            }
        }
    }
    Ok(())
}

/// A page of Ogg.
struct Page<'a> {
    serial: [u8; 4],
    /// True if the first segment belongs to the packet of the page before.
    continues: bool,
    sizes: &'a [u8],
    body: &'a [u8],
}

/// The next page, from the next place with the mark of a page.
fn next_page<'a>(rest: &mut &'a [u8]) -> Option<Page<'a>> {
    let at = rest.windows(4).position(|mark| mark == b"OggS")?;
    let (header, after) = rest.get(at..)?.split_first_chunk::<27>()?;
    let (sizes, after) = after.split_at_checked(usize::from(header[26]))?;
    let length: usize = sizes.iter().map(|&size| usize::from(size)).sum();
    let (body, after) = after.split_at(length.min(after.len()));
    *rest = after;
    let serial = [header[14], header[15], header[16], header[17]];
    Some(Page { serial, continues: header[5] & 1 != 0, sizes, body })
}

/// Takes a length and that many bytes.
fn text<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], &'static str> {
    let short = "a comment beyond the end of its packet";
    let (length, after) = rest.split_first_chunk().ok_or(short)?;
    let length = u32::from_le_bytes(*length) as usize;
    let (text, after) = after.split_at_checked(length).ok_or(short)?;
    *rest = after;
    Ok(text)
}

fn check_comments(mut rest: &[u8]) -> Result<(), &'static str> {
    text(&mut rest)?;
    let (count, after) = rest.split_first_chunk().ok_or("comments without their number")?;
    rest = after;
    let count = u32::from_le_bytes(*count);
    // Each has a length of four bytes.
    if count as usize > rest.len() / 4 {
        return Err("more comments than their packet holds");
    }
    (0..count).try_for_each(|_| text(&mut rest).map(|_| ()))
}

/// Bits of a packet, the lowest of a byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Reads a number of at most 32 bits.
    fn read(&mut self, bits: u32) -> Result<u32, &'static str> {
        let mut value = 0;
        for place in 0..bits {
            let byte =
                self.bytes.get(self.at / 8).ok_or("a codebook beyond the end of its packet")?;
            value |= u32::from(byte >> (self.at % 8) & 1) << place;
            self.at += 1;
        }
        Ok(value)
    }

    /// Skips values of some bits each.
    fn skip(&mut self, count: u64, bits: u32) -> Result<(), &'static str> {
        let left = (8 * self.bytes.len()).saturating_sub(self.at) as u64;
        let needed = count.saturating_mul(bits.into());
        if needed > left {
            return Err("a codebook beyond the end of its packet");
        }
        self.at += needed as usize;
        Ok(())
    }
}

/// Reads the codebooks of a setup header (Vorbis I, section 3.2.1).
fn check_codebooks(bits: &mut Bits<'_>) -> Result<(), &'static str> {
    let mut values = 0;
    for _ in 0..=bits.read(8)? {
        if bits.read(24)? != 0x56_4342 {
            return Err("a codebook without its mark");
        }
        let (dimensions, entries) = (bits.read(16)?, bits.read(24)?);
        values += u64::from(dimensions) * u64::from(entries);
        if values > MOST_VALUES {
            return Err("codebooks that are too large");
        }
        check_lengths(bits, entries)?;
        let count = match bits.read(4)? {
            0 => continue,
            1 => root(entries, dimensions),
            2 => u64::from(entries) * u64::from(dimensions),
            _ => return Err("a codebook of another kind"),
        };
        bits.skip(2, 32)?;
        let size = bits.read(4)? + 1;
        bits.skip(1, 1)?;
        bits.skip(count, size)?;
    }
    Ok(())
}

/// Reads the lengths of a codebook's words.
fn check_lengths(bits: &mut Bits<'_>, entries: u32) -> Result<(), &'static str> {
    if bits.read(1)? == 0 {
        let sparse = bits.read(1)? == 1;
        for _ in 0..entries {
            if !sparse || bits.read(1)? == 1 {
                bits.skip(1, 5)?;
            }
        }
        return Ok(());
    }
    bits.skip(1, 5)?;
    let mut left = entries;
    while left > 0 {
        let number = bits.read(u32::BITS - left.leading_zeros())?;
        left = left.checked_sub(number).ok_or("more words than a codebook has")?;
    }
    Ok(())
}

/// The largest number whose power is at most `entries`.
fn root(entries: u32, dimensions: u32) -> u64 {
    let fits = |r: u64| {
        let mut power = 1u64;
        (0..dimensions).all(|_| {
            power = power.saturating_mul(r);
            power <= u64::from(entries)
        })
    };
    match dimensions {
        _ if entries == 0 => return 0,
        0 | 1 => return entries.into(),
        _ => {}
    }
    // At most 4,096 steps, because entries have 24 bits.
    let mut found = 1;
    while found < u64::from(entries) && fits(found + 1) {
        found += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TONE: &[u8] = include_bytes!("../../../../../../tests/readers/corpus/tone.ogg");

    #[test]
    fn sizes_beyond_a_packet_are_refused() {
        check(TONE).unwrap();
        let place = |mark: &[u8]| TONE.windows(7).position(|w| w == mark).unwrap() + 7;
        let comments = place(b"\x03vorbis");
        for at in [comments, comments + 4 + usize::from(TONE[comments])] {
            let mut changed = TONE.to_vec();
            changed[at + 3] = 0x7f;
            assert!(check(&changed).unwrap_err().contains("comment"));
        }
        // The first codebook follows the number of codebooks and its mark.
        let dimensions = place(b"\x05vorbis") + 4;
        let mut changed = TONE.to_vec();
        changed[dimensions..dimensions + 5].fill(0xff);
        assert_eq!(check(&changed), Err("codebooks that are too large"));
    }

    #[test]
    fn the_root_is_the_largest_that_fits() {
        assert_eq!(root(6561, 8), 3);
        assert_eq!([root(6560, 8), root(5, 1), root(0, 3), root(1 << 23, 23)], [2, 5, 0, 2]);
    }
}
