//! Rows of the image for flat convolutions, in assembly: `depthwise.s`.

use core::mem::offset_of;

/// Arguments of the image routine. `depthwise.s` loads them in this order.
#[repr(C)]
struct ImageCall {
    low: *const [i8; 256],
    high: *const [i8; 256],
    out: *mut u32,
    /// Words.
    count: usize,
}

const _: () = {
    assert!(offset_of!(ImageCall, low) == 0);
    assert!(offset_of!(ImageCall, high) == 4);
    assert!(offset_of!(ImageCall, out) == 8);
    assert!(offset_of!(ImageCall, count) == 12);
};

unsafe extern "C" {
    // Follows the C calling convention and uses 28 bytes of stack. The caller guarantees that
    // `source` holds the bytes at each of the first `count` multiples of `step`, and those `delta`
    // bytes behind them, and that `out` has room for `count` words.
    fn supernano_image_words(source: *const u8, step: usize, delta: usize, call: *const ImageCall);
}

/// Copies words of two image bytes.
#[inline(always)]
pub(super) fn image_words(
    source: &[u8],
    [step, delta]: [usize; 2],
    [low, high]: [&[i8; 256]; 2],
    out: &mut [u32],
) {
    let reach = source.len().checked_sub(delta.saturating_add(1));
    let most = reach.and_then(|last| last.checked_div(step)).map_or(0, |last| last + 1);
    let call = ImageCall { low, high, out: out.as_mut_ptr(), count: out.len().min(most) };
    // SAFETY: `count` is at most the length of `out`; the last word reads byte `(count - 1) step`,
    // which is at most `source.len() - delta - 1`, and the byte `delta` behind it.
    unsafe { supernano_image_words(source.as_ptr(), step, delta, &call) }
}
