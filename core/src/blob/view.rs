//! The checked view.

use super::{ALIGNMENT, FIXED, MAGIC, VERSION, check, checksum, offset};
use crate::error::Error;
use crate::graph::{Classifier, Conv, Header, Op, padded};
use crate::kernel::pack::{WeightShape, packed_len};

/// A blob whose every number has been checked: nothing read through it can fail.
#[derive(Clone, Debug)]
pub struct BlobView<'a> {
    header: Header<'a>,
    labels: &'a str,
    data: &'a [u8],
    length: usize,
    checksum: u32,
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

impl<'a> BlobView<'a> {
    /// Checks a blob: alignment, magic, version, length, checksum, header, graph, the bounds of
    /// every section, and that no sum can leave 32 bits. Bytes behind the blob are ignored.
    ///
    /// # Errors
    /// The first of the `Blob..` variants of [`Error`] that applies.
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, Error> {
        let found = bytes.len();
        let remainder = bytes.as_ptr().addr() % ALIGNMENT;
        if found < FIXED {
            return Err(Error::BlobTruncated { needed: FIXED, found });
        }
        if bytes[..4] != MAGIC {
            return Err(Error::BlobMagic { found: word(bytes, 0) });
        }
        if remainder != 0 {
            return Err(Error::BlobMisaligned { remainder });
        }
        let version = u16::from_le_bytes([bytes[offset::VERSION], bytes[offset::VERSION + 1]]);
        if version != VERSION {
            return Err(Error::BlobVersion { expected: VERSION, found: version });
        }
        if bytes[offset::RESERVED..offset::LENGTH] != [0; 2] {
            return Err(Error::BlobHeader);
        }
        let length = word(bytes, offset::LENGTH) as usize;
        if length < FIXED {
            return Err(Error::BlobHeader);
        }
        let bytes = bytes.get(..length).ok_or(Error::BlobTruncated { needed: length, found })?;
        let (expected, found) =
            (word(bytes, offset::CHECKSUM), checksum(&bytes[offset::HEADER_LENGTH..]));
        if expected != found {
            return Err(Error::BlobChecksum { expected, found });
        }
        let parts = |at| word(bytes, at) as usize;
        let header_end = FIXED.checked_add(parts(offset::HEADER_LENGTH));
        let labels_end = header_end.and_then(|h| h.checked_add(parts(offset::LABELS_LENGTH)));
        let data = parts(offset::DATA);
        let (Some(header_end), Some(labels_end)) = (header_end, labels_end) else {
            return Err(Error::BlobHeader);
        };
        if labels_end > data
            || data > length
            || length - data != parts(offset::DATA_LENGTH)
            || !data.is_multiple_of(ALIGNMENT)
            || !length.is_multiple_of(ALIGNMENT)
        {
            return Err(Error::BlobHeader);
        }
        let (header, rest) =
            postcard::take_from_bytes(&bytes[FIXED..header_end]).map_err(|_| Error::BlobHeader)?;
        if !rest.is_empty() {
            return Err(Error::BlobHeader);
        }
        let labels = core::str::from_utf8(&bytes[header_end..labels_end]);
        let view = Self {
            header,
            labels: labels.map_err(|_| Error::BlobLabels { expected: 0, found: 0 })?,
            data: &bytes[data..],
            length,
            checksum: expected,
        };
        check::labels(&view)?;
        check::graph(&view)?;
        Ok(view)
    }

    /// What the blob says about its network.
    pub fn header(&self) -> &Header<'a> {
        &self.header
    }

    /// Class labels in the order of the logits; nothing where the blob has none.
    pub fn labels(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.labels.lines()
    }

    /// The label of a class.
    pub fn label(&self, class: usize) -> Option<&'a str> {
        self.labels().nth(class)
    }

    /// Bytes of the blob: its share of the flash.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The blob's CRC-32, by which two ends can tell that they hold the same network.
    pub fn checksum(&self) -> u32 {
        self.checksum
    }

    /// Bytes of an image: height x width x channels.
    pub fn image_len(&self) -> usize {
        self.header.input().len()
    }

    /// Logits: one a class.
    pub fn classes(&self) -> usize {
        usize::from(self.header.classes)
    }

    /// The input table, i8 `[channels][256]`.
    pub fn table(&self) -> &'a [i8] {
        let channels = usize::from(self.header.input().channels);
        bytemuck::cast_slice(self.section(self.header.table, channels * 256).unwrap_or(&[]))
    }

    pub(crate) fn section(&self, offset: u32, len: usize) -> Option<&'a [u8]> {
        let start = offset as usize;
        self.data.get(start..start.checked_add(len)?)
    }

    fn words<T: bytemuck::Pod>(&self, offset: u32, len: usize) -> Option<&'a [T]> {
        bytemuck::try_cast_slice(self.section(offset, len.checked_mul(4)?)?).ok()
    }

    pub(crate) fn weight_shape(&self, conv: &Conv) -> WeightShape {
        WeightShape {
            output: self.header.tensors[usize::from(conv.output)].shape.channels,
            kernel: conv.kernel,
            input: self.header.tensors[usize::from(conv.input)].shape.channels,
        }
    }

    /// Packed weights of a convolution; `None` only before the check.
    pub(crate) fn conv_weights(&self, conv: &Conv) -> Option<&'a [u32]> {
        self.words(conv.weights, packed_len(self.weight_shape(conv)) / 4)
    }

    /// Parameters of a convolution, [`Conv::param_rows`] rows of the channels rounded up to even.
    pub(crate) fn conv_params(&self, conv: &Conv) -> Option<&'a [i32]> {
        let row = self.weight_shape(conv).output_pairs() * 2;
        self.words(conv.params, conv.param_rows() * row)
    }

    fn class_words(&self, classifier: &Classifier) -> usize {
        padded(self.header.tensors[usize::from(classifier.input)].shape.channels) / 4
    }

    /// Weights of the classifier.
    pub(crate) fn classifier_weights(&self, classifier: &Classifier) -> Option<&'a [u32]> {
        self.words(classifier.weights, self.classes() * self.class_words(classifier))
    }

    /// Parameters of the classifier: bias, then multipliers.
    pub(crate) fn classifier_params(&self, classifier: &Classifier) -> Option<&'a [i32]> {
        self.words(classifier.params, self.classes() * 2)
    }

    /// Bytes of weights and parameters of an operation.
    pub fn op_bytes(&self, op: &Op) -> usize {
        let words = match op {
            Op::Conv(c) => {
                self.conv_weights(c).map_or(0, <[u32]>::len)
                    + self.conv_params(c).map_or(0, <[i32]>::len)
            }
            Op::Classifier(c) => {
                self.classifier_weights(c).map_or(0, <[u32]>::len)
                    + self.classifier_params(c).map_or(0, <[i32]>::len)
            }
        };
        words * 4
    }
}
