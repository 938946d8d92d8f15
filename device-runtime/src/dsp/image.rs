//! Rows of the image for flat convolutions, in assembly: `depthwise.s`.

use core::mem::offset_of;

use supernano_core::kernel::{ImageWords, TILE_PIXELS};

/// Arguments of the image routine. `depthwise.s` loads them in this order.
#[repr(C)]
struct ImageCall {
    low: *const [i8; 256],
    high: *const [i8; 256],
    /// The first word.
    out: *mut u32,
    /// Words before the first whole tile.
    head: usize,
    /// Whole tiles.
    whole: usize,
    /// Words behind them.
    tail: usize,
    /// Bytes from the end of a tile to the next.
    gap: usize,
}

const _: () = {
    assert!(offset_of!(ImageCall, low) == 0);
    assert!(offset_of!(ImageCall, high) == 4);
    assert!(offset_of!(ImageCall, out) == 8);
    assert!(offset_of!(ImageCall, head) == 12);
    assert!(offset_of!(ImageCall, whole) == 16);
    assert!(offset_of!(ImageCall, tail) == 20);
    assert!(offset_of!(ImageCall, gap) == 24);
};

unsafe extern "C" {
    // Follows the C calling convention and uses 40 bytes of stack. The caller guarantees that
    // `source` holds the bytes at a multiple of `step` for each word, and those `delta` bytes behind
    // them; and that `out` has room for `head` words, `gap` bytes behind them for `whole` tiles of 4
    // words with `gap` bytes behind each, and for `tail` words.
    fn supernano_image_words(source: *const u8, step: usize, delta: usize, call: *const ImageCall);
}

/// Writes words of two image bytes.
#[inline(always)]
pub(super) fn image_words(words: &ImageWords<'_>, out: &mut [u32]) {
    if !words.fits(out) {
        return;
    }
    let &ImageWords { source, step, delta, tables: [low, high], pitch, first, count } = words;
    let (tile, x) = (first / TILE_PIXELS, first % TILE_PIXELS);
    let head = if x == 0 { 0 } else { count.min(TILE_PIXELS - x) };
    let call = ImageCall {
        low,
        high,
        out: out.as_mut_ptr().wrapping_add(tile * pitch + x),
        head,
        whole: (count - head) / TILE_PIXELS,
        tail: (count - head) % TILE_PIXELS,
        gap: (pitch - TILE_PIXELS) * 4,
    };
    // SAFETY: `fits` says that `source` holds the bytes of the last word, and `out` the last word of
    // tiles that are 4 words or more apart; the others lie before them.
    unsafe { supernano_image_words(source.as_ptr(), step, delta, &call) }
}
