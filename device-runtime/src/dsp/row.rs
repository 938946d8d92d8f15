//! Rows of direct convolutions in assembly: `row.s`.
//!
//! [`row`] is [`MicroKernel::row`](supernano_core::kernel::MicroKernel::row) for cores from
//! Armv7-M on. It proves the contract of the routines, then calls one for all whole tiles of the
//! row and once more for the pixels behind them.

use core::mem::offset_of;

use supernano_core::graph::KernelSet;
use supernano_core::kernel::{Finish, PairRow, TILE_PIXELS, Window};

use super::edge::Edge;

/// Arguments of a row routine. `row.s` copies them to its stack in this order.
#[repr(C)]
struct RowCall {
    /// First pixel written.
    out: *mut i8,
    /// Bytes from a pixel to the next.
    pitch: usize,
    /// Bytes from a plane to the next; with stride 2, from a phase to the next.
    step: usize,
    /// Room for the routine: the end of the weights of the run at work.
    end: usize,
    /// Weights of the output pair.
    weights: *const u32,
    /// Pixels of the first tile in the first run.
    first: *const u32,
    /// Pixels of the first tile in the second run.
    second: *const u32,
    /// End of the weights of the second run.
    second_end: *const u32,
    /// End of the weights of the first run.
    first_end: *const u32,
    /// `first` after the last tile.
    limit: *const u32,
}

// `row.s` loads `out` and `pitch` into T_OUT and T_PITCH, and the rest from R_STEP on.
const _: () = {
    assert!(offset_of!(RowCall, out) == 0);
    assert!(offset_of!(RowCall, pitch) == 4);
    assert!(offset_of!(RowCall, step) == 8);
    assert!(offset_of!(RowCall, end) == 12);
    assert!(offset_of!(RowCall, weights) == 16);
    assert!(offset_of!(RowCall, first) == 20);
    assert!(offset_of!(RowCall, second) == 24);
    assert!(offset_of!(RowCall, second_end) == 28);
    assert!(offset_of!(RowCall, first_end) == 32);
    assert!(offset_of!(RowCall, limit) == 36);
    assert!(size_of::<RowCall>() == 40);
};

// A routine computes the tiles of 4 pixels from `first` up to `limit` for the kernel and stride of
// its name. It follows the C calling convention, uses 116 bytes of stack, and reads and writes
// nothing but the memory listed here. The caller guarantees for every tile:
//
// - each kernel column of each plane of both runs holds the tile's 4 words;
// - `weights` up to `second_end` holds as many words for each plane as the kernel has columns,
//   the first run's up to `first_end`;
// - the planes of each run come in twos (1x1 and both 3x3 routines take two a round);
// - `out` is even, and so is `pitch`; the 2 bytes of each pixel of the tile are writable.
unsafe extern "C" {
    fn supernano_row_1x1(call: *const RowCall, finish: *const Finish);
    fn supernano_row_3x3(call: *const RowCall, finish: *const Finish);
    fn supernano_row_5x5(call: *const RowCall, finish: *const Finish);
    fn supernano_row_7x7(call: *const RowCall, finish: *const Finish);
    fn supernano_row_3x3_stride2(call: *const RowCall, finish: *const Finish);
    fn supernano_row_5x5_stride2(call: *const RowCall, finish: *const Finish);
    fn supernano_row_7x7_stride2(call: *const RowCall, finish: *const Finish);
}

/// Computes a row of a direct convolution for one output pair, where `SET` has its kernel.
#[inline(always)]
pub(super) fn row<const SET: u32>(
    window: &Window<'_>,
    weights: &[u32],
    finish: &Finish,
    out: &mut PairRow<'_>,
) {
    let set = KernelSet::from_bits(SET);
    let row = match (window.kernel(), window.stride()) {
        (1, _) if set.direct(1, 1) => supernano_row_1x1,
        (3, 1) if set.direct(3, 1) => supernano_row_3x3,
        (5, 1) if set.direct(5, 1) => supernano_row_5x5,
        (7, 1) if set.direct(7, 1) => supernano_row_7x7,
        (3, 2) if set.direct(3, 2) => supernano_row_3x3_stride2,
        (5, 2) if set.direct(5, 2) => supernano_row_5x5_stride2,
        (7, 2) if set.direct(7, 2) => supernano_row_7x7_stride2,
        _ => return,
    };
    let Some(last) = out.pixels().checked_sub(1) else { return };
    let planes = window.planes();
    let pairs = (planes[0] | planes[1]).is_multiple_of(2);
    if !pairs || !window.holds(last / TILE_PIXELS * TILE_PIXELS, weights.len()) {
        return;
    }
    let (address, pitch) = (out.bytes().as_mut_ptr(), out.pitch());
    let aligned = (address as usize | pitch).is_multiple_of(2);
    let whole = if aligned { out.pixels() / TILE_PIXELS * TILE_PIXELS } else { 0 };
    let [first, second] = window.runs();
    let at = weights.as_ptr();
    let first_end = at.wrapping_add(planes[0] * window.kernel());
    let step = if window.kernel() == 1 { window.plane_words() } else { window.phase() };
    let mut call = RowCall {
        out: address,
        pitch,
        step: step * 4,
        end: 0,
        weights: at,
        first: first.as_ptr(),
        second: second.as_ptr(),
        second_end: first_end.wrapping_add(planes[1] * window.kernel()),
        first_end,
        limit: first.as_ptr().wrapping_add(whole),
    };
    if whole > 0 {
        // SAFETY: `window.holds` is true for the last tile, so every tile lies inside the runs
        // and `weights` has `kernel` words per plane; `pairs` says that planes come in twos; the
        // `PairRow` holds `whole` pixels or more; `aligned` says that address and pitch are even.
        unsafe { row(&call, finish) }
    }
    for x in (whole..out.pixels()).step_by(TILE_PIXELS) {
        let mut edge = Edge::EMPTY;
        edge.fill(out, x);
        call.out = Edge::address(core::slice::from_mut(&mut edge));
        call.pitch = Edge::PITCH;
        call.first = first.as_ptr().wrapping_add(x);
        call.second = second.as_ptr().wrapping_add(x);
        call.limit = call.first.wrapping_add(TILE_PIXELS);
        // SAFETY: `window.holds` and `pairs` are true as above, and `x` is at most the last tile's
        // pixel; an `Edge` is aligned to 4 bytes and holds 8 pixels, of which 4 are written.
        unsafe { row(&call, finish) }
        edge.scatter(out, x);
    }
}
