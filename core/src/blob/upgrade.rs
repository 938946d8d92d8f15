//! The upgrade of network files of version 2.
//!
//! Version 2 has square kernels and other records of operations; its data section is that of the
//! current version (`core/docs/blob-format.md`).

use heapless::Vec;

use super::record::{self, TensorRecord};
use super::{ALIGNMENT, FIXED, MAGIC, checksum, offset, write};
use crate::error::{Error, GraphProblem};
use crate::graph::{
    Activation, Classifier, Conv, Form, Geometry, Header, KernelKind, MAX_CLASSES, MAX_OPS,
    MAX_TENSORS, Op,
};

/// The version that is upgraded.
const OLD: u16 = 2;
/// Bytes of an operation.
const OP: usize = 20;

/// Writes a network file of version 2 as one of the current version into `out`, and returns its
/// length. The network has the same logits; its arena is planned anew.
///
/// # Errors
/// [`Error::BlobVersion`] for another version, other `Blob..` variants for a damaged file, and those
/// of [`write()`].
pub fn upgrade(bytes: &[u8], out: &mut [u8]) -> Result<usize, Error> {
    let found = bytes.len();
    let short = |needed| Error::BlobTruncated { needed, found };
    let fixed = bytes.get(..FIXED).ok_or(short(FIXED))?;
    let word = |at: usize| word_at(fixed, at);
    if word(0) != u32::from_le_bytes(MAGIC) {
        return Err(Error::BlobMagic { found: word(0) });
    }
    let version = word(offset::VERSION) as u16;
    if version != OLD {
        return Err(Error::BlobVersion { expected: OLD, found: version });
    }
    let length = word(offset::LENGTH) as usize;
    if length < FIXED || word(offset::VERSION) >> 16 != 0 {
        return Err(Error::BlobHeader);
    }
    let bytes = bytes.get(..length).ok_or(short(length))?;
    let (expected, found) = (word(offset::CHECKSUM), checksum(&bytes[offset::CHECKED..]));
    if expected != found {
        return Err(Error::BlobChecksum { expected, found });
    }
    let [tensors, ops] = [bytes[offset::TENSORS], bytes[offset::OPS]].map(usize::from);
    let start = word(offset::DATA) as usize;
    let (head, data) = bytes.split_at_checked(start).ok_or(Error::BlobHeader)?;
    let mut rest = head.get(FIXED..).ok_or(Error::BlobHeader)?;
    let records = split(&mut rest, tensors * size_of::<TensorRecord>())?;
    let steps = split(&mut rest, ops * OP)?;
    let classes = word(offset::CLASSES) as u16;
    let space = text(&mut rest, (word(offset::CLASSES) >> 16) as usize)?;
    let code = text(&mut rest, word(offset::CODE) as u16 as usize)?;
    let labels = text(&mut rest, word(offset::LABELS) as usize)?;
    if tensors > MAX_TENSORS || ops > MAX_OPS || !start.is_multiple_of(ALIGNMENT) {
        return Err(Error::BlobHeader);
    }
    let tensor = |r: &[u8]| record::tensor(&core::array::from_fn(|i| word_at(r, 4 * i)));
    let mut header = Header {
        space,
        code,
        classes,
        logit_scale: f32::from_bits(word(offset::LOGIT_SCALE)),
        table: word(offset::TABLE),
        tensors: records.chunks_exact(size_of::<TensorRecord>()).map(tensor).collect(),
        ops: Vec::new(),
    };
    for (i, step) in steps.chunks_exact(OP).enumerate() {
        let problem = GraphProblem::Kind;
        header.ops.extend([op(step).ok_or(Error::BlobOp { op: i, problem })?]);
    }
    let lines: Vec<&str, { MAX_CLASSES as usize }> =
        labels.lines().take(usize::from(MAX_CLASSES)).collect();
    write(&header, &lines, data, out)
}

/// The little-endian word at a byte; the bytes contain it.
fn word_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Splits the first bytes off.
fn split<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Error> {
    let (head, tail) = rest.split_at_checked(length).ok_or(Error::BlobHeader)?;
    *rest = tail;
    Ok(head)
}

fn text<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a str, Error> {
    core::str::from_utf8(split(rest, length)?).map_err(|_| Error::BlobHeader)
}

/// Decodes an operation of version 2; `None` if one of its numbers is undefined.
fn op(record: &[u8]) -> Option<Op> {
    let &[variant, input, output, residual, kernel, stride, kind, activation, ..] = record else {
        return None;
    };
    let (weights, params) = (word_at(record, 8), word_at(record, 12));
    if variant == 1 {
        return Some(Op::Classifier(Classifier { input, weights, params }));
    }
    let kind = match kind {
        0 => KernelKind::Direct,
        1 => KernelKind::Winograd,
        2 => KernelKind::WinogradOnline,
        _ => return None,
    };
    let activation = match activation {
        0 => Activation::None,
        1 => Activation::Relu,
        2 => Activation::Prelu,
        _ => return None,
    };
    let known = variant == 0 && matches!(kernel, 1 | 3 | 5 | 7) && matches!(stride, 1 | 2);
    known.then_some(Op::Conv(Conv {
        input,
        output,
        residual: (residual != u8::MAX).then_some(residual),
        form: Form::Full,
        geometry: Geometry::same(kernel, stride),
        kind,
        activation,
        rolls: false,
        weights,
        params,
    }))
}
