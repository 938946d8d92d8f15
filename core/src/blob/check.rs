//! What a blob must fulfil so that executing it cannot fail.

use super::BlobView;
use crate::error::{Error, GraphProblem};
use crate::graph::{
    Activation, Classifier, Conv, MAX_CHANNELS, MAX_CLASSES, MAX_TENSOR_BYTES, MAX_TENSORS, Op,
    Tensor, padded,
};
use crate::kernel::pack::WeightShape;
use crate::quant;

/// Labels: none, or one line a class.
pub(super) fn labels(view: &BlobView<'_>) -> Result<(), Error> {
    let (expected, found) = (view.classes(), view.labels().count());
    if found == 0 || found == expected {
        Ok(())
    } else {
        Err(Error::BlobLabels { expected, found })
    }
}

pub(super) fn graph(view: &BlobView<'_>) -> Result<(), Error> {
    let header = view.header();
    for (i, tensor) in header.tensors.iter().enumerate() {
        check_tensor(tensor).map_err(|problem| Error::BlobTensor { tensor: i, problem })?;
    }
    let fail = |op, problem| Err(Error::BlobOp { op, problem });
    if header.tensors.is_empty() || header.ops.is_empty() {
        return fail(0, GraphProblem::Classifier);
    }
    if !is_scale(header.logit_scale) {
        return fail(header.ops.len() - 1, GraphProblem::Scale);
    }
    if header.classes == 0 || header.classes > MAX_CLASSES {
        return fail(header.ops.len() - 1, GraphProblem::Size);
    }
    let table = view.section(header.table, usize::from(header.input().channels) * 256);
    if table.is_none() {
        return Err(Error::BlobTensor { tensor: 0, problem: GraphProblem::Section });
    }
    let mut written = [false; MAX_TENSORS];
    written[0] = true;
    for (i, op) in header.ops.iter().enumerate() {
        let last = i + 1 == header.ops.len();
        match op {
            Op::Conv(conv) if !last => check_conv(view, conv, &mut written),
            Op::Classifier(classifier) if last => check_classifier(view, classifier, &written),
            _ => Err(GraphProblem::Classifier),
        }
        .map_err(|problem| Error::BlobOp { op: i, problem })?;
    }
    match written[..header.tensors.len()].iter().position(|w| !w) {
        Some(tensor) => Err(Error::BlobTensor { tensor, problem: GraphProblem::Written }),
        None => Ok(()),
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

/// The tensor of an index that exists and has been written.
fn read<'v>(
    view: &'v BlobView<'_>,
    id: u8,
    written: &[bool; MAX_TENSORS],
) -> Result<&'v Tensor, GraphProblem> {
    let tensor = view.header().tensors.get(usize::from(id)).ok_or(GraphProblem::Unknown)?;
    if written[usize::from(id)] { Ok(tensor) } else { Err(GraphProblem::Unwritten) }
}

fn check_conv(
    view: &BlobView<'_>,
    conv: &Conv,
    written: &mut [bool; MAX_TENSORS],
) -> Result<(), GraphProblem> {
    let input = read(view, conv.input, written)?;
    let output =
        view.header().tensors.get(usize::from(conv.output)).ok_or(GraphProblem::Unknown)?;
    if conv.kernel.is_multiple_of(2) || conv.kernel > 7 || !matches!(conv.stride, 1 | 2) {
        return Err(GraphProblem::Kernel);
    }
    if output.shape != input.shape.convolved(conv.stride, output.shape.channels) {
        return Err(GraphProblem::Shape);
    }
    if let Some(residual) = conv.residual
        && read(view, residual, written)?.shape != output.shape
    {
        return Err(GraphProblem::Shape);
    }
    if core::mem::replace(&mut written[usize::from(conv.output)], true) {
        return Err(GraphProblem::Written);
    }
    if conv.activation == Activation::Relu && output.zero != i8::MIN {
        return Err(GraphProblem::Zero);
    }
    let weights = view.conv_weights(conv).ok_or(GraphProblem::Section)?;
    let params = view.conv_params(conv).ok_or(GraphProblem::Section)?;
    let shape = view.weight_shape(conv);
    check_padding(shape, bytemuck::cast_slice(weights))?;

    // |q| and |w| are at most 128, so the parameters alone decide the bound.
    let products = 128 * 128 * i64::from(conv.kernel).pow(2) * i64::from(shape.input);
    let row = shape.output_pairs() * 2;
    let residuals = conv.residual.is_some().then(|| &params[row..2 * row]);
    for (i, &bias) in params[..row].iter().enumerate() {
        let residual = residuals.map_or(0, |k| i64::from(k[i]).abs() * 128);
        check_sum(i64::from(bias).abs() + residual + products)?;
    }
    Ok(())
}

/// Padding channels hold arbitrary values, so their weights must be 0.
fn check_padding(shape: WeightShape, weights: &[i8]) -> Result<(), GraphProblem> {
    let kernel = usize::from(shape.kernel);
    for input in usize::from(shape.input)..padded(shape.input) {
        for output in 0..shape.output_pairs() * 2 {
            for at in 0..kernel * kernel {
                if weights[shape.index(output, at / kernel, at % kernel, input)] != 0 {
                    return Err(GraphProblem::Padding);
                }
            }
        }
    }
    Ok(())
}

fn check_sum(bound: i64) -> Result<(), GraphProblem> {
    if bound <= i64::from(i32::MAX) { Ok(()) } else { Err(GraphProblem::Overflow) }
}

fn check_classifier(
    view: &BlobView<'_>,
    classifier: &Classifier,
    written: &[bool; MAX_TENSORS],
) -> Result<(), GraphProblem> {
    let shape = read(view, classifier.input, written)?.shape;
    let weights = view.classifier_weights(classifier).ok_or(GraphProblem::Section)?;
    let params = view.classifier_params(classifier).ok_or(GraphProblem::Section)?;
    let pooled = quant::pooled_bound(shape.pixels());
    let channels = usize::from(shape.channels);
    let rows = bytemuck::cast_slice::<u32, i8>(weights).chunks_exact(padded(shape.channels));
    for (row, &bias) in rows.zip(params) {
        if row[channels..].iter().any(|&w| w != 0) {
            return Err(GraphProblem::Padding);
        }
        let sum: i64 = row.iter().map(|&w| i64::from(w).abs()).sum();
        check_sum(i64::from(bias).abs() + sum * pooled)?;
    }
    Ok(())
}
