//! Rows of depthwise convolutions in assembly: `depthwise.s`, `depthwise_v7m.s` and `depthwise_v6m.s`.
//!
//! [`widen`] and [`row`] are the two depthwise methods of
//! [`MicroKernel`](supernano_core::kernel::MicroKernel). Each proves the contract of its routine.

use core::mem::offset_of;

use supernano_core::graph::KernelSet;
use supernano_core::kernel::{DepthwiseRow, Widening};

use super::Dsp;

/// Arguments of the widening routine, which loads them in this order.
#[repr(C)]
struct WidenCall {
    /// Bytes from a group to the next.
    group: usize,
    /// Bytes from a channel to the next.
    plane: usize,
    /// The zero point in all four bytes.
    zero: u32,
    /// 1 if the first group has padding and the first pixel, else 0.
    odd: usize,
    /// Pixels, 1 or more.
    pixels: usize,
    /// Words of a pixel, 1 or more.
    quads: usize,
}

/// Arguments of a row routine, which copies them to its stack in this order: `depthwise_frame.s`.
#[repr(C)]
struct RowCall {
    /// First group of the first channel.
    ring: *const u32,
    /// Bytes from a channel to the next.
    plane: usize,
    /// Weights of the first channel.
    weights: *const u32,
    /// Offsets of the kernel rows that belong to slots 0, 1 and 2, in bytes.
    order: [usize; 3],
    /// Bias of the first channel.
    bias: *const i32,
    /// Multiplier of the first channel.
    positive: *const i32,
    /// First pixel of the first channel.
    out: *mut i8,
    /// Channels, 1 or more.
    channels: usize,
    /// Bytes of the groups that the loop ends with.
    span: usize,
    /// Pixels, 1 or more.
    pixels: usize,
    /// Zero point of the output.
    zero: i32,
    /// Bytes from a pixel to the next.
    pitch: usize,
}

const _: () = {
    assert!(offset_of!(WidenCall, group) == 0);
    assert!(offset_of!(WidenCall, plane) == 4);
    assert!(offset_of!(WidenCall, pixels) == 16);
    assert!(offset_of!(WidenCall, quads) == 20);
    assert!(offset_of!(RowCall, ring) == 0);
    assert!(offset_of!(RowCall, plane) == 4);
    assert!(offset_of!(RowCall, weights) == 8);
    assert!(offset_of!(RowCall, order) == 12);
    assert!(offset_of!(RowCall, bias) == 24);
    assert!(offset_of!(RowCall, positive) == 28);
    assert!(offset_of!(RowCall, out) == 32);
    assert!(offset_of!(RowCall, channels) == 36);
    assert!(offset_of!(RowCall, span) == 40);
    assert!(offset_of!(RowCall, pixels) == 44);
    assert!(offset_of!(RowCall, zero) == 48);
    assert!(offset_of!(RowCall, pitch) == 52);
    assert!(size_of::<RowCall>() == 56);
};

// The routines follow the C calling convention, use at most 148 bytes of stack, and read and write
// nothing but the memory listed here.
unsafe extern "C" {
    // Widens `pixels` pixels of `quads` words. The caller guarantees that `source` holds the words,
    // `step` bytes from a pixel to the next, and that `out` points to the first group of the first of
    // four channels a quad, `plane` bytes apart, each with room for
    // ceil((pixels + odd) / 2) groups, `group` bytes apart.
    fn supernano_depthwise_widen(
        source: *const u32,
        step: usize,
        out: *mut u32,
        call: *const WidenCall,
    );

    // Make a row of all channels for a kernel of 3 x 3. The caller guarantees that each channel has
    // ceil(pixels / 2) + 1 groups (stride 2: pixels + 1) of 3 words, that there are three words of
    // weights, a bias and a multiplier for each channel, that `order` is 0, 4 and 8 in any order,
    // and that the byte of each channel of each pixel is writable.
    fn supernano_depthwise_3x3(call: *const RowCall);
    fn supernano_depthwise_3x3_stride2(call: *const RowCall);

    // Adds to both sums the products of `count` words with their weights. The caller guarantees that
    // `words` and `weights` hold as many.
    #[cfg(supernano_asm)]
    fn supernano_depthwise_dots(
        words: *const u32,
        weights: *const [u32; 2],
        count: usize,
        sums: *mut [i32; 2],
    );
}

/// Widens a row.
#[inline(always)]
pub(super) fn widen(source: &[u32], to: &Widening, planes: &mut [u32]) {
    let pixels = to.pixels();
    if !to.fits(source, planes) || pixels == 0 || to.quads == 0 {
        return;
    }
    let call = WidenCall {
        group: to.rows * 4,
        plane: to.groups * to.rows * 4,
        zero: to.zero,
        odd: to.left % 2,
        pixels,
        quads: to.quads,
    };
    let out = planes.as_mut_ptr().wrapping_add(to.left / 2 * to.rows + to.slot);
    // SAFETY: `fits` says that the source holds every pixel, that the planes hold all channels, and
    // that the slot exists; `pixels` is at most `2 groups - left`, so the last pixel's group lies
    // inside its channel.
    unsafe { supernano_depthwise_widen(source.as_ptr(), to.quads * 4, out, &call) }
}

/// Computes a row of a depthwise convolution, where `SET` has its kernel.
#[inline(always)]
pub(super) fn row<const SET: u32>(row: &DepthwiseRow<'_>, out: &mut [i8]) {
    let set = KernelSet::from_bits(SET);
    let three = row.rows == 3 && row.columns == 3 && row.negative.is_empty();
    let (make, groups) = match row.stride {
        1 if three && set.depthwise3(1) => (supernano_depthwise_3x3 as Row, row.pixels / 2),
        2 if three && set.depthwise3(2) => (supernano_depthwise_3x3_stride2 as Row, row.pixels),
        _ if set.depthwise_other() => return row.compute(&Dsp::<SET>, out, dots),
        _ => return,
    };
    if !row.fits() || !row.fits_into(out) || row.channels == 0 || row.pixels == 0 {
        return;
    }
    // The kernel row of slot 0 is the one that is `top` rows before the end.
    let first = if row.top == 0 { 0 } else { 3 - row.top };
    let order = [first, first + 1, first + 2].map(|ky| if ky < 3 { ky } else { ky - 3 } * 4);
    let call = RowCall {
        ring: row.ring.as_ptr(),
        plane: row.groups * row.rows * 4,
        weights: row.weights.as_ptr(),
        order,
        bias: row.bias.as_ptr(),
        positive: row.positive.as_ptr(),
        out: out.as_mut_ptr(),
        channels: row.channels,
        span: (groups + 1) * 12,
        pixels: row.pixels,
        zero: row.zero,
        pitch: row.pitch,
    };
    // SAFETY: `fits` compares ring, groups, weights and numbers with the channels and pixels;
    // `fits_into` says that every output lies in `out`; both counts are at least 1.
    unsafe { make(&call) }
}

/// Adds the products of words with their weights to a bias, for two pixels.
#[cfg(supernano_v6m)]
#[inline(always)]
fn dots(words: &[u32], weights: &[[u32; 2]], bias: i32) -> [i32; 2] {
    let halves = |word: u32| [word as i16, (word >> 16) as i16].map(i32::from);
    let mut sums = [bias; 2];
    for (&word, pair) in words.iter().zip(weights) {
        let [a, b] = halves(word);
        for (sum, &weights) in sums.iter_mut().zip(pair) {
            let [first, second] = halves(weights);
            *sum = sum.wrapping_add(a * first).wrapping_add(b * second);
        }
    }
    sums
}

/// Adds the products of words with their weights to a bias, for two pixels.
#[cfg(supernano_asm)]
#[inline(always)]
fn dots(words: &[u32], weights: &[[u32; 2]], bias: i32) -> [i32; 2] {
    let mut sums = [bias; 2];
    let count = words.len().min(weights.len());
    // SAFETY: `count` is at most the length of both slices, and `sums` holds two sums.
    unsafe { supernano_depthwise_dots(words.as_ptr(), weights.as_ptr(), count, &mut sums) }
    sums
}

/// A row routine.
type Row = unsafe extern "C" fn(*const RowCall);
