//! Rows of pointwise convolutions in assembly: `pointwise.s`.
//!
//! [`widen`] and [`row`] are the two pointwise methods of
//! [`MicroKernel`](supernano_core::kernel::MicroKernel) for cores from Armv7-M on. Each proves the
//! contract of its routine.

use core::mem::offset_of;

use supernano_core::kernel::{FinishKind, PointwiseRow, TILE_PIXELS};

/// Arguments of the widening routine. `pointwise.s` loads them in this order.
#[repr(C)]
struct WidenCall {
    /// Bytes of a tile.
    tile: usize,
    /// Pixels, 1 or more.
    pixels: usize,
    /// Words of a pixel, 1 or more.
    quads: usize,
}

/// Arguments of the row routine. `pointwise.s` copies them to its stack in this order.
#[repr(C)]
struct RowCall {
    /// End of the whole tiles: `inputs` of the tile behind them.
    limit: *const u32,
    /// The first run of the first tile.
    inputs: *const u32,
    /// Weights of the first pair.
    weights: *const u32,
    /// Bytes of the weights of a tile's first run, a multiple of 8 and not 0.
    first: usize,
    /// Bytes of the weights of its second run, a multiple of 8.
    second: usize,
    /// Bytes of a tile: those of its weights, four times.
    tile: usize,
    /// Room for the routine: the end of a pair's weights.
    last: usize,
    /// Pixels behind the whole tiles that take a tile with room for their outputs, 0 to 3.
    rest: usize,
    /// Pixels behind the whole tiles that take a tile of one or two pixels, or 0.
    small: usize,
    /// Pairs of outputs, 1 or more.
    pairs: usize,
    /// First pixel of the first pair.
    out: *mut i8,
    /// Bytes from a pixel to the next.
    pitch: usize,
    /// Zero point of the output.
    zero: i32,
    /// Form of the requantisation; [`FinishKind::Plain`] if `small` is not 0.
    kind: FinishKind,
    /// Bias, K, M and N of the first pair.
    bias: *const i32,
    residual: *const i32,
    positive: *const i32,
    negative: *const i32,
}

const _: () = {
    assert!(offset_of!(WidenCall, tile) == 0);
    assert!(offset_of!(WidenCall, pixels) == 4);
    assert!(offset_of!(WidenCall, quads) == 8);
    assert!(offset_of!(RowCall, limit) == 0);
    assert!(offset_of!(RowCall, inputs) == 4);
    assert!(offset_of!(RowCall, weights) == 8);
    assert!(offset_of!(RowCall, first) == 12);
    assert!(offset_of!(RowCall, second) == 16);
    assert!(offset_of!(RowCall, tile) == 20);
    assert!(offset_of!(RowCall, last) == 24);
    assert!(offset_of!(RowCall, rest) == 28);
    assert!(offset_of!(RowCall, small) == 32);
    assert!(offset_of!(RowCall, pairs) == 36);
    assert!(offset_of!(RowCall, out) == 40);
    assert!(offset_of!(RowCall, pitch) == 44);
    assert!(offset_of!(RowCall, zero) == 48);
    assert!(offset_of!(RowCall, kind) == 52);
    assert!(offset_of!(RowCall, bias) == 56);
    assert!(offset_of!(RowCall, negative) == 68);
    assert!(size_of::<RowCall>() == 72);
};

// The routines follow the C calling convention, use at most 184 bytes of stack, and read and write
// nothing but the memory listed here.
unsafe extern "C" {
    // Widens `pixels` pixels of `quads` words. The caller guarantees that `source` holds the words,
    // `step` bytes from a pixel to the next, and that `out` has room for ceil(pixels / 4) tiles of
    // `tile` bytes, which is 32 times `quads`.
    fn supernano_pointwise_widen(
        source: *const u32,
        step: usize,
        out: *mut u32,
        call: *const WidenCall,
    );

    // Makes a row of all pairs. The caller guarantees that a tile of `tile` bytes begins 4 `second`
    // bytes before `inputs`, one before each multiple of `tile` behind it up to `limit`, and one more
    // there if `rest` or `small` is not 0; that one of these two is 0; that weights and numbers exist
    // for each pair; that `out` and `pitch` are even; and that the 2 bytes of each pair of each pixel
    // are writable.
    fn supernano_pointwise(call: *const RowCall);
}

/// Widens a row.
#[inline(always)]
pub(super) fn widen(source: &[u32], words: usize, out: &mut [u32]) {
    let Some(pixels) = source.len().checked_div(words) else { return };
    let tile = 2 * TILE_PIXELS * words;
    let pixels = pixels.min(out.len().checked_div(tile).unwrap_or(0) * TILE_PIXELS);
    if pixels == 0 {
        return;
    }
    let call = WidenCall { tile: tile * 4, pixels, quads: words };
    // SAFETY: `pixels` is at most the number of whole pixels in `source`, and at most that of the
    // tiles which `out` holds; both divisions fail for no words.
    unsafe { supernano_pointwise_widen(source.as_ptr(), words * 4, out.as_mut_ptr(), &call) }
}

/// Computes a row.
#[inline(always)]
pub(super) fn row(row: &PointwiseRow<'_>, out: &mut [i8]) {
    let address = out.as_mut_ptr();
    let even = (address as usize | row.pitch).is_multiple_of(2);
    if !even || !row.fits(out) || row.pairs == 0 {
        return;
    }
    let rest = row.pixels % TILE_PIXELS;
    let small = if row.kind == FinishKind::Plain && rest < 3 { rest } else { 0 };
    let tile = row.planes * TILE_PIXELS;
    let inputs = row.inputs.as_ptr().wrapping_add(row.top * TILE_PIXELS);
    let call = RowCall {
        limit: inputs.wrapping_add(row.pixels / TILE_PIXELS * tile),
        inputs,
        weights: row.weights.as_ptr(),
        first: (row.planes - row.top) * 4,
        second: row.top * 4,
        tile: tile * 4,
        last: 0,
        rest: rest - small,
        small,
        pairs: row.pairs,
        out: address,
        pitch: row.pitch,
        zero: row.zero,
        kind: row.kind,
        bias: row.bias.as_ptr(),
        residual: row.residual.as_ptr(),
        positive: row.positive.as_ptr(),
        negative: row.negative.as_ptr(),
    };
    // SAFETY: `fits` compares inputs, weights and numbers with pixels and pairs, says that planes
    // come in twos and that `top` is below their number, and that `out` holds every output; `even`
    // says that addresses are even.
    unsafe { supernano_pointwise(&call) }
}
