//! The checks that a blob must pass so that its execution cannot fail.
//!
//! They run after the bounds of the blob's parts are known. `core/docs/blob-format.md` lists them
//! in order.

use super::BlobView;
use crate::arena::is_sound;
use crate::error::{Error, GraphProblem};
use crate::graph::{
    Activation, Classifier, Conv, Graph, KernelKind, MAX_CHANNELS, MAX_CLASSES, MAX_TENSOR_BYTES,
    Op, Tensor, padded,
};
use crate::kernel::are_transformed;
use crate::kernel::pack::WeightShape;
use crate::quant;

/// Checks that space, code and labels are UTF-8, and that there are no labels or one line per
/// class.
pub(super) fn text(view: &BlobView<'_>) -> Result<(), Error> {
    let [space, code, labels] = view.texts();
    if !is_utf8(space) || !is_utf8(code) {
        return Err(Error::BlobHeader);
    }
    if !is_utf8(labels) {
        return Err(Error::BlobLabels { expected: 0, found: 0 });
    }
    let ends = labels.iter().filter(|&&b| b == b'\n').count();
    let unended = labels.last().is_some_and(|&b| b != b'\n');
    let (expected, found) = (view.classes(), ends + usize::from(unended));
    if found == 0 || found == expected {
        Ok(())
    } else {
        Err(Error::BlobLabels { expected, found })
    }
}

/// As `core::str::from_utf8`, which would take 600 bytes of flash.
pub(super) fn is_utf8(mut bytes: &[u8]) -> bool {
    while let Some((&first, mut rest)) = bytes.split_first() {
        // Number of bytes that follow, and range of the first of them.
        let (follow, mut range) = match first {
            0..=0x7f => (0, 0x80..=0xbf),
            0xc2..=0xdf => (1, 0x80..=0xbf),
            0xe0 => (2, 0xa0..=0xbf),
            0xed => (2, 0x80..=0x9f),
            0xe1..=0xef => (2, 0x80..=0xbf),
            0xf0 => (3, 0x90..=0xbf),
            0xf1..=0xf3 => (3, 0x80..=0xbf),
            0xf4 => (3, 0x80..=0x8f),
            _ => return false,
        };
        for _ in 0..follow {
            match rest.split_first() {
                Some((next, after)) if range.contains(next) => rest = after,
                _ => return false,
            }
            range = 0x80..=0xbf;
        }
        bytes = rest;
    }
    true
}

#[inline(never)]
pub(super) fn graph(view: &BlobView<'_>) -> Result<(), Error> {
    if view.malformed() {
        return Err(Error::BlobHeader);
    }
    let (tensors, ops) = (view.tensors(), view.ops());
    for i in 0..tensors {
        check_tensor(&view.tensor(i as u8))
            .map_err(|problem| Error::BlobTensor { tensor: i, problem })?;
    }
    let last = ops.saturating_sub(1);
    let fail = |problem| Err(Error::BlobOp { op: last, problem });
    if tensors == 0 || ops == 0 {
        return fail(GraphProblem::Classifier);
    }
    if !is_scale(view.logit_scale()) {
        return fail(GraphProblem::Scale);
    }
    if view.classes() == 0 || view.classes() > usize::from(MAX_CLASSES) {
        return fail(GraphProblem::Size);
    }
    if view.table().is_empty() {
        return Err(Error::BlobTensor { tensor: 0, problem: GraphProblem::Section });
    }
    for i in 0..ops {
        match view.op(i) {
            Some(Op::Conv(conv)) if i != last => check_conv(view, i, &conv),
            Some(Op::Classifier(classifier)) if i == last => check_classifier(view, &classifier),
            _ => Err(GraphProblem::Classifier),
        }
        .map_err(|problem| Error::BlobOp { op: i, problem })?;
    }
    for tensor in 1..tensors {
        if !written(view, last, tensor as u8) {
            return Err(Error::BlobTensor { tensor, problem: GraphProblem::Written });
        }
    }
    let arena = (view.arena_bytes() / 4) as u32;
    if is_sound(view, arena, |id| view.tensor_at(id), |op| view.scratch_at(op)) {
        Ok(())
    } else {
        fail(GraphProblem::Arena)
    }
}

fn is_scale(scale: f32) -> bool {
    scale.is_finite() && scale > 0.0
}

fn check_tensor(tensor: &Tensor) -> Result<(), GraphProblem> {
    let shape = tensor.shape;
    let bytes = u64::from(shape.height) * u64::from(shape.width) * padded(shape.channels) as u64;
    if bytes == 0 || bytes > MAX_TENSOR_BYTES || shape.channels > MAX_CHANNELS {
        return Err(GraphProblem::Size);
    }
    if is_scale(tensor.scale) { Ok(()) } else { Err(GraphProblem::Scale) }
}

/// True if an operation before `op` writes the tensor.
fn written(view: &BlobView<'_>, op: usize, tensor: u8) -> bool {
    (0..op).any(|i| view.conv(i).is_some_and(|conv| conv.output == tensor))
}

/// The tensor of an index, if it exists and is the image or written before operation `op`.
fn read(view: &BlobView<'_>, op: usize, id: u8) -> Result<Tensor, GraphProblem> {
    if usize::from(id) >= view.tensors() {
        Err(GraphProblem::Unknown)
    } else if id == 0 || written(view, op, id) {
        Ok(view.tensor(id))
    } else {
        Err(GraphProblem::Unwritten)
    }
}

fn check_conv(view: &BlobView<'_>, op: usize, conv: &Conv) -> Result<(), GraphProblem> {
    let input = read(view, op, conv.input)?;
    if usize::from(conv.output) >= view.tensors() {
        return Err(GraphProblem::Unknown);
    }
    let output = view.tensor(conv.output);
    if !matches!(conv.kernel, 1 | 3 | 5 | 7) || !matches!(conv.stride, 1 | 2) {
        return Err(GraphProblem::Kernel);
    }
    if !conv.kind.suits(conv.kernel, conv.stride) {
        return Err(GraphProblem::Kind);
    }
    if output.shape != input.shape.convolved(conv.stride, output.shape.channels) {
        return Err(GraphProblem::Shape);
    }
    if let Some(residual) = conv.residual {
        if read(view, op, residual)?.shape != output.shape {
            return Err(GraphProblem::Shape);
        }
        if residual == 0 {
            return Err(GraphProblem::Image);
        }
    }
    if conv.output == 0 || written(view, op, conv.output) {
        return Err(GraphProblem::Written);
    }
    if conv.activation == Activation::Relu && output.zero != i8::MIN {
        return Err(GraphProblem::Zero);
    }
    let weights = view.conv_weights(conv).ok_or(GraphProblem::Section)?;
    let params = view.conv_params(conv).ok_or(GraphProblem::Section)?;
    let shape = view.weight_shape(conv);
    if conv.kind == KernelKind::Winograd {
        if !are_transformed(shape, weights) {
            return Err(GraphProblem::Transform);
        }
    } else {
        check_padding(shape, bytemuck::cast_slice(weights))?;
    }

    // |q| and |w| are at most 128, so the bound depends on the parameters only.
    let products = 128 * 128 * i64::from(conv.kernel).pow(2) * i64::from(shape.input);
    let row = shape.output_pairs() * 2;
    let (biases, rest) = params.split_at_checked(row).ok_or(GraphProblem::Section)?;
    for (i, &bias) in biases.iter().enumerate() {
        let residual = match conv.residual {
            Some(_) => i64::from(*rest.get(i).ok_or(GraphProblem::Section)?).abs() * 128,
            None => 0,
        };
        check_sum(i64::from(bias).abs() + residual + products)?;
    }
    Ok(())
}

/// Checks that the weights of padding channels are 0, since these channels hold arbitrary values.
fn check_padding(shape: WeightShape, weights: &[i8]) -> Result<(), GraphProblem> {
    let kernel = usize::from(shape.kernel);
    for input in usize::from(shape.input)..padded(shape.input) {
        for output in 0..shape.output_pairs() * 2 {
            for ky in 0..kernel {
                for kx in 0..kernel {
                    if weights.get(shape.index(output, ky, kx, input)) != Some(&0) {
                        return Err(GraphProblem::Padding);
                    }
                }
            }
        }
    }
    Ok(())
}

fn check_sum(bound: i64) -> Result<(), GraphProblem> {
    if bound <= i64::from(i32::MAX) { Ok(()) } else { Err(GraphProblem::Overflow) }
}

fn check_classifier(view: &BlobView<'_>, classifier: &Classifier) -> Result<(), GraphProblem> {
    let shape = read(view, view.ops(), classifier.input)?.shape;
    if classifier.input == 0 {
        return Err(GraphProblem::Image);
    }
    let weights = view.classifier_weights(classifier).ok_or(GraphProblem::Section)?;
    let params = view.classifier_params(classifier).ok_or(GraphProblem::Section)?;
    let pooled = quant::pooled_bound(shape.pixels());
    let channels = usize::from(shape.channels);
    let (weights, length) = (bytemuck::cast_slice::<u32, i8>(weights), padded(shape.channels));
    for (class, &bias) in params.iter().take(view.classes()).enumerate() {
        let row = weights.get(class * length..).and_then(|w| w.get(..length));
        let row = row.ok_or(GraphProblem::Section)?;
        if row.iter().skip(channels).any(|&w| w != 0) {
            return Err(GraphProblem::Padding);
        }
        let sum: i64 = row.iter().map(|&w| i64::from(w).abs()).sum();
        check_sum(i64::from(bias).abs() + sum * pooled)?;
    }
    Ok(())
}
