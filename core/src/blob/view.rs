//! The checked view of a blob.

use super::checksum::words_checksum;
use super::record::{self, OpRecord, SCRATCH, TensorRecord};
use super::{ALIGNMENT, FIXED, MAGIC, VERSION, check, offset};
use crate::error::Error;
use crate::graph::{
    Classifier, Conv, Form, Graph, Header, KernelKind, KernelSet, MAX_OPS, MAX_TENSORS, NO_TENSOR,
    Op, Tensor, padded,
};
use crate::kernel::pack::WeightShape;
use crate::kernel::{ConvShape, depthwise_words, transformed_words, weight_words};

/// Words of the fixed part.
const WORDS: usize = FIXED / 4;

/// A blob that has passed its checks. No access through it can fail. It borrows the bytes, and
/// takes some 40 bytes itself.
#[derive(Clone, Debug)]
pub struct BlobView<'a> {
    fixed: &'a [u32; WORDS],
    tensors: &'a [TensorRecord],
    ops: &'a [OpRecord],
    /// Space, code and labels, without separators.
    text: &'a [u32],
    data: &'a [u32],
}

#[expect(clippy::indexing_slicing, reason = "every offset lies below `FIXED`")]
const fn word(fixed: &[u32; WORDS], at: usize) -> u32 {
    fixed[at / 4]
}

const fn half(fixed: &[u32; WORDS], at: usize) -> usize {
    (word(fixed, at) >> (at % 4 * 8)) as usize & 0xffff
}

const fn byte(fixed: &[u32; WORDS], at: usize) -> usize {
    (word(fixed, at) >> (at % 4 * 8)) as usize & 0xff
}

impl<'a> BlobView<'a> {
    /// Checks a blob: alignment, magic, version, length, checksum, graph, bounds of every section,
    /// places in the arena, and that no sum exceeds 32 bits. Bytes behind the blob are ignored.
    ///
    /// # Errors
    /// The first of the `Blob..` variants of [`Error`] that applies.
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::checked::<true>(bytes)
    }

    /// As [`Self::new_checked`], for a firmware with the kernels of residual networks alone
    /// ([`KernelSet::RESIDUAL`]). It takes less code, and refuses all other layers.
    ///
    /// # Errors
    /// Those of [`Self::new_checked`].
    pub fn new_residual(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::checked::<false>(bytes)
    }

    #[inline(never)]
    fn checked<const OTHER: bool>(bytes: &'a [u8]) -> Result<Self, Error> {
        let intact = Self::new_intact(bytes);
        let Ok(view) = &intact else { return intact };
        match check::text(view).and_then(|()| check::graph::<OTHER>(view)) {
            Ok(()) => intact,
            Err(error) => Err(error),
        }
    }

    /// Checks only that a blob is whole: alignment, magic, version, length, checksum and bounds of
    /// its parts. This takes less code, and suffices for a blob that was checked when it was made,
    /// as are all that [`write()`](super::write()) returns. Other blobs have unspecified logits;
    /// they cause no panic.
    ///
    /// # Errors
    /// Those of [`Self::new_checked`].
    pub fn new_intact(bytes: &'a [u8]) -> Result<Self, Error> {
        let found = bytes.len();
        let remainder = bytes.as_ptr().addr() % ALIGNMENT;
        match bytes.get(..found / 4 * 4).map(bytemuck::try_cast_slice) {
            Some(Ok(words)) => Self::whole(words, found),
            _ => Err(Error::BlobMisaligned { remainder }),
        }
    }

    /// As [`Self::new_intact`], for the words of a blob, whose first byte is the lowest. The
    /// compiler evaluates it in constants.
    ///
    /// # Errors
    /// Those of [`Self::new_checked`].
    pub const fn of_words(words: &'a [u32]) -> Result<Self, Error> {
        Self::whole(words, words.len() * 4)
    }

    /// [`Self::of_words`] for words in `found` bytes.
    // Out of line, so that its stack frame is gone before the checks that follow.
    #[inline(never)]
    const fn whole(words: &'a [u32], found: usize) -> Result<Self, Error> {
        let Some((fixed, _)) = words.split_first_chunk::<WORDS>() else {
            return Err(Error::BlobTruncated { needed: FIXED, found });
        };
        if fixed[0] != u32::from_le_bytes(MAGIC) {
            return Err(Error::BlobMagic { found: fixed[0] });
        }
        let version = half(fixed, offset::VERSION) as u16;
        if version != VERSION {
            return Err(Error::BlobVersion { expected: VERSION, found: version });
        }
        let length = word(fixed, offset::LENGTH) as usize;
        if half(fixed, offset::RESERVED) != 0 || length < FIXED || !length.is_multiple_of(ALIGNMENT)
        {
            return Err(Error::BlobHeader);
        }
        let Some((words, _)) = words.split_at_checked(length / 4) else {
            return Err(Error::BlobTruncated { needed: length, found });
        };
        let expected = word(fixed, offset::CHECKSUM);
        let found = words_checksum(words, offset::CHECKED / 4);
        if expected != found {
            return Err(Error::BlobChecksum { expected, found });
        }
        match Self::parts(fixed, words) {
            Some(view) => Ok(view),
            None => Err(Error::BlobHeader),
        }
    }

    /// Splits a blob of the right length into its parts.
    const fn parts(fixed: &'a [u32; WORDS], words: &'a [u32]) -> Option<Self> {
        let (tensors, ops) = (byte(fixed, offset::TENSORS), byte(fixed, offset::OPS));
        let data = word(fixed, offset::DATA) as usize;
        let Some((head, data)) = words.split_at_checked(data / 4) else { return None };
        let Some((_, head)) = head.split_at_checked(WORDS) else { return None };
        let Some((records, head)) = head.split_at_checked(tensors * 4) else { return None };
        let Some((steps, text)) = head.split_at_checked(ops * size_of::<OpRecord>() / 4) else {
            return None;
        };
        let (labels, short) = (word(fixed, offset::LABELS) as usize, text.len() * 4);
        let known = half(fixed, offset::SPACE) + half(fixed, offset::CODE);
        let fits = known <= short && labels <= short - known;
        if !fits
            || !(word(fixed, offset::DATA) as usize).is_multiple_of(ALIGNMENT)
            || tensors > MAX_TENSORS
            || ops > MAX_OPS
        {
            return None;
        }
        let (tensors, ops) = (records.as_chunks().0, steps.as_chunks().0);
        Some(Self { fixed, tensors, ops, text, data })
    }

    /// Copies the graph and the names: some 3 KiB, for hosts.
    pub fn header(&self) -> Header<'a> {
        Header {
            space: self.space(),
            code: self.code(),
            classes: self.classes() as u16,
            logit_scale: self.logit_scale(),
            table: word(self.fixed, offset::TABLE),
            tensors: self.tensors.iter().map(record::tensor).collect(),
            ops: self.ops.iter().filter_map(record::op).collect(),
        }
    }

    /// Bytes of space, code and labels.
    pub(super) fn texts(&self) -> [&'a [u8]; 3] {
        let bytes: &[u8] = bytemuck::cast_slice(self.text);
        let (space, code) = (half(self.fixed, offset::SPACE), half(self.fixed, offset::CODE));
        let labels = word(self.fixed, offset::LABELS) as usize;
        let part = |at: usize, len| bytes.get(at..).and_then(|b| b.get(..len)).unwrap_or_default();
        [part(0, space), part(space, code), part(space + code, labels)]
    }

    fn text(&self, index: usize) -> &'a str {
        self.texts().get(index).and_then(|b| core::str::from_utf8(b).ok()).unwrap_or_default()
    }

    /// Name of the search space.
    pub fn space(&self) -> &'a str {
        self.text(0)
    }

    /// Code of the sub-network as written: `16-4-..-64`.
    pub fn code(&self) -> &'a str {
        self.text(1)
    }

    /// Class labels in the order of the logits; empty if the blob has none.
    pub fn labels(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.text(2).lines()
    }

    /// Kernels of the network's layers.
    pub const fn kernels(&self) -> KernelSet {
        let (mut set, mut ops) = (KernelSet::NONE, self.ops);
        while let [op, rest @ ..] = ops {
            set = set.union(record::kernels_of(op));
            ops = rest;
        }
        set
    }

    /// The label of a class.
    pub fn label(&self, class: usize) -> Option<&'a str> {
        self.labels().nth(class)
    }

    /// Bytes of the blob.
    pub fn length(&self) -> usize {
        word(self.fixed, offset::LENGTH) as usize
    }

    /// CRC-32 of the blob. Equal checksums tell two ends that they hold the same network.
    pub fn checksum(&self) -> u32 {
        word(self.fixed, offset::CHECKSUM)
    }

    /// Bytes of the arena that the packed kernels need.
    pub const fn arena_bytes(&self) -> usize {
        word(self.fixed, offset::ARENA) as usize
    }

    /// Bytes of an image: height x width x channels.
    pub fn image_len(&self) -> usize {
        self.tensor(0).shape.len()
    }

    /// Number of classes, and of logits.
    pub const fn classes(&self) -> usize {
        half(self.fixed, offset::CLASSES)
    }

    /// Real value of one step of a logit.
    pub fn logit_scale(&self) -> f32 {
        f32::from_bits(word(self.fixed, offset::LOGIT_SCALE))
    }

    /// The input table, i8 `[channels][256]`.
    pub fn table(&self) -> &'a [i8] {
        let channels = usize::from(self.tensor(0).shape.channels);
        let table = self.section(word(self.fixed, offset::TABLE), channels * 64);
        bytemuck::cast_slice(table.unwrap_or_default())
    }

    /// The description of the front end that makes the images, for
    /// [`FrontEnd::new_checked`](crate::frontend::FrontEnd::new_checked), which checks it; none if
    /// images are given as they are.
    pub fn front_end(&self) -> Option<&'a [u8]> {
        let words = word(self.fixed, offset::TABLE) as usize / 4;
        let front_end = self.data.get(..words).filter(|words| !words.is_empty())?;
        Some(bytemuck::cast_slice(front_end))
    }

    /// First word of a tensor in the arena.
    pub(crate) fn tensor_at(&self, id: u8) -> u32 {
        self.tensors.get(usize::from(id)).map_or(0, |record| record[0] / 4)
    }

    /// First word of the scratch of the unit that starts with operation `op`.
    pub(crate) fn scratch_at(&self, op: usize) -> u32 {
        self.ops.get(op).map_or(0, |record| record[SCRATCH] / 4)
    }

    /// True if a place is not a whole number of words, or a number is undefined.
    pub(super) fn malformed(&self) -> bool {
        let tensor = |r: &TensorRecord| !r[0].is_multiple_of(4) || r[3] >> 24 != 0;
        let op = |r: &OpRecord| !r[SCRATCH].is_multiple_of(4) || record::op(r).is_none();
        !self.arena_bytes().is_multiple_of(4)
            || self.tensors.iter().any(tensor)
            || self.ops.iter().any(op)
    }

    /// A section of the data: `offset` in bytes, `len` in words.
    #[inline(never)]
    fn section(&self, offset: u32, len: usize) -> Option<&'a [u32]> {
        let offset = offset as usize;
        let words = self.data.get(offset / ALIGNMENT..)?.get(..len)?;
        offset.is_multiple_of(ALIGNMENT).then_some(words)
    }

    pub(crate) fn weight_shape(&self, conv: &Conv) -> WeightShape {
        WeightShape {
            output: self.tensor(conv.output).shape.channels,
            kernel: conv.geometry.kernel,
            input: self.tensor(conv.input).shape.channels,
        }
    }

    /// Weights of a layer; `None` if they exceed the data, which the check refuses.
    pub(crate) fn conv_weights(&self, conv: &Conv) -> Option<&'a [u32]> {
        self.weights_of::<true>(conv)
    }

    /// As [`Self::conv_weights`], for residual networks alone unless `OTHER`.
    pub(crate) fn weights_of<const OTHER: bool>(&self, conv: &Conv) -> Option<&'a [u32]> {
        let shape = self.weight_shape(conv);
        if !OTHER {
            // Such a network has no flat convolution.
            let words = if conv.kind.transformed() {
                transformed_words(conv.kind.rows(), shape)
            } else {
                weight_words(KernelKind::Direct, shape)
            };
            return self.section(conv.weights, words);
        }
        let words = match conv.form {
            Form::Full => weight_words(conv.kind, shape),
            Form::Depthwise => usize::from(shape.output) * depthwise_words(shape.kernel),
            Form::Dense => usize::from(shape.output) * ConvShape::of(self, conv).in_words(),
            Form::Maximum | Form::Average | Form::Add => 0,
        };
        self.section(conv.weights, words)
    }

    /// Parameters of a layer: [`Conv::param_rows`] rows of the channels rounded up to even.
    pub(crate) fn conv_params(&self, conv: &Conv) -> Option<&'a [i32]> {
        self.params_of::<true>(conv)
    }

    /// As [`Self::conv_params`], for residual networks alone unless `OTHER`.
    pub(crate) fn params_of<const OTHER: bool>(&self, conv: &Conv) -> Option<&'a [i32]> {
        let row = self.weight_shape(conv).output_pairs() * 2;
        let rows = if OTHER { conv.param_rows() } else { conv.plain_param_rows() };
        self.section(conv.params, rows * row).map(bytemuck::cast_slice)
    }

    fn class_words(&self, classifier: &Classifier) -> usize {
        padded(self.tensor(classifier.input).shape.channels) / 4
    }

    /// Weights of the classifier.
    pub(crate) fn classifier_weights(&self, classifier: &Classifier) -> Option<&'a [u32]> {
        self.section(classifier.weights, self.classes() * self.class_words(classifier))
    }

    /// Parameters of the classifier: biases, then multipliers.
    pub(crate) fn classifier_params(&self, classifier: &Classifier) -> Option<&'a [i32]> {
        self.section(classifier.params, self.classes() * 2).map(bytemuck::cast_slice)
    }
}

/// A blob of which every layer is one of a residual network.
pub(crate) struct Residual<'v, 'a>(pub(crate) &'v BlobView<'a>);

impl Graph for Residual<'_, '_> {
    const OTHER: bool = false;

    fn tensors(&self) -> usize {
        self.0.tensors()
    }

    fn tensor(&self, id: u8) -> Tensor {
        self.0.tensor(id)
    }

    fn ops(&self) -> usize {
        self.0.ops()
    }

    fn op(&self, index: usize) -> Option<Op> {
        self.0.op(index)
    }

    fn conv(&self, index: usize) -> Option<Conv> {
        self.0.conv(index)
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
