//! The records of tensors and operations, which are read in place as words.

use crate::graph::{
    Activation, Classifier, Conv, Form, Geometry, KernelKind, KernelSet, Op, Tensor,
};
use crate::shape::Shape;

/// A tensor: place, scale, height and width, channels and zero point.
pub(super) type TensorRecord = [u32; 4];
/// An operation: four words of bytes, offsets of weights and parameters, place of the scratch.
pub(super) type OpRecord = [u32; 7];
/// Index of the place of the scratch in a record.
pub(super) const SCRATCH: usize = 6;
/// The number of the classifier.
const CLASSIFIER: u8 = 1;

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
            let form = match c.form {
                Form::Full => 0,
                Form::Depthwise => 2,
                Form::Dense => 3,
                Form::Maximum => 4,
                Form::Average => 5,
                Form::Add => 6,
            };
            let kind = match c.kind {
                KernelKind::Direct => 0,
                KernelKind::Winograd => 1,
                KernelKind::WinogradOnline => 2,
                KernelKind::Flat => 3,
                KernelKind::Pointwise => 4,
                KernelKind::WinogradTall => 5,
                KernelKind::WinogradTallOnline => 6,
            };
            let activation = match c.activation {
                Activation::None => 0,
                Activation::Relu => 1,
                Activation::Prelu => 2,
                Activation::Clipped => 3,
            };
            let Geometry { kernel: [rows, columns], stride: [down, across], padding } = c.geometry;
            [
                u32::from_le_bytes([form, c.input, c.output, c.residual.unwrap_or(NONE)]),
                u32::from_le_bytes([rows, columns, down, across]),
                u32::from_le_bytes(padding),
                u32::from_le_bytes([kind, activation, u8::from(c.rolls), 0]),
                c.weights,
                c.params,
                scratch * 4,
            ]
        }
        Op::Classifier(c) => [
            u32::from_le_bytes([CLASSIFIER, c.input, NONE, NONE]),
            0,
            0,
            0,
            c.weights,
            c.params,
            scratch * 4,
        ],
    }
}

/// The operation of a number; `None` for the classifier and for undefined numbers.
#[inline(always)]
const fn form_of(number: u8) -> Option<Form> {
    match number {
        0 => Some(Form::Full),
        2 => Some(Form::Depthwise),
        3 => Some(Form::Dense),
        4 => Some(Form::Maximum),
        5 => Some(Form::Average),
        6 => Some(Form::Add),
        _ => None,
    }
}

/// The kernels of an operation, from its record; none for a classifier and for undefined numbers.
pub(super) const fn kernels_of(record: &OpRecord) -> KernelSet {
    match op(record) {
        Some(Op::Conv(conv)) => KernelSet::of(&conv),
        _ => KernelSet::NONE,
    }
}

/// Decodes an operation; `None` if one of its numbers is undefined.
pub(super) const fn op(record: &OpRecord) -> Option<Op> {
    let [what, window, padding, how, weights, params, _] = *record;
    let [number, input, output, residual] = what.to_le_bytes();
    if number == CLASSIFIER {
        let plain = window | padding | how == 0;
        return if plain {
            Some(Op::Classifier(Classifier { input, weights, params }))
        } else {
            None
        };
    }
    let [rows, columns, down, across] = window.to_le_bytes();
    let [kind, activation, ..] = how.to_le_bytes();
    let Some(form) = form_of(number) else { return None };
    let kind = match kind {
        0 => KernelKind::Direct,
        1 => KernelKind::Winograd,
        2 => KernelKind::WinogradOnline,
        3 => KernelKind::Flat,
        4 => KernelKind::Pointwise,
        5 => KernelKind::WinogradTall,
        6 => KernelKind::WinogradTallOnline,
        _ => return None,
    };
    let activation = match activation {
        0 => Activation::None,
        1 => Activation::Relu,
        2 => Activation::Prelu,
        3 => Activation::Clipped,
        _ => return None,
    };
    let rolls = how >> 16;
    if rolls > 1 {
        return None;
    }
    let kernel = [rows, columns];
    let geometry = Geometry { kernel, stride: [down, across], padding: padding.to_le_bytes() };
    Some(Op::Conv(Conv {
        input,
        output,
        residual: if residual == NONE { None } else { Some(residual) },
        form,
        geometry,
        kind,
        activation,
        rolls: rolls == 1,
        weights,
        params,
    }))
}
