//! The writer: sections first, then the file.

use super::{ALIGNMENT, BlobView, FIXED, MAGIC, VERSION, checksum, offset};
use crate::error::Error;
use crate::graph::{Header, padded};
use crate::kernel::pack::{WeightShape, pack, packed_len};

/// Collects the data section; every method returns the byte offset to put into the header.
#[derive(Debug)]
pub struct Sections<'o> {
    out: &'o mut [u8],
    used: usize,
}

impl<'o> Sections<'o> {
    /// Starts an empty data section in `out`.
    pub fn new(out: &'o mut [u8]) -> Self {
        Self { out, used: 0 }
    }

    /// The data section so far.
    pub fn data(&self) -> &[u8] {
        &self.out[..self.used]
    }

    fn reserve(&mut self, len: usize) -> Result<(u32, &mut [u8]), Error> {
        let (start, found) = (self.used, self.out.len());
        let needed = (start + len).next_multiple_of(ALIGNMENT);
        let section =
            self.out.get_mut(start..needed).ok_or(Error::BufferTooSmall { needed, found })?;
        section[len..].fill(0);
        self.used = needed;
        Ok((start as u32, &mut section[..len]))
    }

    /// The input table, i8 `[channels][256]`.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`].
    pub fn table(&mut self, table: &[i8]) -> Result<u32, Error> {
        let (at, section) = self.reserve(table.len())?;
        section.copy_from_slice(bytemuck::cast_slice(table));
        Ok(at)
    }

    /// Weights of a convolution, i8 `[output][ky][kx][input]`, in the packing of
    /// [`KernelKind::Direct`](crate::graph::KernelKind::Direct).
    ///
    /// # Errors
    /// [`Error::SliceLength`], [`Error::BufferTooSmall`].
    pub fn conv_weights(&mut self, shape: WeightShape, weights: &[i8]) -> Result<u32, Error> {
        let (at, section) = self.reserve(packed_len(shape))?;
        pack(shape, weights, section)?;
        Ok(at)
    }

    /// Parameters of a convolution: the rows that it has of bias, K, M, N, in this order, one
    /// value a channel each.
    ///
    /// # Errors
    /// [`Error::SliceLength`] for rows of different lengths, [`Error::BufferTooSmall`].
    pub fn conv_params(&mut self, rows: &[&[i32]]) -> Result<u32, Error> {
        let channels = rows.first().map_or(0, |r| r.len());
        if let Some(other) = rows.iter().find(|r| r.len() != channels) {
            return Err(Error::SliceLength { expected: channels, found: other.len() });
        }
        let row = channels.next_multiple_of(2) * 4;
        let (at, section) = self.reserve(row * rows.len())?;
        section.fill(0);
        for (values, section) in rows.iter().zip(section.chunks_exact_mut(row.max(1))) {
            for (value, bytes) in values.iter().zip(section.chunks_exact_mut(4)) {
                bytes.copy_from_slice(&value.to_le_bytes());
            }
        }
        Ok(at)
    }

    /// Weights of the classifier, i8 `[classes][channels]`.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`].
    pub fn classifier_weights(&mut self, channels: u16, weights: &[i8]) -> Result<u32, Error> {
        let (from, to) = (usize::from(channels).max(1), padded(channels).max(4));
        let (at, section) = self.reserve(weights.len() / from * to)?;
        section.fill(0);
        for (row, section) in weights.chunks_exact(from).zip(section.chunks_exact_mut(to)) {
            section[..from].copy_from_slice(bytemuck::cast_slice(row));
        }
        Ok(at)
    }

    /// Parameters of the classifier, one value a class each.
    ///
    /// # Errors
    /// [`Error::SliceLength`] for different lengths, [`Error::BufferTooSmall`].
    pub fn classifier_params(&mut self, bias: &[i32], multiplier: &[i32]) -> Result<u32, Error> {
        if bias.len() != multiplier.len() {
            return Err(Error::SliceLength { expected: bias.len(), found: multiplier.len() });
        }
        let (at, section) = self.reserve(bias.len() * 8)?;
        for (value, bytes) in bias.iter().chain(multiplier).zip(section.chunks_exact_mut(4)) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
        Ok(at)
    }
}

/// Bytes of the blob that [`write()`] makes of this header, labels of `labels` bytes in all (one
/// line feed after each counted in) and `data` bytes of data section; 0 for a header that cannot
/// be encoded, which none is.
pub fn encoded_len(header: &Header<'_>, labels: usize, data: usize) -> usize {
    let size = postcard::ser_flavors::Size::default();
    let encoded = postcard::serialize_with_flavor(header, size);
    encoded.map_or(0, |header| {
        let start = (FIXED + header + labels).next_multiple_of(ALIGNMENT);
        (start + data).next_multiple_of(ALIGNMENT)
    })
}

/// Writes a blob into `out` and returns its length in bytes. `labels` are none, or one a class;
/// `data` is [`Sections::data`]. The result has been checked as a reader would check it, as far
/// as `out` is aligned to 4 bytes.
///
/// # Errors
/// [`Error::BufferTooSmall`], [`Error::BlobLabels`], and what [`BlobView::new_checked`] returns.
pub fn write(
    header: &Header<'_>,
    labels: &[&str],
    data: &[u8],
    out: &mut [u8],
) -> Result<usize, Error> {
    let classes = usize::from(header.classes);
    let lines = |l: &&str| l.is_empty() || l.contains(['\n', '\r']);
    if labels.iter().any(lines) || !(labels.is_empty() || labels.len() == classes) {
        return Err(Error::BlobLabels { expected: classes, found: labels.len() });
    }
    let found = out.len();
    let small = |needed| Error::BufferTooSmall { needed, found };
    let body = out.get_mut(FIXED..).ok_or(small(FIXED))?;
    // Postcard does not say how much it would have needed.
    let header_length = postcard::to_slice(header, body).map_err(|_| small(found + 1))?.len();
    let mut end = FIXED + header_length;
    for label in labels {
        let needed = end + label.len() + 1;
        let line = out.get_mut(end..needed).ok_or(small(needed))?;
        line[..label.len()].copy_from_slice(label.as_bytes());
        line[label.len()] = b'\n';
        end = needed;
    }
    let start = end.next_multiple_of(ALIGNMENT);
    let length = (start + data.len()).next_multiple_of(ALIGNMENT);
    out.get_mut(end..length).ok_or(small(length))?.fill(0);
    out[start..start + data.len()].copy_from_slice(data);

    out[..4].copy_from_slice(&MAGIC);
    out[offset::VERSION..offset::RESERVED].copy_from_slice(&VERSION.to_le_bytes());
    out[offset::RESERVED..offset::LENGTH].fill(0);
    let mut put = |at: usize, value: usize| {
        out[at..at + 4].copy_from_slice(&(value as u32).to_le_bytes());
    };
    put(offset::LENGTH, length);
    put(offset::HEADER_LENGTH, header_length);
    put(offset::LABELS_LENGTH, end - FIXED - header_length);
    put(offset::DATA, start);
    put(offset::DATA_LENGTH, length - start);
    let sum = checksum(&out[offset::HEADER_LENGTH..length]);
    out[offset::CHECKSUM..offset::HEADER_LENGTH].copy_from_slice(&sum.to_le_bytes());
    match BlobView::new_checked(&out[..length]) {
        Ok(_) | Err(Error::BlobMisaligned { .. }) => Ok(length),
        Err(error) => Err(error),
    }
}
