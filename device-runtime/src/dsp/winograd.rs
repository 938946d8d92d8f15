//! Winograd blocks in assembly: `winograd.s`.
//!
//! [`input`], [`weights`] and [`blocks`] are the three Winograd methods of
//! [`MicroKernel`](supernano_core::kernel::MicroKernel) for cores from Armv7-M on. Each proves the
//! contract of its routine; where a slice is too short, it does nothing.

use core::mem::offset_of;

use supernano_core::kernel::winograd::{
    BLOCK_COLUMNS, BLOCK_READS, BLOCK_ROWS, SUM_WORDS, input_words, packed_words, weight_words,
};
use supernano_core::kernel::{Finish, PairRow};

use super::edge::Edge;

/// Pairs of channels in one round of an unrolled dot product: `WG_UNROLLED` of the assembly.
const UNROLLED: usize = if cfg!(supernano_dsp) { 8 } else { 4 };

/// Arguments of the block routine. `winograd.s` copies them to its stack in this order.
#[repr(C)]
struct BlockCall {
    /// First pixel of the first row.
    out: *mut i8,
    /// Bytes from a pixel of the first row to the next.
    pitch: usize,
    /// Rounds of a dot product.
    rounds: usize,
    /// Room for the routine: rounds left.
    left: usize,
    /// Pairs of channels in the first round.
    first: usize,
    /// Room for the sums of a block.
    sums: *mut u32,
    /// End of that room.
    sums_end: *mut u32,
    /// First pixel of the second row.
    row: *mut i8,
    /// Bytes from a pixel of the second row to the next.
    row_pitch: usize,
    /// Transformed inputs of the first block.
    v: *const u32,
    /// Transformed weights.
    u: *const u32,
    /// Blocks to make.
    blocks: usize,
}

// `winograd.s` loads `out` and `pitch` into T_OUT and T_PITCH, and the rest from B_ROUNDS on.
const _: () = {
    assert!(offset_of!(BlockCall, out) == 0);
    assert!(offset_of!(BlockCall, pitch) == 4);
    assert!(offset_of!(BlockCall, rounds) == 8);
    assert!(offset_of!(BlockCall, left) == 12);
    assert!(offset_of!(BlockCall, first) == 16);
    assert!(offset_of!(BlockCall, sums) == 20);
    assert!(offset_of!(BlockCall, sums_end) == 24);
    assert!(offset_of!(BlockCall, row) == 28);
    assert!(offset_of!(BlockCall, row_pitch) == 32);
    assert!(offset_of!(BlockCall, v) == 36);
    assert!(offset_of!(BlockCall, u) == 40);
    assert!(offset_of!(BlockCall, blocks) == 44);
    assert!(size_of::<BlockCall>() == 48);
    // `winograd.s` counts 512 bytes of sums back from their end.
    assert!(SUM_WORDS * 4 == 512);
};

// The routines follow the C calling convention, use at most 156 bytes of stack, and read and write
// nothing but the memory listed here.
unsafe extern "C" {
    // Makes `blocks` blocks of 8 columns and 2 rows for an output pair. With
    // `p = (rounds - 1) * UNROLLED + first` pairs of channels, the caller guarantees that
    //
    // - `blocks`, `rounds` and `first` are at least 1, `left` is `rounds`, and `first` is at most
    //   `UNROLLED`;
    // - `v` holds `input_words(p)` words for each block, `u` holds `weight_words(p)` words;
    // - `sums` up to `sums_end` is 128 writable words;
    // - both rows start at even addresses and have even pitches, and the 2 bytes of each of their
    //   `8 * blocks` pixels are writable.
    fn supernano_winograd_block(call: *const BlockCall, finish: *const Finish);

    // Transforms the inputs of a block. The caller guarantees that `pairs` is at least 1, that each
    // of the four rows holds 10 words at every `phase` bytes, `pairs` times, and that `v` has
    // room for `input_words(pairs)` words.
    fn supernano_winograd_input(
        rows: *const [*const u32; 4],
        phase: usize,
        v: *mut u32,
        pairs: usize,
    );

    // Transforms the weights of an output pair. The caller guarantees that `pairs` is at least 1,
    // that `unit` is 4 times `pairs`, that `packed` holds `packed_words(pairs)` words, and that
    // `u` has room for `weight_words(pairs)` words.
    fn supernano_winograd_weights(packed: *const u32, unit: usize, u: *mut u32, pairs: usize);
}

/// Transforms the inputs of a block, from word `x` of each phase of the four rows.
#[inline(always)]
pub(super) fn input(rows: [&[u32]; 4], phase: usize, x: usize, v: &mut [u32]) {
    let pairs = v.len() / input_words(1);
    let Some(before) = pairs.checked_sub(1) else { return };
    let end = before * phase + x + BLOCK_READS;
    if rows.iter().any(|row| row.len() < end) {
        return;
    }
    let rows = rows.map(|row| row.as_ptr().wrapping_add(x));
    // SAFETY: `checked_sub` says that there is a pair; every row has `end` words, where the last
    // pair's ten end; `pairs` is what fits into `v`.
    unsafe { supernano_winograd_input(&rows, phase * 4, v.as_mut_ptr(), pairs) }
}

/// Transforms the packed weights of an output pair.
#[inline(always)]
pub(super) fn weights(packed: &[u32], pairs: usize, u: &mut [u32]) {
    if packed.len() < packed_words(pairs) || u.len() < weight_words(pairs) || pairs == 0 {
        return;
    }
    // SAFETY: the condition above compares both lengths, and says that there is a pair.
    unsafe { supernano_winograd_weights(packed.as_ptr(), pairs * 4, u.as_mut_ptr(), pairs) }
}

/// Makes the blocks of two rows of outputs, as many as `v` holds.
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
    let mut call = BlockCall {
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
        // SAFETY: `checked_div` returns for no pairs, so `pairs`, `rounds` and `first` are at least
        // 1, and `u` holds `pairs`; `whole` is at most `blocks`, which `v` holds, and no more than
        // both rows have pixels for; it is 0 unless `even`; `sums` has its length by its type.
        unsafe { supernano_winograd_block(&call, finish) }
    }
    for block in whole..blocks {
        edge(&mut call, finish, v, block * input_words(pairs), block * BLOCK_COLUMNS, out);
    }
}

/// Makes one block that the rows do not fill, from pixel `x` on. Its inputs start at word `at` of
/// `v`; `call` is that of the blocks before it.
#[inline(never)]
fn edge(
    call: &mut BlockCall,
    finish: &Finish,
    v: &[u32],
    at: usize,
    x: usize,
    [first, second]: &mut [PairRow<'_>; BLOCK_ROWS],
) {
    let mut a = Edge::gather(first, x);
    let mut b = Edge::gather(second, x);
    call.out = a.address();
    call.pitch = Edge::PITCH;
    call.row = b.address();
    call.row_pitch = Edge::PITCH;
    call.v = v.as_ptr().wrapping_add(at);
    call.blocks = 1;
    // SAFETY: `blocks` has set the other fields for at least one pair and counts the block among
    // those that `v` holds from `at` on; an `Edge` is aligned to 4 bytes and holds 8 pixels.
    unsafe { supernano_winograd_block(call, finish) }
    a.scatter(first, x);
    b.scatter(second, x);
}
