//! The cases of rows of outputs: direct convolutions and Winograd blocks.

use super::{Mismatch, Random, WEIGHTS, WORDS};
use crate::graph::Tiling;
use crate::kernel::finish::{BlockRows, Finish, FinishKind, PairRow};
use crate::kernel::micro::MicroKernel;
use crate::kernel::scalar::Scalar;
use crate::kernel::window::Window;
use crate::kernel::winograd::{BLOCK_COLUMNS, BLOCK_ROWS, INPUT_ROWS, packed_words};

pub(super) const KINDS: [FinishKind; 4] =
    [FinishKind::Plain, FinishKind::Residual, FinishKind::Prelu, FinishKind::ResidualPrelu];

/// Bytes of an output row.
const ROW: usize = 176;
/// Maximum number of channel pairs of a block.
const PAIRS: usize = 10;
/// Words of a phase that lies under two blocks.
const PHASE: usize = 21;

/// Parameters of an output pair whose results fill the 8 bits and sometimes saturate.
fn finish(random: &mut Random, kind: FinishKind) -> Finish {
    let mut pair = |shift: u32| [random.next() as i32 >> shift, random.next() as i32 >> shift];
    Finish {
        bias: pair(14),
        residual: pair(20),
        positive: pair(6),
        negative: pair(5),
        zero: pair(24)[0],
        kind,
    }
}

/// The same random bytes for two implementations.
fn bytes(random: &mut Random) -> [[i8; ROW]; 2] {
    let mut row = [0; ROW];
    row.fill_with(|| random.next() as i8);
    [row, row]
}

/// Compares [`MicroKernel::row`].
pub(super) fn rows<M: MicroKernel>(micro: &M, random: &mut Random) -> Result<u32, Mismatch> {
    let mut cases = 0;
    let mut words = [0; WORDS];
    let mut weights = [0; WEIGHTS];
    for (kernel, stride) in [(1, 1), (3, 1), (3, 2), (5, 1), (5, 2), (7, 1), (7, 2)] {
        for (first, second) in [(2, 0), (4, 2), (2, 4), (0, 4)] {
            for pixels in 0..=9 {
                let (kind, style) = (KINDS[cases as usize % 4], cases / 4 % 4);
                let phase = 12 + (kernel - 1) / stride;
                let step = phase * stride;
                words.fill_with(|| random.pair(style));
                weights.fill_with(|| random.weights(style));
                let (a, b) = words.split_at(first * step);
                let window = Window::new([a, &b[..second * step]], phase, kernel, stride);
                let Some(window) = window else { continue };
                let Some(weights) = weights.get(..window.weight_words()) else { continue };
                let finish = finish(random, kind);
                let pitch = [2, 4, 9][cases as usize % 3];
                let [mut expected, mut found] = bytes(random);
                for (bytes, scalar) in [(&mut expected, true), (&mut found, false)] {
                    let Some(mut row) = PairRow::new(bytes, pitch, pixels) else { continue };
                    if scalar {
                        Scalar.row(&window, weights, &finish, &mut row);
                    } else {
                        micro.row(&window, weights, &finish, &mut row);
                    }
                }
                if expected != found {
                    return Err(Mismatch::Row {
                        kernel: kernel as u8,
                        stride: stride as u8,
                        planes: (first as u8, second as u8),
                        pixels: pixels as u8,
                        kind,
                    });
                }
                cases += 1;
            }
        }
    }
    Ok(cases)
}

/// Compares the three Winograd methods on random inputs, and the block's outputs with those of the
/// direct convolution, for the tiles that the implementation has.
pub(super) fn winograd<M: MicroKernel>(micro: &M, random: &mut Random) -> Result<u32, Mismatch> {
    let mut cases = 0;
    for tiling in [Tiling::Square, Tiling::Tall] {
        for pairs in [2, 4, 6, 8, PAIRS] {
            for style in 0..4 {
                blocks(micro, random, &mut cases, tiling, pairs, style)?;
            }
        }
    }
    Ok(cases)
}

/// Compares two adjacent blocks of one number of pairs.
fn blocks<M: MicroKernel>(
    micro: &M,
    random: &mut Random,
    cases: &mut u32,
    tiling: Tiling,
    pairs: usize,
    style: u32,
) -> Result<(), Mismatch> {
    let mut v = [0; 2 * Tiling::Tall.input_words(PAIRS)];
    let mut u = [0; Tiling::Tall.weight_words(PAIRS)];
    let v = &mut v[..2 * tiling.input_words(pairs)];
    let u = &mut u[..tiling.weight_words(pairs)];
    let mut words = [0; INPUT_ROWS * PAIRS * PHASE];
    words.fill_with(|| random.pair(style));
    let x = random.next() as usize % (PHASE - 17);
    let (left, right) = v.split_at_mut(tiling.input_words(pairs));
    inputs(micro, random, tiling, &words, [pairs, x], left)?;
    inputs(micro, random, tiling, &words, [pairs, x + BLOCK_COLUMNS], right)?;
    let mut packed = [0; packed_words(PAIRS)];
    packed.fill_with(|| random.weights(style));
    let packed = &packed[..packed_words(pairs)];
    weights(micro, random, tiling, packed, pairs, u)?;
    for pixels in 0..=2 * BLOCK_COLUMNS {
        let kind = KINDS[*cases as usize % 4];
        let finish = finish(random, kind);
        let rows = tiling.rows() - *cases as usize % 3 % tiling.rows();
        let pitch = [2, 4, 11][*cases as usize % 3];
        let mut start = [0; BLOCK_ROWS * ROW];
        start.fill_with(|| random.next() as i8);
        let mut ways = [start; 3];
        for (way, bytes) in ways.iter_mut().enumerate() {
            let Some(mut out) = BlockRows::new(bytes, [pitch, ROW], [pixels, rows]) else {
                continue;
            };
            let mut sums = [0x7777; Tiling::Tall.sum_words()];
            match way {
                0 => Scalar.winograd_block(tiling, v, u, &mut sums, &finish, &mut out),
                1 => micro.winograd_block(tiling, v, u, &mut sums, &finish, &mut out),
                _ => direct(&words, pairs, x, packed, &finish, &mut out),
            }
        }
        if ways[0] != ways[1] || ways[0] != ways[2] {
            let (pairs, pixels) = (pairs as u8, pixels as u8);
            return Err(Mismatch::WinogradBlock { tiling, pairs, pixels, kind });
        }
        *cases += 1;
    }
    Ok(())
}

/// Computes the rows of two blocks as direct convolutions.
fn direct(
    words: &[u32],
    pairs: usize,
    x: usize,
    packed: &[u32],
    finish: &Finish,
    out: &mut BlockRows<'_>,
) {
    for y in 0..out.rows() {
        let Some(mut row) = out.row(y) else { return };
        let end = (y + 3) * pairs * PHASE;
        let runs = [&words[y * pairs * PHASE..end], &[]];
        let Some(window) = Window::new(runs, PHASE, 3, 1) else { return };
        let mut sums = [[0; 2 * BLOCK_COLUMNS]; 2];
        for tile in [0, 4, 8, 12] {
            let mut part = finish.bias.map(|b| [b; 4]);
            Scalar.tile(&window, x + tile, packed, &mut part);
            for (sums, part) in sums.iter_mut().zip(part) {
                sums[tile..tile + 4].copy_from_slice(&part);
            }
        }
        for (i, pixel) in row.from(0).take(2 * BLOCK_COLUMNS).enumerate() {
            finish.pixel(&Scalar, finish.kind, [sums[0][i], sums[1][i]], pixel);
        }
    }
}

fn inputs<M: MicroKernel>(
    micro: &M,
    random: &mut Random,
    tiling: Tiling,
    words: &[u32],
    [pairs, x]: [usize; 2],
    v: &mut [u32],
) -> Result<(), Mismatch> {
    let mut found = [0; Tiling::Tall.input_words(PAIRS)];
    let found = &mut found[..v.len()];
    found.fill_with(|| random.next());
    let mut rows = words.chunks_exact(pairs * PHASE);
    let rows = [(); INPUT_ROWS].map(|()| rows.next().unwrap_or_default());
    Scalar.winograd_input(tiling, &rows, PHASE, x, v);
    micro.winograd_input(tiling, &rows, PHASE, x, found);
    if v == found { Ok(()) } else { Err(Mismatch::WinogradInput { tiling, pairs: pairs as u8 }) }
}

fn weights<M: MicroKernel>(
    micro: &M,
    random: &mut Random,
    tiling: Tiling,
    packed: &[u32],
    pairs: usize,
    u: &mut [u32],
) -> Result<(), Mismatch> {
    let mut found = [0; Tiling::Tall.weight_words(PAIRS)];
    let found = &mut found[..u.len()];
    found.fill_with(|| random.next());
    Scalar.winograd_weights(tiling, packed, pairs, u);
    micro.winograd_weights(tiling, packed, pairs, found);
    if u == found { Ok(()) } else { Err(Mismatch::WinogradWeights { tiling, pairs: pairs as u8 }) }
}
