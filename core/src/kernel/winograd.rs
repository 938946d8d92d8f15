//! Winograd's F(2x2, 3x3) and F(4x2, 3x3) in exact integers, in plain Rust.
//!
//! A tile of F(2x2, 3x3) is 2x2 outputs of 4x4 inputs d. With the 3x3 weights w, its sums are
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
//! and the last shift is exact.
//!
//! A tile of F(4x2, 3x3) is 4 rows and 2 columns of outputs of 6x4 inputs. Its sums are
//! Y = Cᵀ [(K w Hᵀ) ⊙ (Dᵀ d B)] A / 48. The points of its columns are 0, 1, -1, 2, -2 and infinity:
//!
//! ```text
//!       4  0 -5  0  1  0         6  0  0
//!       0  4  4 -1 -1  0         1  1  1         1  4  4  1  1  0
//! Dᵀ =  0 -4  4  1 -1  0    K =  1 -1  1   Cᵀ =  0  4 -4  2 -2  0
//!       0 -2 -1  2  1  0         1  2  4         0  4  4  4  4  0
//!       0  2 -1 -2  1  0         1 -2  4         0  4 -4  8 -8  1
//!       0  4  0 -5  0  1         0  0 24
//! ```
//!
//! It takes 24 products for 8 outputs, and F(2x2, 3x3) 32. The division by 48 is a multiplication by
//! the inverse of 3 modulo 2^32 and an exact shift.
//!
//! Inputs of 8 bits have transforms within 20 x 128 and weights within 72 x 128, so both fit an i16. A
//! sum of products is exact modulo 2^32, so the result is right if |sum w q| < 2^29, or 2^27 for
//! F(4x2, 3x3).
//!
//! Four adjacent tiles are a block of 8 columns. Element (i, j) of a transformed tile or kernel has the
//! position `4 j + rank(i)` in F(2x2, 3x3), and `4 i + rank(j)` in F(4x2, 3x3). In this order, the dot
//! product over the first two or three of four positions is a term of a product with A, so that the
//! assembly continues its sums from position to position.

use super::finish::{BlockRows, Finish, Requantise};
use super::halves::smlad;
use super::window::Sums;
use crate::graph::Tiling;

/// Output columns of a block.
pub const BLOCK_COLUMNS: usize = 8;
/// Largest number of output rows of a block.
pub const BLOCK_ROWS: usize = 4;
/// Largest number of input rows of a block.
pub const INPUT_ROWS: usize = BLOCK_ROWS + 2;
/// Tiles of a block.
pub const BLOCK_TILES: usize = 4;
/// Words of a widened row that a block reads: its columns and one more on each side.
pub const BLOCK_READS: usize = BLOCK_COLUMNS + 2;

/// Number of positions of tiles of `rows` rows of outputs.
const fn positions(rows: usize) -> usize {
    (rows + 2) * 4
}

/// [`Tiling::sum_words`] of tiles of `rows` rows of outputs.
pub(crate) const fn sum_words(rows: usize) -> usize {
    positions(rows) * 2 * BLOCK_TILES
}

/// [`Tiling::input_words`] of tiles of `rows` rows of outputs.
pub(crate) const fn input_words(rows: usize, pairs: usize) -> usize {
    positions(rows) * pairs * BLOCK_TILES
}

/// [`Tiling::weight_words`] of tiles of `rows` rows of outputs.
pub(crate) const fn weight_words(rows: usize, pairs: usize) -> usize {
    positions(rows) * pairs * 2
}

impl Tiling {
    /// Output rows of a block.
    pub const fn rows(self) -> usize {
        match self {
            Self::Square => 2,
            Self::Tall => BLOCK_ROWS,
        }
    }

    /// Number of positions: elements of a transformed tile.
    pub const fn positions(self) -> usize {
        positions(self.rows())
    }

    /// Words of a block's sums, `[position][output][tile]`.
    pub const fn sum_words(self) -> usize {
        sum_words(self.rows())
    }

    /// Words of a block's transformed inputs, `[position][pair][tile]`.
    pub const fn input_words(self, pairs: usize) -> usize {
        input_words(self.rows(), pairs)
    }

    /// Words of an output pair's transformed weights, `[position][pair][output]`.
    pub const fn weight_words(self, pairs: usize) -> usize {
        weight_words(self.rows(), pairs)
    }

    /// Position of element (i, j).
    #[inline(always)]
    pub(crate) const fn position(self, i: usize, j: usize) -> usize {
        match self {
            Self::Square => 4 * j + rank(i),
            Self::Tall => 4 * i + rank(j),
        }
    }
}

/// Words of an output pair's packed 3x3 weights, `[ky][pair][kx]`.
pub const fn packed_words(pairs: usize) -> usize {
    9 * pairs
}

/// Rank of element 0 to 3 among the four positions whose dot products the assembly continues: 2, 0, 1
/// and 3.
const fn rank(element: usize) -> usize {
    // No array, whose bounds the compiler would check.
    (0b11_01_00_10 >> (2 * element)) & 3
}

/// The element of a rank.
pub(crate) const fn ranked(rank: usize) -> usize {
    (0b11_00_10_01 >> (2 * rank)) & 3
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

/// A column of Dᵀ d.
#[inline(always)]
fn tall_column(d: [u32; 6]) -> [u32; 6] {
    let times = |word: u32, factor: u32| word.wrapping_mul(factor);
    let even = d[4].wrapping_sub(d[2]);
    let odd = d[3].wrapping_sub(d[1]);
    let (far_even, far_odd) =
        (times(d[2], 4).wrapping_sub(d[4]), times(d[1], 4).wrapping_sub(d[3]));
    [
        even.wrapping_add(times(d[0].wrapping_sub(d[2]), 4)),
        far_even.wrapping_add(far_odd),
        far_even.wrapping_sub(far_odd),
        even.wrapping_add(times(odd, 2)),
        even.wrapping_sub(times(odd, 2)),
        d[5].wrapping_sub(d[3]).wrapping_sub(times(odd, 4)),
    ]
}

/// A column of K w.
#[inline(always)]
fn tall_weights(g: [u32; 3]) -> [u32; 6] {
    let times = |word: u32, factor: u32| word.wrapping_mul(factor);
    let ends = g[0].wrapping_add(g[2]);
    let far = g[0].wrapping_add(times(g[2], 4));
    [
        times(g[0], 6),
        ends.wrapping_add(g[1]),
        ends.wrapping_sub(g[1]),
        far.wrapping_add(times(g[1], 2)),
        far.wrapping_sub(times(g[1], 2)),
        times(g[2], 24),
    ]
}

/// A column of Cᵀ m / 48.
#[inline(always)]
fn tall_outputs(m: [i32; 6]) -> [i32; 4] {
    let (near, near_odd) = (m[1].wrapping_add(m[2]), m[1].wrapping_sub(m[2]));
    let (far, far_odd) = (m[3].wrapping_add(m[4]), m[3].wrapping_sub(m[4]));
    let times = |value: i32, factor: i32| value.wrapping_mul(factor);
    [
        third(m[0].wrapping_add(far).wrapping_add(times(near, 4))) >> 4,
        third(far_odd.wrapping_add(times(near_odd, 2))) >> 3,
        third(near.wrapping_add(far)) >> 2,
        third(m[5].wrapping_add(times(near_odd.wrapping_add(times(far_odd, 2)), 4))) >> 4,
    ]
}

/// A third of a multiple of 3, and of any other number a number whose triple it is modulo 2^32.
#[inline(always)]
pub(crate) const fn third(number: i32) -> i32 {
    number.wrapping_mul(0xaaaa_aaab_u32 as i32)
}

/// Writes a loose pair, if the word exists.
#[inline(always)]
fn put(words: &mut [u32], at: usize, value: u32) {
    if let Some(word) = words.get_mut(at) {
        *word = tight(value);
    }
}

/// The default of `MicroKernel::winograd_input`.
pub(crate) fn input(
    tiling: Tiling,
    rows: &[&[u32]; INPUT_ROWS],
    phase: usize,
    x: usize,
    v: &mut [u32],
) {
    let pairs = v.len() / tiling.input_words(1);
    for pair in 0..pairs {
        let start = pair * phase + x;
        let word = |row: &[u32], at: usize| loose(row.get(start + at).copied().unwrap_or(0));
        // Rows of the vertical transform; the last two are those of a tall tile.
        let mut columns = [[0; BLOCK_READS]; INPUT_ROWS];
        for at in 0..BLOCK_READS {
            let d = rows.map(|row| word(row, at));
            let column = match tiling {
                Tiling::Square => {
                    let [a, b, c, d] = input_row([d[0], d[1], d[2], d[3]]);
                    [a, b, c, d, 0, 0]
                }
                Tiling::Tall => tall_column(d),
            };
            for (row, value) in columns.iter_mut().zip(column) {
                if let Some(place) = row.get_mut(at) {
                    *place = value;
                }
            }
        }
        for (i, row) in columns.iter().take(tiling.rows() + 2).enumerate() {
            for tile in 0..BLOCK_TILES {
                let tile_row = row.get(2 * tile..).and_then(|r| r.first_chunk::<4>());
                let Some(&d) = tile_row else { continue };
                for (j, value) in input_row(d).into_iter().enumerate() {
                    let at = (tiling.position(i, j) * pairs + pair) * BLOCK_TILES + tile;
                    put(v, at, value);
                }
            }
        }
    }
}

/// The default of `MicroKernel::winograd_weights`.
pub(crate) fn weights(tiling: Tiling, packed: &[u32], pairs: usize, u: &mut [u32]) {
    for pair in 0..pairs {
        for output in 0..2 {
            let tap = |ky: usize, kx: usize| {
                let word = packed.get((ky * pairs + pair) * 3 + kx).copied().unwrap_or(0);
                let bytes = word >> (8 * output);
                let (low, high) = (bytes as i8 as u32, (bytes >> 16) as i8 as u32);
                low.wrapping_add(high << 16)
            };
            // Rows of the vertical transform; the last two are those of a tall tile.
            let mut rows = [[0; 3]; INPUT_ROWS];
            for kx in 0..3 {
                let taps = [tap(0, kx), tap(1, kx), tap(2, kx)];
                let column = match tiling {
                    Tiling::Square => {
                        let [a, b, c, d] = weight_row(taps);
                        [a, b, c, d, 0, 0]
                    }
                    Tiling::Tall => tall_weights(taps),
                };
                for (row, value) in rows.iter_mut().zip(column) {
                    if let Some(place) = row.get_mut(kx) {
                        *place = value;
                    }
                }
            }
            for (i, row) in rows.into_iter().take(tiling.rows() + 2).enumerate() {
                for (j, value) in weight_row(row).into_iter().enumerate() {
                    put(u, (tiling.position(i, j) * pairs + pair) * 2 + output, value);
                }
            }
        }
    }
}

/// The default of `MicroKernel::winograd_block`.
pub(crate) fn block<R: Requantise + ?Sized>(
    rounding: &R,
    tiling: Tiling,
    v: &[u32],
    u: &[u32],
    sums: &mut [u32],
    finish: &Finish,
    out: &mut BlockRows<'_>,
) {
    let pairs = u.len() / tiling.weight_words(1);
    let Some(sums) = sums.get_mut(..tiling.sum_words()) else { return };
    for (index, v) in v.chunks_exact(tiling.input_words(pairs).max(1)).enumerate() {
        dots(v, u, pairs, sums);
        finish_block(rounding, tiling, sums, finish, out, index * BLOCK_COLUMNS);
    }
}

/// Sets `sums[position][output][tile]` to the products over all pairs.
fn dots(v: &[u32], u: &[u32], pairs: usize, sums: &mut [u32]) {
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
/// divides them by their scale and requantises them. An implementation of
/// `MicroKernel::winograd_block` may end with it.
#[expect(clippy::indexing_slicing, reason = "constant arrays, and loops over their lengths")]
pub fn finish_block<R: Requantise + ?Sized>(
    rounding: &R,
    tiling: Tiling,
    sums: &[u32],
    finish: &Finish,
    out: &mut BlockRows<'_>,
    x: usize,
) {
    for half in 0..2 {
        // [row][output][pixel]
        let mut totals: [Sums; BLOCK_ROWS] = Default::default();
        for (output, &bias) in finish.bias.iter().enumerate() {
            for tile in 0..2 {
                let lane = BLOCK_TILES * output + 2 * half + tile;
                let [left, right] = outputs(tiling, sums, lane);
                for (totals, (left, right)) in totals.iter_mut().zip(left.into_iter().zip(right)) {
                    totals[output][2 * tile] = bias.wrapping_add(left);
                    totals[output][2 * tile + 1] = bias.wrapping_add(right);
                }
            }
        }
        for (y, totals) in totals.iter().enumerate() {
            if let Some(mut row) = out.row(y) {
                finish.tile(rounding, totals, &mut row, x + BLOCK_COLUMNS / 2 * half);
            }
        }
    }
}

/// Both columns of a tile of one output; a square tile has two rows less. `lane` is its word within
/// each position.
#[inline(always)]
fn outputs(tiling: Tiling, sums: &[u32], lane: usize) -> [[i32; BLOCK_ROWS]; 2] {
    // The products with A of each group of four positions.
    let mut products = [[0; INPUT_ROWS]; 2];
    let [first, second] = &mut products;
    let groups = sums.chunks_exact(4 * 2 * BLOCK_TILES);
    for ((group, first), second) in groups.zip(first).zip(second) {
        let sum =
            |rank: usize| group.get(rank * 2 * BLOCK_TILES + lane).copied().unwrap_or(0) as i32;
        [*first, *second] = output_row([sum(rank(0)), sum(rank(1)), sum(rank(2)), sum(rank(3))]);
    }
    match tiling {
        // The groups of square tiles are columns, and those of tall tiles rows.
        Tiling::Square => {
            let [[a0, a1, a2, a3, ..], [b0, b1, b2, b3, ..]] = products;
            let ([a, c], [b, d]) = (output_row([a0, a1, a2, a3]), output_row([b0, b1, b2, b3]));
            [[a >> 2, b >> 2, 0, 0], [c >> 2, d >> 2, 0, 0]]
        }
        Tiling::Tall => {
            let [left, right] = products;
            [tall_outputs(left), tall_outputs(right)]
        }
    }
}
