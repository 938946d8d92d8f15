//! Winograd blocks.

use supernano_core::kernel::winograd::{
    BLOCK_COLUMNS, BLOCK_READS, BLOCK_ROWS, SUM_WORDS, input_words, packed_words, weight_words,
};
use supernano_core::kernel::{Finish, PairRow};

use super::tail::{Edge, Tail};

/// Pairs of channels that a dot product has unrolled.
const UNROLLED: usize = if cfg!(supernano_dsp) { 8 } else { 4 };

/// What a block needs; `winograd.s` knows the places.
#[repr(C)]
struct Frame {
    tail: Tail,
    rounds: usize,
    left: usize,
    entry: usize,
    sums: *mut u32,
    sums_end: *mut u32,
    second: *mut i8,
    second_pitch: usize,
    v: *const u32,
    u: *const u32,
}

unsafe extern "C" {
    fn supernano_winograd_block(frame: *const Frame);
    fn supernano_winograd_input(
        rows: *const [*const u32; 4],
        phase: usize,
        v: *mut u32,
        pairs: usize,
    );
    fn supernano_winograd_weights(packed: *const u32, unit: usize, u: *mut u32, pairs: usize);
}

/// `MicroKernel::winograd_input`; `false` where a slice is too short.
#[inline(always)]
pub(super) fn input(rows: [&[u32]; 4], phase: usize, x: usize, v: &mut [u32]) -> bool {
    let pairs = v.len() / input_words(1);
    let Some(before) = pairs.checked_sub(1) else { return true };
    let end = before * phase + x + BLOCK_READS;
    if rows.iter().any(|row| row.len() < end) {
        return false;
    }
    let rows = rows.map(|row| row.as_ptr().wrapping_add(x));
    // SAFETY: the last pair's ten words end inside every row, `v` holds all positions of the
    // pairs; the routine reads and writes just these and keeps to the C convention.
    unsafe { supernano_winograd_input(&rows, phase * 4, v.as_mut_ptr(), pairs) }
    true
}

/// `MicroKernel::winograd_weights`; `false` where a slice is too short.
#[inline(always)]
pub(super) fn weights(packed: &[u32], pairs: usize, u: &mut [u32]) -> bool {
    if packed.len() < packed_words(pairs) || u.len() < weight_words(pairs) || pairs == 0 {
        return false;
    }
    // SAFETY: both slices hold all pairs; the routine reads and writes just these and its stack,
    // and keeps to the C convention.
    unsafe { supernano_winograd_weights(packed.as_ptr(), pairs * 4, u.as_mut_ptr(), pairs) }
    true
}

/// `MicroKernel::winograd_block`; `false` where this is none of the assembly's cases.
#[inline(always)]
pub(super) fn block(
    v: &[u32],
    u: &[u32],
    sums: &mut [u32; SUM_WORDS],
    finish: &Finish,
    out: &mut [PairRow<'_>; BLOCK_ROWS],
) -> bool {
    let pairs = v.len() / input_words(1);
    if pairs == 0 || u.len() < weight_words(pairs) {
        return false;
    }
    let [first, second] = out;
    let places = |row: &mut PairRow<'_>| (row.bytes().as_mut_ptr(), row.pitch());
    let ((a, a_pitch), (b, b_pitch)) = (places(first), places(second));
    let sums = sums.as_mut_ptr();
    let rest = pairs % UNROLLED;
    let mut frame = Frame {
        tail: Tail::new(finish, a, a_pitch),
        rounds: pairs.div_ceil(UNROLLED),
        left: 0,
        entry: if rest == 0 { UNROLLED } else { rest },
        sums,
        sums_end: sums.wrapping_add(SUM_WORDS),
        second: b,
        second_pitch: b_pitch,
        v: v.as_ptr(),
        u: u.as_ptr(),
    };
    let even = (a as usize | a_pitch | b as usize | b_pitch).is_multiple_of(2);
    if even && first.pixels() >= BLOCK_COLUMNS && second.pixels() >= BLOCK_COLUMNS {
        // SAFETY: `v` and `u` hold all positions of the pairs, `sums` its 128 words, and both
        // rows eight pixels; the routine reads and writes just these and its stack, and keeps to
        // the C convention.
        unsafe { supernano_winograd_block(&frame) }
        return true;
    }
    let mut edges = [
        Edge::<BLOCK_COLUMNS>::gather(first.from(0)),
        Edge::<BLOCK_COLUMNS>::gather(second.from(0)),
    ];
    let [a, b] = &mut edges;
    frame.tail.out = a.address();
    frame.second = b.address();
    frame.tail.pitch = Edge::<BLOCK_COLUMNS>::PITCH;
    frame.second_pitch = Edge::<BLOCK_COLUMNS>::PITCH;
    // SAFETY: as above; the pixels are those of `edges`.
    unsafe { supernano_winograd_block(&frame) }
    edges[0].scatter(first.from(0));
    edges[1].scatter(second.from(0));
    true
}
