//! One array in the NPY format, versions 1 to 3.

use std::io::{self, Read as _, Seek as _, SeekFrom};

use regex::Regex;
use supernano_base::error::{Error, Result};
use supernano_base::files;

use super::source::Source;

/// Bytes at the start of a file.
const MAGIC: &[u8] = b"\x93NUMPY";
/// Bytes of items that are read at a time.
const BLOCK: usize = 1 << 20;
/// The same for arrays in Fortran order, whose items are scattered.
const STRIDED: usize = 16 << 20;

/// Type of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `bool`.
    Bool,
    /// Whole numbers from 0.
    Unsigned,
    /// Whole numbers.
    Signed,
    /// Floats of 16, 32 or 64 bits.
    Float,
    /// Texts in UTF-32.
    Text,
    /// Texts in bytes.
    Bytes,
}

/// An array, whose elements are read in C order.
#[derive(Debug)]
pub struct Array {
    /// The file, for messages.
    pub place: String,
    /// Type of an element.
    pub kind: Kind,
    /// Bytes of an element.
    width: usize,
    big_endian: bool,
    /// Sizes of the axes.
    pub sizes: Vec<usize>,
    source: Source,
    /// Bytes of the header.
    header: usize,
    /// True if the first axis varies fastest in the file.
    fortran: bool,
}

impl Array {
    /// Reads the header of an array.
    ///
    /// # Errors
    /// The errors of [`Source::read`]; [`Error::Invalid`] for another format, for elements that are
    /// neither numbers nor texts and for a length that is not that of the header.
    pub fn open(source: Source) -> Result<Self> {
        let (place, length) = (source.place(), source.length()?);
        let short = || Error::invalid(&place, "length", "a whole NPY file", length);
        let (header, text) = source.read(|bytes| {
            let mut take = |n: usize| {
                let mut part = Vec::new();
                let read = bytes.take(n as u64).read_to_end(&mut part);
                read.map_err(|e| source.failed(e)).map(|_| part)
            };
            let start = take(MAGIC.len())?;
            if start != MAGIC {
                let expected = "that of an NPY file";
                return Err(Error::invalid(&place, "magic number", expected, "other bytes"));
            }
            let version = *take(2)?.first().ok_or_else(short)?;
            let (width, start) = match version {
                1 => (2, 10),
                2 | 3 => (4, 12),
                _ => return Err(Error::invalid(&place, "version", "1, 2 or 3", version)),
            };
            let mut wide = [0; 4];
            wide[..width].copy_from_slice(take(width)?.get(..width).ok_or_else(short)?);
            let length = u32::from_le_bytes(wide) as usize;
            let text = take(length)?;
            if text.len() < length {
                return Err(short());
            }
            Ok((start + length, String::from_utf8_lossy(&text).into_owned()))
        })?;
        let (kind, width, big_endian) = element(&place, &text)?;
        let fortran = field(&place, &text, r"'fortran_order'\s*:\s*(True|False)")?;
        let sizes = field(&place, &text, r"'shape'\s*:\s*\(([0-9,\s]*)\)")?;
        let sizes: Option<Vec<usize>> = sizes
            .split(',')
            .map(str::trim)
            .filter(|s| !s.is_empty())
            .map(|s| s.parse().ok())
            .collect();
        let needed = sizes
            .as_deref()
            .and_then(|sizes| sizes.iter().try_fold(width, |n, &size| n.checked_mul(size)));
        let (Some(sizes), Some(needed)) = (sizes, needed) else {
            let expected = "sizes of an array in memory";
            return Err(Error::invalid(&place, "shape", expected, text.trim()));
        };
        let found = length.saturating_sub(header as u64);
        if needed as u64 != found {
            let expected = format!("{needed} bytes for the shape {sizes:?}");
            return Err(Error::invalid(&place, "length", expected, found));
        }
        let fortran = fortran == "True" && sizes.len() > 1 && needed > 0;
        Ok(Self { place, kind, width, big_endian, sizes, source, header, fortran })
    }

    /// Number of elements of an item, a place of the first axis.
    pub fn item(&self) -> usize {
        self.sizes.iter().skip(1).product()
    }

    /// Hands the bytes of a number of whole items at a time to `each`.
    ///
    /// # Errors
    /// The errors of [`Source::read`], [`Error::Invalid`] for a damaged or cut source, and those of
    /// `each`.
    pub fn blocks(&self, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let item = self.item() * self.width;
        let items = self.sizes.first().copied().unwrap_or(1);
        if item == 0 {
            return Ok(());
        }
        let at_a_time = (BLOCK / item).clamp(1, items.max(1));
        if self.fortran {
            return self.strided(at_a_time, each);
        }
        self.source.read(|bytes| {
            let failed = |e| self.source.failed(e);
            io::copy(&mut bytes.take(self.header as u64), &mut io::sink()).map_err(failed)?;
            let mut block = vec![0; item];
            for start in (0..items).step_by(at_a_time) {
                block.resize(at_a_time.min(items - start) * item, 0);
                bytes.read_exact(&mut block).map_err(failed)?;
                each(&block)?;
            }
            // The checksum of a member is compared at its end.
            bytes.read(&mut [0]).map_err(failed)?;
            Ok(())
        })
    }

    /// As [`Array::blocks`], for an array in Fortran order: neighbours of the first axis lie together.
    fn strided(&self, at_a_time: usize, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut file = self.source.plain()?;
        let failed = |e| self.source.failed(e);
        let (items, width, places) = (self.sizes[0], self.width, self.item());
        // The step of each axis, in elements.
        let mut steps = vec![1; self.sizes.len()];
        for axis in 1..steps.len() {
            steps[axis] = steps[axis - 1] * self.sizes[axis - 1];
        }
        let at_a_time = at_a_time.max((STRIDED / (places * width)).min(items)).max(1);
        let (mut block, mut part) = (Vec::new(), Vec::new());
        for start in (0..items).step_by(at_a_time) {
            let count = at_a_time.min(items - start);
            block.resize(count * places * width, 0);
            part.resize(count * width, 0);
            for place in 0..places {
                let (mut rest, mut at) = (place, start);
                for axis in (1..steps.len()).rev() {
                    at += rest % self.sizes[axis] * steps[axis];
                    rest /= self.sizes[axis];
                }
                let at = self.header + at * width;
                file.seek(SeekFrom::Start(at as u64)).map_err(failed)?;
                file.read_exact(&mut part).map_err(failed)?;
                for (i, element) in part.chunks_exact(width).enumerate() {
                    let to = (i * places + place) * width;
                    block[to..to + width].copy_from_slice(element);
                }
            }
            each(&block)?;
        }
        Ok(())
    }

    /// True for numbers, `bool` included.
    pub fn has_numbers(&self) -> bool {
        !matches!(self.kind, Kind::Text | Kind::Bytes)
    }

    /// True for elements of type `uint8`.
    pub fn is_bytes(&self) -> bool {
        (self.kind, self.width) == (Kind::Unsigned, 1)
    }

    /// The numbers in some bytes of the array.
    pub fn numbers<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = f64> + use<'a> {
        let (width, kind, big_endian) = (self.width.clamp(1, 8), self.kind, self.big_endian);
        bytes.chunks_exact(width).map(move |chunk| {
            let mut wide = [0; 8];
            wide[..width].copy_from_slice(chunk);
            if big_endian {
                wide[..width].reverse();
            }
            let bits = u64::from_le_bytes(wide);
            let unused = 64 - 8 * width as u32;
            match (kind, width) {
                (Kind::Signed, _) => (((bits << unused) as i64) >> unused) as f64,
                (Kind::Float, 2) => half(bits as u16),
                (Kind::Float, 4) => f32::from_bits(bits as u32).into(),
                (Kind::Float, _) => f64::from_bits(bits),
                _ => bits as f64,
            }
        })
    }

    /// All bytes, for arrays of labels.
    ///
    /// # Errors
    /// As [`Array::blocks`]; [`Error::Invalid`] for more than [`files::ARCHIVE`] allows.
    fn whole(&self) -> Result<Vec<u8>> {
        let length = self.sizes.iter().fold(self.width, |n, size| n.saturating_mul(*size));
        files::ARCHIVE.check(&self.place, "size", length as u64)?;
        let mut all = Vec::new();
        self.blocks(|block| {
            all.extend_from_slice(block);
            Ok(())
        })?;
        Ok(all)
    }

    /// All numbers, for arrays of labels.
    ///
    /// # Errors
    /// As [`Array::blocks`]; [`Error::Invalid`] for more than [`files::ARCHIVE`] allows.
    pub fn values(&self) -> Result<Vec<f64>> {
        Ok(self.numbers(&self.whole()?).collect())
    }

    /// The texts of the array.
    ///
    /// # Errors
    /// As [`Array::values`].
    pub fn texts(&self) -> Result<Vec<String>> {
        let bytes = self.whole()?;
        let character = |bytes: &[u8]| {
            let mut four = [bytes[0], bytes[1], bytes[2], bytes[3]];
            if self.big_endian {
                four.reverse();
            }
            char::from_u32(u32::from_le_bytes(four)).unwrap_or(char::REPLACEMENT_CHARACTER)
        };
        let text = |chunk: &[u8]| match self.kind {
            Kind::Text => chunk.chunks_exact(4).map(character).collect(),
            _ => String::from_utf8_lossy(chunk).into_owned(),
        };
        let padded = bytes.chunks_exact(self.width.max(1)).map(text);
        Ok(padded.map(|t: String| t.trim_end_matches('\0').to_owned()).collect())
    }
}

/// The value of a float of 16 bits.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023) / 1024.0);
    sign * match exponent {
        0 => fraction * 2f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction) * 2f64.powi(exponent - 15),
    }
}

/// The text that a pattern finds in a header.
fn field(place: &str, header: &str, pattern: &str) -> Result<String> {
    let found = Regex::new(pattern)
        .ok()
        .and_then(|p| Some(p.captures(header)?.get(1)?.as_str().to_owned()));
    found.ok_or_else(|| {
        let expected = "`descr`, `fortran_order` and `shape` of one array";
        Error::invalid(place, "header", expected, header.trim().escape_debug())
    })
}

/// Type, width in bytes and order of the bytes of an element.
fn element(place: &str, header: &str) -> Result<(Kind, usize, bool)> {
    let text = field(place, header, r"'descr'\s*:\s*'([^']*)'")?;
    let mut characters = text.chars();
    let order = characters.next();
    let kind = characters.next();
    let width: Option<usize> = characters.as_str().parse().ok();
    let kind = match (kind, width) {
        (Some('b'), Some(1)) => Some((Kind::Bool, 1)),
        (Some('u'), Some(width @ (1 | 2 | 4 | 8))) => Some((Kind::Unsigned, width)),
        (Some('i'), Some(width @ (1 | 2 | 4 | 8))) => Some((Kind::Signed, width)),
        (Some('f'), Some(width @ (2 | 4 | 8))) => Some((Kind::Float, width)),
        (Some('U'), Some(width @ 1..=1024)) => Some((Kind::Text, 4 * width)),
        (Some('S'), Some(width @ 1..=4096)) => Some((Kind::Bytes, width)),
        _ => None,
    };
    match (kind, order) {
        (Some((kind, width)), Some('<' | '>' | '|' | '=')) => Ok((kind, width, order == Some('>'))),
        _ if text.contains('O') => {
            let expected =
                "numbers or texts, no Python objects: x.astype('float32'), y.astype('str')";
            Err(Error::invalid(place, "descr", expected, text))
        }
        _ => Err(Error::invalid(place, "descr", "whole numbers, floats or texts", text)),
    }
}
