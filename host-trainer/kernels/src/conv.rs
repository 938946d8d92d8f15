//! Direct convolutions of one block of 16 images.
//!
//! The convolution and the gradient of its input are one routine: sums over channels and taps,
//! where a tap is an offset into a padded copy of the block. The input's gradient of a convolution
//! with a stride is one such sum for each remainder of the input pixel modulo the stride.

#[expect(clippy::needless_range_loop, reason = "register tiles are indexed by constants")]
pub(crate) mod depthwise;
#[expect(unsafe_code, reason = "register tiles follow pointers")]
#[expect(clippy::needless_range_loop, reason = "register tiles are indexed by constants")]
mod grid;
mod shape;
#[expect(unsafe_code, reason = "register tiles follow pointers")]
#[expect(clippy::needless_range_loop, reason = "register tiles are indexed by constants")]
mod weights;
mod window;

pub use grid::Epilogue;
pub(crate) use grid::{Grid, GridLayout, Steps, Tap};
pub use shape::ConvGeometry;
pub(crate) use shape::Padding;
pub(crate) use weights::WeightGradient;
pub use window::Window;

use crate::LANES;
use crate::simd::Lanes;
use crate::size::checked;

/// Convolves a padded block, `x` `[inputs][rows + padding][columns + padding][16]`, with `w`
/// `[outputs][inputs][rows of the kernel][columns of the kernel]` to `y` `[outputs][rows][columns][16]`.
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
    let window = shape.window();
    let ([_, across], [down, right]) = (window.kernel, window.stride);
    let (ph, pw) = shape.padding().dims(&input);
    let tap = |t| Tap { x: (t / across * pw + t % across) * LANES, w: t };
    let taps: Vec<Tap> = (0..shape.taps()).map(tap).collect();
    let columns = output.columns();
    let layout = GridLayout {
        taps: &taps,
        inputs: input.channels(),
        outputs: output.channels(),
        rows: output.rows(),
        columns,
        x: Steps { channel: ph * pw * LANES, row: down * pw * LANES, pixel: right * LANES },
        y: Steps { channel: output.plane(), row: columns * LANES, pixel: LANES },
        w_input: window.taps(),
        w_output: input.channels() * window.taps(),
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
    let (window, before) = (shape.window(), shape.gradient_padding().before());
    let ([_, across], [down, right]) = (window.kernel, window.stride);
    let (h, width) = (input.rows(), input.columns());
    let (ph, pw) = shape.gradient_padding().dims(&output);
    // the padded row (axis 0) or column of `dy` that tap `tap` leads to from row `start` of the
    // input
    let padded = |axis: usize, start: usize, tap: usize| {
        let stride = window.stride[axis];
        let before = (start + window.ends(axis)[0] + stride * before[axis]) - tap;
        before.is_multiple_of(stride).then_some(before / stride)
    };
    for (ry, rx) in (0..down).flat_map(|y| (0..right).map(move |x| (y, x))) {
        if ry >= h || rx >= width {
            continue;
        }
        let tap = |t: usize| {
            let (y, x) = (padded(0, ry, t / across)?, padded(1, rx, t % across)?);
            Some(Tap { x: (y * pw + x) * LANES, w: t })
        };
        let taps: Vec<Tap> = (0..shape.taps()).filter_map(tap).collect();
        let layout = GridLayout {
            taps: &taps,
            inputs: output.channels(),
            outputs: input.channels(),
            rows: (h - ry).div_ceil(down),
            columns: (width - rx).div_ceil(right),
            x: Steps { channel: ph * pw * LANES, row: pw * LANES, pixel: LANES },
            y: Steps { channel: input.plane(), row: down * width * LANES, pixel: right * LANES },
            w_input: input.channels() * window.taps(),
            w_output: window.taps(),
        };
        let first = (ry * width + rx) * LANES;
        checked(Grid::new(layout, dy, w, &mut dx[first..], Epilogue::NONE)).run(s);
    }
}
