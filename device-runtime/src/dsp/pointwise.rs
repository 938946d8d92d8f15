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
    /// The first tile.
    inputs: *const u32,
    /// Weights of the first pair.
    weights: *const u32,
    /// Bytes of a pair's weights, a multiple of 8.
    weight_bytes: usize,
    /// Whole tiles of a row.
    whole: usize,
    /// Pixels behind the whole tiles, 0 to 3.
    rest: usize,
    /// Pairs of outputs, 1 or more.
    pairs: usize,
    /// First pixel of the first pair.
    out: *mut i8,
    /// Bytes from a pixel to the next.
    pitch: usize,
    /// Zero point of the output.
    zero: i32,
    /// Form of the requantisation.
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
    assert!(offset_of!(RowCall, inputs) == 0);
    assert!(offset_of!(RowCall, weights) == 4);
    assert!(offset_of!(RowCall, weight_bytes) == 8);
    assert!(offset_of!(RowCall, whole) == 12);
    assert!(offset_of!(RowCall, rest) == 16);
    assert!(offset_of!(RowCall, pairs) == 20);
    assert!(offset_of!(RowCall, out) == 24);
    assert!(offset_of!(RowCall, pitch) == 28);
    assert!(offset_of!(RowCall, zero) == 32);
    assert!(offset_of!(RowCall, kind) == 36);
    assert!(offset_of!(RowCall, bias) == 40);
    assert!(offset_of!(RowCall, negative) == 52);
    assert!(size_of::<RowCall>() == 56);
};

// The routines follow the C calling convention, use at most 168 bytes of stack, and read and write
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

    // Makes a row of all pairs. The caller guarantees that the inputs hold `whole` tiles, and one
    // more if `rest` is not 0, of 4 `weight_bytes` bytes each; that weights and numbers exist for
    // each pair; that `out` and `pitch` are even; and that the 2 bytes of each pair of each pixel are
    // writable.
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
    let call = RowCall {
        inputs: row.inputs.as_ptr(),
        weights: row.weights.as_ptr(),
        weight_bytes: row.planes * 4,
        whole: row.pixels / TILE_PIXELS,
        rest: row.pixels % TILE_PIXELS,
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
    // come in twos, and that `out` holds every output; `even` says that addresses are even.
    unsafe { supernano_pointwise(&call) }
}
