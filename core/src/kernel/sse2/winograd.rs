//! Winograd blocks: the four lanes hold the four tiles of a block, or two pairs of a kernel.

use safe_arch::{
    add_i16_m128i, add_i32_m128i, cast_to_m128_from_m128i, cast_to_m128i_from_m128, m128i,
    mul_i16_horizontal_add_m128i, set_splat_i32_m128i, shl_imm_u16_m128i, shl_imm_u32_m128i,
    shr_imm_i16_m128i, shr_imm_i32_m128i, shuffle_abi_f32_all_m128, shuffle_ai_f32_all_m128i,
    shuffle_ai_i16_h64all_m128i, shuffle_ai_i16_l64all_m128i, sub_i16_m128i, sub_i32_m128i,
    unpack_high_i32_m128i, unpack_low_i8_m128i, unpack_low_i32_m128i, zeroed_m128i,
};

use super::four;
use crate::graph::Tiling;
use crate::kernel::finish::{BlockRows, Finish};
use crate::kernel::winograd::{BLOCK_COLUMNS, BLOCK_ROWS, BLOCK_TILES, INPUT_ROWS};

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

/// A column of Dᵀ d ([`winograd`](crate::kernel::winograd)).
#[inline(always)]
fn tall_column(d: [m128i; 6]) -> [m128i; 6] {
    let even = sub_i16_m128i(d[4], d[2]);
    let odd = sub_i16_m128i(d[3], d[1]);
    let far_even = sub_i16_m128i(shl_imm_u16_m128i::<2>(d[2]), d[4]);
    let far_odd = sub_i16_m128i(shl_imm_u16_m128i::<2>(d[1]), d[3]);
    let twice = add_i16_m128i(odd, odd);
    [
        add_i16_m128i(even, shl_imm_u16_m128i::<2>(sub_i16_m128i(d[0], d[2]))),
        add_i16_m128i(far_even, far_odd),
        sub_i16_m128i(far_even, far_odd),
        add_i16_m128i(even, twice),
        sub_i16_m128i(even, twice),
        sub_i16_m128i(sub_i16_m128i(d[5], d[3]), add_i16_m128i(twice, twice)),
    ]
}

/// A column of K w.
#[inline(always)]
fn tall_weights(g: [m128i; 3]) -> [m128i; 6] {
    let ends = add_i16_m128i(g[0], g[2]);
    let far = add_i16_m128i(g[0], shl_imm_u16_m128i::<2>(g[2]));
    let (twice, last) = (add_i16_m128i(g[1], g[1]), shl_imm_u16_m128i::<3>(g[2]));
    let three = add_i16_m128i(add_i16_m128i(g[0], g[0]), g[0]);
    [
        add_i16_m128i(three, three),
        add_i16_m128i(ends, g[1]),
        sub_i16_m128i(ends, g[1]),
        add_i16_m128i(far, twice),
        sub_i16_m128i(far, twice),
        add_i16_m128i(last, add_i16_m128i(last, last)),
    ]
}

/// A column of Cᵀ m, divided by 48.
#[inline(always)]
fn tall_outputs(m: [m128i; 6]) -> [m128i; 4] {
    let near = add_i32_m128i(m[1], m[2]);
    let near_odd = sub_i32_m128i(m[1], m[2]);
    let far = add_i32_m128i(m[3], m[4]);
    let far_odd = sub_i32_m128i(m[3], m[4]);
    let twice = add_i32_m128i(far_odd, far_odd);
    [
        shr_imm_i32_m128i::<4>(third(add_i32_m128i(
            add_i32_m128i(m[0], far),
            shl_imm_u32_m128i::<2>(near),
        ))),
        shr_imm_i32_m128i::<3>(third(add_i32_m128i(far_odd, add_i32_m128i(near_odd, near_odd)))),
        shr_imm_i32_m128i::<2>(third(add_i32_m128i(near, far))),
        shr_imm_i32_m128i::<4>(third(add_i32_m128i(
            m[5],
            shl_imm_u32_m128i::<2>(add_i32_m128i(near_odd, twice)),
        ))),
    ]
}

/// A third of multiples of 3: the number times 0xaaaaaaab, modulo 2^32.
#[inline(always)]
fn third(sum: m128i) -> m128i {
    // 0xaaaaaaab is 1 + 2 x 0x55555555.
    let mut fives = add_i32_m128i(sum, shl_imm_u32_m128i::<2>(sum));
    fives = add_i32_m128i(fives, shl_imm_u32_m128i::<4>(fives));
    fives = add_i32_m128i(fives, shl_imm_u32_m128i::<8>(fives));
    fives = add_i32_m128i(fives, shl_imm_u32_m128i::<16>(fives));
    add_i32_m128i(sum, add_i32_m128i(fives, fives))
}

// The arrays below are written out, since compilers do not inline closures of `map` of this size.

/// Transforms four columns vertically, from word `at` on. The last two rows are those of a tall tile.
#[inline(always)]
fn columns(tiling: Tiling, rows: &[&[u32]; INPUT_ROWS], at: usize) -> [m128i; INPUT_ROWS] {
    let [r0, r1, r2, r3, r4, r5] = rows;
    match tiling {
        Tiling::Square => {
            let [a, b, c, d] = input_row([four(r0, at), four(r1, at), four(r2, at), four(r3, at)]);
            [a, b, c, d, a, a]
        }
        Tiling::Tall => tall_column([
            four(r0, at),
            four(r1, at),
            four(r2, at),
            four(r3, at),
            four(r4, at),
            four(r5, at),
        ]),
    }
}

#[inline]
pub(super) fn input(
    tiling: Tiling,
    rows: &[&[u32]; INPUT_ROWS],
    phase: usize,
    x: usize,
    v: &mut [u32],
) {
    match tiling {
        Tiling::Square => input_of(Tiling::Square, rows, phase, x, v),
        Tiling::Tall => input_of(Tiling::Tall, rows, phase, x, v),
    }
}

#[expect(clippy::indexing_slicing, reason = "the arrays have six vectors, and `i` is below 6")]
#[inline(always)]
fn input_of(tiling: Tiling, rows: &[&[u32]; INPUT_ROWS], phase: usize, x: usize, v: &mut [u32]) {
    let pairs = v.len() / tiling.input_words(1);
    for pair in 0..pairs {
        let at = pair * phase + x;
        let (c0, c2) = (columns(tiling, rows, at), columns(tiling, rows, at + 2));
        let (c4, c6) = (columns(tiling, rows, at + 4), columns(tiling, rows, at + 6));
        for i in 0..tiling.rows() + 2 {
            let row = input_row([
                every_second::<0b10_00_10_00>(c0[i], c4[i]),
                every_second::<0b11_01_11_01>(c0[i], c4[i]),
                every_second::<0b10_00_10_00>(c2[i], c6[i]),
                every_second::<0b11_01_11_01>(c2[i], c6[i]),
            ]);
            for (j, value) in row.into_iter().enumerate() {
                put(v, (tiling.position(i, j) * pairs + pair) * BLOCK_TILES, value);
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
pub(super) fn weights(tiling: Tiling, packed: &[u32], pairs: usize, u: &mut [u32]) {
    for pair in (0..pairs).step_by(2) {
        let mut columns = [[zeroed_m128i(); INPUT_ROWS]; 3];
        for (kx, column) in columns.iter_mut().enumerate() {
            let taps = [
                tap(packed, pairs, pair, 0, kx),
                tap(packed, pairs, pair, 1, kx),
                tap(packed, pairs, pair, 2, kx),
            ];
            *column = match tiling {
                Tiling::Square => {
                    let [a, b, c, d] = weight_row(taps);
                    [a, b, c, d, a, a]
                }
                Tiling::Tall => tall_weights(taps),
            };
        }
        let [c0, c1, c2] = columns;
        let rows = c0.into_iter().zip(c1).zip(c2).take(tiling.rows() + 2);
        for (i, ((c0, c1), c2)) in rows.enumerate() {
            let row = weight_row([c0, c1, c2]);
            for (j, value) in row.into_iter().enumerate() {
                put(u, (tiling.position(i, j) * pairs + pair) * 2, value);
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
pub(super) fn blocks(
    tiling: Tiling,
    v: &[u32],
    u: &[u32],
    finish: &Finish,
    out: &mut BlockRows<'_>,
) {
    let pairs = u.len() / tiling.weight_words(1);
    for (index, v) in v.chunks_exact(tiling.input_words(pairs).max(1)).enumerate() {
        let x = index * BLOCK_COLUMNS;
        match tiling {
            Tiling::Square => {
                let columns = square(v, u, pairs);
                finish_rows(&[columns[0], columns[1]], finish, out, x);
            }
            Tiling::Tall => finish_rows(&tall(v, u, pairs), finish, out, x),
        }
    }
}

/// Products of four positions from `at` on, `[position][output]`.
#[inline(always)]
fn dots(v: &[u32], u: &[u32], pairs: usize, at: [usize; 4]) -> [[m128i; 2]; 4] {
    let (v_step, u_step) = (pairs * BLOCK_TILES, pairs * 2);
    let mut sums = [[zeroed_m128i(); 2]; 4];
    for (sums, at) in sums.iter_mut().zip(at) {
        let v = v.get(at * v_step..(at + 1) * v_step).unwrap_or_default();
        let u = u.get(at * u_step..(at + 1) * u_step).unwrap_or_default();
        *sums = dot(v, u);
    }
    sums
}

/// Sums of a block of square tiles without bias, `[row][output][column of a tile]`.
#[expect(clippy::indexing_slicing, reason = "constant arrays, and loops over their lengths")]
#[inline(always)]
fn square(v: &[u32], u: &[u32], pairs: usize) -> [[[m128i; 2]; 2]; 2] {
    let place = |i: usize, j: usize| Tiling::Square.position(i, j);
    // [column][output][output row]
    let mut columns = [[[zeroed_m128i(); 2]; 2]; 4];
    for (j, column) in columns.iter_mut().enumerate() {
        let at = [place(0, j), place(1, j), place(2, j), place(3, j)];
        let [s0, s1, s2, s3] = dots(v, u, pairs, at);
        for (output, rows) in column.iter_mut().enumerate() {
            *rows = output_row([s0[output], s1[output], s2[output], s3[output]]);
        }
    }
    let mut sums = [[[zeroed_m128i(); 2]; 2]; 2];
    let [c0, c1, c2, c3] = columns;
    for (y, row) in sums.iter_mut().enumerate() {
        for (output, place) in row.iter_mut().enumerate() {
            let [even, odd] =
                output_row([c0[output][y], c1[output][y], c2[output][y], c3[output][y]]);
            *place = [shr_imm_i32_m128i::<2>(even), shr_imm_i32_m128i::<2>(odd)];
        }
    }
    sums
}

/// As [`square`], for tall tiles.
#[expect(clippy::indexing_slicing, reason = "constant arrays, and loops over their lengths")]
#[inline(always)]
fn tall(v: &[u32], u: &[u32], pairs: usize) -> [[[m128i; 2]; 2]; BLOCK_ROWS] {
    let place = |i: usize, j: usize| Tiling::Tall.position(i, j);
    // [element row][output][column of a tile]
    let mut rows = [[[zeroed_m128i(); 2]; 2]; INPUT_ROWS];
    for (i, row) in rows.iter_mut().enumerate() {
        let at = [place(i, 0), place(i, 1), place(i, 2), place(i, 3)];
        let [s0, s1, s2, s3] = dots(v, u, pairs, at);
        for (output, columns) in row.iter_mut().enumerate() {
            *columns = output_row([s0[output], s1[output], s2[output], s3[output]]);
        }
    }
    let mut sums = [[[zeroed_m128i(); 2]; 2]; BLOCK_ROWS];
    let [r0, r1, r2, r3, r4, r5] = rows;
    for output in 0..2 {
        for column in 0..2 {
            let of = |row: [[m128i; 2]; 2]| row[output][column];
            let outputs = tall_outputs([of(r0), of(r1), of(r2), of(r3), of(r4), of(r5)]);
            for (row, value) in sums.iter_mut().zip(outputs) {
                row[output][column] = value;
            }
        }
    }
    sums
}

/// Adds the bias to the sums `[row][output][column of a tile]` of a block at pixel `x`, and requantises
/// them.
#[expect(clippy::indexing_slicing, reason = "constant arrays, and loops over their lengths")]
#[inline(always)]
fn finish_rows(sums: &[[[m128i; 2]; 2]], finish: &Finish, out: &mut BlockRows<'_>, x: usize) {
    for (y, row) in sums.iter().enumerate() {
        let Some(mut place) = out.row(y) else { return };
        let mut outputs = [[zeroed_m128i(); 2]; 2];
        for (output, pixels) in outputs.iter_mut().enumerate() {
            let bias = set_splat_i32_m128i(finish.bias[output]);
            let [even, odd] = row[output];
            let (even, odd) = (add_i32_m128i(bias, even), add_i32_m128i(bias, odd));
            *pixels = [unpack_low_i32_m128i(even, odd), unpack_high_i32_m128i(even, odd)];
        }
        let [first, second] = outputs;
        for half in 0..2 {
            if place.pixels() > x + 4 * half {
                super::finish::four(finish, [first[half], second[half]], &mut place, x + 4 * half);
            }
        }
    }
}
