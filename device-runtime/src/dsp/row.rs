//! Rows of direct convolutions.

use supernano_core::graph::KernelSet;
use supernano_core::kernel::{Finish, PairRow, TILE_PIXELS, Window};

use super::edge::Edge;

/// What a row needs; `row.s` knows the places.
#[repr(C)]
struct Frame {
    /// First pixel, and bytes from a pixel to the next.
    out: *mut i8,
    pitch: usize,
    /// Bytes from a plane to the next, or from a phase to the next.
    step: usize,
    end: usize,
    weights: *const u32,
    first: *const u32,
    second: *const u32,
    second_end: *const u32,
    first_end: *const u32,
    limit: *const u32,
}

unsafe extern "C" {
    fn supernano_row_1x1(frame: *const Frame, finish: *const Finish);
    fn supernano_row_3x3(frame: *const Frame, finish: *const Finish);
    fn supernano_row_5x5(frame: *const Frame, finish: *const Finish);
    fn supernano_row_7x7(frame: *const Frame, finish: *const Finish);
    fn supernano_row_3x3_stride2(frame: *const Frame, finish: *const Finish);
    fn supernano_row_5x5_stride2(frame: *const Frame, finish: *const Finish);
    fn supernano_row_7x7_stride2(frame: *const Frame, finish: *const Finish);
}

/// `MicroKernel::row`.
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
    let step = if window.kernel() == 1 { window.step() } else { window.phase() };
    let mut frame = Frame {
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
        // SAFETY: `holds` says that pixels x .. x + 4 of every column of every plane lie inside
        // the runs for every tile of the row, and that there are `kernel` weights for each
        // plane; planes come in twos. A `PairRow` holds all its pixels. The routine reads and
        // writes just these and its stack, and keeps to the C convention.
        unsafe { row(&frame, finish) }
    }
    for x in (whole..out.pixels()).step_by(TILE_PIXELS) {
        let mut edge = Edge::gather(out, x);
        frame.out = edge.address();
        frame.pitch = Edge::PITCH;
        frame.first = first.as_ptr().wrapping_add(x);
        frame.second = second.as_ptr().wrapping_add(x);
        frame.limit = frame.first.wrapping_add(TILE_PIXELS);
        // SAFETY: as above for this tile; its 4 pixels are those of `edge`.
        unsafe { row(&frame, finish) }
        edge.scatter(out, x);
    }
}
