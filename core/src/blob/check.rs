//! The checks that a blob must pass so that its execution cannot fail.
//!
//! They run after the bounds of the blob's parts are known. `core/docs/blob-format.md` lists them
//! in order.

use super::BlobView;
use super::view::Residual;
use crate::arena::{is_sound, may_roll};
use crate::error::{Error, GraphProblem};
use crate::graph::{
    Activation, Classifier, Conv, Form, Geometry, Graph, KernelKind, MAX_CHANNELS, MAX_CLASSES,
    MAX_ROLLED, MAX_TENSOR_BYTES, Op, Tensor, Tiling, padded,
};
use crate::kernel::pack::WeightShape;
use crate::kernel::{ConvShape, are_transformed, depthwise_row_words, is_depthwise_row};
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
pub(super) fn graph<const OTHER: bool>(view: &BlobView<'_>) -> Result<(), Error> {
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
            Some(Op::Conv(conv)) if i != last => check_conv::<OTHER>(view, i, &conv),
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
    let (tensor, scratch) = (|id: u8| view.tensor_at(id), |op: usize| view.scratch_at(op));
    let sound = if OTHER {
        is_sound(view, arena, tensor, scratch)
    } else {
        is_sound(&Residual(view), arena, tensor, scratch)
    };
    if sound { Ok(()) } else { fail(GraphProblem::Arena) }
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

fn check_conv<const OTHER: bool>(
    view: &BlobView<'_>,
    op: usize,
    conv: &Conv,
) -> Result<(), GraphProblem> {
    if !OTHER && !conv.is_plain() {
        return Err(GraphProblem::Kind);
    }
    let input = read(view, op, conv.input)?;
    if usize::from(conv.output) >= view.tensors() {
        return Err(GraphProblem::Unknown);
    }
    let output = view.tensor(conv.output);
    let channels = output.shape.channels;
    let shape = if OTHER {
        check_window(conv)?;
        conv.form.output(&conv.geometry, input.shape, channels)
    } else {
        // Residual networks have square kernels.
        let (kernel, stride) = conv.geometry.square().ok_or(GraphProblem::Kernel)?;
        // A constant stride links no division.
        let shape = match stride {
            1 => input.shape.convolved(1, channels),
            2 => input.shape.convolved(2, channels),
            _ => return Err(GraphProblem::Kernel),
        };
        if kernel > 7 {
            return Err(GraphProblem::Kernel);
        }
        if conv.kind.winograd() && (kernel, stride) != (3, 1) {
            return Err(GraphProblem::Kind);
        }
        Some(shape)
    };
    if shape != Some(output.shape) {
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
    let clips = matches!(conv.activation, Activation::Relu | Activation::Clipped);
    if clips && output.zero != i8::MIN {
        return Err(GraphProblem::Zero);
    }
    if OTHER && conv.form != Form::Full {
        check_form(conv, &input, &output)?;
    }
    let weights = view.weights_of::<OTHER>(conv).ok_or(GraphProblem::Section)?;
    let params = view.params_of::<OTHER>(conv).ok_or(GraphProblem::Section)?;
    let shape = view.weight_shape(conv);
    let terms = match conv.form {
        _ if !OTHER || conv.form == Form::Full => {
            check_weights::<OTHER>(conv, shape, weights)?;
            conv.geometry.taps() * usize::from(shape.input)
        }
        Form::Depthwise => {
            let [_, columns] = conv.geometry.kernel;
            let packed = |row| is_depthwise_row(row, columns);
            if !weights.chunks_exact(depthwise_row_words(columns)).all(packed) {
                return Err(GraphProblem::Padding);
            }
            conv.geometry.taps()
        }
        Form::Dense => {
            check_dense(view, conv, bytemuck::cast_slice(weights))?;
            4 * ConvShape::of(view, conv).in_words()
        }
        _ => 0,
    };

    // |q| and |w| are at most 128, so the bound depends on the parameters only.
    let products = 128 * 128 * terms as i64;
    if conv.kind.tiling() == Some(Tiling::Tall) && products >= 1 << 27 {
        return Err(GraphProblem::Kind);
    }
    let row = shape.output_pairs() * 2;
    let number = |index: usize, i: usize| match params.get(index * row + i) {
        Some(&number) => Ok(i64::from(number).abs()),
        None => Err(GraphProblem::Section),
    };
    let taps = if conv.form == Form::Average { conv.geometry.taps() as i64 } else { 1 };
    let scale = 1 + usize::from(conv.residual.is_some());
    for i in 0..if params.is_empty() { 0 } else { row } {
        let mut bound = number(0, i)? + products;
        if conv.residual.is_some() {
            bound += 128 * number(1, i)?;
        }
        if OTHER && conv.form.scaled() {
            bound += 128 * taps * number(scale, i)?;
        }
        check_sum(bound)?;
    }
    if OTHER { check_rolling(view, op, conv) } else { Ok(()) }
}

/// Checks kernel, stride and kind, apart from the shapes.
fn check_window(conv: &Conv) -> Result<(), GraphProblem> {
    let Geometry { kernel: [rows, columns], stride: [down, across], .. } = conv.geometry;
    let known = match conv.form {
        Form::Full | Form::Depthwise => {
            matches!(rows, 1..=16)
                && matches!(columns, 1..=7)
                && matches!(down, 1..=4)
                && matches!(across, 1 | 2)
        }
        Form::Dense | Form::Add => conv.geometry.is_point(),
        Form::Maximum | Form::Average => rows > 0 && columns > 0 && down > 0 && across > 0,
    };
    if !known {
        return Err(GraphProblem::Kernel);
    }
    let flat = match conv.kind {
        KernelKind::Flat => conv.input != 0 || conv.residual.is_some(),
        KernelKind::Pointwise => conv.input == 0,
        _ => false,
    };
    let direct = conv.form == Form::Full || conv.kind == KernelKind::Direct;
    if conv.kind.suits(&conv.geometry) && !flat && direct {
        Ok(())
    } else {
        Err(GraphProblem::Kind)
    }
}

/// Checks the rules of a layer that is no convolution over all channels.
fn check_form(conv: &Conv, input: &Tensor, output: &Tensor) -> Result<(), GraphProblem> {
    if conv.input == 0 && conv.form != Form::Dense {
        return Err(GraphProblem::Image);
    }
    if conv.residual.is_some() != (conv.form == Form::Add) {
        return Err(GraphProblem::Form);
    }
    if conv.form == Form::Dense {
        return Ok(());
    }
    if output.shape.channels != input.shape.channels {
        return Err(GraphProblem::Shape);
    }
    let pools = matches!(conv.form, Form::Maximum | Form::Average);
    if pools && conv.activation != Activation::None {
        return Err(GraphProblem::Form);
    }
    if conv.form == Form::Maximum && output.zero != input.zero {
        return Err(GraphProblem::Zero);
    }
    Ok(())
}

/// Checks the form of a convolution's weights.
fn check_weights<const OTHER: bool>(
    conv: &Conv,
    shape: WeightShape,
    weights: &[u32],
) -> Result<(), GraphProblem> {
    match conv.kind {
        kind if kind.transformed() => match kind.tiling() {
            Some(tiling) if are_transformed(tiling, shape, weights) => Ok(()),
            _ => Err(GraphProblem::Transform),
        },
        KernelKind::Flat if OTHER => {
            check_flat_padding(shape.flat(), bytemuck::cast_slice(weights))
        }
        _ => check_padding(shape, bytemuck::cast_slice(weights)),
    }
}

/// Checks that the weights of a dense layer are 0 for bytes that hold no channel.
fn check_dense(view: &BlobView<'_>, conv: &Conv, weights: &[i8]) -> Result<(), GraphProblem> {
    let shape = ConvShape::of(view, conv);
    let (row, channels) = (shape.in_words() * 4, usize::from(shape.input.channels));
    let pixel = if shape.image { channels } else { padded(shape.input.channels) };
    for weights in weights.chunks_exact(row.max(1)) {
        for (at, &w) in weights.iter().enumerate() {
            let known = at < shape.input.pixels() * pixel && at % pixel.max(1) < channels;
            if w != 0 && !known {
                return Err(GraphProblem::Padding);
            }
        }
    }
    Ok(())
}

/// Checks the rules of rolled units, for the layer and the one behind it.
fn check_rolling(view: &BlobView<'_>, op: usize, conv: &Conv) -> Result<(), GraphProblem> {
    let earlier = (0..op).rev().take_while(|&i| view.conv(i).is_some_and(|c| c.rolls)).count();
    let fits = !conv.rolls || (may_roll(view, op) && earlier + 2 <= MAX_ROLLED);
    if fits { Ok(()) } else { Err(GraphProblem::Rolls) }
}

/// Checks that the weights of padding channels and of a padding column are 0, since these channels
/// hold arbitrary values.
fn check_padding(shape: WeightShape, weights: &[i8]) -> Result<(), GraphProblem> {
    let columns = usize::from(shape.kernel[1]);
    for input in 0..padded(shape.input) {
        for output in 0..shape.output_pairs() * 2 {
            for ky in 0..shape.rows() {
                let known = if input < usize::from(shape.input) { columns } else { 0 };
                for kx in known..shape.columns() {
                    if weights.get(shape.index(output, ky, kx, input)) != Some(&0) {
                        return Err(GraphProblem::Padding);
                    }
                }
            }
        }
    }
    Ok(())
}

/// As [`check_padding`], for a flat convolution.
fn check_flat_padding(shape: WeightShape, weights: &[i8]) -> Result<(), GraphProblem> {
    for input in usize::from(shape.input)..padded(shape.input) {
        for output in 0..shape.output_pairs() * 2 {
            for ky in 0..shape.rows() {
                if weights.get(shape.flat_index(output, ky, input)) != Some(&0) {
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
