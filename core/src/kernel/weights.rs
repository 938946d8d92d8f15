//! The forms of weights: one per [`KernelKind`] of a convolution, and that of a depthwise convolution.
//!
//! The writer of blobs packs weights here, the checker proves that transformed weights come from
//! 8-bit weights, and the reference kernels read single weights of any form.

use super::pack::{WeightShape, pack, packed_len};
use super::winograd::{self, INPUT_ROWS};
use crate::error::Error;
use crate::graph::{KernelKind, Tiling};

/// Most words of transformed weights per output pair and input pair.
const PAIR_WORDS: usize = Tiling::Tall.weight_words(1);
/// Elements of a 3x3 kernel.
const TAPS: usize = 9;

/// Words of a convolution's weights in the blob.
pub const fn weight_words(kind: KernelKind, shape: WeightShape) -> usize {
    match kind {
        kind if kind.transformed() => transformed_words(kind.rows(), shape),
        KernelKind::Flat => packed_len(shape.flat()) / 4,
        _ => packed_len(shape) / 4,
    }
}

/// Words of a convolution's transformed weights, with this number of rows of a tile.
pub(crate) const fn transformed_words(rows: usize, shape: WeightShape) -> usize {
    shape.output_pairs() * winograd::weight_words(rows, shape.input_pairs())
}

/// The tiles for which the weights of a kind are transformed, if they are.
fn transform(kind: KernelKind) -> Option<Tiling> {
    kind.tiling().filter(|_| kind.transformed())
}

/// Writes weights i8 `[output][ky][kx][input]` in the form of a kind into the first 4 x
/// [`weight_words`] bytes of `out`, and returns their number.
///
/// # Errors
/// [`Error::SliceLength`] if `weights` does not have this shape, [`Error::BufferTooSmall`].
pub fn pack_as(
    kind: KernelKind,
    shape: WeightShape,
    weights: &[i8],
    out: &mut [u8],
) -> Result<usize, Error> {
    if kind == KernelKind::Flat {
        return pack_flat(shape.flat(), weights, out);
    }
    let Some(tiling) = transform(kind) else { return pack(shape, weights, out) };
    if weights.len() != shape.len() {
        return Err(Error::SliceLength { expected: shape.len(), found: weights.len() });
    }
    let (needed, found) = (weight_words(kind, shape) * 4, out.len());
    let out = out.get_mut(..needed).ok_or(Error::BufferTooSmall { needed, found })?;
    let inputs = usize::from(shape.input);
    let weight = |output: usize, tap: usize, input: usize| {
        let known = output < usize::from(shape.output) && input < inputs;
        known.then(|| weights.get((output * TAPS + tap) * inputs + input)).flatten().copied()
    };
    for output in 0..shape.output_pairs() {
        for pair in 0..shape.input_pairs() {
            let taps = core::array::from_fn(|tap| {
                core::array::from_fn(|byte| {
                    let input = pair / 2 * 4 + pair % 2 + byte / 2 * 2;
                    weight(2 * output + byte % 2, tap, input).unwrap_or(0)
                })
            });
            let words = transformed(tiling, &taps);
            for (i, word) in words.into_iter().take(tiling.weight_words(1)).enumerate() {
                let at = place(tiling, shape, output, pair, [i / 2, i % 2]) * 4;
                if let Some(bytes) = out.get_mut(at..at + 4) {
                    bytes.copy_from_slice(&word.to_le_bytes());
                }
            }
        }
    }
    Ok(needed)
}

/// As [`pack`], for a flat convolution.
#[expect(
    clippy::indexing_slicing,
    reason = "the output has the length that the shape needs, as checked above"
)]
fn pack_flat(shape: WeightShape, weights: &[i8], out: &mut [u8]) -> Result<usize, Error> {
    if weights.len() != shape.len() {
        return Err(Error::SliceLength { expected: shape.len(), found: weights.len() });
    }
    let (needed, found) = (packed_len(shape), out.len());
    let out = out.get_mut(..needed).ok_or(Error::BufferTooSmall { needed, found })?;
    out.fill(0);
    let (rows, inputs) = (shape.rows(), usize::from(shape.input));
    for (i, &w) in weights.iter().enumerate() {
        let (input, rest) = (i % inputs, i / inputs);
        out[shape.flat_index(rest / rows, rest % rows, input)] = w as u8;
    }
    Ok(needed)
}

/// Words of a kernel row of a depthwise convolution: a word holds four bytes `[w(2j), w(2j + 1),
/// w(2j + 1), w(2j + 2)]`.
pub const fn depthwise_row_words(columns: u8) -> usize {
    if columns < 4 { 1 } else { columns as usize / 2 }
}

/// Words of a channel's weights of a depthwise convolution.
pub const fn depthwise_words([rows, columns]: [u8; 2]) -> usize {
    rows as usize * depthwise_row_words(columns)
}

/// Writes weights i8 `[channel][ky][kx]` of a depthwise convolution into the first 4 x channels x
/// [`depthwise_words`] bytes of `out`, and returns their number.
///
/// # Errors
/// [`Error::SliceLength`] if the weights are not those of whole channels, [`Error::BufferTooSmall`].
pub fn pack_depthwise(kernel: [u8; 2], weights: &[i8], out: &mut [u8]) -> Result<usize, Error> {
    let [rows, columns] = kernel.map(|side| usize::from(side).max(1));
    let channels = weights.len() / (rows * columns);
    if weights.len() != channels * rows * columns {
        return Err(Error::SliceLength {
            expected: channels * rows * columns,
            found: weights.len(),
        });
    }
    let (needed, found) = (channels * depthwise_words(kernel) * 4, out.len());
    let out = out.get_mut(..needed).ok_or(Error::BufferTooSmall { needed, found })?;
    let words = out.chunks_exact_mut(4 * depthwise_row_words(kernel[1]));
    for (row, packed) in weights.chunks_exact(columns).zip(words) {
        for (j, bytes) in packed.chunks_exact_mut(4).enumerate() {
            for (byte, column) in bytes.iter_mut().zip([2 * j, 2 * j + 1, 2 * j + 1, 2 * j + 2]) {
                *byte = row.get(column).map_or(0, |&w| w as u8);
            }
        }
    }
    Ok(needed)
}

/// A weight of a channel of a depthwise convolution, from the words of a kernel row.
#[inline]
pub(crate) fn depthwise_weight(row: &[u32], kx: usize) -> i32 {
    let last = row.len().saturating_sub(1);
    let (word, byte) = if kx / 2 > last { (last, 3) } else { (kx / 2, kx % 2) };
    row.get(word).map_or(0, |&w| i32::from((w >> (8 * byte)) as i8))
}

/// True if the words of a kernel row of `columns` columns are packed as [`pack_depthwise`] packs.
pub(crate) fn is_depthwise_row(row: &[u32], columns: u8) -> bool {
    let columns = usize::from(columns);
    let byte = |at: usize| row.get(at / 4).map_or(0, |&w| (w >> (8 * (at % 4))) as u8);
    (0..row.len()).all(|j| {
        let next = if j + 1 < row.len() { byte(4 * j + 4) } else { byte(4 * j + 3) };
        let known = |column: usize, at: usize| column < columns || byte(at) == 0;
        byte(4 * j + 1) == byte(4 * j + 2)
            && byte(4 * j + 3) == next
            && known(2 * j, 4 * j)
            && known(2 * j + 1, 4 * j + 1)
            && known(2 * j + 2, 4 * j + 3)
    })
}

/// The 3x3 weights of an output pair and an input pair, bytes `[o0 a, o1 a, o0 b, o1 b]`.
type Taps = [[i8; 4]; TAPS];

/// Transformed weights `u[position][output]` of one input pair.
fn transformed(tiling: Tiling, taps: &Taps) -> [u32; PAIR_WORDS] {
    let packed: [u32; TAPS] = taps.map(|bytes| u32::from_le_bytes(bytes.map(|b| b as u8)));
    let mut words = [0; PAIR_WORDS];
    if let Some(words) = words.get_mut(..tiling.weight_words(1)) {
        winograd::weights(tiling, &packed, 1, words);
    }
    words
}

/// Word index of transformed weights `[output pair][position][input pair][output]`.
const fn place(
    tiling: Tiling,
    shape: WeightShape,
    pair: usize,
    input: usize,
    [position, o]: [usize; 2],
) -> usize {
    let pairs = shape.input_pairs();
    pair * tiling.weight_words(pairs) + (position * pairs + input) * 2 + o
}

/// Reads a transformed kernel of an output from the i16 number `half` of its words of each position, and
/// leaves it in the first four rows of `u` as square tiles have it. Missing words count as 0. False if
/// the six values of a column of a tall tile are those of no weights.
#[expect(
    clippy::indexing_slicing,
    clippy::needless_range_loop,
    reason = "the columns of an array with six rows of four elements"
)]
#[inline(never)]
fn square(
    tiling: Tiling,
    shape: WeightShape,
    words: &[u32],
    output: usize,
    half: usize,
    u: &mut [[i32; 4]; INPUT_ROWS],
) -> bool {
    let mut at = place(tiling, shape, output / 2, half / 2, [0, output % 2]);
    for position in 0..tiling.positions() {
        let (group, element) = (position / 4, winograd::ranked(position % 4));
        let (i, j) = if tiling == Tiling::Tall { (group, element) } else { (element, group) };
        let word = words.get(at).copied().unwrap_or(0);
        let value = i32::from((word >> (16 * (half % 2))) as i16);
        if let Some(place) = u.get_mut(i).and_then(|row| row.get_mut(j)) {
            *place = value;
        }
        at += shape.input_pairs() * 2;
    }
    if tiling == Tiling::Tall {
        for j in 0..4 {
            // 6 w0, w0 + w1 + w2, w0 - w1 + w2, w0 + 2 w1 + 4 w2, w0 - 2 w1 + 4 w2, 24 w2
            let [six, sum, difference] = [u[0][j], u[1][j], u[2][j]];
            let [far, back, end] = [u[3][j], u[4][j], u[5][j]];
            let (first, last) = (winograd::third(six), winograd::third(end) >> 2);
            let (ends, middle) = (first.wrapping_add(last.wrapping_mul(4)), 2 * (sum - difference));
            let whole = first.wrapping_mul(3) == six && last.wrapping_mul(12) == end;
            let odd =
                (2 * far).wrapping_sub(ends) == middle && ends.wrapping_sub(2 * back) == middle;
            if !(whole && odd) {
                return false;
            }
            (u[0][j], u[3][j]) = (first, last);
        }
    }
    true
}

/// A weight of the 3x3 kernel w, from the values u = H w Hᵀ with H = [2 0 0; 1 1 1; 1
/// -1 1; 0 0 2], row by row. The first row of H gives twice the first weight, the difference of the second and
/// third rows twice the second weight, and the last row twice the third weight.
fn recovered(ky: usize, kx: usize, u: &[[i32; 4]; INPUT_ROWS]) -> i32 {
    // Rows of u and their signs, at most two for a weight.
    let rows = |tap: usize| match tap {
        0 => [(0, 1), (0, 0)],
        1 => [(1, 1), (2, -1)],
        _ => [(3, 1), (0, 0)],
    };
    let mut sum = 0;
    for (i, vertical) in rows(ky) {
        for (j, horizontal) in rows(kx) {
            let sign = vertical * horizontal;
            if sign != 0 {
                let value = u.get(i).and_then(|row| row.get(j));
                sum += sign * value.copied().unwrap_or(0);
            }
        }
    }
    sum / 4
}

/// A weight in any form. `input` may name a padding channel. Outside the weights the result is 0.
pub(crate) fn weight(
    kind: KernelKind,
    shape: WeightShape,
    words: &[u32],
    [output, ky, kx, input]: [usize; 4],
) -> i32 {
    if kind == KernelKind::Flat {
        let (bytes, flat): (&[i8], _) = (bytemuck::cast_slice(words), shape.flat());
        let at = flat.flat_index(output, ky, kx * usize::from(shape.input) + input);
        return bytes.get(at).map_or(0, |&w| i32::from(w));
    }
    let Some(tiling) = transform(kind) else {
        let bytes: &[i8] = bytemuck::cast_slice(words);
        return bytes.get(shape.index(output, ky, kx, input)).map_or(0, |&w| i32::from(w));
    };
    let half = input / 4 * 4 + input % 2 * 2 + input % 4 / 2;
    let mut u = [[0; 4]; INPUT_ROWS];
    if square(tiling, shape, words, output, half, &mut u) { recovered(ky, kx, &u) } else { 0 }
}

/// True if transformed weights are the transform of i8 weights that are 0 for padding inputs.
///
/// A matrix is H w Hᵀ for some w if and only if, in each of its rows and columns, the first and the
/// last element add up to the sum of the two between them. In each column of H, both sums are
/// equal.
#[expect(
    clippy::indexing_slicing,
    reason = "the arrays have four elements, and the indices are below 4"
)]
pub(crate) fn are_transformed(tiling: Tiling, shape: WeightShape, words: &[u32]) -> bool {
    let inputs = usize::from(shape.input);
    (0..shape.output_pairs() * 2).all(|output| {
        (0..shape.input_pairs() * 2).all(|half| {
            let mut u = [[0; 4]; INPUT_ROWS];
            if !square(tiling, shape, words, output, half, &mut u) {
                return false;
            }
            let balanced = |[a, b, c, d]: [i32; 4]| a + d == b + c;
            let input = half / 4 * 4 + half % 4 / 2 + half % 2 * 2;
            // Four times a weight. The weights of a padding input are 0.
            let limits = if input < inputs { -512..=508 } else { 0..=0 };
            let [first, second, third, last, ..] = u;
            let between = core::array::from_fn(|j| second[j] - third[j]);
            (0..4).all(|i| balanced(u[i]) && balanced([first[i], second[i], third[i], last[i]]))
                && [first, between, last].into_iter().all(|[a, b, c, d]| {
                    [a, b - c, d].into_iter().all(|w| w & 3 == 0 && limits.contains(&w))
                })
        })
    })
}
