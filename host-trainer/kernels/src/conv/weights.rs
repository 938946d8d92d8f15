//! The gradient of the weights.

use super::Geometry;
use crate::LANES;
use crate::simd::Lanes;

/// Sums `C` outputs x `I` inputs x `K` neighbouring taps over all pixels.
///
/// # Safety
/// `S`'s instructions; whole blocks behind the pointers.
#[inline(always)]
unsafe fn tile<S: Lanes, const C: usize, const I: usize, const K: usize>(
    g: &Geometry,
    dy: *const f32,
    x: *const f32,
) -> [[[S; K]; I]; C] {
    let (ho, wo) = (g.ho(), g.wo());
    let (ph, pw) = (g.padding().side(g.h), g.padding().side(g.w));
    // SAFETY: the caller's offsets stay inside the slices
    unsafe {
        let mut acc = [[[S::splat(0.0); K]; I]; C];
        for oy in 0..ho {
            for ox in 0..wo {
                let dy = dy.add((oy * wo + ox) * LANES);
                let x = x.add((oy * g.stride * pw + ox * g.stride) * LANES);
                let d: [S; C] = std::array::from_fn(|c| S::load(dy.add(c * ho * wo * LANES)));
                for i in 0..I {
                    for k in 0..K {
                        let v = S::load(x.add(i * ph * pw * LANES + k * LANES));
                        for c in 0..C {
                            acc[c][i][k] = acc[c][i][k].fma(d[c], v);
                        }
                    }
                }
            }
        }
        acc
    }
}

/// One tile's sums, written into `dw`.
///
/// # Safety
/// As [`tile`]; output `o`, input `i` and taps from (`ky`, `kx`) are the convolution's.
#[inline(always)]
unsafe fn sums<S: Lanes, const C: usize, const I: usize, const K: usize>(
    g: &Geometry,
    dy: *const f32,
    x: *const f32,
    (o, ci, ky, kx): (usize, usize, usize, usize),
    dw: &mut [f32],
) {
    let (ph, pw) = (g.padding().side(g.h), g.padding().side(g.w));
    // SAFETY: as the caller promises
    let acc = unsafe {
        let dy = dy.add(o * g.ho() * g.wo() * LANES);
        let x = x.add(((ci * ph + ky) * pw + kx) * LANES);
        tile::<S, C, I, K>(g, dy, x)
    };
    for c in 0..C {
        for i in 0..I {
            // SAFETY: as the caller promises
            let four = unsafe {
                let zero = S::splat(0.0);
                S::sums(std::array::from_fn(|k| if k < K { acc[c][i][k] } else { zero }))
            };
            let at = (((o + c) * g.ci + ci + i) * g.k + ky) * g.k + kx;
            dw[at..at + K].copy_from_slice(&four[..K]);
        }
    }
}

/// All inputs and taps of `C` outputs from `o`.
///
/// # Safety
/// As [`sums`].
#[inline(always)]
unsafe fn outputs<S: Lanes, const C: usize>(
    g: &Geometry,
    dy: *const f32,
    x: *const f32,
    o: usize,
    dw: &mut [f32],
) {
    let mut ci = 0;
    while ci < g.ci {
        let two = S::WEIGHT_TILE.1 >= 2 && g.ci - ci >= 2;
        for ky in 0..g.k {
            let mut kx = 0;
            while kx < g.k {
                let (three, at) = (g.k - kx >= 3, (o, ci, ky, kx));
                // SAFETY: channels and taps are inside the convolution
                unsafe {
                    match (two, three) {
                        (true, true) => sums::<S, C, 2, 3>(g, dy, x, at, dw),
                        (true, false) => sums::<S, C, 2, 1>(g, dy, x, at, dw),
                        (false, true) => sums::<S, C, 1, 3>(g, dy, x, at, dw),
                        (false, false) => sums::<S, C, 1, 1>(g, dy, x, at, dw),
                    }
                }
                kx += if three { 3 } else { 1 };
            }
        }
        ci += if two { 2 } else { 1 };
    }
}

/// Gradient of the weights over a block, `x` padded `[ci][h + padding][w + padding][16]`, `dy`
/// `[co][ho][wo][16]`; `dw` `[co][ci][k][k]` is overwritten.
///
/// # Safety
/// `S`'s instructions.
///
/// # Panics
/// Where a slice is shorter than the geometry needs.
#[inline(always)]
pub unsafe fn weight_gradient<S: Lanes>(g: &Geometry, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    assert!(x.len() >= g.padding().block(g.ci, g.h, g.w));
    assert!(dy.len() >= g.output() && dw.len() == g.weights());
    let (x, dy) = (x.as_ptr(), dy.as_ptr());
    let most = S::WEIGHT_TILE.0;
    let mut o = 0;
    while o < g.co {
        let left = g.co - o;
        let piece = left.div_ceil(left.div_ceil(most));
        // SAFETY: the assertions above cover every offset
        unsafe {
            match piece {
                4 if most >= 4 => outputs::<S, 4>(g, dy, x, o, dw),
                3 if most >= 3 => outputs::<S, 3>(g, dy, x, o, dw),
                2 if most >= 2 => outputs::<S, 2>(g, dy, x, o, dw),
                _ => outputs::<S, 1>(g, dy, x, o, dw),
            }
        }
        o += piece;
    }
}
