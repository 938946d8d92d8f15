//! Direct convolutions on the batch-blocked layout, one block of 16 images at a time.
//!
//! Forward and input gradient are one routine: sums over input channels and taps, a tap being an
//! offset into a padded copy of the input. The input gradient of a strided convolution is one such
//! sum for each residue of the output position.

mod weights;

use rayon::prelude::*;

#[cfg(target_arch = "x86_64")]
use super::simd::{Avx2, Avx512};
use super::simd::{Isa, Lanes, Portable};
use crate::backend::LANES;
pub use weights::weight_gradient;

/// A convolution's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Blocks of 16 images.
    pub blocks: usize,
    /// Input channels.
    pub ci: usize,
    /// Input rows.
    pub h: usize,
    /// Input columns.
    pub w: usize,
    /// Output channels.
    pub co: usize,
    /// Side of the kernel, odd.
    pub k: usize,
    /// 1 or 2.
    pub stride: usize,
}

impl Geometry {
    /// Output rows.
    pub fn ho(&self) -> usize {
        self.h.div_ceil(self.stride)
    }
    /// Output columns.
    pub fn wo(&self) -> usize {
        self.w.div_ceil(self.stride)
    }
    fn pad(&self) -> usize {
        self.k / 2
    }
    fn input(&self) -> usize {
        self.ci * self.h * self.w * LANES
    }
    fn output(&self) -> usize {
        self.co * self.ho() * self.wo() * LANES
    }
    fn weights(&self) -> usize {
        self.co * self.ci * self.k * self.k
    }
}

/// A tap: offset into the padded input and into an output channel's weights of one input channel.
#[derive(Clone, Copy)]
pub(super) struct Tap {
    pub x: usize,
    pub w: usize,
}

/// Sums of products over channels and taps for a grid of pixels. Offsets count f32.
pub(super) struct Grid<'a> {
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
/// `S`'s instructions; offsets of `g` inside `x`, `w`, `y`.
#[inline(always)]
unsafe fn tile<S: Lanes, const C: usize, const P: usize>(
    g: &Grid<'_>,
    x: *const f32,
    w: *const f32,
    start: &[f32; C],
) -> [[S; P]; C] {
    // SAFETY: the caller's offsets stay inside the slices
    unsafe {
        let mut acc: [[S; P]; C] = std::array::from_fn(|c| [S::splat(start[c]); P]);
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
        acc
    }
}

/// # Safety
/// As [`tile`].
#[inline(always)]
unsafe fn finish<S: Lanes, const C: usize, const P: usize>(
    g: &Grid<'_>,
    acc: [[S; P]; C],
    y: *mut f32,
    at: usize,
    e: &Epilogue<'_>,
) {
    for (c, row) in acc.into_iter().enumerate() {
        for (p, mut sum) in row.into_iter().enumerate() {
            let at = at + c * g.y_channel + p * g.y_pixel;
            // SAFETY: `at` is a pixel of the output, and the residual has its layout
            unsafe {
                if let Some(r) = e.residual {
                    sum = sum.fma(S::load(r.as_ptr().add(at)), S::splat(1.0));
                }
                if e.slope != 1.0 {
                    sum = sum.leaky(S::splat(e.slope));
                }
                sum.store(y.add(at));
            }
        }
    }
}

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
    let start: [f32; C] = std::array::from_fn(|c| e.bias.map_or(0.0, |b| b[output + c]));
    let mut ox = 0;
    while ox < g.columns {
        // SAFETY: rows, columns and channels are inside the grid
        unsafe {
            let x = x.add(oy * g.x_row + ox * g.x_pixel);
            let w = w.add(output * g.w_output);
            let at = output * g.y_channel + oy * g.y_row + ox * g.y_pixel;
            if g.columns - ox >= 4 {
                finish::<S, C, 4>(g, tile::<S, C, 4>(g, x, w, &start), y, at, e);
                ox += 4;
            } else if g.columns - ox >= 2 {
                finish::<S, C, 2>(g, tile::<S, C, 2>(g, x, w, &start), y, at, e);
                ox += 2;
            } else {
                finish::<S, C, 1>(g, tile::<S, C, 1>(g, x, w, &start), y, at, e);
                ox += 1;
            }
        }
    }
}

/// # Safety
/// As [`tile`].
#[inline(always)]
unsafe fn grid<S: Lanes>(
    g: &Grid<'_>,
    x: *const f32,
    w: *const f32,
    y: *mut f32,
    e: &Epilogue<'_>,
) {
    for oy in 0..g.rows {
        let mut o = 0;
        while o < g.outputs {
            // SAFETY: as the caller promises
            o += unsafe {
                match g.outputs - o {
                    5 => {
                        row::<S, 5>(g, x, w, y, (o, oy), e);
                        5
                    }
                    1 => {
                        row::<S, 1>(g, x, w, y, (o, oy), e);
                        1
                    }
                    2 => {
                        row::<S, 2>(g, x, w, y, (o, oy), e);
                        2
                    }
                    3 => {
                        row::<S, 3>(g, x, w, y, (o, oy), e);
                        3
                    }
                    _ => {
                        row::<S, 4>(g, x, w, y, (o, oy), e);
                        4
                    }
                }
            };
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn grid_avx512(g: &Grid<'_>, x: *const f32, w: *const f32, y: *mut f32, e: &Epilogue<'_>) {
    // SAFETY: as the caller promises
    unsafe { grid::<Avx512>(g, x, w, y, e) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn grid_avx2(g: &Grid<'_>, x: *const f32, w: *const f32, y: *mut f32, e: &Epilogue<'_>) {
    // SAFETY: as the caller promises
    unsafe { grid::<Avx2>(g, x, w, y, e) }
}

pub(super) fn run_grid(
    isa: Isa,
    g: &Grid<'_>,
    x: &[f32],
    w: &[f32],
    y: &mut [f32],
    e: &Epilogue<'_>,
) {
    if g.rows == 0 || g.columns == 0 || g.outputs == 0 {
        return;
    }
    let reach = g.taps.iter().map(|t| (t.x, t.w)).fold((0, 0), |a, b| (a.0.max(b.0), a.1.max(b.1)));
    let last = |n: usize, step: usize| n.saturating_sub(1) * step;
    let pixel = |row, pixel| last(g.rows, row) + last(g.columns, pixel) + LANES;
    assert!(last(g.inputs, g.x_channel) + pixel(g.x_row, g.x_pixel) + reach.0 <= x.len());
    assert!(last(g.inputs, g.w_input) + last(g.outputs, g.w_output) + reach.1 < w.len().max(1));
    let end = last(g.outputs, g.y_channel) + pixel(g.y_row, g.y_pixel);
    assert!(end <= y.len() && e.residual.is_none_or(|r| end <= r.len()));
    let (x, w, y) = (x.as_ptr(), w.as_ptr(), y.as_mut_ptr());
    // SAFETY: the assertions above cover every offset; the instructions were detected
    unsafe {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => grid_avx512(g, x, w, y, e),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => grid_avx2(g, x, w, y, e),
            _ => grid::<Portable>(g, x, w, y, e),
        }
    }
}

/// Copies a block `[c][h][w][16]` into the middle of zeros, `pad` pixels on every side, and `more`
/// on the far sides.
fn padded(x: &[f32], c: usize, h: usize, w: usize, pad: usize, more: usize, out: &mut Vec<f32>) {
    let (ph, pw) = (h + 2 * pad + more, w + 2 * pad + more);
    out.clear();
    out.resize(c * ph * pw * LANES, 0.0);
    for channel in 0..c {
        for y in 0..h {
            let from = &x[(channel * h + y) * w * LANES..][..w * LANES];
            out[((channel * ph + y + pad) * pw + pad) * LANES..][..w * LANES].copy_from_slice(from);
        }
    }
}

/// Convolution, `x` `[blocks][ci][h][w][16]`, `w` `[co][ci][k][k]`, result
/// `[blocks][co][ho][wo][16]`; the residual of the epilogue has the result's layout.
pub fn forward(isa: Isa, g: Geometry, x: &[f32], w: &[f32], e: &Epilogue<'_>) -> Vec<f32> {
    let (pad, ho, wo) = (g.pad(), g.ho(), g.wo());
    let (ph, pw) = (g.h + 2 * pad, g.w + 2 * pad);
    let taps: Vec<Tap> =
        (0..g.k * g.k).map(|t| Tap { x: (t / g.k * pw + t % g.k) * LANES, w: t }).collect();
    let grid = Grid {
        taps: &taps,
        inputs: g.ci,
        outputs: g.co,
        rows: ho,
        columns: wo,
        x_channel: ph * pw * LANES,
        x_row: g.stride * pw * LANES,
        x_pixel: g.stride * LANES,
        w_input: g.k * g.k,
        w_output: g.ci * g.k * g.k,
        y_channel: ho * wo * LANES,
        y_row: wo * LANES,
        y_pixel: LANES,
    };
    let mut y = vec![0f32; g.blocks * g.output()];
    y.par_chunks_mut(g.output().max(1))
        .zip(x.par_chunks(g.input().max(1)))
        .enumerate()
        .for_each_init(Vec::new, |scratch, (b, (y, x))| {
            let x = if pad == 0 {
                x
            } else {
                padded(x, g.ci, g.h, g.w, pad, 0, scratch);
                scratch
            };
            let residual = e.residual.map(|r| &r[b * g.output()..(b + 1) * g.output()]);
            run_grid(isa, &grid, x, w, y, &Epilogue { residual, ..*e });
        });
    y
}

/// Gradient of the input, `dy` `[blocks][co][ho][wo][16]`.
pub fn input_gradient(isa: Isa, g: Geometry, dy: &[f32], w: &[f32]) -> Vec<f32> {
    let (pad, ho, wo, s, kk) = (g.pad(), g.ho(), g.wo(), g.stride, g.k * g.k);
    // Input pixel i gets dy at (i + pad - tap) / s where that is whole.
    let reach = g.k.div_ceil(s);
    let (ph, pw) = (ho + 2 * reach + s, wo + 2 * reach + s);
    let residues: Vec<(usize, usize, Vec<Tap>)> = (0..s * s)
        .map(|r| {
            let (ry, rx) = (r / s, r % s);
            let one = |r: usize, tap: usize| {
                let at = (r + pad) as isize - tap as isize;
                (at.rem_euclid(s as isize) == 0)
                    .then(|| (at.div_euclid(s as isize) + reach as isize) as usize)
            };
            let taps = (0..kk)
                .filter_map(|t| {
                    let (y, x) = (one(ry, t / g.k)?, one(rx, t % g.k)?);
                    Some(Tap { x: (y * pw + x) * LANES, w: t })
                })
                .collect();
            (ry, rx, taps)
        })
        .collect();
    let mut dx = vec![0f32; g.blocks * g.input()];
    dx.par_chunks_mut(g.input().max(1)).zip(dy.par_chunks(g.output().max(1))).for_each_init(
        Vec::new,
        |scratch, (dx, dy)| {
            padded(dy, g.co, ho, wo, reach, s, scratch);
            for (ry, rx, taps) in &residues {
                if *ry >= g.h || *rx >= g.w {
                    continue;
                }
                let grid = Grid {
                    taps,
                    inputs: g.co,
                    outputs: g.ci,
                    rows: (g.h - ry).div_ceil(s),
                    columns: (g.w - rx).div_ceil(s),
                    x_channel: ph * pw * LANES,
                    x_row: pw * LANES,
                    x_pixel: LANES,
                    w_input: g.ci * kk,
                    w_output: kk,
                    y_channel: g.h * g.w * LANES,
                    y_row: s * g.w * LANES,
                    y_pixel: s * LANES,
                };
                let start = (ry * g.w + rx) * LANES;
                run_grid(isa, &grid, scratch, w, &mut dx[start..], &Epilogue::NONE);
            }
        },
    );
    dx
}
