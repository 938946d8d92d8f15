//! Winograd blocks in assembly: `winograd.s`.
//!
//! [`input`], [`weights`] and [`blocks`] are the three Winograd methods of
//! [`MicroKernel`](supernano_core::kernel::MicroKernel) for cores from Armv7-M on. Each proves the
//! contract of its routine; where a slice is too short, it does nothing.

use core::mem::offset_of;

use supernano_core::graph::Tiling;
use supernano_core::kernel::winograd::{
    BLOCK_COLUMNS, BLOCK_READS, BLOCK_ROWS, INPUT_ROWS, packed_words,
};
use supernano_core::kernel::{BlockRows, Finish};

use super::edge::Edge;

/// Pairs of channels in one round of an unrolled dot product: `WG_UNROLLED` of the assembly.
const UNROLLED: usize = if cfg!(supernano_dsp) { 8 } else { 4 };

/// Arguments of the block routine. `winograd.s` copies them to its stack in this order.
#[repr(C)]
struct BlockCall {
    /// First pixel of the first row.
    out: *mut i8,
    /// Bytes from a pixel of a row to the next.
    pitch: usize,
    /// Rounds of a dot product.
    rounds: usize,
    /// Room for the routine: rounds left.
    left: usize,
    /// Pairs of channels in the first round.
    first: usize,
    /// Room for the sums of a block.
    start: *mut u32,
    /// Room for the routine: the sums of a group of positions.
    sums: *mut u32,
    /// End of the room for the sums.
    sums_end: *mut u32,
    /// Bytes from the end of 8 pixels to the first of the next row.
    down: usize,
    /// Bytes from the end of 8 pixels of the last row to the next block.
    up: usize,
    /// The routine that turns the sums into outputs.
    outputs: unsafe extern "C" fn(),
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
    assert!(offset_of!(BlockCall, start) == 20);
    assert!(offset_of!(BlockCall, sums) == 24);
    assert!(offset_of!(BlockCall, sums_end) == 28);
    assert!(offset_of!(BlockCall, down) == 32);
    assert!(offset_of!(BlockCall, up) == 36);
    assert!(offset_of!(BlockCall, outputs) == 40);
    assert!(offset_of!(BlockCall, v) == 44);
    assert!(offset_of!(BlockCall, u) == 48);
    assert!(offset_of!(BlockCall, blocks) == 52);
    assert!(size_of::<BlockCall>() == 56);
    // Groups of four positions have 128 bytes of sums, four of a square tile and six of a tall one.
    assert!(Tiling::Square.sum_words() * 4 == 4 * 128);
    assert!(Tiling::Tall.sum_words() * 4 == 6 * 128);
};

// The routines follow the C calling convention, use at most 320 bytes of stack, and read and write
// nothing but the memory listed here.
unsafe extern "C" {
    // Makes `blocks` blocks of 8 columns for an output pair, with the rows and positions of a tiling. With
    // `p = (rounds - 1) * UNROLLED + first` pairs of channels, the caller guarantees that
    //
    // - `blocks`, `rounds` and `first` are at least 1, `left` is `rounds`, and `first` is at most
    //   `UNROLLED`;
    // - `v` holds `input_words(p)` words for each block, `u` holds `weight_words(p)` words;
    // - `outputs` is the routine of the tiling, `start` and `sums` are the first of its `sum_words()`
    //   writable words, and `sums_end` is their end;
    // - the first pixel is at an even address and `pitch` is even; `down` is the bytes from a row to the
    //   next, an even number, less `8 * pitch`, and `up` is the bytes from the last row to the first,
    //   modulo 2^32;
    // - the 2 bytes of each of the `8 * blocks` pixels of every row are writable.
    fn supernano_winograd_block(call: *const BlockCall, finish: *const Finish);

    // Turn the sums of a block into outputs. The block routine calls them, with its own stack frame.
    fn supernano_winograd_square();
    fn supernano_winograd_tall();

    // Transform the inputs of a block of square tiles. The caller guarantees that `pairs` is at least 1,
    // that each of the four rows holds 10 words at every `phase` bytes, `pairs` times, and that `v` has
    // room for `input_words(pairs)` words.
    fn supernano_winograd_input(
        rows: *const [*const u32; INPUT_ROWS],
        phase: usize,
        v: *mut u32,
        pairs: usize,
    );
    // The same of tall tiles, with six rows.
    fn supernano_winograd_tall_input(
        rows: *const [*const u32; INPUT_ROWS],
        phase: usize,
        v: *mut u32,
        pairs: usize,
    );

    // Transform the weights of an output pair, for square tiles. The caller guarantees that `pairs` is at
    // least 1, that `unit` is 4 times `pairs`, that `packed` holds `packed_words(pairs)` words, and that
    // `u` has room for `weight_words(pairs)` words.
    fn supernano_winograd_weights(packed: *const u32, unit: usize, u: *mut u32, pairs: usize);
    // The same for tall tiles.
    fn supernano_winograd_tall_weights(packed: *const u32, unit: usize, u: *mut u32, pairs: usize);
}

/// Transforms the inputs of a block, from word `x` of each phase of the rows.
// Out of line, since it is called for weights of both forms.
#[inline(never)]
pub(super) fn input(
    tiling: Tiling,
    rows: &[&[u32]; INPUT_ROWS],
    phase: usize,
    x: usize,
    v: &mut [u32],
) {
    let pairs = v.len() / tiling.input_words(1);
    let Some(before) = pairs.checked_sub(1) else { return };
    let end = before * phase + x + BLOCK_READS;
    if rows.iter().take(tiling.rows() + 2).any(|row| row.len() < end) {
        return;
    }
    let rows = rows.map(|row| row.as_ptr().wrapping_add(x));
    // SAFETY: `checked_sub` says that there is a pair; every row that the routine reads has `end` words,
    // where the last pair's ten end; `pairs` is what fits into `v`.
    unsafe {
        match tiling {
            Tiling::Square => supernano_winograd_input(&rows, phase * 4, v.as_mut_ptr(), pairs),
            Tiling::Tall => supernano_winograd_tall_input(&rows, phase * 4, v.as_mut_ptr(), pairs),
        }
    }
}

/// Transforms the packed weights of an output pair.
#[inline(always)]
pub(super) fn weights(tiling: Tiling, packed: &[u32], pairs: usize, u: &mut [u32]) {
    if packed.len() < packed_words(pairs) || u.len() < tiling.weight_words(pairs) || pairs == 0 {
        return;
    }
    let (packed, u) = (packed.as_ptr(), u.as_mut_ptr());
    // SAFETY: the condition above compares both lengths, and says that there is a pair.
    unsafe {
        match tiling {
            Tiling::Square => supernano_winograd_weights(packed, pairs * 4, u, pairs),
            Tiling::Tall => supernano_winograd_tall_weights(packed, pairs * 4, u, pairs),
        }
    }
}

/// Makes the blocks of the rows of outputs, as many as `v` holds.
#[inline(always)]
pub(super) fn blocks(
    tiling: Tiling,
    v: &[u32],
    u: &[u32],
    sums: &mut [u32],
    finish: &Finish,
    out: &mut BlockRows<'_>,
) {
    let pairs = u.len() / tiling.weight_words(1);
    let Some(blocks) = v.len().checked_div(tiling.input_words(pairs)) else { return };
    let Some(sums) = sums.get_mut(..tiling.sum_words()) else { return };
    let sums = sums.as_mut_ptr_range();
    let (rounds, rest) = (pairs.div_ceil(UNROLLED), pairs % UNROLLED);
    let (pitch, row) = (out.pitch(), out.row_bytes());
    let start = out.bytes().as_mut_ptr();
    let mut call = BlockCall {
        out: start,
        pitch,
        rounds,
        left: rounds,
        first: if rest == 0 { UNROLLED } else { rest },
        start: sums.start,
        sums: sums.start,
        sums_end: sums.end,
        down: row.wrapping_sub(BLOCK_COLUMNS * pitch),
        up: 0usize.wrapping_sub((tiling.rows() - 1) * row),
        outputs: match tiling {
            Tiling::Square => supernano_winograd_square,
            Tiling::Tall => supernano_winograd_tall,
        },
        v: v.as_ptr(),
        u: u.as_ptr(),
        blocks: 0,
    };
    let even = (start as usize | pitch | row).is_multiple_of(2);
    if even && out.rows() >= tiling.rows() {
        call.blocks = blocks.min(out.pixels() / BLOCK_COLUMNS);
    }
    let whole = call.blocks;
    if whole > 0 {
        // SAFETY: `checked_div` returns for no pairs, so `pairs`, `rounds` and `first` are at least
        // 1, and `u` holds `pairs`; `whole` is at most `blocks`, which `v` holds, and no more than
        // the rows have pixels for; it is 0 unless `even`, and unless there are all rows; the sums are
        // those of the tiling.
        unsafe { supernano_winograd_block(&call, finish) }
    }
    for block in whole..blocks {
        let v = v.get(block * tiling.input_words(pairs)..).unwrap_or_default();
        edge(&mut call, finish, v, block * BLOCK_COLUMNS, out);
    }
}

/// Makes one block that the rows do not fill, from pixel `x` on. `v` starts with its inputs; `call` is
/// that of the blocks before it.
#[inline(never)]
fn edge(call: &mut BlockCall, finish: &Finish, v: &[u32], x: usize, out: &mut BlockRows<'_>) {
    let mut edges = [const { Edge::EMPTY }; BLOCK_ROWS];
    for (y, edge) in edges.iter_mut().enumerate() {
        if let Some(mut row) = out.row(y) {
            edge.fill(&mut row, x);
        }
    }
    call.out = Edge::address(&mut edges);
    call.pitch = Edge::PITCH;
    call.down = 0;
    call.up = 0;
    call.v = v.as_ptr();
    call.blocks = 1;
    // SAFETY: `blocks` has set the other fields for at least one pair and counts the block among
    // those that `v` holds; an `Edge` is aligned to 4 bytes, holds 8 pixels, and is followed by that of
    // the next row.
    unsafe { supernano_winograd_block(call, finish) }
    for (y, edge) in edges.iter().enumerate() {
        if let Some(mut row) = out.row(y) {
            edge.scatter(&mut row, x);
        }
    }
}
