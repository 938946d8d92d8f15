//! The checked view.

use super::record::{self, OpRecord, TensorRecord};
use super::{ALIGNMENT, FIXED, MAGIC, VERSION, check, checksum, offset};
use crate::error::Error;
use crate::graph::{
    Classifier, Conv, Graph, Header, MAX_OPS, MAX_TENSORS, NO_TENSOR, Op, Tensor, padded,
};
use crate::kernel::pack::WeightShape;
use crate::kernel::weight_words;

/// A blob whose every number has been checked: nothing read through it can fail. It borrows the
/// bytes and takes some 60 bytes itself.
#[derive(Clone, Debug)]
pub struct BlobView<'a> {
    fixed: &'a [u8; FIXED],
    tensors: &'a [TensorRecord],
    ops: &'a [OpRecord],
    space: &'a str,
    code: &'a str,
    labels: &'a str,
    data: &'a [u8],
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b))
}

fn half(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u16::from_le_bytes(*b))
}

fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// The first `len` bytes, and the rest.
fn part<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], Error> {
    let (head, tail) = rest.split_at_checked(len).ok_or(Error::BlobHeader)?;
    *rest = tail;
    Ok(head)
}

fn records<const N: usize>(bytes: &[u8]) -> Result<&[[u32; N]], Error> {
    let words: &[u32] = bytemuck::try_cast_slice(bytes).map_err(|_| Error::BlobHeader)?;
    Ok(words.as_chunks().0)
}

impl<'a> BlobView<'a> {
    /// Checks a blob: alignment, magic, version, length, checksum, graph, the bounds of every
    /// section, places in the arena, and that no sum can leave 32 bits. Bytes behind the blob
    /// are ignored.
    ///
    /// # Errors
    /// The first of the `Blob..` variants of [`Error`] that applies.
    #[inline(never)]
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, Error> {
        let view = Self::new_intact(bytes)?;
        check::labels(&view)?;
        check::graph(&view)?;
        Ok(view)
    }

    /// Checks no more than that a blob is whole: alignment, magic, version, length, checksum and
    /// the bounds of its parts. It takes less code, and is enough for a blob that was checked when
    /// it was made, as all that [`write()`](super::write()) returns are: one built into a
    /// firmware. Any other blob gives any logits, but no panic.
    ///
    /// # Errors
    /// As [`Self::new_checked`].
    // Out of line: what it holds leaves the stack before the checks that follow.
    #[inline(never)]
    pub fn new_intact(bytes: &'a [u8]) -> Result<Self, Error> {
        let found = bytes.len();
        let remainder = bytes.as_ptr().addr() % ALIGNMENT;
        let Some(fixed) = bytes.first_chunk::<FIXED>() else {
            return Err(Error::BlobTruncated { needed: FIXED, found });
        };
        if !fixed.starts_with(&MAGIC) {
            return Err(Error::BlobMagic { found: word(fixed, 0) });
        }
        if remainder != 0 {
            return Err(Error::BlobMisaligned { remainder });
        }
        let version = half(fixed, offset::VERSION);
        if version != VERSION {
            return Err(Error::BlobVersion { expected: VERSION, found: version });
        }
        let length = word(fixed, offset::LENGTH) as usize;
        if half(fixed, offset::RESERVED) != 0 || length < FIXED {
            return Err(Error::BlobHeader);
        }
        let bytes = bytes.get(..length).ok_or(Error::BlobTruncated { needed: length, found })?;
        let expected = word(fixed, offset::CHECKSUM);
        let found = checksum(bytes.get(offset::CHECKED..).unwrap_or_default());
        if expected != found {
            return Err(Error::BlobChecksum { expected, found });
        }
        let mut rest = bytes.get(FIXED..).ok_or(Error::BlobHeader)?;
        let (tensors, ops) =
            (usize::from(byte(fixed, offset::TENSORS)), usize::from(byte(fixed, offset::OPS)));
        if tensors > MAX_TENSORS || ops > MAX_OPS {
            return Err(Error::BlobHeader);
        }
        let tensors = records(part(&mut rest, tensors * size_of::<TensorRecord>())?)?;
        let ops = records(part(&mut rest, ops * size_of::<OpRecord>())?)?;
        let space = part(&mut rest, usize::from(half(fixed, offset::SPACE)))?;
        let code = part(&mut rest, usize::from(half(fixed, offset::CODE)))?;
        let labels = part(&mut rest, word(fixed, offset::LABELS) as usize)?;
        let data = word(fixed, offset::DATA) as usize;
        let padding = data.checked_sub(length - rest.len()).ok_or(Error::BlobHeader)?;
        part(&mut rest, padding)?;
        if !data.is_multiple_of(ALIGNMENT) || !length.is_multiple_of(ALIGNMENT) {
            return Err(Error::BlobHeader);
        }
        let text = |bytes| core::str::from_utf8(bytes).map_err(|_| Error::BlobHeader);
        Ok(Self {
            fixed,
            tensors,
            ops,
            space: text(space)?,
            code: text(code)?,
            labels: core::str::from_utf8(labels)
                .map_err(|_| Error::BlobLabels { expected: 0, found: 0 })?,
            data: rest,
        })
    }

    /// Everything that the blob says about its network, copied: some 3 KiB, for hosts.
    pub fn header(&self) -> Header<'a> {
        Header {
            space: self.space,
            code: self.code,
            classes: self.classes() as u16,
            logit_scale: self.logit_scale(),
            table: word(self.fixed, offset::TABLE),
            tensors: self.tensors.iter().map(record::tensor).collect(),
            ops: self.ops.iter().filter_map(record::op).collect(),
        }
    }

    /// Name of the search space.
    pub fn space(&self) -> &'a str {
        self.space
    }

    /// The sub-network, as written: `16-4-..-64`.
    pub fn code(&self) -> &'a str {
        self.code
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
        word(self.fixed, offset::LENGTH) as usize
    }

    /// The blob's CRC-32, by which two ends can tell that they hold the same network.
    pub fn checksum(&self) -> u32 {
        word(self.fixed, offset::CHECKSUM)
    }

    /// Bytes of the arena that the packed kernels need, exactly.
    pub fn arena_bytes(&self) -> usize {
        word(self.fixed, offset::ARENA) as usize
    }

    /// Bytes of an image: height x width x channels.
    pub fn image_len(&self) -> usize {
        self.tensor(0).shape.len()
    }

    /// Logits: one a class.
    pub fn classes(&self) -> usize {
        usize::from(half(self.fixed, offset::CLASSES))
    }

    /// Real value of one step of a logit.
    pub fn logit_scale(&self) -> f32 {
        f32::from_bits(word(self.fixed, offset::LOGIT_SCALE))
    }

    /// The input table, i8 `[channels][256]`.
    pub fn table(&self) -> &'a [i8] {
        let channels = usize::from(self.tensor(0).shape.channels);
        let table = self.section(word(self.fixed, offset::TABLE), channels * 256);
        bytemuck::cast_slice(table.unwrap_or_default())
    }

    /// First word of a tensor in the arena.
    pub(crate) fn tensor_at(&self, id: u8) -> u32 {
        self.tensors.get(usize::from(id)).map_or(0, |record| record[0] / 4)
    }

    /// First word of the scratch of the unit that starts with an operation.
    pub(crate) fn scratch_at(&self, op: usize) -> u32 {
        self.ops.get(op).map_or(0, |record| record[4] / 4)
    }

    /// Places that are no whole words, or numbers without a meaning.
    pub(super) fn malformed(&self) -> bool {
        let tensor = |r: &TensorRecord| !r[0].is_multiple_of(4) || r[3] >> 24 != 0;
        let op = |r: &OpRecord| !r[4].is_multiple_of(4) || record::op(r).is_none();
        !self.arena_bytes().is_multiple_of(4)
            || self.tensors.iter().any(tensor)
            || self.ops.iter().any(op)
    }

    pub(crate) fn section(&self, offset: u32, len: usize) -> Option<&'a [u8]> {
        self.data.get(offset as usize..)?.get(..len)
    }

    fn words<T: bytemuck::Pod>(&self, offset: u32, len: usize) -> Option<&'a [T]> {
        bytemuck::try_cast_slice(self.section(offset, len.checked_mul(4)?)?).ok()
    }

    pub(crate) fn weight_shape(&self, conv: &Conv) -> WeightShape {
        WeightShape {
            output: self.tensor(conv.output).shape.channels,
            kernel: conv.kernel,
            input: self.tensor(conv.input).shape.channels,
        }
    }

    /// Weights of a convolution in the form of its kind; `None` only before the check.
    pub(crate) fn conv_weights(&self, conv: &Conv) -> Option<&'a [u32]> {
        self.words(conv.weights, weight_words(conv.kind, self.weight_shape(conv)))
    }

    /// Parameters of a convolution, [`Conv::param_rows`] rows of the channels rounded up to even.
    pub(crate) fn conv_params(&self, conv: &Conv) -> Option<&'a [i32]> {
        let row = self.weight_shape(conv).output_pairs() * 2;
        self.words(conv.params, conv.param_rows() * row)
    }

    fn class_words(&self, classifier: &Classifier) -> usize {
        padded(self.tensor(classifier.input).shape.channels) / 4
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

impl Graph for BlobView<'_> {
    fn tensors(&self) -> usize {
        self.tensors.len()
    }

    fn tensor(&self, id: u8) -> Tensor {
        self.tensors.get(usize::from(id)).map_or(NO_TENSOR, record::tensor)
    }

    fn ops(&self) -> usize {
        self.ops.len()
    }

    fn op(&self, index: usize) -> Option<Op> {
        self.ops.get(index).and_then(record::op)
    }
}
