//! One array in the NPY format, versions 1 to 3.

use regex::Regex;
use supernano_base::error::{Error, Result};

/// Bytes at the start of a file.
const MAGIC: &[u8] = b"\x93NUMPY";

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

/// An array in C order.
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
    bytes: Vec<u8>,
}

impl Array {
    /// Parses a file; `place` names it in errors. An array in Fortran order is brought to C order.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another format, for elements that are neither numbers nor texts and for
    /// a length that is not that of the header.
    pub fn parse(place: String, mut file: Vec<u8>) -> Result<Self> {
        let short = || Error::invalid(&place, "length", "a whole NPY file", file.len());
        if !file.starts_with(MAGIC) {
            let expected = "that of an NPY file";
            return Err(Error::invalid(&place, "magic number", expected, "other bytes"));
        }
        let version = *file.get(6).ok_or_else(short)?;
        let (length, start) = match version {
            1 => {
                let length =
                    file.get(8..10).and_then(<[u8]>::first_chunk::<2>).ok_or_else(short)?;
                (usize::from(u16::from_le_bytes(*length)), 10)
            }
            2 | 3 => {
                let length =
                    file.get(8..12).and_then(<[u8]>::first_chunk::<4>).ok_or_else(short)?;
                (u32::from_le_bytes(*length) as usize, 12)
            }
            _ => return Err(Error::invalid(&place, "version", "1, 2 or 3", version)),
        };
        let header = file.get(start..).and_then(|rest| rest.get(..length)).ok_or_else(short)?;
        let header = String::from_utf8_lossy(header).into_owned();
        let (kind, width, big_endian) = element(&place, &header)?;
        let fortran = field(&place, &header, r"'fortran_order'\s*:\s*(True|False)")?;
        let sizes = field(&place, &header, r"'shape'\s*:\s*\(([0-9,\s]*)\)")?;
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
            return Err(Error::invalid(&place, "shape", expected, header.trim()));
        };
        let found = file.len() - start - length;
        if needed != found {
            let expected = format!("{needed} bytes for the shape {sizes:?}");
            return Err(Error::invalid(&place, "length", expected, found));
        }
        file.drain(..start + length);
        let bytes = match fortran == "True" && sizes.len() > 1 && !file.is_empty() {
            true => in_c_order(&file, &sizes, width),
            false => file,
        };
        Ok(Self { place, kind, width, big_endian, sizes, bytes })
    }

    /// True for numbers, `bool` included.
    pub fn has_numbers(&self) -> bool {
        !matches!(self.kind, Kind::Text | Kind::Bytes)
    }

    /// The bytes of an array of type `uint8`.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        ((self.kind, self.width) == (Kind::Unsigned, 1)).then_some(&self.bytes)
    }

    /// The numbers of the array.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.bytes.chunks_exact(self.width.max(1)).map(|chunk| {
            let mut wide = [0; 8];
            let width = self.width.min(8);
            wide[..width].copy_from_slice(&chunk[..width]);
            if self.big_endian {
                wide[..width].reverse();
            }
            let bits = u64::from_le_bytes(wide);
            let unused = 64 - 8 * width as u32;
            match (self.kind, width) {
                (Kind::Signed, _) => (((bits << unused) as i64) >> unused) as f64,
                (Kind::Float, 2) => half(bits as u16),
                (Kind::Float, 4) => f32::from_bits(bits as u32).into(),
                (Kind::Float, _) => f64::from_bits(bits),
                _ => bits as f64,
            }
        })
    }

    /// The texts of the array.
    pub fn texts(&self) -> Vec<String> {
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
        let padded = self.bytes.chunks_exact(self.width.max(1)).map(text);
        padded.map(|t: String| t.trim_end_matches('\0').to_owned()).collect()
    }
}

/// The elements of an array in Fortran order, in C order.
fn in_c_order(bytes: &[u8], sizes: &[usize], width: usize) -> Vec<u8> {
    let mut strides = Vec::with_capacity(sizes.len());
    let mut stride = width;
    for &size in sizes {
        strides.push(stride);
        stride *= size;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut place = vec![0; sizes.len()];
    let mut at = 0;
    for _ in 0..bytes.len() / width.max(1) {
        out.extend_from_slice(&bytes[at..at + width]);
        for axis in (0..sizes.len()).rev() {
            place[axis] += 1;
            at += strides[axis];
            if place[axis] < sizes[axis] {
                break;
            }
            at -= strides[axis] * sizes[axis];
            place[axis] = 0;
        }
    }
    out
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
