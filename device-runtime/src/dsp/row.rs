//! Rows of direct convolutions.

use supernano_core::kernel::{Finish, PairRow, TILE_PIXELS, Window};

use super::tail::{Edge, Tail};

/// What a row needs; `row.s` knows the places.
#[repr(C)]
struct Frame {
    tail: Tail,
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
    fn supernano_row_1x1(frame: *const Frame);
    fn supernano_row_3x3(frame: *const Frame);
    fn supernano_row_3x3_stride2(frame: *const Frame);
}

/// `MicroKernel::row`; `false` where this is none of the assembly's cases.
#[inline(always)]
pub(super) fn row(
    window: &Window<'_>,
    weights: &[u32],
    finish: &Finish,
    out: &mut PairRow<'_>,
) -> bool {
    let row = match (window.kernel(), window.stride()) {
        (3, 1) => supernano_row_3x3,
        (1, 1) => supernano_row_1x1,
        (3, 2) => supernano_row_3x3_stride2,
        _ => return false,
    };
    let Some(last) = out.pixels().checked_sub(1) else { return true };
    let (planes, whole) = (window.planes(), out.pixels() / TILE_PIXELS);
    let (address, pitch) = (out.bytes().as_mut_ptr(), out.pitch());
    let even = (planes[0] | planes[1] | address as usize | pitch).is_multiple_of(2);
    if !even || !window.holds(last / TILE_PIXELS * TILE_PIXELS, weights.len()) {
        return false;
    }
    let [first, second] = window.runs();
    let at = weights.as_ptr();
    let first_end = at.wrapping_add(planes[0] * window.kernel());
    let mut frame = Frame {
        tail: Tail::new(finish, address, pitch),
        step: window.phase() * 4,
        end: 0,
        weights: at,
        first: first.as_ptr(),
        second: second.as_ptr(),
        second_end: first_end.wrapping_add(planes[1] * window.kernel()),
        first_end,
        limit: first.as_ptr().wrapping_add(whole * TILE_PIXELS),
    };
    if whole > 0 {
        // SAFETY: `holds` says that pixels x .. x + 4 of every column of every plane lie inside
        // the runs for every tile of the row, and that there are `kernel` weights for each
        // plane; planes come in twos. A `PairRow` holds all its pixels. The routine reads and
        // writes just these and its stack, and keeps to the C convention.
        unsafe { row(&frame) }
    }
    let done = whole * TILE_PIXELS;
    if done < out.pixels() {
        let mut edge = Edge::<TILE_PIXELS>::gather(out.from(done));
        frame.tail.out = edge.address();
        frame.tail.pitch = Edge::<TILE_PIXELS>::PITCH;
        frame.first = frame.limit;
        frame.second = frame.second.wrapping_add(done);
        frame.limit = frame.first.wrapping_add(TILE_PIXELS);
        // SAFETY: as above for the last tile; its 4 pixels are those of `edge`.
        unsafe { row(&frame) }
        edge.scatter(out.from(done));
    }
    true
}
