//! The gradient of the weights.

use rayon::prelude::*;

#[cfg(target_arch = "x86_64")]
use super::super::simd::{Avx2, Avx512};
use super::super::simd::{Isa, Lanes, Portable};
use super::{Geometry, padded};
use crate::backend::LANES;

/// # Safety
/// `S`'s instructions; whole blocks behind the pointers. Sums `C` outputs x `I` inputs x `K` neighbouring taps over all pixels.
#[inline(always)]
unsafe fn weight_tile<S: Lanes, const C: usize, const I: usize, const K: usize>(
    g: &Geometry,
    dy: *const f32,
    x: *const f32,
) -> [[[f32; K]; I]; C] {
    let (ho, wo) = (g.ho(), g.wo());
    let (ph, pw) = (g.h + 2 * g.pad(), g.w + 2 * g.pad());
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
        acc.map(|a| a.map(|a| a.map(|v| v.sum())))
    }
}

/// # Safety
/// As [`weight_tile`].
#[inline(always)]
unsafe fn weight_block<S: Lanes>(g: &Geometry, dy: *const f32, x: *const f32, dw: &mut [f32]) {
    let (ph, pw, area) = (g.h + 2 * g.pad(), g.w + 2 * g.pad(), g.ho() * g.wo());
    macro_rules! sums {
        ($c:literal, $i:literal, $k:literal, $o:expr, $ci:expr, $ky:expr, $kx:expr) => {{
            // SAFETY: channel and tap are inside the convolution
            let sums = unsafe {
                let dy = dy.add($o * area * LANES);
                let x = x.add((($ci * ph + $ky) * pw + $kx) * LANES);
                weight_tile::<S, $c, $i, $k>(g, dy, x)
            };
            for (c, sums) in sums.iter().enumerate() {
                for (i, sums) in sums.iter().enumerate() {
                    let at = ((($o + c) * g.ci + $ci + i) * g.k + $ky) * g.k + $kx;
                    dw[at..at + $k].copy_from_slice(sums);
                }
            }
        }};
    }
    macro_rules! inputs {
        ($c:literal, $o:expr) => {
            for ky in 0..g.k {
                let mut ci = 0;
                while ci < g.ci {
                    let two = g.ci - ci >= 2;
                    let mut kx = 0;
                    while kx < g.k {
                        match (two, g.k - kx >= 3) {
                            (true, true) => sums!($c, 2, 3, $o, ci, ky, kx),
                            (true, false) => sums!($c, 2, 1, $o, ci, ky, kx),
                            (false, true) => sums!($c, 1, 3, $o, ci, ky, kx),
                            (false, false) => sums!($c, 1, 1, $o, ci, ky, kx),
                        }
                        kx += if g.k - kx >= 3 { 3 } else { 1 };
                    }
                    ci += if two { 2 } else { 1 };
                }
            }
        };
    }
    let mut o = 0;
    while o < g.co {
        match g.co - o {
            1 => {
                inputs!(1, o);
                o += 1
            }
            2 => {
                inputs!(2, o);
                o += 2
            }
            3 => {
                inputs!(3, o);
                o += 3
            }
            _ => {
                inputs!(4, o);
                o += 4
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn weight_avx512(g: &Geometry, dy: *const f32, x: *const f32, dw: &mut [f32]) {
    // SAFETY: as the caller promises
    unsafe { weight_block::<Avx512>(g, dy, x, dw) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn weight_avx2(g: &Geometry, dy: *const f32, x: *const f32, dw: &mut [f32]) {
    // SAFETY: as the caller promises
    unsafe { weight_block::<Avx2>(g, dy, x, dw) }
}

/// Gradient of the weights, summed over the blocks in their order: the same for every number of
/// threads.
pub fn weight_gradient(isa: Isa, g: Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    assert!(x.len() == g.blocks * g.input() && dy.len() == g.blocks * g.output());
    let parts: Vec<Vec<f32>> = x
        .par_chunks(g.input().max(1))
        .zip(dy.par_chunks(g.output().max(1)))
        .map_init(Vec::new, |scratch, (x, dy)| {
            padded(x, g.ci, g.h, g.w, g.pad(), 0, scratch);
            let mut dw = vec![0f32; g.weights()];
            let (x, dy) = (scratch.as_ptr(), dy.as_ptr());
            // SAFETY: `scratch` is the padded block and `dy` a whole block of this geometry; the
            // instructions were detected
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => weight_avx512(&g, dy, x, &mut dw),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => weight_avx2(&g, dy, x, &mut dw),
                    _ => weight_block::<Portable>(&g, dy, x, &mut dw),
                }
            }
            dw
        })
        .collect();
    let mut sum = vec![0f32; g.weights()];
    for part in parts {
        sum.iter_mut().zip(part).for_each(|(s, p)| *s += p);
    }
    sum
}
