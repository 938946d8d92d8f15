//! Direct convolution, 16 images side by side.
//!
//! A block's input is padded once; a tile of 4 output channels x 4 pixels x 16 images stays in
//! registers over all taps. The input gradient is a convolution with the flipped, transposed
//! weights; the weight gradient keeps 4 outputs x one row of taps in registers over all pixels.

use rayon::prelude::*;

use super::isa::{Isa, Lanes, dispatch};
use crate::backend::LANES;

/// Shapes of a convolution with padding `k / 2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Input channels.
    pub ci: usize,
    /// Output channels.
    pub co: usize,
    /// Input rows.
    pub h: usize,
    /// Input columns.
    pub w: usize,
    /// Side of the kernel.
    pub k: usize,
    /// Stride.
    pub s: usize,
}

impl Geometry {
    /// Output rows and columns.
    pub fn out(&self) -> (usize, usize) {
        (self.h.div_ceil(self.s), self.w.div_ceil(self.s))
    }
    fn padded(&self) -> (usize, usize) {
        (self.h + self.k - 1, self.w + self.k - 1)
    }
}

/// What follows a convolution.
pub struct Epilogue<'a> {
    /// `[co]`.
    pub bias: Option<&'a [f32]>,
    /// Addend of the output's shape.
    pub add: Option<&'a [f32]>,
    /// Factor of negative sums: 1 for none, 0 for ReLU.
    pub slope: f32,
}

impl Epilogue<'_> {
    /// Nothing.
    pub const NONE: Self = Epilogue { bias: None, add: None, slope: 1.0 };
}

fn lanes(x: &[f32]) -> &[Lanes] {
    x.as_chunks::<LANES>().0
}

fn lanes_mut(x: &mut [f32]) -> &mut [Lanes] {
    x.as_chunks_mut::<LANES>().0
}

/// One block `[ci, h, w]` with a border of zeros, `[ci, h + k - 1, w + k - 1]`.
fn pad(x: &[Lanes], g: &Geometry) -> Vec<Lanes> {
    let ((hp, wp), p) = (g.padded(), g.k / 2);
    let mut padded = vec![[0.0; LANES]; g.ci * hp * wp];
    for (source, target) in x.chunks_exact(g.h * g.w).zip(padded.chunks_exact_mut(hp * wp)) {
        for (y, row) in source.chunks_exact(g.w).enumerate() {
            target[(y + p) * wp + p..][..g.w].copy_from_slice(row);
        }
    }
    padded
}

/// `y[b, o, oy, ox] = sum w[o, i, ky, kx] x[b, i, s oy + ky - k/2, s ox + kx - k/2]`, for all
/// blocks; `x` is `[blocks, ci, h, w, 16]`, `w` `[co, ci, k, k]`.
pub fn forward(x: &[f32], w: &[f32], g: &Geometry, end: &Epilogue<'_>) -> Vec<f32> {
    let (ho, wo) = g.out();
    let (size, out) = (g.ci * g.h * g.w * LANES, g.co * ho * wo * LANES);
    let mut y = vec![0.0; x.len() / size * out];
    y.par_chunks_exact_mut(out).zip(x.par_chunks_exact(size)).enumerate().for_each(|(b, (y, x))| {
        let end = Epilogue { add: end.add.map(|a| &a[b * out..(b + 1) * out]), ..*end };
        if g.k == 1 {
            forward_block(lanes(x), w, g, &end, lanes_mut(y));
        } else {
            forward_block(&pad(lanes(x), g), w, g, &end, lanes_mut(y));
        }
    });
    y
}

dispatch! {
    /// One block, padded.
    pub fn forward_block(x: &[Lanes], w: &[f32], g: &Geometry, end: &Epilogue<'_>, y: &mut [Lanes])
        = forward_generic
}

#[inline(always)]
fn forward_generic<I: Isa>(
    x: &[Lanes],
    w: &[f32],
    g: &Geometry,
    end: &Epilogue<'_>,
    y: &mut [Lanes],
) {
    let (ho, wo) = g.out();
    for oy in 0..ho {
        let mut o = 0;
        while o < g.co {
            let channels = (g.co - o).min(4);
            let mut ox = 0;
            while ox < wo {
                let four = ox + 4 <= wo;
                match (channels, four) {
                    (4, true) => tile::<I, 4, 4>(x, w, g, end, (o, oy, ox), y),
                    (3, true) => tile::<I, 3, 4>(x, w, g, end, (o, oy, ox), y),
                    (2, true) => tile::<I, 2, 4>(x, w, g, end, (o, oy, ox), y),
                    (_, true) => tile::<I, 1, 4>(x, w, g, end, (o, oy, ox), y),
                    (4, false) => tile::<I, 4, 1>(x, w, g, end, (o, oy, ox), y),
                    (3, false) => tile::<I, 3, 1>(x, w, g, end, (o, oy, ox), y),
                    (2, false) => tile::<I, 2, 1>(x, w, g, end, (o, oy, ox), y),
                    (_, false) => tile::<I, 1, 1>(x, w, g, end, (o, oy, ox), y),
                }
                ox += if four { 4 } else { 1 };
            }
            o += channels;
        }
    }
}

/// `C` output channels from `o` x `P` pixels from (`oy`, `ox`).
#[inline(always)]
fn tile<I: Isa, const C: usize, const P: usize>(
    x: &[Lanes],
    w: &[f32],
    g: &Geometry,
    end: &Epilogue<'_>,
    (o, oy, ox): (usize, usize, usize),
    y: &mut [Lanes],
) {
    let ((hp, wp), (ho, wo), kk) = (g.padded(), g.out(), g.k * g.k);
    let mut acc = [[[0.0f32; LANES]; P]; C];
    let weights: [&[f32]; C] =
        std::array::from_fn(|c| &w[(o + c) * g.ci * kk..(o + c + 1) * g.ci * kk]);
    for i in 0..g.ci {
        for ky in 0..g.k {
            let row = &x[(i * hp + oy * g.s + ky) * wp + ox * g.s..][..(P - 1) * g.s + g.k];
            for kx in 0..g.k {
                for c in 0..C {
                    let weight = weights[c][i * kk + ky * g.k + kx];
                    for p in 0..P {
                        let value = &row[p * g.s + kx];
                        for l in 0..LANES {
                            acc[c][p][l] = I::fma(value[l], weight, acc[c][p][l]);
                        }
                    }
                }
            }
        }
    }
    for c in 0..C {
        let at = ((o + c) * ho + oy) * wo + ox;
        let bias = end.bias.map_or(0.0, |b| b[o + c]);
        for p in 0..P {
            let mut value = acc[c][p];
            for v in &mut value {
                *v += bias;
            }
            if let Some(add) = end.add {
                for (v, a) in value.iter_mut().zip(&lanes(add)[at + p]) {
                    *v += a;
                }
            }
            if end.slope != 1.0 {
                for v in &mut value {
                    *v = if *v < 0.0 { *v * end.slope } else { *v };
                }
            }
            y[at + p] = value;
        }
    }
}

/// Gradient of the input: `[blocks, ci, h, w, 16]` from `dy` of the output's shape.
pub fn input_gradient(dy: &[f32], w: &[f32], g: &Geometry) -> Vec<f32> {
    let (kk, (ho, wo)) = (g.k * g.k, g.out());
    let mut flipped = vec![0.0; w.len()];
    for o in 0..g.co {
        for i in 0..g.ci {
            for t in 0..kk {
                flipped[(i * g.co + o) * kk + kk - 1 - t] = w[(o * g.ci + i) * kk + t];
            }
        }
    }
    let back = |h, w| Geometry { ci: g.co, co: g.ci, h, w, k: g.k, s: 1 };
    match (g.s, g.k) {
        (1, _) => forward(dy, &flipped, &back(g.h, g.w), &Epilogue::NONE),
        (_, 1) => {
            let low = forward(dy, &flipped, &back(ho, wo), &Epilogue::NONE);
            spread(&low, (ho, wo), g)
        }
        _ => forward(&spread(dy, (ho, wo), g), &flipped, &back(g.h, g.w), &Epilogue::NONE),
    }
}

/// Puts pixel (y, x) at (s y, s x) of planes `[h, w]` of zeros.
fn spread(x: &[f32], (ho, wo): (usize, usize), g: &Geometry) -> Vec<f32> {
    let mut y = vec![0.0; x.len() / (ho * wo) * g.h * g.w];
    y.par_chunks_exact_mut(g.h * g.w * LANES).zip(x.par_chunks_exact(ho * wo * LANES)).for_each(
        |(y, x)| {
            let y = lanes_mut(y);
            for (i, value) in lanes(x).iter().enumerate() {
                y[i / wo * g.s * g.w + i % wo * g.s] = *value;
            }
        },
    );
    y
}

/// Gradient of the weights, `[co, ci, k, k]`. Blocks are summed in order, so the result does not
/// depend on the number of threads.
pub fn weight_gradient(x: &[f32], dy: &[f32], g: &Geometry) -> Vec<f32> {
    let (ho, wo) = g.out();
    let (size, out) = (g.ci * g.h * g.w * LANES, g.co * ho * wo * LANES);
    let parts: Vec<Vec<f32>> = x
        .par_chunks_exact(size)
        .zip(dy.par_chunks_exact(out))
        .map(|(x, dy)| {
            let mut dw = vec![0.0; g.co * g.ci * g.k * g.k];
            if g.k == 1 {
                weight_block(lanes(x), lanes(dy), g, &mut dw);
            } else {
                weight_block(&pad(lanes(x), g), lanes(dy), g, &mut dw);
            }
            dw
        })
        .collect();
    let mut dw = vec![0.0; g.co * g.ci * g.k * g.k];
    for part in parts {
        dw.iter_mut().zip(part).for_each(|(sum, v)| *sum += v);
    }
    dw
}

dispatch! {
    /// One block, padded; adds to `dw`.
    pub fn weight_block(x: &[Lanes], dy: &[Lanes], g: &Geometry, dw: &mut [f32]) = weight_generic
}

#[inline(always)]
fn weight_generic<I: Isa>(x: &[Lanes], dy: &[Lanes], g: &Geometry, dw: &mut [f32]) {
    let mut o = 0;
    while o < g.co {
        let channels = (g.co - o).min(4);
        for i in 0..g.ci {
            for ky in 0..g.k {
                let mut kx = 0;
                while kx < g.k {
                    let taps = if kx + 3 <= g.k { 3 } else { 1 };
                    let at = (o, i, ky, kx);
                    match (channels, taps) {
                        (4, 3) => taps_of::<I, 4, 3>(x, dy, g, at, dw),
                        (3, 3) => taps_of::<I, 3, 3>(x, dy, g, at, dw),
                        (2, 3) => taps_of::<I, 2, 3>(x, dy, g, at, dw),
                        (1, 3) => taps_of::<I, 1, 3>(x, dy, g, at, dw),
                        (4, _) => taps_of::<I, 4, 1>(x, dy, g, at, dw),
                        (3, _) => taps_of::<I, 3, 1>(x, dy, g, at, dw),
                        (2, _) => taps_of::<I, 2, 1>(x, dy, g, at, dw),
                        _ => taps_of::<I, 1, 1>(x, dy, g, at, dw),
                    }
                    kx += taps;
                }
            }
        }
        o += channels;
    }
}

/// `C` output channels from `o` x `T` taps from `kx` of input channel `i`, kernel row `ky`.
#[inline(always)]
fn taps_of<I: Isa, const C: usize, const T: usize>(
    x: &[Lanes],
    dy: &[Lanes],
    g: &Geometry,
    (o, i, ky, kx): (usize, usize, usize, usize),
    dw: &mut [f32],
) {
    let ((hp, wp), (ho, wo)) = (g.padded(), g.out());
    let mut acc = [[[0.0f32; LANES]; T]; C];
    for oy in 0..ho {
        let row = &x[(i * hp + oy * g.s + ky) * wp + kx..][..(wo - 1) * g.s + T];
        let grads: [&[Lanes]; C] =
            std::array::from_fn(|c| &dy[((o + c) * ho + oy) * wo..((o + c) * ho + oy + 1) * wo]);
        for ox in 0..wo {
            let values = &row[ox * g.s..ox * g.s + T];
            for c in 0..C {
                let grad = &grads[c][ox];
                for t in 0..T {
                    for l in 0..LANES {
                        acc[c][t][l] = I::fma(grad[l], values[t][l], acc[c][t][l]);
                    }
                }
            }
        }
    }
    for c in 0..C {
        for t in 0..T {
            dw[(((o + c) * g.ci + i) * g.k + ky) * g.k + kx + t] += acc[c][t].iter().sum::<f32>();
        }
    }
}
