//! The primitives with SSE2, through safe wrappers. Every x86-64 processor has SSE2.

mod finish;
mod winograd;

use safe_arch::{
    add_i32_m128i, m128i, mul_i16_horizontal_add_m128i, set_i32_m128i_s, set_splat_i32_m128i,
    shr_imm_i16_m128i, shuffle_ai_f32_all_m128i, shuffle_ai_i16_l64all_m128i, unpack_low_i8_m128i,
};

use super::finish::{BlockRows, Finish, PairRow, Requantise};
use super::micro::MicroKernel;
use super::window::{Sums, TILE_PIXELS, Window, column_start};
use super::winograd::INPUT_ROWS;
use crate::graph::Tiling;

/// The primitives with SSE2: `PMADDWD` multiplies the channel pairs of four pixels at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sse2;

impl Requantise for Sse2 {}

impl MicroKernel for Sse2 {
    #[inline]
    fn tile(&self, window: &Window<'_>, x: usize, weights: &[u32], sums: &mut Sums) {
        let start = sums.map(|sums| [bytemuck::cast(sums)]);
        *sums = tiles(window, x, weights, start).map(|[sums]| bytemuck::cast(sums));
    }

    #[inline]
    fn row(&self, window: &Window<'_>, weights: &[u32], finish: &Finish, out: &mut PairRow<'_>) {
        let mut x = 0;
        // Several tiles at a time, so that weights are unpacked less often.
        while x < out.pixels() {
            let left = out.pixels().div_ceil(TILE_PIXELS) - x / TILE_PIXELS;
            x += TILE_PIXELS
                * match left {
                    0 | 1 => some::<1>(window, x, weights, finish, out),
                    2 | 3 => some::<2>(window, x, weights, finish, out),
                    _ => some::<4>(window, x, weights, finish, out),
                };
        }
    }

    #[inline]
    fn winograd_block(
        &self,
        tiling: Tiling,
        v: &[u32],
        u: &[u32],
        _: &mut [u32],
        finish: &Finish,
        out: &mut BlockRows<'_>,
    ) {
        winograd::blocks(tiling, v, u, finish, out);
    }

    #[inline]
    fn winograd_weights(&self, tiling: Tiling, packed: &[u32], pairs: usize, u: &mut [u32]) {
        winograd::weights(tiling, packed, pairs, u);
    }

    #[inline]
    fn winograd_input(
        &self,
        tiling: Tiling,
        rows: &[&[u32]; INPUT_ROWS],
        phase: usize,
        x: usize,
        v: &mut [u32],
    ) {
        winograd::input(tiling, rows, phase, x, v);
    }
}

/// Four words from `at` on; zeros if they do not exist.
#[inline(always)]
fn four(words: &[u32], at: usize) -> m128i {
    let words = words.get(at..).and_then(<[u32]>::first_chunk::<4>);
    bytemuck::cast(words.copied().unwrap_or_default())
}

/// Requantises `TILES` tiles from pixel `x` on, and returns their number.
#[inline(always)]
fn some<const TILES: usize>(
    window: &Window<'_>,
    x: usize,
    weights: &[u32],
    finish: &Finish,
    out: &mut PairRow<'_>,
) -> usize {
    let start = finish.bias.map(|bias| [set_splat_i32_m128i(bias); TILES]);
    let [first, second] = tiles(window, x, weights, start);
    for (tile, sums) in first.into_iter().zip(second).enumerate() {
        finish::four(finish, sums.into(), out, x + TILE_PIXELS * tile);
    }
    TILES
}

#[inline(always)]
fn tiles<const TILES: usize>(
    window: &Window<'_>,
    x: usize,
    weights: &[u32],
    start: [[m128i; TILES]; 2],
) -> [[m128i; TILES]; 2] {
    match (window.kernel(), window.stride()) {
        (1, 1) => planes(window, x, weights, start, 1, 1),
        (3, 1) => planes(window, x, weights, start, 3, 1),
        (3, 2) => planes(window, x, weights, start, 3, 2),
        (kernel, stride) => planes(window, x, weights, start, kernel, stride),
    }
}

/// The weights of both outputs from a packed word, each repeated in all lanes.
#[inline(always)]
fn pairs(word: u32) -> [m128i; 2] {
    // Widens [o0 a, o1 a, o0 b, o1 b] to i16 and reorders them to (o0 a, o0 b), (o1 a, o1 b).
    let bytes = set_i32_m128i_s(word as i32);
    let wide = shr_imm_i16_m128i::<8>(unpack_low_i8_m128i(bytes, bytes));
    let pairs = shuffle_ai_i16_l64all_m128i::<0b11_01_10_00>(wide);
    [shuffle_ai_f32_all_m128i::<0x00>(pairs), shuffle_ai_f32_all_m128i::<0x55>(pairs)]
}

#[inline(always)]
fn planes<const TILES: usize>(
    window: &Window<'_>,
    x: usize,
    weights: &[u32],
    start: [[m128i; TILES]; 2],
    kernel: usize,
    stride: usize,
) -> [[m128i; TILES]; 2] {
    let (step, phase) = (window.plane_words(), window.phase());
    let [first, second] = window.runs();
    let (before, after) = weights.split_at(weights.len().min(window.planes()[0] * kernel));
    let [mut a, mut b] = start;
    for (run, weights) in [(first, before), (second, after)] {
        for (plane, weights) in run.chunks_exact(step).zip(weights.chunks_exact(kernel)) {
            for (kx, &w) in weights.iter().enumerate() {
                let at = column_start(kx, stride, phase) + x;
                let Some(pixels) = plane.get(at..at + TILES * TILE_PIXELS) else { continue };
                let [w0, w1] = pairs(w);
                for ((pixels, a), b) in pixels.chunks_exact(TILE_PIXELS).zip(&mut a).zip(&mut b) {
                    let pixels = four(pixels, 0);
                    *a = add_i32_m128i(*a, mul_i16_horizontal_add_m128i(pixels, w0));
                    *b = add_i32_m128i(*b, mul_i16_horizontal_add_m128i(pixels, w1));
                }
            }
        }
    }
    [a, b]
}
