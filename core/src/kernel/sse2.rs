//! The tile with SSE2, which every x86-64 processor has, through safe wrappers.

use safe_arch::{
    add_i32_m128i, m128i, mul_i16_horizontal_add_m128i, set_i32_m128i_s, shr_imm_i16_m128i,
    shuffle_ai_f32_all_m128i, shuffle_ai_i16_l64all_m128i, unpack_low_i8_m128i,
};

use super::micro::{MicroKernel, Sums, TILE_PIXELS, Window};

/// `PMADDWD` multiplies the channel pairs of four pixels at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sse2;

impl MicroKernel for Sse2 {
    #[inline]
    fn tile(&self, window: &Window<'_>, x: usize, weights: &[u32], sums: &mut Sums) {
        assert!(window.holds(x, weights.len()));
        match (window.kernel(), window.stride()) {
            (1, 1) => planes(window, x, weights, sums, 1, 1),
            (3, 1) => planes(window, x, weights, sums, 3, 1),
            (3, 2) => planes(window, x, weights, sums, 3, 2),
            (kernel, stride) => planes(window, x, weights, sums, kernel, stride),
        }
    }
}

#[inline(always)]
fn planes(
    window: &Window<'_>,
    x: usize,
    weights: &[u32],
    sums: &mut Sums,
    kernel: usize,
    stride: usize,
) {
    let (step, phase) = (window.step(), window.phase());
    let [first, second] = window.runs();
    let (before, after) = weights.split_at(window.planes()[0] * kernel);
    let [mut o0, mut o1] = sums.map(bytemuck::cast::<_, m128i>);
    for (run, weights) in [(first, before), (second, after)] {
        for (plane, weights) in run.chunks_exact(step).zip(weights.chunks_exact(kernel)) {
            for (kx, &w) in weights.iter().enumerate() {
                let at = kx % stride * phase + kx / stride + x;
                let pixels = plane.get(at..at + TILE_PIXELS).and_then(<[u32]>::first_chunk);
                let pixels: [u32; TILE_PIXELS] = pixels.copied().unwrap_or_default();
                let pixels: m128i = bytemuck::cast(pixels);
                // [o0 a, o1 a, o0 b, o1 b] as i16, reordered to (o0 a, o0 b), (o1 a, o1 b).
                let bytes = set_i32_m128i_s(w as i32);
                let wide = shr_imm_i16_m128i::<8>(unpack_low_i8_m128i(bytes, bytes));
                let pairs = shuffle_ai_i16_l64all_m128i::<0b11_01_10_00>(wide);
                let (w0, w1) = (
                    shuffle_ai_f32_all_m128i::<0x00>(pairs),
                    shuffle_ai_f32_all_m128i::<0x55>(pairs),
                );
                o0 = add_i32_m128i(o0, mul_i16_horizontal_add_m128i(pixels, w0));
                o1 = add_i32_m128i(o1, mul_i16_horizontal_add_m128i(pixels, w1));
            }
        }
    }
    *sums = [bytemuck::cast(o0), bytemuck::cast(o1)];
}
