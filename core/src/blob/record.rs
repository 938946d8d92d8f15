//! The records of tensors and operations, which are read in place as words.

use crate::graph::{Activation, Classifier, Conv, KernelKind, KernelSet, Op, Tensor};
use crate::space::Shape;

/// A tensor: place, scale, height and width, channels and zero point.
pub(super) type TensorRecord = [u32; 4];
/// An operation: two words of bytes, offsets of weights and parameters, place of the scratch.
pub(super) type OpRecord = [u32; 5];

/// The number that stands for no residual.
const NONE: u8 = 0xff;

pub(super) fn tensor_record(tensor: &Tensor, at: u32) -> TensorRecord {
    let Shape { height, width, channels } = tensor.shape;
    [
        at * 4,
        tensor.scale.to_bits(),
        u32::from(height) | (u32::from(width) << 16),
        u32::from(channels) | (u32::from(tensor.zero as u8) << 16),
    ]
}

pub(super) fn tensor(record: &TensorRecord) -> Tensor {
    let [_, scale, sides, rest] = *record;
    let shape = Shape { height: sides as u16, width: (sides >> 16) as u16, channels: rest as u16 };
    Tensor { shape, zero: (rest >> 16) as i8, scale: f32::from_bits(scale) }
}

pub(super) fn op_record(op: &Op, scratch: u32) -> OpRecord {
    match op {
        Op::Conv(c) => {
            let residual = c.residual.unwrap_or(NONE);
            let kind = match c.kind {
                KernelKind::Direct => 0,
                KernelKind::Winograd => 1,
                KernelKind::WinogradOnline => 2,
            };
            let activation = match c.activation {
                Activation::None => 0,
                Activation::Relu => 1,
                Activation::Prelu => 2,
            };
            [
                u32::from_le_bytes([0, c.input, c.output, residual]),
                u32::from_le_bytes([c.kernel, c.stride, kind, activation]),
                c.weights,
                c.params,
                scratch * 4,
            ]
        }
        Op::Classifier(c) => {
            [u32::from_le_bytes([1, c.input, NONE, NONE]), 0, c.weights, c.params, scratch * 4]
        }
    }
}

/// The kind of a number; `None` if the number is undefined.
#[inline(always)]
const fn kind_of(number: u8) -> Option<KernelKind> {
    match number {
        0 => Some(KernelKind::Direct),
        1 => Some(KernelKind::Winograd),
        2 => Some(KernelKind::WinogradOnline),
        _ => None,
    }
}

/// The kernel of an operation, from the first two words of its record; none for a classifier and
/// for undefined numbers.
pub(super) const fn kernel_of(what: u32, how: u32) -> KernelSet {
    let ([variant, ..], [kernel, stride, kind, _]) = (what.to_le_bytes(), how.to_le_bytes());
    match kind_of(kind) {
        Some(kind) if variant == 0 => KernelSet::of(kernel, stride, kind),
        _ => KernelSet::NONE,
    }
}

/// Decodes an operation; `None` if one of its numbers is undefined.
pub(super) fn op(record: &OpRecord) -> Option<Op> {
    let [what, how, weights, params, _] = *record;
    let [variant, input, output, residual] = what.to_le_bytes();
    if variant == 1 {
        return Some(Op::Classifier(Classifier { input, weights, params }));
    }
    let [kernel, stride, kind, activation] = how.to_le_bytes();
    let kind = kind_of(kind)?;
    let activation = match activation {
        0 => Activation::None,
        1 => Activation::Relu,
        2 => Activation::Prelu,
        _ => return None,
    };
    let residual = (residual != NONE).then_some(residual);
    let conv = Conv { input, output, residual, kernel, stride, kind, activation, weights, params };
    (variant == 0).then_some(Op::Conv(conv))
}
