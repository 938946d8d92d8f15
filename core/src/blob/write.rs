//! The writer of blobs: [`Sections`] makes the data section, [`write()`] the file.

use super::record::{OpRecord, TensorRecord, op_record, tensor_record};
use super::{ALIGNMENT, BlobView, FIXED, MAGIC, VERSION, checksum, offset};
use crate::arena::ArenaPlan;
use crate::error::Error;
use crate::graph::{Header, KernelKind, padded};
use crate::kernel::pack::WeightShape;
use crate::kernel::{depthwise_words, pack_as, pack_depthwise, weight_words};
use crate::shape::Shape;

/// Builds the data section. Each method appends a section, and returns its byte offset for the
/// header.
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

    /// The data section built so far.
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

    /// Starts the section with the description of a front end
    /// ([`write_sound`](crate::frontend::write_sound)), whose length is a multiple of 4. Nothing
    /// precedes it.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`]; [`Error::SliceLength`] if something precedes it.
    pub fn front_end(&mut self, description: &[u8]) -> Result<(), Error> {
        if self.used != 0 {
            return Err(Error::SliceLength { expected: 0, found: self.used });
        }
        let (_, section) = self.reserve(description.len())?;
        section.copy_from_slice(description);
        Ok(())
    }

    /// Appends the input table, i8 `[channels][256]`.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`].
    pub fn table(&mut self, table: &[i8]) -> Result<u32, Error> {
        let (at, section) = self.reserve(table.len())?;
        section.copy_from_slice(bytemuck::cast_slice(table));
        Ok(at)
    }

    /// Appends the weights of a convolution, i8 `[output][ky][kx][input]`, in the form of a kind.
    ///
    /// # Errors
    /// [`Error::SliceLength`], [`Error::BufferTooSmall`].
    pub fn conv_weights(
        &mut self,
        kind: KernelKind,
        shape: WeightShape,
        weights: &[i8],
    ) -> Result<u32, Error> {
        let (at, section) = self.reserve(weight_words(kind, shape) * 4)?;
        pack_as(kind, shape, weights, section)?;
        Ok(at)
    }

    /// Appends the weights of a depthwise convolution, i8 `[channel][ky][kx]`.
    ///
    /// # Errors
    /// [`Error::SliceLength`], [`Error::BufferTooSmall`].
    pub fn depthwise_weights(&mut self, kernel: [u8; 2], weights: &[i8]) -> Result<u32, Error> {
        let taps = (usize::from(kernel[0]) * usize::from(kernel[1])).max(1);
        let (at, section) = self.reserve(weights.len() / taps * depthwise_words(kernel) * 4)?;
        pack_depthwise(kernel, weights, section)?;
        Ok(at)
    }

    /// Appends the weights of a dense layer, i8 `[output][y][x][c]` for an input of this shape.
    ///
    /// # Errors
    /// [`Error::SliceLength`] if the weights are not those of whole outputs,
    /// [`Error::BufferTooSmall`].
    pub fn dense_weights(
        &mut self,
        input: Shape,
        image: bool,
        weights: &[i8],
    ) -> Result<u32, Error> {
        let (length, channels) = (input.len().max(1), usize::from(input.channels).max(1));
        let outputs = weights.len() / length;
        if weights.len() != outputs * length {
            return Err(Error::SliceLength { expected: outputs * length, found: weights.len() });
        }
        let pixel = if image { channels } else { padded(input.channels) };
        let row = (input.pixels() * pixel).next_multiple_of(4).max(4);
        let (at, section) = self.reserve(outputs * row)?;
        section.fill(0);
        for (weights, section) in weights.chunks_exact(length).zip(section.chunks_exact_mut(row)) {
            for (i, &w) in weights.iter().enumerate() {
                section[i / channels * pixel + i % channels] = w as u8;
            }
        }
        Ok(at)
    }

    /// Appends weights that are packed already.
    pub(super) fn packed_weights(&mut self, words: &[u32]) -> Result<u32, Error> {
        let (at, section) = self.reserve(words.len() * 4)?;
        section.copy_from_slice(bytemuck::cast_slice(words));
        Ok(at)
    }

    /// Appends the parameters of a layer: those of the rows bias, K, J, M, N that it has, in this
    /// order, with one value per channel.
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

    /// Appends the weights of the classifier, i8 `[classes][channels]`.
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

    /// Appends the parameters of the classifier, one value per class each.
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

/// Length of the blob that [`write()`] makes of this header, of labels that take `labels` bytes
/// with a line feed after each, and of `data` bytes of data section.
pub fn encoded_len(header: &Header<'_>, labels: usize, data: usize) -> usize {
    (text_at(header) + header.space.len() + header.code.len() + labels).next_multiple_of(ALIGNMENT)
        + data.next_multiple_of(ALIGNMENT)
}

/// Offset of the text, which follows the records.
fn text_at(header: &Header<'_>) -> usize {
    FIXED
        + header.tensors.len() * size_of::<TensorRecord>()
        + header.ops.len() * size_of::<OpRecord>()
}

/// Writes a blob into `out`, and returns its length in bytes. There are no `labels` or one per
/// class; `data` is [`Sections::data`]. This plans the arena. If `out` is aligned to 4 bytes, the
/// result passes [`BlobView::new_checked`].
///
/// # Errors
/// [`Error::BufferTooSmall`], [`Error::BlobLabels`], and those of [`BlobView::new_checked`].
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
    let (space, code) = (header.space.as_bytes(), header.code.as_bytes());
    if space.len() > usize::from(u16::MAX) || code.len() > usize::from(u16::MAX) {
        return Err(Error::BlobHeader);
    }
    let label_bytes = labels.iter().map(|l| l.len() + 1).sum();
    let (length, found) = (encoded_len(header, label_bytes, data.len()), out.len());
    let out = out.get_mut(..length).ok_or(Error::BufferTooSmall { needed: length, found })?;
    out.fill(0);
    let plan = ArenaPlan::of_header(header);
    let mut writer = Writer { out, used: FIXED };
    for (i, tensor) in header.tensors.iter().enumerate() {
        writer.words(&tensor_record(tensor, plan.tensor_at(i as u8)));
    }
    for (i, op) in header.ops.iter().enumerate() {
        writer.words(&op_record(op, plan.scratch_at(i)));
    }
    writer.bytes(space);
    writer.bytes(code);
    for label in labels {
        writer.bytes(label.as_bytes());
        writer.bytes(b"\n");
    }
    let start = writer.used.next_multiple_of(ALIGNMENT);
    writer.used = start;
    writer.bytes(data);

    writer.put(0, &MAGIC);
    writer.put(offset::VERSION, &VERSION.to_le_bytes());
    let words = [
        (offset::LENGTH, length as u32),
        (offset::ARENA, plan.bytes() as u32),
        (offset::LOGIT_SCALE, header.logit_scale.to_bits()),
        (offset::DATA, start as u32),
        (offset::TABLE, header.table),
        (offset::LABELS, label_bytes as u32),
    ];
    for (at, value) in words {
        writer.put(at, &value.to_le_bytes());
    }
    writer.put(offset::CLASSES, &header.classes.to_le_bytes());
    writer.put(offset::SPACE, &(space.len() as u16).to_le_bytes());
    writer.put(offset::CODE, &(code.len() as u16).to_le_bytes());
    writer.put(offset::TENSORS, &[header.tensors.len() as u8]);
    writer.put(offset::OPS, &[header.ops.len() as u8]);
    let sum = checksum(&writer.out[offset::CHECKED..]);
    writer.put(offset::CHECKSUM, &sum.to_le_bytes());
    match BlobView::new_checked(writer.out) {
        Ok(_) | Err(Error::BlobMisaligned { .. }) => Ok(length),
        Err(error) => Err(error),
    }
}

/// A cursor in a buffer that is long enough.
struct Writer<'o> {
    out: &'o mut [u8],
    used: usize,
}

impl Writer<'_> {
    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.out[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.put(self.used, bytes);
        self.used += bytes.len();
    }

    fn words(&mut self, words: &[u32]) {
        for word in words {
            self.bytes(&word.to_le_bytes());
        }
    }
}
