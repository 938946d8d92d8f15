//! Winograd's F(2x2, 3x3) in exact integers, in plain Rust.
//!
//! A tile is 2x2 outputs of 4x4 inputs d. With the 3x3 weights w, its sums are
//! Y = Aᵀ [(H w Hᵀ) ⊙ (Bᵀ d B)] A / 4, where
//!
//! ```text
//!       1  0 -1  0         2  0  0
//! Bᵀ =  0  1  1  0    H =  1  1  1    Aᵀ = 1  1  1  0
//!       0 -1  1  0         1 -1  1         0  1 -1  1
//!       0 -1  0  1         0  0  2
//! ```
//!
//! H is twice the usual matrix G. The transformed weights are thus integers and 4 times as large,
//! and the last shift is exact. Inputs of 8 bits have transforms within 4 x 128 and weights within
//! 9 x 128, so both fit an i16. A sum of products is exact modulo 2^32, so the result is right if
//! |sum w q| < 2^29.
//!
//! Four adjacent tiles, 8 columns and 2 rows of outputs, are a block. Element (i, j) of a
//! transformed tile or kernel has the position `4 j + RANK[i]`. In this order, the dot product over
//! the first two or three positions of a column is a term of Aᵀ m, so that the assembly continues
//! its sums from position to position.

use super::finish::{Finish, PairRow, Requantise};
use super::halves::smlad;
use super::window::Sums;

/// Output columns of a block.
pub const BLOCK_COLUMNS: usize = 8;
/// Output rows of a block.
pub const BLOCK_ROWS: usize = 2;
/// Tiles of a block.
pub const BLOCK_TILES: usize = 4;
/// Number of positions: elements of a transformed tile.
pub const POSITIONS: usize = 16;
/// Words of a widened row that a block reads: its columns and one more on each side.
pub const BLOCK_READS: usize = BLOCK_COLUMNS + 2;
/// Words of a block's sums, `[position][output][tile]`.
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

/// Rank of row i of a transformed tile within a column of positions.
const RANK: [usize; 4] = [2, 0, 1, 3];

/// Position of element (i, j).
#[expect(clippy::indexing_slicing, reason = "callers pass indices below 4")]
#[inline(always)]
pub(crate) const fn position(i: usize, j: usize) -> usize {
    4 * j + RANK[i]
}

/// A pair as the number high x 65536 + low. Its sums and differences are those of both halves.
#[inline(always)]
const fn loose(pair: u32) -> u32 {
    (pair ^ 0x8000).wrapping_sub(0x8000)
}

/// Converts a loose pair back to two i16.
#[inline(always)]
const fn tight(number: u32) -> u32 {
    number.wrapping_add(0x8000) ^ 0x8000
}

/// A row of Bᵀ d.
#[inline(always)]
fn input_row(d: [u32; 4]) -> [u32; 4] {
    let (ahead, back) = (d[0].wrapping_sub(d[2]), d[3].wrapping_sub(d[1]));
    [ahead, d[1].wrapping_add(d[2]), d[2].wrapping_sub(d[1]), back]
}

/// A row of H w.
#[inline(always)]
fn weight_row(g: [u32; 3]) -> [u32; 4] {
    let ends = g[0].wrapping_add(g[2]);
    [g[0].wrapping_mul(2), ends.wrapping_add(g[1]), ends.wrapping_sub(g[1]), g[2].wrapping_mul(2)]
}

/// A row of Aᵀ m.
#[inline(always)]
fn output_row(m: [i32; 4]) -> [i32; 2] {
    [m[0].wrapping_add(m[1]).wrapping_add(m[2]), m[1].wrapping_sub(m[2]).wrapping_add(m[3])]
}

/// Writes a loose pair, if the word exists.
#[inline(always)]
fn put(words: &mut [u32], at: usize, value: u32) {
    if let Some(word) = words.get_mut(at) {
        *word = tight(value);
    }
}

/// The default of `MicroKernel::winograd_input`.
pub(crate) fn input(rows: [&[u32]; 4], phase: usize, x: usize, v: &mut [u32]) {
    let pairs = v.len() / input_words(1);
    let column = |at: usize| input_row(rows.map(|r| loose(r.get(at).copied().unwrap_or(0))));
    for pair in 0..pairs {
        for tile in 0..BLOCK_TILES {
            let at = pair * phase + x + 2 * tile;
            let [c0, c1, c2, c3] = [column(at), column(at + 1), column(at + 2), column(at + 3)];
            for (i, (((c0, c1), c2), c3)) in c0.into_iter().zip(c1).zip(c2).zip(c3).enumerate() {
                for (j, value) in input_row([c0, c1, c2, c3]).into_iter().enumerate() {
                    put(v, (position(i, j) * pairs + pair) * BLOCK_TILES + tile, value);
                }
            }
        }
    }
}

/// The default of `MicroKernel::winograd_weights`.
pub(crate) fn weights(packed: &[u32], pairs: usize, u: &mut [u32]) {
    for pair in 0..pairs {
        for output in 0..2 {
            let tap = |ky: usize, kx: usize| {
                let word = packed.get((ky * pairs + pair) * 3 + kx).copied().unwrap_or(0);
                let bytes = word >> (8 * output);
                let (low, high) = (bytes as i8 as u32, (bytes >> 16) as i8 as u32);
                low.wrapping_add(high << 16)
            };
            let column = |kx: usize| weight_row([tap(0, kx), tap(1, kx), tap(2, kx)]);
            let [c0, c1, c2] = [column(0), column(1), column(2)];
            for (i, ((c0, c1), c2)) in c0.into_iter().zip(c1).zip(c2).enumerate() {
                for (j, value) in weight_row([c0, c1, c2]).into_iter().enumerate() {
                    put(u, (position(i, j) * pairs + pair) * 2 + output, value);
                }
            }
        }
    }
}

/// The default of `MicroKernel::winograd_block`.
pub(crate) fn block<R: Requantise + ?Sized>(
    rounding: &R,
    v: &[u32],
    u: &[u32],
    sums: &mut [u32; SUM_WORDS],
    finish: &Finish,
    out: &mut [PairRow<'_>; BLOCK_ROWS],
) {
    let pairs = u.len() / weight_words(1);
    for (index, v) in v.chunks_exact(input_words(pairs).max(1)).enumerate() {
        dots(v, u, pairs, sums);
        finish_block(rounding, sums, finish, out, index * BLOCK_COLUMNS);
    }
}

/// Sets `sums[position][output][tile]` to the products over all pairs.
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

/// Finishes a block at pixel `x` of the rows: transforms its sums `[position][output][tile]`,
/// divides them by 4 and requantises them. An implementation of `MicroKernel::winograd_block` may
/// end with it.
#[expect(clippy::indexing_slicing, reason = "constant arrays, and loops over their lengths")]
pub fn finish_block<R: Requantise + ?Sized>(
    rounding: &R,
    sums: &[u32; SUM_WORDS],
    finish: &Finish,
    out: &mut [PairRow<'_>; BLOCK_ROWS],
    x: usize,
) {
    for half in 0..2 {
        // [row][output][pixel]
        let mut totals: [Sums; BLOCK_ROWS] = Default::default();
        for (output, &bias) in finish.bias.iter().enumerate() {
            for tile in 0..2 {
                let lane = BLOCK_TILES * output + 2 * half + tile;
                let rows = outputs(sums, lane, bias);
                for (totals, [left, right]) in totals.iter_mut().zip(rows) {
                    totals[output][2 * tile] = left;
                    totals[output][2 * tile + 1] = right;
                }
            }
        }
        for (row, totals) in out.iter_mut().zip(&totals) {
            finish.tile(rounding, totals, row, x + BLOCK_COLUMNS / 2 * half);
        }
    }
}

/// The 2x2 sums of a tile of one output, bias included. `lane` is its word within each position.
#[inline(always)]
fn outputs(sums: &[u32; SUM_WORDS], lane: usize, bias: i32) -> [[i32; 2]; 2] {
    let sum = |i: usize, j: usize| {
        sums.get(position(i, j) * 2 * BLOCK_TILES + lane).copied().unwrap_or(0) as i32
    };
    let column = |j: usize| output_row([sum(0, j), sum(1, j), sum(2, j), sum(3, j)]);
    let ([a0, b0], [a1, b1], [a2, b2], [a3, b3]) = (column(0), column(1), column(2), column(3));
    let biased =
        |[left, right]: [i32; 2]| [bias.wrapping_add(left >> 2), bias.wrapping_add(right >> 2)];
    [biased(output_row([a0, a1, a2, a3])), biased(output_row([b0, b1, b2, b3]))]
}
