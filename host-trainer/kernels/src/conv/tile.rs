//! Sums of products for a grid of pixels, in register tiles of outputs x pixels.

use crate::LANES;
use crate::simd::Lanes;

/// A tap: offset into the padded input and into an output channel's weights of one input channel.
#[derive(Clone, Copy)]
pub struct Tap {
    pub x: usize,
    pub w: usize,
}

/// Sums of products over channels and taps for a grid of pixels. Offsets count f32.
pub struct Grid<'a> {
    pub taps: &'a [Tap],
    pub inputs: usize,
    pub outputs: usize,
    pub rows: usize,
    pub columns: usize,
    pub x_channel: usize,
    pub x_row: usize,
    pub x_pixel: usize,
    pub w_input: usize,
    pub w_output: usize,
    pub y_channel: usize,
    pub y_row: usize,
    pub y_pixel: usize,
}

/// What happens to a finished sum.
#[derive(Clone, Copy)]
pub struct Epilogue<'a> {
    /// Start of the sum, per output channel.
    pub bias: Option<&'a [f32]>,
    /// Added to the sum, in the output's layout.
    pub residual: Option<&'a [f32]>,
    /// Slope for negative results: 1 none, 0 ReLU.
    pub slope: f32,
}

impl Epilogue<'_> {
    /// The plain sum.
    pub const NONE: Epilogue<'static> = Epilogue { bias: None, residual: None, slope: 1.0 };
}

/// # Safety
/// `S`'s instructions; offsets of `g` inside what the pointers reach.
#[inline(always)]
unsafe fn tile<S: Lanes, const C: usize, const P: usize>(
    g: &Grid<'_>,
    x: *const f32,
    w: *const f32,
    y: *mut f32,
    (output, at): (usize, usize),
    e: &Epilogue<'_>,
) {
    // SAFETY: the caller's offsets stay inside the slices; the residual has the output's layout
    unsafe {
        let mut acc: [[S; P]; C] = std::array::from_fn(|c| {
            [S::splat(e.bias.map_or(0.0, |b| *b.get_unchecked(output + c))); P]
        });
        for i in 0..g.inputs {
            let (x, w) = (x.add(i * g.x_channel), w.add(i * g.w_input));
            for tap in g.taps {
                let x = x.add(tap.x);
                let pixels: [S; P] = std::array::from_fn(|p| S::load(x.add(p * g.x_pixel)));
                let w = w.add(tap.w);
                for c in 0..C {
                    let weight = S::splat(*w.add(c * g.w_output));
                    for p in 0..P {
                        acc[c][p] = acc[c][p].fma(pixels[p], weight);
                    }
                }
            }
        }
        let slope = S::splat(e.slope);
        for c in 0..C {
            for p in 0..P {
                let at = at + c * g.y_channel + p * g.y_pixel;
                let mut sum = acc[c][p];
                if let Some(r) = e.residual {
                    sum = sum.add(S::load(r.as_ptr().add(at)));
                }
                if e.slope != 1.0 {
                    sum = sum.leaky(slope);
                }
                sum.store(y.add(at));
            }
        }
    }
}

/// `C` outputs of a row.
///
/// # Safety
/// As [`tile`].
#[inline(always)]
unsafe fn row<S: Lanes, const C: usize>(
    g: &Grid<'_>,
    x: *const f32,
    w: *const f32,
    y: *mut f32,
    (output, oy): (usize, usize),
    e: &Epilogue<'_>,
) {
    let most = S::TILE.1;
    let mut ox = 0;
    while ox < g.columns {
        let left = g.columns - ox;
        // SAFETY: rows, columns and channels are inside the grid
        unsafe {
            let x = x.add(oy * g.x_row + ox * g.x_pixel);
            let w = w.add(output * g.w_output);
            let at = (output, output * g.y_channel + oy * g.y_row + ox * g.y_pixel);
            if most >= 4 && left >= 4 {
                tile::<S, C, 4>(g, x, w, y, at, e);
                ox += 4;
            } else if most >= 2 && left >= 2 {
                tile::<S, C, 2>(g, x, w, y, at, e);
                ox += 2;
            } else {
                tile::<S, C, 1>(g, x, w, y, at, e);
                ox += 1;
            }
        }
    }
}

/// Computes a grid; `x`, `w` and `y` start at its first pixel.
///
/// # Safety
/// `S`'s instructions.
///
/// # Panics
/// Where a slice is shorter than the grid needs.
#[inline(always)]
pub unsafe fn grid<S: Lanes>(g: &Grid<'_>, x: &[f32], w: &[f32], y: &mut [f32], e: &Epilogue<'_>) {
    if g.rows == 0 || g.columns == 0 || g.outputs == 0 {
        return;
    }
    let reach = g.taps.iter().fold((0, 0), |a, t| (a.0.max(t.x), a.1.max(t.w)));
    let last = |n: usize, step: usize| n.saturating_sub(1) * step;
    let pixel = |row, pixel| last(g.rows, row) + last(g.columns, pixel) + LANES;
    assert!(last(g.inputs, g.x_channel) + pixel(g.x_row, g.x_pixel) + reach.0 <= x.len());
    assert!(last(g.inputs, g.w_input) + last(g.outputs, g.w_output) + reach.1 < w.len().max(1));
    let end = last(g.outputs, g.y_channel) + pixel(g.y_row, g.y_pixel);
    assert!(end <= y.len() && e.residual.is_none_or(|r| end <= r.len()));
    assert!(e.bias.is_none_or(|b| g.outputs <= b.len()));
    let (x, w, y) = (x.as_ptr(), w.as_ptr(), y.as_mut_ptr());
    let most = S::TILE.0;
    for oy in 0..g.rows {
        let mut o = 0;
        while o < g.outputs {
            let left = g.outputs - o;
            // pieces of nearly one size
            let piece = left.div_ceil(left.div_ceil(most));
            // SAFETY: the assertions above cover every offset
            unsafe {
                match piece {
                    6 if most >= 6 => row::<S, 6>(g, x, w, y, (o, oy), e),
                    5 if most >= 5 => row::<S, 5>(g, x, w, y, (o, oy), e),
                    4 if most >= 4 => row::<S, 4>(g, x, w, y, (o, oy), e),
                    3 if most >= 3 => row::<S, 3>(g, x, w, y, (o, oy), e),
                    2 => row::<S, 2>(g, x, w, y, (o, oy), e),
                    _ => row::<S, 1>(g, x, w, y, (o, oy), e),
                }
            }
            o += piece;
        }
    }
}
