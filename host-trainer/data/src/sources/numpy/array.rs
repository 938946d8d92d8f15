//! One array in the NPY format, versions 1 to 3.

use regex::Regex;
use supernano_base::error::{Error, Result};

/// Bytes at the start of a file.
const MAGIC: &[u8] = b"\x93NUMPY";

/// Type of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unsigned,
    Signed,
    Float,
}

/// An array in C order.
#[derive(Debug)]
pub struct Array<'a> {
    kind: Kind,
    /// Bytes of an element: 1, 2, 4 or 8.
    width: usize,
    big_endian: bool,
    sizes: Vec<usize>,
    bytes: &'a [u8],
}

impl<'a> Array<'a> {
    /// Parses a file; `place` names it in errors.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another format, for Fortran order, for elements that are no numbers and
    /// for a length that is not that of the header.
    pub fn parse(place: &str, file: &'a [u8]) -> Result<Self> {
        let short = || Error::invalid(place, "length", "a whole NPY file", file.len());
        if !file.starts_with(MAGIC) {
            return Err(Error::invalid(
                place,
                "magic number",
                "that of an NPY file",
                "other bytes",
            ));
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
            _ => return Err(Error::invalid(place, "version", "1, 2 or 3", version)),
        };
        let header = file.get(start..).and_then(|rest| rest.get(..length)).ok_or_else(short)?;
        let header = String::from_utf8_lossy(header);
        let (kind, width, big_endian) = element(place, &header)?;
        let fortran = field(place, &header, r"'fortran_order'\s*:\s*(True|False)")?;
        let sizes = field(place, &header, r"'shape'\s*:\s*\(([0-9,\s]*)\)")?;
        let sizes: Option<Vec<usize>> = sizes
            .split(',')
            .map(str::trim)
            .filter(|s| !s.is_empty())
            .map(|s| s.parse().ok())
            .collect();
        let bytes = &file[start + length..];
        let needed = sizes
            .as_deref()
            .and_then(|sizes| sizes.iter().try_fold(width, |n, &size| n.checked_mul(size)));
        let (Some(sizes), Some(needed)) = (sizes, needed) else {
            return Err(Error::invalid(
                place,
                "shape",
                "sizes of an array in memory",
                header.trim(),
            ));
        };
        if needed != bytes.len() {
            let expected = format!("{needed} bytes for the shape {sizes:?}");
            return Err(Error::invalid(place, "length", expected, bytes.len()));
        }
        if fortran == "True" && sizes.len() > 1 {
            let expected = "False (numpy.ascontiguousarray before saving)";
            return Err(Error::invalid(place, "fortran_order", expected, fortran));
        }
        Ok(Self { kind, width, big_endian, sizes, bytes })
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.bytes.chunks_exact(self.width).map(|chunk| {
            let mut wide = [0; 8];
            wide[..self.width].copy_from_slice(chunk);
            if self.big_endian {
                wide[..self.width].reverse();
            }
            let bits = u64::from_le_bytes(wide);
            let unused = 64 - 8 * self.width as u32;
            match (self.kind, self.width) {
                (Kind::Unsigned, _) => bits as f64,
                (Kind::Signed, _) => (((bits << unused) as i64) >> unused) as f64,
                (Kind::Float, 4) => f32::from_bits(bits as u32).into(),
                (Kind::Float, _) => f64::from_bits(bits),
            }
        })
    }

    /// The labels of an array `[n]` or `[n, 1]` of whole numbers.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another shape and for a value that is no label.
    pub fn labels(&self, place: &str) -> Result<Vec<u16>> {
        if !matches!(self.sizes.as_slice(), [_] | [_, 1]) {
            return Err(Error::invalid(
                place,
                "shape",
                "[n], a label for each image",
                format!("{:?}", self.sizes),
            ));
        }
        self.values()
            .enumerate()
            .map(|(i, value)| {
                let label = value as u16;
                if f64::from(label) == value {
                    return Ok(label);
                }
                Err(Error::invalid(place, format!("label {i}"), "a whole number from 0", value))
            })
            .collect()
    }

    /// Sizes of an array of images: `[n, height, width]` or `[n, height, width, channels]`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another shape.
    pub fn image_sizes(&self, place: &str) -> Result<[usize; 4]> {
        let sizes = match *self.sizes.as_slice() {
            [n, height, width] => [n, height, width, 1],
            [n, height, width, channels @ (1 | 3)] => [n, height, width, channels],
            _ => [0; 4],
        };
        if sizes.contains(&0) || sizes.iter().any(|&s| s > u32::MAX as usize) {
            let expected = "[n, height, width] or [n, height, width, 1 or 3]";
            return Err(Error::invalid(place, "shape", expected, format!("{:?}", self.sizes)));
        }
        Ok(sizes)
    }

    /// The pixels of an array of images: bytes as they are, other numbers from 0 to 1 times 255.
    ///
    /// # Errors
    /// [`Error::Invalid`] for other values.
    pub fn pixels(&self, place: &str) -> Result<Vec<u8>> {
        if (self.kind, self.width) == (Kind::Unsigned, 1) {
            return Ok(self.bytes.to_vec());
        }
        let scale = if self.kind == Kind::Float { 255.0 } else { 1.0 };
        self.values()
            .enumerate()
            .map(|(i, value)| {
                let byte = (value * scale).round();
                if (0.0..=255.0).contains(&byte) {
                    return Ok(byte as u8);
                }
                let expected = if scale == 1.0 { "0 to 255" } else { "0.0 to 1.0" };
                Err(Error::invalid(place, format!("value {i}"), expected, value))
            })
            .collect()
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

/// Type, width and order of the bytes of an element.
fn element(place: &str, header: &str) -> Result<(Kind, usize, bool)> {
    let text = field(place, header, r"'descr'\s*:\s*'([^']*)'")?;
    let mut characters = text.chars();
    let order = characters.next();
    let kind = match characters.next() {
        Some('u' | 'b') => Some(Kind::Unsigned),
        Some('i') => Some(Kind::Signed),
        Some('f') => Some(Kind::Float),
        _ => None,
    };
    let width = characters.as_str().parse().ok().filter(|w| [1, 2, 4, 8].contains(w));
    match (kind, width, order) {
        (Some(kind), Some(width), Some('<' | '>' | '|' | '='))
            if kind != Kind::Float || width >= 4 =>
        {
            Ok((kind, width, order == Some('>')))
        }
        _ => Err(Error::invalid(place, "descr", "whole numbers, or floats of 32 or 64 bits", text)),
    }
}
