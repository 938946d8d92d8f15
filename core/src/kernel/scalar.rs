//! The primitives in plain Rust: for hosts, for cores without SIMD, and to compare others with.

use super::finish::Requantise;
use super::micro::MicroKernel;
use super::window::{Sums, TILE_PIXELS, Window, column_start};

/// The portable primitives. The compiler vectorises them over pixels where this pays.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scalar;

impl Requantise for Scalar {}

impl MicroKernel for Scalar {
    #[inline]
    fn tile(&self, window: &Window<'_>, x: usize, weights: &[u32], sums: &mut Sums) {
        match (window.kernel(), window.stride()) {
            (1, 1) => planes::<1, 1>(window, x, weights, sums),
            (3, 1) => planes::<3, 1>(window, x, weights, sums),
            (3, 2) => planes::<3, 2>(window, x, weights, sums),
            (kernel, stride) => any(window, x, weights, sums, kernel, stride),
        }
    }
}

#[inline]
fn planes<const K: usize, const S: usize>(
    window: &Window<'_>,
    x: usize,
    weights: &[u32],
    sums: &mut Sums,
) {
    any(window, x, weights, sums, K, S);
}

#[inline(always)]
fn any(
    window: &Window<'_>,
    x: usize,
    weights: &[u32],
    sums: &mut Sums,
    kernel: usize,
    stride: usize,
) {
    let (step, phase) = (window.plane_words(), window.phase());
    let [first, second] = window.runs();
    // Both are at least 1. `max` tells the compiler so, which then links no panic.
    let (step, kernel) = (step.max(1), kernel.max(1));
    let planes = first.chunks_exact(step).chain(second.chunks_exact(step));
    let mut total = *sums;
    for (plane, weights) in planes.zip(weights.chunks_exact(kernel)) {
        for (kx, &w) in weights.iter().enumerate() {
            let at = column_start(kx, stride, phase) + x;
            if let Some(pixels) = plane.get(at..at + TILE_PIXELS) {
                column(pixels, w, &mut total);
            }
        }
    }
    *sums = total;
}

#[expect(clippy::indexing_slicing, reason = "callers pass as many pixels as there are sums")]
#[inline(always)]
fn column(pixels: &[u32], weights: u32, sums: &mut Sums) {
    let [o0a, o1a, o0b, o1b] = weights.to_le_bytes().map(|b| i32::from(b as i8));
    for (i, &word) in pixels.iter().enumerate() {
        let (a, b) = (i32::from(word as i16), i32::from((word >> 16) as i16));
        sums[0][i] = sums[0][i].wrapping_add(a * o0a + b * o0b);
        sums[1][i] = sums[1][i].wrapping_add(a * o1a + b * o1b);
    }
}
