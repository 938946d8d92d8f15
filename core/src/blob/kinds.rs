//! Rewriting of a network for other kinds of kernels.

use heapless::Vec;

use super::{BlobView, Sections, write};
use crate::error::{Error, GraphProblem};
use crate::graph::{Conv, Form, Graph as _, KernelKind, Op, padded};
use crate::kernel::{self, pack::WeightShape};

/// Writes the network of a checked view into `out`, with the kind that `kinds` returns for each
/// convolution and the index of its operation, and returns the length of the blob. A convolution
/// that the kind does not suit becomes direct. All logits stay the same. `data` holds the data
/// section, and has as many bytes as `out`.
///
/// # Errors
/// Those of [`write()`]; [`Error::BufferTooSmall`].
pub fn with_kinds(
    view: &BlobView<'_>,
    kinds: &dyn Fn(usize, &Conv) -> KernelKind,
    labels: &[&str],
    data: &mut [u8],
    out: &mut [u8],
) -> Result<usize, Error> {
    let mut header = view.header();
    let mut sections = Sections::new(data);
    if let Some(front_end) = view.front_end() {
        sections.front_end(front_end)?;
    }
    header.table = sections.table(view.table())?;
    for (index, op) in header.ops.iter_mut().enumerate() {
        let missing = Error::BlobOp { op: index, problem: GraphProblem::Section };
        match op {
            Op::Conv(conv) => {
                let shape = view.weight_shape(conv);
                let words = view.conv_weights(conv).ok_or(missing)?;
                let params = view.conv_params(conv).ok_or(missing)?;
                let (asked, direct) = (kinds(index, conv), KernelKind::Direct);
                let usable = conv.form == Form::Full
                    && asked.suits(&conv.geometry)
                    && (asked != KernelKind::Flat || (conv.input == 0 && conv.residual.is_none()))
                    && (asked != KernelKind::Pointwise || conv.input != 0)
                    && !(asked.winograd() && rolls(view, index));
                let weights = match conv.form {
                    Form::Full => {
                        let plain = plain(words, conv.kind, shape, out)?;
                        let kind = if usable { asked } else { direct };
                        conv.kind = kind;
                        sections.conv_weights(kind, shape, plain)?
                    }
                    _ => sections.packed_weights(words)?,
                };
                let mut rows: Vec<&[i32], 5> = Vec::new();
                // The writer refuses a tensor without channels.
                rows.extend(params.chunks_exact((shape.output_pairs() * 2).max(1)));
                conv.params = sections.conv_params(&rows)?;
                conv.weights = weights;
            }
            Op::Classifier(classifier) => {
                let channels = padded(view.tensor(classifier.input).shape.channels);
                let weights = view.classifier_weights(classifier).ok_or(missing)?;
                let params = view.classifier_params(classifier).ok_or(missing)?;
                let (bias, multiplier) = params.split_at(params.len() / 2);
                classifier.weights =
                    sections.classifier_weights(channels as u16, bytemuck::cast_slice(weights))?;
                classifier.params = sections.classifier_params(bias, multiplier)?;
            }
        }
    }
    write(&header, labels, sections.data(), out)
}

/// True if the layer belongs to a rolled unit.
fn rolls(view: &BlobView<'_>, op: usize) -> bool {
    let rolls = |op: usize| view.conv(op).is_some_and(|conv| conv.rolls);
    rolls(op) || op.checked_sub(1).is_some_and(rolls)
}

/// Unpacks weights to i8 `[output][ky][kx][input]`, in the first bytes of `out`.
fn plain<'o>(
    words: &[u32],
    kind: KernelKind,
    shape: WeightShape,
    out: &'o mut [u8],
) -> Result<&'o [i8], Error> {
    let (needed, found) = (shape.len(), out.len());
    let out = out.get_mut(..needed).ok_or(Error::BufferTooSmall { needed, found })?;
    let ([rows, columns], inputs) = (shape.kernel.map(usize::from), usize::from(shape.input));
    for (index, byte) in out.iter_mut().enumerate() {
        let (rest, input) = (index / inputs, index % inputs);
        let (rest, kx) = (rest / columns, rest % columns);
        let (output, ky) = (rest / rows, rest % rows);
        *byte = kernel::weight(kind, shape, words, [output, ky, kx, input]) as u8;
    }
    Ok(bytemuck::cast_slice(out))
}
