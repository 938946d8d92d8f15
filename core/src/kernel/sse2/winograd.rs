//! Winograd blocks: the four lanes hold the four tiles of a block, or two pairs of a kernel.

use safe_arch::{
    add_i16_m128i, add_i32_m128i, cast_to_m128_from_m128i, cast_to_m128i_from_m128, m128i,
    mul_i16_horizontal_add_m128i, set_splat_i32_m128i, shr_imm_i16_m128i, shr_imm_i32_m128i,
    shuffle_abi_f32_all_m128, shuffle_ai_f32_all_m128i, shuffle_ai_i16_h64all_m128i,
    shuffle_ai_i16_l64all_m128i, sub_i16_m128i, sub_i32_m128i, unpack_high_i32_m128i,
    unpack_low_i8_m128i, unpack_low_i32_m128i, zeroed_m128i,
};

use super::four;
use crate::kernel::finish::{Finish, PairRow};
use crate::kernel::winograd::{
    BLOCK_COLUMNS, BLOCK_ROWS, BLOCK_TILES, input_words, position, weight_words,
};

#[inline(always)]
fn input_row(d: [m128i; 4]) -> [m128i; 4] {
    [
        sub_i16_m128i(d[0], d[2]),
        add_i16_m128i(d[1], d[2]),
        sub_i16_m128i(d[2], d[1]),
        sub_i16_m128i(d[3], d[1]),
    ]
}

#[inline(always)]
fn weight_row(g: [m128i; 3]) -> [m128i; 4] {
    let ends = add_i16_m128i(g[0], g[2]);
    [
        add_i16_m128i(g[0], g[0]),
        add_i16_m128i(ends, g[1]),
        sub_i16_m128i(ends, g[1]),
        add_i16_m128i(g[2], g[2]),
    ]
}

#[inline(always)]
fn output_row(m: [m128i; 4]) -> [m128i; 2] {
    [add_i32_m128i(add_i32_m128i(m[0], m[1]), m[2]), add_i32_m128i(sub_i32_m128i(m[1], m[2]), m[3])]
}

/// Writes four words, if they exist.
#[inline(always)]
fn put(words: &mut [u32], at: usize, value: m128i) {
    if let Some(place) = words.get_mut(at..).and_then(|w| w.first_chunk_mut::<4>()) {
        *place = bytemuck::cast(value);
    }
}

/// Lanes 0 and 2, or 1 and 3, of two registers.
#[inline(always)]
fn every_second<const MASK: i32>(a: m128i, b: m128i) -> m128i {
    let (a, b) = (cast_to_m128_from_m128i(a), cast_to_m128_from_m128i(b));
    cast_to_m128i_from_m128(shuffle_abi_f32_all_m128::<MASK>(a, b))
}

// The arrays below are written out, since compilers do not inline closures of `map` of this size.

/// Transforms four columns of four rows vertically, from word `at` on.
#[inline(always)]
fn columns(rows: [&[u32]; 4], at: usize) -> [m128i; 4] {
    input_row([four(rows[0], at), four(rows[1], at), four(rows[2], at), four(rows[3], at)])
}

#[expect(clippy::indexing_slicing, reason = "the arrays have four vectors, and `i` is below 4")]
#[inline]
pub(super) fn input(rows: [&[u32]; 4], phase: usize, x: usize, v: &mut [u32]) {
    let pairs = v.len() / input_words(1);
    for pair in 0..pairs {
        let at = pair * phase + x;
        let (c0, c2) = (columns(rows, at), columns(rows, at + 2));
        let (c4, c6) = (columns(rows, at + 4), columns(rows, at + 6));
        for i in 0..4 {
            let row = input_row([
                every_second::<0b10_00_10_00>(c0[i], c4[i]),
                every_second::<0b11_01_11_01>(c0[i], c4[i]),
                every_second::<0b10_00_10_00>(c2[i], c6[i]),
                every_second::<0b11_01_11_01>(c2[i], c6[i]),
            ]);
            for (j, value) in row.into_iter().enumerate() {
                put(v, (position(i, j) * pairs + pair) * BLOCK_TILES, value);
            }
        }
    }
}

/// Weights (ky, kx) of two channel pairs, `[pair][output]` in the lanes.
#[inline(always)]
fn tap(packed: &[u32], pairs: usize, pair: usize, ky: usize, kx: usize) -> m128i {
    let at = (ky * pairs + pair) * 3 + kx;
    let word = |at: usize| packed.get(at).copied().unwrap_or(0);
    let bytes: m128i = bytemuck::cast([word(at), word(at + 3), 0, 0]);
    let wide = shr_imm_i16_m128i::<8>(unpack_low_i8_m128i(bytes, bytes));
    let low = shuffle_ai_i16_l64all_m128i::<0b11_01_10_00>(wide);
    shuffle_ai_i16_h64all_m128i::<0b11_01_10_00>(low)
}

#[inline]
pub(super) fn weights(packed: &[u32], pairs: usize, u: &mut [u32]) {
    for pair in (0..pairs).step_by(2) {
        let mut columns = [[zeroed_m128i(); 4]; 3];
        for (kx, column) in columns.iter_mut().enumerate() {
            *column = weight_row([
                tap(packed, pairs, pair, 0, kx),
                tap(packed, pairs, pair, 1, kx),
                tap(packed, pairs, pair, 2, kx),
            ]);
        }
        let [c0, c1, c2] = columns;
        for (i, ((c0, c1), c2)) in c0.into_iter().zip(c1).zip(c2).enumerate() {
            let row = weight_row([c0, c1, c2]);
            for (j, value) in row.into_iter().enumerate() {
                put(u, (position(i, j) * pairs + pair) * 2, value);
            }
        }
    }
}

/// Products of a position over all pairs, `[output]`, with the tiles in the lanes.
#[inline(always)]
fn dot(v: &[u32], u: &[u32]) -> [m128i; 2] {
    let mut sums = [zeroed_m128i(); 2];
    for (v, u) in v.chunks_exact(2 * BLOCK_TILES).zip(u.chunks_exact(4)) {
        let u = four(u, 0);
        let (first, second) = (four(v, 0), four(v, BLOCK_TILES));
        let weights = [
            [shuffle_ai_f32_all_m128i::<0x00>(u), shuffle_ai_f32_all_m128i::<0xaa>(u)],
            [shuffle_ai_f32_all_m128i::<0x55>(u), shuffle_ai_f32_all_m128i::<0xff>(u)],
        ];
        for (sum, [even, odd]) in sums.iter_mut().zip(weights) {
            *sum = add_i32_m128i(*sum, mul_i16_horizontal_add_m128i(first, even));
            *sum = add_i32_m128i(*sum, mul_i16_horizontal_add_m128i(second, odd));
        }
    }
    sums
}

#[inline]
pub(super) fn blocks(v: &[u32], u: &[u32], finish: &Finish, out: &mut [PairRow<'_>; BLOCK_ROWS]) {
    let pairs = u.len() / weight_words(1);
    for (index, v) in v.chunks_exact(input_words(pairs).max(1)).enumerate() {
        block(v, u, pairs, finish, out, index * BLOCK_COLUMNS);
    }
}

#[expect(clippy::indexing_slicing, reason = "constant arrays, and loops over their lengths")]
#[inline(always)]
fn block(
    v: &[u32],
    u: &[u32],
    pairs: usize,
    finish: &Finish,
    out: &mut [PairRow<'_>; BLOCK_ROWS],
    x: usize,
) {
    let (v_step, u_step) = (pairs * BLOCK_TILES, pairs * 2);
    // [column][output row][output]
    let mut columns = [[[zeroed_m128i(); 2]; 2]; 4];
    for (j, column) in columns.iter_mut().enumerate() {
        // [i][output]
        let mut sums = [[zeroed_m128i(); 2]; 4];
        for (i, sums) in sums.iter_mut().enumerate() {
            let at = position(i, j);
            let v = v.get(at * v_step..(at + 1) * v_step).unwrap_or_default();
            let u = u.get(at * u_step..(at + 1) * u_step).unwrap_or_default();
            *sums = dot(v, u);
        }
        for output in 0..2 {
            let [s0, s1, s2, s3] = sums;
            let rows = output_row([s0[output], s1[output], s2[output], s3[output]]);
            column[0][output] = rows[0];
            column[1][output] = rows[1];
        }
    }
    for (y, row) in out.iter_mut().enumerate() {
        let mut outputs = [[zeroed_m128i(); 2]; 2];
        for (output, place) in outputs.iter_mut().enumerate() {
            let [c0, c1, c2, c3] = columns;
            let rows = [c0[y][output], c1[y][output], c2[y][output], c3[y][output]];
            let [even, odd] = output_row(rows);
            let bias = set_splat_i32_m128i(finish.bias[output]);
            let even = add_i32_m128i(bias, shr_imm_i32_m128i::<2>(even));
            let odd = add_i32_m128i(bias, shr_imm_i32_m128i::<2>(odd));
            *place = [unpack_low_i32_m128i(even, odd), unpack_high_i32_m128i(even, odd)];
        }
        let [first, second] = outputs;
        for half in 0..2 {
            if row.pixels() > x + 4 * half {
                super::finish::four(finish, [first[half], second[half]], row, x + 4 * half);
            }
        }
    }
}
