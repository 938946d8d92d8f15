//! The cases of flat and depthwise convolutions, pools and images over bytes.

use super::{Mismatch, Random, WORDS};
use crate::graph::{Activation, Form, Geometry, KernelKind, padded};
use crate::kernel::depthwise::{DepthwiseRow, Widening};
use crate::kernel::finish::FinishKind;
use crate::kernel::flat::FlatRows;
use crate::kernel::micro::MicroKernel;
use crate::kernel::scalar::Scalar;
use crate::kernel::shape::ConvShape;
use crate::kernel::task::ConvTask;
use crate::kernel::weights::{depthwise_words, pack_depthwise};
use crate::space::Shape;

/// Maximum number of channels of a depthwise row.
const CHANNELS: usize = 9;
/// Bytes of a row of outputs.
const ROW: usize = 128;

/// Compares the methods that exist for `BYTE_ROWS` beside those of rows of bytes.
pub(super) fn all<M: MicroKernel>(micro: &M, random: &mut Random) -> Result<u32, Mismatch> {
    if !M::BYTE_ROWS {
        return Ok(0);
    }
    let cases = widening(micro, random)? + rows(micro, random)? + flat(micro, random)?;
    Ok(cases + bytes(micro, random)?)
}

fn widening<M: MicroKernel>(micro: &M, random: &mut Random) -> Result<u32, Mismatch> {
    let mut cases = 0;
    let mut source = [0; 64];
    for width in 1..=9usize {
        for left in 0..=3usize {
            for quads in 1..=5 {
                source.fill_with(|| random.next());
                // Every fourth case has no column for the last pixels.
                let groups = (left + width).div_ceil(2) + 1 - (cases as usize % 4).min(2);
                let (slot, zero) = (random.next() as usize % 3, random.bytes(0));
                let widening = Widening { quads, width, left, groups, rows: 3, slot, zero };
                let length = 4 * quads * groups * 3;
                let (mut expected, mut found) = ([7; 5 * 4 * 7 * 3], [7; 5 * 4 * 7 * 3]);
                Scalar.columns_widen(&source, &widening, &mut expected[..length]);
                micro.columns_widen(&source, &widening, &mut found[..length]);
                if expected != found {
                    let (width, left) = (width as u8, left as u8);
                    return Err(Mismatch::ColumnsWiden { width, left, quads: quads as u8 });
                }
                cases += 1;
            }
        }
    }
    Ok(cases)
}

fn rows<M: MicroKernel>(micro: &M, random: &mut Random) -> Result<u32, Mismatch> {
    let mut cases = 0;
    let (mut words, mut numbers) = ([0; WORDS], [0; 2 * CHANNELS]);
    for stride in 1..=2 {
        for pixels in 1..=9 {
            for channels in 1..=CHANNELS {
                let style = cases / 5 % 4;
                words.fill_with(|| random.bytes(style));
                numbers.fill_with(|| random.next() as i32 >> 12);
                let mut weights = [0; CHANNELS * 9];
                for (weight, word) in weights.chunks_mut(4).zip(0..) {
                    let bytes = random.weights((style + word % 2) % 4).to_le_bytes();
                    weight.iter_mut().zip(bytes).for_each(|(w, byte)| *w = byte as i8);
                }
                let mut packed = [0; CHANNELS * 3];
                let bytes = bytemuck::cast_slice_mut(&mut packed);
                let _ = pack_depthwise([3; 2], &weights[..channels * 9], bytes);
                let (bias, positive) = numbers.split_at(CHANNELS);
                let groups = (pixels - 1) * stride / 2 + 2;
                let row = DepthwiseRow {
                    ring: &words,
                    groups,
                    rows: 3,
                    top: random.next() as usize % 3,
                    weights: &packed[..channels * depthwise_words([3; 2])],
                    columns: 3,
                    stride,
                    channels,
                    bias,
                    positive,
                    negative: &[],
                    zero: random.next() as i32 >> 24,
                    pixels,
                    pitch: (channels + cases as usize % 3).next_multiple_of(4),
                };
                let (mut expected, mut found) = ([7; ROW], [7; ROW]);
                Scalar.columns_row(&row, &mut expected);
                micro.columns_row(&row, &mut found);
                let shown = |i: usize| i % row.pitch < channels || i >= pixels * row.pitch;
                if (0..ROW).any(|i| shown(i) && expected[i] != found[i]) {
                    let (stride, channels) = (stride as u8, channels as u8);
                    return Err(Mismatch::Columns { stride, channels, pixels: pixels as u8 });
                }
                cases += 1;
            }
        }
    }
    Ok(cases)
}

fn flat<M: MicroKernel>(micro: &M, random: &mut Random) -> Result<u32, Mismatch> {
    let mut cases = 0;
    let (mut words, mut weights, mut columns) = ([0; WORDS], [0; WORDS], [0; WORDS]);
    for (rows, kernel_columns, channels) in
        [(1, 1, 1), (3, 3, 1), (3, 3, 3), (10, 4, 1), (2, 5, 2), (5, 5, 3), (3, 2, 9), (7, 7, 1)]
    {
        for across in 1..=2 {
            for outputs in 1..=6 {
                let width = 1 + cases as u16 % 5;
                let shape = |channels| Shape { height: 1, width, channels };
                let geometry =
                    Geometry { kernel: [rows, kernel_columns], ..Geometry::same(1, across) };
                let shape = ConvShape {
                    input: shape(channels),
                    output: shape(outputs),
                    form: Form::Full,
                    geometry,
                    kind: KernelKind::Flat,
                    image: true,
                    fold: 1,
                };
                let (step, run) = (usize::from(across) * usize::from(channels), 2 * shape.pairs());
                let row = (usize::from(width - 1) * step + run).next_multiple_of(4);
                let (kernel_rows, style) = (usize::from(rows), cases % 4);
                words.fill_with(|| random.bytes(style));
                weights.fill_with(|| random.weights(style));
                let bytes =
                    bytemuck::cast_slice(&words).get(..kernel_rows * row).unwrap_or_default();
                let place = [row, random.next() as usize % kernel_rows];
                let rows = FlatRows::new(bytes, place, kernel_rows, [step, run]);
                let Some(rows) = rows else { continue };
                for (kind, activation) in
                    [(FinishKind::Plain, Activation::Relu), (FinishKind::Prelu, Activation::Prelu)]
                {
                    let mut params = [0; 18];
                    params.fill_with(|| random.next() as i32 >> 7);
                    let task = ConvTask {
                        op: 0,
                        shape,
                        input_zero: 0,
                        output_zero: random.next() as i8,
                        activation,
                        weights: &weights,
                        params: &params,
                        table: &[],
                        input_at: 0,
                        output_at: 0,
                        residual_at: None,
                    };
                    let pitch = padded(outputs);
                    let length = usize::from(width) * pitch;
                    for tiles in 1..=2 {
                        let (mut expected, mut found) = ([7; ROW], [7; ROW]);
                        Scalar.flat_row(&task, &rows, &mut [], &mut expected[..length]);
                        let room = &mut columns[..tiles * kernel_rows * run / 4];
                        micro.flat_row(&task, &rows, room, &mut found[..length]);
                        let shown = |i: usize| i % pitch < usize::from(outputs) || i >= length;
                        if (0..ROW).any(|i| shown(i) && expected[i] != found[i]) {
                            let (rows, outputs, pixels) =
                                (kernel_rows as u8, outputs as u8, width as u8);
                            return Err(Mismatch::FlatRow { rows, outputs, pixels, kind });
                        }
                    }
                }
                cases += 1;
            }
        }
    }
    Ok(cases)
}

/// Images, sums and maxima, of all numbers of bytes up to two vectors and a byte.
fn bytes<M: MicroKernel>(micro: &M, random: &mut Random) -> Result<u32, Mismatch> {
    let mut cases = 0;
    let mut table = [0; 5 * 256];
    table.fill_with(|| random.next() as i8);
    for count in 0..=33usize {
        for channels in 1..=5 {
            let mut source = [0; 40];
            source.fill_with(|| random.next() as u8);
            let (mut expected, mut found) = ([7; 40], [7; 40]);
            Scalar.image_bytes(&source[..count], channels, &table, &mut expected);
            micro.image_bytes(&source[..count], channels, &table, &mut found);
            let images = expected == found;
            let values: &[i8] = bytemuck::cast_slice(&source);
            Scalar.maximum(&values[..count], &mut expected);
            micro.maximum(&values[..count], &mut found);
            let maxima = expected == found;
            let (mut sums, mut others) = ([9; 24], [9; 24]);
            let mut words = [0; 40];
            words.fill_with(|| random.next());
            let quads = 1 + count % 5;
            let words = &words[..quads * channels];
            Scalar.add_pixels(words, &mut sums[..4 * quads]);
            micro.add_pixels(words, &mut others[..4 * quads]);
            if !images || !maxima || sums != others {
                return Err(Mismatch::Bytes { count: count as u8, channels: channels as u8 });
            }
            cases += 3;
        }
    }
    Ok(cases)
}
