//! Direct convolutions of one block of 16 images.
//!
//! The convolution and the gradient of its input are one routine: sums over channels and taps,
//! where a tap is an offset into a padded copy of the block. The input's gradient of a convolution
//! with a stride is one such sum for each remainder of the input pixel modulo the stride.

#[expect(unsafe_code, reason = "register tiles follow pointers")]
#[expect(clippy::needless_range_loop, reason = "register tiles are indexed by constants")]
mod grid;
mod shape;
#[expect(unsafe_code, reason = "register tiles follow pointers")]
#[expect(clippy::needless_range_loop, reason = "register tiles are indexed by constants")]
mod weights;

pub use grid::Epilogue;
pub(crate) use grid::{Grid, GridLayout, Steps, Tap};
pub use shape::ConvGeometry;
pub(crate) use shape::Padding;
pub(crate) use weights::WeightGradient;

use crate::LANES;
use crate::simd::Lanes;
use crate::size::checked;

/// Convolves a padded block, `x` `[inputs][rows + padding][columns + padding][16]`, with `w`
/// `[outputs][inputs][k][k]` to `y` `[outputs][rows][columns][16]`.
#[inline(always)]
pub(crate) fn forward<S: Lanes>(
    s: S,
    shape: &ConvGeometry,
    x: &[f32],
    w: &[f32],
    y: &mut [f32],
    epilogue: Epilogue<'_>,
) {
    let (input, output) = (shape.input(), shape.output());
    let (k, stride) = (shape.kernel(), shape.stride());
    let (ph, pw) = shape.padding().dims(&input);
    let tap = |t| Tap { x: (t / k * pw + t % k) * LANES, w: t };
    let taps: Vec<Tap> = (0..shape.taps()).map(tap).collect();
    let columns = output.columns();
    let layout = GridLayout {
        taps: &taps,
        inputs: input.channels(),
        outputs: output.channels(),
        rows: output.rows(),
        columns,
        x: Steps { channel: ph * pw * LANES, row: stride * pw * LANES, pixel: stride * LANES },
        y: Steps { channel: output.plane(), row: columns * LANES, pixel: LANES },
        w_input: k * k,
        w_output: input.channels() * k * k,
    };
    checked(Grid::new(layout, x, w, y, epilogue)).run(s);
}

/// The gradient `dx` of a block of the input, `[inputs][rows][columns][16]`, from the padded
/// gradient of the output, `dy` `[outputs][rows + padding][columns + padding][16]`. The padding is
/// [`ConvGeometry::gradient_padding`].
#[inline(always)]
pub(crate) fn input_gradient<S: Lanes>(
    s: S,
    shape: &ConvGeometry,
    dy: &[f32],
    w: &[f32],
    dx: &mut [f32],
) {
    let (input, output) = (shape.input(), shape.output());
    let (k, stride, padding) = (shape.kernel(), shape.stride(), shape.gradient_padding());
    let (h, width) = (input.rows(), input.columns());
    let (ph, pw) = padding.dims(&output);
    // the padded row of `dy` that tap `tap` leads to from row `start` of the input
    let padded = |start: usize, tap: usize| {
        let before = (start + k / 2 + stride * padding.side()) - tap;
        before.is_multiple_of(stride).then_some(before / stride)
    };
    for (ry, rx) in (0..stride).flat_map(|y| (0..stride).map(move |x| (y, x))) {
        if ry >= h || rx >= width {
            continue;
        }
        let tap = |t: usize| {
            let (y, x) = (padded(ry, t / k)?, padded(rx, t % k)?);
            Some(Tap { x: (y * pw + x) * LANES, w: t })
        };
        let taps: Vec<Tap> = (0..shape.taps()).filter_map(tap).collect();
        let layout = GridLayout {
            taps: &taps,
            inputs: output.channels(),
            outputs: input.channels(),
            rows: (h - ry).div_ceil(stride),
            columns: (width - rx).div_ceil(stride),
            x: Steps { channel: ph * pw * LANES, row: pw * LANES, pixel: LANES },
            y: Steps { channel: input.plane(), row: stride * width * LANES, pixel: stride * LANES },
            w_input: input.channels() * k * k,
            w_output: k * k,
        };
        let first = (ry * width + rx) * LANES;
        checked(Grid::new(layout, dy, w, &mut dx[first..], Epilogue::NONE)).run(s);
    }
}
