//! Winograd's F(2x2, 3x3) in exact integers, in plain Rust.
//!
//! A tile is 2x2 outputs from 4x4 inputs d: Y = Aᵀ [(2G g 2Gᵀ) ⊙ (Bᵀ d B)] A / 4 with
//!
//! ```text
//!       1  0 -1  0          2  0  0
//! Bᵀ =  0  1  1  0    2G =  1  1  1    Aᵀ = 1  1  1  0
//!       0 -1  1  0          1 -1  1         0  1 -1  1
//!       0 -1  0  1          0  0  2
//! ```
//!
//! The weights are scaled by 4, so that everything stays integer and the last shift is exact.
//! Inputs within 8 bits give transformed inputs within 4 x 128 and weights within 9 x 128, which
//! fit an i16; a sum of products is exact modulo 2^32, so the result is right where
//! |sum w q| < 2^29.
//!
//! Four tiles next to each other, 8 columns and 2 rows of outputs, make a block. Element (i, j)
//! of a transformed tile or kernel lies at position `4 j + RANK[i]`: a dot product over the first
//! two or three positions of a column is a term of Aᵀ m, so that sums can be continued from
//! position to position.

use super::finish::{Finish, FinishKind, PairRow};
use super::micro::{MicroKernel, smlad, sxtb16};

/// Output columns of a block.
pub const BLOCK_COLUMNS: usize = 8;
/// Output rows of a block.
pub const BLOCK_ROWS: usize = 2;
/// Tiles of a block.
pub const BLOCK_TILES: usize = 4;
/// Positions of a transformed tile.
pub const POSITIONS: usize = 16;
/// Words of a widened row under a block: its columns and one more at each side.
pub const BLOCK_READS: usize = BLOCK_COLUMNS + 2;
/// Scratch of a block: the sums `[position][output][tile]`.
pub const SUM_WORDS: usize = POSITIONS * 2 * BLOCK_TILES;

/// Words of a block's transformed inputs, `[position][pair][tile]`.
pub const fn input_words(pairs: usize) -> usize {
    POSITIONS * pairs * BLOCK_TILES
}

/// Words of an output pair's transformed weights, `[position][pair][output]`.
pub const fn weight_words(pairs: usize) -> usize {
    POSITIONS * pairs * 2
}

/// Words of an output pair's packed 3x3 weights, `[ky][pair][kx]`.
pub const fn packed_words(pairs: usize) -> usize {
    9 * pairs
}

/// Places of the rows i of a transformed tile in a column of positions.
const RANK: [usize; 4] = [2, 0, 1, 3];

/// Position of element (i, j).
#[inline(always)]
pub(crate) const fn position(i: usize, j: usize) -> usize {
    4 * j + RANK[i]
}

/// Sum of both halves.
#[inline(always)]
const fn add16(a: u32, b: u32) -> u32 {
    (a.wrapping_add(b) & 0xffff) | ((a >> 16).wrapping_add(b >> 16) << 16)
}

/// Difference of both halves.
#[inline(always)]
const fn sub16(a: u32, b: u32) -> u32 {
    (a.wrapping_sub(b) & 0xffff) | ((a >> 16).wrapping_sub(b >> 16) << 16)
}

/// A row of Bᵀ d.
#[inline(always)]
fn input_row(d: [u32; 4]) -> [u32; 4] {
    [sub16(d[0], d[2]), add16(d[1], d[2]), sub16(d[2], d[1]), sub16(d[3], d[1])]
}

/// A row of 2G g.
#[inline(always)]
fn weight_row(g: [u32; 3]) -> [u32; 4] {
    let ends = add16(g[0], g[2]);
    [add16(g[0], g[0]), add16(ends, g[1]), sub16(ends, g[1]), add16(g[2], g[2])]
}

/// A row of Aᵀ m.
#[inline(always)]
fn output_row(m: [i32; 4]) -> [i32; 2] {
    [m[0].wrapping_add(m[1]).wrapping_add(m[2]), m[1].wrapping_sub(m[2]).wrapping_add(m[3])]
}

/// [`MicroKernel::winograd_input`].
pub(crate) fn input(rows: [&[u32]; 4], phase: usize, x: usize, v: &mut [u32]) {
    let pairs = v.len() / input_words(1);
    for pair in 0..pairs {
        let mut columns = [[0; 4]; BLOCK_READS];
        for (j, column) in columns.iter_mut().enumerate() {
            *column = input_row(rows.map(|r| r.get(pair * phase + x + j).copied().unwrap_or(0)));
        }
        for i in 0..4 {
            for tile in 0..BLOCK_TILES {
                let at = |j: usize| columns[2 * tile + j][i];
                let row = input_row([at(0), at(1), at(2), at(3)]);
                for (j, value) in row.into_iter().enumerate() {
                    let place = (position(i, j) * pairs + pair) * BLOCK_TILES + tile;
                    if let Some(word) = v.get_mut(place) {
                        *word = value;
                    }
                }
            }
        }
    }
}

/// [`MicroKernel::winograd_weights`].
pub(crate) fn weights(packed: &[u32], pairs: usize, u: &mut [u32]) {
    for pair in 0..pairs {
        for output in 0..2 {
            let tap = |ky: usize, kx: usize| {
                let word = packed.get((ky * pairs + pair) * 3 + kx).copied().unwrap_or(0);
                sxtb16(word.rotate_right(8 * output as u32))
            };
            let columns: [[u32; 4]; 3] =
                core::array::from_fn(|kx| weight_row([tap(0, kx), tap(1, kx), tap(2, kx)]));
            for i in 0..4 {
                let row = weight_row([columns[0][i], columns[1][i], columns[2][i]]);
                for (j, value) in row.into_iter().enumerate() {
                    if let Some(word) = u.get_mut((position(i, j) * pairs + pair) * 2 + output) {
                        *word = value;
                    }
                }
            }
        }
    }
}

/// [`MicroKernel::winograd_block`].
pub(crate) fn block<M: MicroKernel + ?Sized>(
    micro: &M,
    v: &[u32],
    u: &[u32],
    sums: &mut [u32; SUM_WORDS],
    finish: &Finish,
    out: &mut [PairRow<'_>; BLOCK_ROWS],
) {
    let pairs = u.len() / weight_words(1);
    for (index, v) in v.chunks_exact(input_words(pairs).max(1)).enumerate() {
        dots(v, u, pairs, sums);
        finish_block(micro, sums, finish, out, index * BLOCK_COLUMNS);
    }
}

/// `sums[position][output][tile]` = products over all pairs.
fn dots(v: &[u32], u: &[u32], pairs: usize, sums: &mut [u32; SUM_WORDS]) {
    if pairs == 0 {
        return;
    }
    let positions = v.chunks_exact(pairs * BLOCK_TILES).zip(u.chunks_exact(pairs * 2));
    for ((v, u), sums) in positions.zip(sums.chunks_exact_mut(2 * BLOCK_TILES)) {
        let mut total = [[0; BLOCK_TILES]; 2];
        for (v, u) in v.chunks_exact(BLOCK_TILES).zip(u.chunks_exact(2)) {
            for (total, &u) in total.iter_mut().zip(u) {
                for (sum, &v) in total.iter_mut().zip(v) {
                    *sum = smlad(v, u, *sum);
                }
            }
        }
        for (word, sum) in sums.iter_mut().zip(total.as_flattened()) {
            *word = *sum as u32;
        }
    }
}

/// The sums' transform, division by 4 and requantisation.
fn finish_block<M: MicroKernel + ?Sized>(
    micro: &M,
    sums: &[u32; SUM_WORDS],
    finish: &Finish,
    out: &mut [PairRow<'_>; BLOCK_ROWS],
    x: usize,
) {
    match finish.kind {
        kind @ FinishKind::Plain => finish_as(micro, sums, finish, kind, out, x),
        kind @ FinishKind::Residual => finish_as(micro, sums, finish, kind, out, x),
        kind @ FinishKind::Prelu => finish_as(micro, sums, finish, kind, out, x),
        kind @ FinishKind::ResidualPrelu => finish_as(micro, sums, finish, kind, out, x),
    }
}

#[inline(always)]
fn finish_as<M: MicroKernel + ?Sized>(
    micro: &M,
    sums: &[u32; SUM_WORDS],
    finish: &Finish,
    kind: FinishKind,
    out: &mut [PairRow<'_>; BLOCK_ROWS],
    x: usize,
) {
    // [row][column][output]
    let mut totals = [[[0; 2]; BLOCK_COLUMNS]; BLOCK_ROWS];
    for output in 0..2 {
        for tile in 0..BLOCK_TILES {
            let at = |i: usize, j: usize| {
                sums[(position(i, j) * 2 + output) * BLOCK_TILES + tile] as i32
            };
            let columns: [[i32; 2]; 4] =
                core::array::from_fn(|j| output_row([at(0, j), at(1, j), at(2, j), at(3, j)]));
            for (row, totals) in totals.iter_mut().enumerate() {
                let pair = output_row(columns.map(|c| c[row]));
                for (j, sum) in pair.into_iter().enumerate() {
                    totals[2 * tile + j][output] = finish.bias[output].wrapping_add(sum >> 2);
                }
            }
        }
    }
    for (totals, row) in totals.iter().zip(out) {
        for (&sums, pixel) in totals.iter().zip(row.from(x)) {
            finish.pixel(micro, kind, sums, pixel);
        }
    }
}
