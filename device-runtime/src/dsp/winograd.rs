//! Winograd blocks.

use supernano_core::kernel::winograd::{
    BLOCK_COLUMNS, BLOCK_READS, BLOCK_ROWS, SUM_WORDS, input_words, packed_words, weight_words,
};
use supernano_core::kernel::{Finish, PairRow};

use super::edge::Edge;

/// Pairs of channels that a dot product has unrolled.
const UNROLLED: usize = if cfg!(supernano_dsp) { 8 } else { 4 };

/// What a block needs; `winograd.s` knows the places.
#[repr(C)]
struct Frame {
    /// First pixel, and bytes from a pixel to the next.
    out: *mut i8,
    pitch: usize,
    rounds: usize,
    left: usize,
    first: usize,
    sums: *mut u32,
    sums_end: *mut u32,
    row: *mut i8,
    row_pitch: usize,
    v: *const u32,
    u: *const u32,
    blocks: usize,
}

unsafe extern "C" {
    fn supernano_winograd_block(frame: *const Frame, finish: *const Finish);
    fn supernano_winograd_input(
        rows: *const [*const u32; 4],
        phase: usize,
        v: *mut u32,
        pairs: usize,
    );
    fn supernano_winograd_weights(packed: *const u32, unit: usize, u: *mut u32, pairs: usize);
}

/// `MicroKernel::winograd_input`.
#[inline(always)]
pub(super) fn input(rows: [&[u32]; 4], phase: usize, x: usize, v: &mut [u32]) {
    let pairs = v.len() / input_words(1);
    let Some(before) = pairs.checked_sub(1) else { return };
    let end = before * phase + x + BLOCK_READS;
    if rows.iter().any(|row| row.len() < end) {
        return;
    }
    let rows = rows.map(|row| row.as_ptr().wrapping_add(x));
    // SAFETY: the last pair's ten words end inside every row, `v` holds all positions of the
    // pairs; the routine reads and writes just these and keeps to the C convention.
    unsafe { supernano_winograd_input(&rows, phase * 4, v.as_mut_ptr(), pairs) }
}

/// `MicroKernel::winograd_weights`.
#[inline(always)]
pub(super) fn weights(packed: &[u32], pairs: usize, u: &mut [u32]) {
    if packed.len() < packed_words(pairs) || u.len() < weight_words(pairs) || pairs == 0 {
        return;
    }
    // SAFETY: both slices hold all pairs; the routine reads and writes just these and its stack,
    // and keeps to the C convention.
    unsafe { supernano_winograd_weights(packed.as_ptr(), pairs * 4, u.as_mut_ptr(), pairs) }
}

/// `MicroKernel::winograd_block`.
#[inline(always)]
pub(super) fn blocks(
    v: &[u32],
    u: &[u32],
    sums: &mut [u32; SUM_WORDS],
    finish: &Finish,
    out: &mut [PairRow<'_>; BLOCK_ROWS],
) {
    let pairs = u.len() / weight_words(1);
    let Some(blocks) = v.len().checked_div(input_words(pairs)) else { return };
    let [first, second] = out;
    let places = |row: &mut PairRow<'_>| (row.bytes().as_mut_ptr(), row.pitch());
    let ((a, a_pitch), (b, b_pitch)) = (places(first), places(second));
    let sums = sums.as_mut_ptr();
    let (rounds, rest) = (pairs.div_ceil(UNROLLED), pairs % UNROLLED);
    let even = (a as usize | a_pitch | b as usize | b_pitch).is_multiple_of(2);
    let whole = first.pixels().min(second.pixels()) / BLOCK_COLUMNS * usize::from(even);
    let whole = whole.min(blocks);
    let mut frame = Frame {
        out: a,
        pitch: a_pitch,
        rounds,
        left: rounds,
        first: if rest == 0 { UNROLLED } else { rest },
        sums,
        sums_end: sums.wrapping_add(SUM_WORDS),
        row: b,
        row_pitch: b_pitch,
        v: v.as_ptr(),
        u: u.as_ptr(),
        blocks: whole,
    };
    if whole > 0 {
        // SAFETY: `v` holds all positions of the pairs for all blocks, `u` likewise, `sums` its
        // 128 words, and both rows eight pixels for each of these blocks; the routine reads and
        // writes just these and its stack, and keeps to the C convention.
        unsafe { supernano_winograd_block(&frame, finish) }
    }
    for block in whole..blocks {
        edge(&mut frame, finish, v, block * input_words(pairs), block * BLOCK_COLUMNS, out);
    }
}

/// A block that the rows do not fill, from word `at` and pixel `x` on.
#[inline(never)]
fn edge(
    frame: &mut Frame,
    finish: &Finish,
    v: &[u32],
    at: usize,
    x: usize,
    [first, second]: &mut [PairRow<'_>; BLOCK_ROWS],
) {
    let mut a = Edge::gather(first, x);
    let mut b = Edge::gather(second, x);
    frame.out = a.address();
    frame.pitch = Edge::PITCH;
    frame.row = b.address();
    frame.row_pitch = Edge::PITCH;
    frame.v = v.as_ptr().wrapping_add(at);
    frame.blocks = 1;
    // SAFETY: as for whole blocks; the pixels are those of `a` and `b`.
    unsafe { supernano_winograd_block(frame, finish) }
    a.scatter(first, x);
    b.scatter(second, x);
}
