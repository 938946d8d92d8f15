//! Depthwise convolutions of 3 x 3, rows of pools and rows of images with Helium: `columns.s`.
//!
//! [`widen`] and [`row`] work on columns of bytes ([`ColumnsRow`]). Each function proves the contract of
//! its routine.

use core::mem::offset_of;

use supernano_core::graph::KernelSet;
use supernano_core::kernel::{ColumnsRow, DepthwiseRow, MicroKernel, Scalar, Widening};

/// Arguments of the widening routine. `columns.s` loads them in this order.
#[repr(C)]
struct WidenCall {
    /// Pixels, 1 or more.
    pixels: usize,
    /// Words of a pixel, 1 or more.
    quads: usize,
    /// Bytes from a channel to the next.
    plane: usize,
}

/// Arguments of a row routine. `columns.s` copies them to its stack in this order.
#[repr(C)]
struct RowCall {
    /// First column of the first channel.
    ring: *const u32,
    /// Bytes from a channel to the next.
    plane: usize,
    /// Weights of the first channel.
    weights: *const u32,
    /// First pixel of the first channel.
    out: *mut i8,
    /// Bias of the first channel.
    bias: *const i32,
    /// Multiplier of the first channel.
    positive: *const i32,
    /// Pixels, 1 or more.
    pixels: usize,
    /// Bytes from a pixel of the outputs to the next.
    pitch: usize,
    /// Zero point of the output.
    zero: i32,
    /// Groups of four channels, 1 or more.
    quads: usize,
    unused: [u32; 2],
    /// Offset of each byte of a vector of weights in a channel's packed weights.
    offsets: [u8; 16],
    /// 255 for each byte that is a weight, 0 for the others.
    mask: [u8; 16],
}

/// Arguments of the image routine. `columns.s` loads them in this order.
#[repr(C)]
struct ImageCall {
    table: *const i8,
    /// Channels, 1 to 256.
    channels: usize,
}

const _: () = {
    assert!(offset_of!(WidenCall, pixels) == 0);
    assert!(offset_of!(WidenCall, quads) == 4);
    assert!(offset_of!(WidenCall, plane) == 8);
    assert!(offset_of!(RowCall, ring) == 0);
    assert!(offset_of!(RowCall, plane) == 4);
    assert!(offset_of!(RowCall, weights) == 8);
    assert!(offset_of!(RowCall, out) == 12);
    assert!(offset_of!(RowCall, bias) == 16);
    assert!(offset_of!(RowCall, positive) == 20);
    assert!(offset_of!(RowCall, pixels) == 24);
    assert!(offset_of!(RowCall, pitch) == 28);
    assert!(offset_of!(RowCall, zero) == 32);
    assert!(offset_of!(RowCall, quads) == 36);
    assert!(offset_of!(RowCall, offsets) == 48);
    assert!(offset_of!(RowCall, mask) == 64);
    assert!(size_of::<RowCall>() == 80);
    assert!(offset_of!(ImageCall, table) == 0);
    assert!(offset_of!(ImageCall, channels) == 4);
};

// The routines follow the C calling convention, use at most 180 bytes of stack, and read and write
// nothing but the memory listed here.
unsafe extern "C" {
    // Scatters the bytes of `pixels` pixels. The caller guarantees that `source` holds 4 `quads` bytes
    // a pixel, that `out` points to a byte in the column of the first pixel of the first channel, that
    // each of the 4 `quads` channels, `plane` bytes apart, has a column of four bytes for each pixel,
    // and that 7 `plane` is below 65536.
    fn supernano_columns_widen(source: *const u8, out: *mut u8, call: *const WidenCall);

    // Make a row of 4 `quads` channels. The caller guarantees that `ring` holds columns of four bytes,
    // `plane` bytes from a channel to the next: those that the pixels of each channel read, and one more
    // behind those of the last one; that `weights` holds 12 bytes for each channel; that bias and
    // multiplier exist for each channel; that no offset exceeds 11; and that the byte of each channel
    // of each pixel of `out` is writable.
    fn supernano_columns_3x3(call: *const RowCall);
    fn supernano_columns_3x3_stride2(call: *const RowCall);

    // Adds the bytes of `pixels` pixels of `quads` words to the sums of their channels. The caller
    // guarantees that both numbers are at least 1, that `source` holds the words, and `sums` four sums
    // for each word of a pixel.
    fn supernano_add_pixels(source: *const u32, sums: *mut u32, quads: usize, pixels: usize);

    // Replaces each of the first `bytes` bytes of `out` by the larger of it and that of `source`. The
    // caller guarantees that both have as many.
    fn supernano_maximum(source: *const i8, out: *mut i8, bytes: usize);

    // Writes the table's values of `bytes` bytes, whose channels take turns. The caller guarantees that
    // `source` and `out` have as many bytes, and the table 256 for each channel.
    fn supernano_image_bytes(source: *const u8, out: *mut i8, bytes: usize, call: *const ImageCall);
}

/// Widens a row.
#[inline(always)]
pub(in crate::dsp) fn widen(source: &[u32], to: &Widening, columns: &mut [u32]) {
    let (pixels, plane) = (to.pixels(), 2 * to.groups);
    if !to.fits(source, columns) || to.rows != 3 || pixels == 0 || to.quads == 0 {
        return;
    }
    if plane * 28 > usize::from(u16::MAX) {
        return Scalar.columns_widen(source, to, columns);
    }
    let call = WidenCall { pixels, quads: to.quads, plane: plane * 4 };
    let out: &mut [u8] = bytemuck::cast_slice_mut(columns);
    let out = out.as_mut_ptr().wrapping_add(to.left * 4 + to.slot);
    // SAFETY: `fits` says that the source holds every pixel, that the slot is below 3, and that three
    // words exist for each two columns of every channel, of which `2 groups` columns take two. `left`
    // and the pixels together are at most `2 groups`.
    unsafe { supernano_columns_widen(source.as_ptr().cast(), out, &call) }
}

/// Computes a row of a depthwise convolution, where `SET` has its kernel.
#[inline(always)]
pub(in crate::dsp) fn row<const SET: u32>(row: &DepthwiseRow<'_>, out: &mut [i8]) {
    let make = match row.stride {
        1 => supernano_columns_3x3 as Row,
        _ => supernano_columns_3x3_stride2 as Row,
    };
    let linked = KernelSet::from_bits(SET).depthwise3(row.stride as u8);
    let fits = ColumnsRow::new(row).is_some_and(|columns| columns.fits_into(out));
    let offsets = OFFSETS.get(row.top).filter(|_| fits && linked && row.pixels > 0);
    let Some(&offsets) = offsets else { return };
    let mut call = RowCall {
        ring: row.ring.as_ptr(),
        plane: row.groups * 8,
        weights: row.weights.as_ptr(),
        out: out.as_mut_ptr(),
        bias: row.bias.as_ptr(),
        positive: row.positive.as_ptr(),
        pixels: row.pixels,
        pitch: row.pitch,
        zero: row.zero,
        quads: row.channels / 4,
        unused: [0; 2],
        offsets,
        mask: MASK,
    };
    if call.quads > 0 {
        // SAFETY: `ColumnsRow` compares ring, weights and numbers with the channels and pixels, and its
        // offsets are those of 12 bytes; `fits_into` says that every output lies in `out`; there is a
        // pixel.
        unsafe { make(&call) }
    }
    let done = 4 * call.quads;
    if done == row.channels {
        return;
    }
    // The last channels, with numbers for four.
    let numbers = |row: &[i32]| {
        let mut four = [0; 4];
        four.iter_mut().zip(row.iter().skip(done)).for_each(|(to, &from)| *to = from);
        four
    };
    let (bias, positive, mut weights) = (numbers(row.bias), numbers(row.positive), [0; 12]);
    let packed = row.weights.iter().skip(3 * done);
    weights.iter_mut().zip(packed).for_each(|(to, &from)| *to = from);
    (call.bias, call.positive, call.weights) = (bias.as_ptr(), positive.as_ptr(), weights.as_ptr());
    call.ring = call.ring.wrapping_add(done * 2 * row.groups);
    call.out = call.out.wrapping_add(done);
    call.quads = 1;
    // SAFETY: as above; the numbers are those of four channels, and `ColumnsRow` says that the ring
    // buffer and each pixel of the outputs have channels for a multiple of four.
    unsafe { make(&call) }
}

/// Where the weights of a vector, bytes `[column][slot]` and four more, lie in the packed weights of a
/// channel, for each slot of the kernel's first row.
#[allow(clippy::indexing_slicing, reason = "the compiler evaluates it")]
const OFFSETS: [[u8; 16]; 3] = {
    let mut all = [[0; 16]; 3];
    let mut at = 0;
    while at < 27 {
        let (top, slot, column) = (at / 9, at / 3 % 3, at % 3);
        let row = (slot + 3 - top) % 3;
        all[top][4 * column + slot] = (4 * row + if column == 2 { 3 } else { column }) as u8;
        at += 1;
    }
    all
};

/// The bytes of a vector that are weights.
const MASK: [u8; 16] = {
    const ON: u8 = u8::MAX;
    [ON, ON, ON, 0, ON, ON, ON, 0, ON, ON, ON, 0, 0, 0, 0, 0]
};

/// Adds the bytes of all pixels to the sums of their channels.
#[inline(always)]
pub(in crate::dsp) fn add_pixels(source: &[u32], sums: &mut [u32]) {
    let quads = sums.len() / 4;
    let pixels = source.len().checked_div(quads).unwrap_or(0);
    if pixels > 0 {
        // SAFETY: `sums` has four sums for each of `quads` words, and `source` has at least `pixels
        // quads` words; neither is 0.
        unsafe { supernano_add_pixels(source.as_ptr(), sums.as_mut_ptr(), quads, pixels) }
    }
}

/// Replaces the bytes of `out` by the larger of them and those of `source`.
#[inline(always)]
pub(in crate::dsp) fn maximum(source: &[i8], out: &mut [i8]) {
    let bytes = source.len().min(out.len());
    // SAFETY: both have `bytes` bytes.
    unsafe { supernano_maximum(source.as_ptr(), out.as_mut_ptr(), bytes) }
}

/// Copies bytes of an image through the tables of their channels.
#[inline(always)]
pub(in crate::dsp) fn image_bytes(source: &[u8], channels: usize, table: &[i8], out: &mut [i8]) {
    let bytes = source.len().min(out.len());
    if channels == 0 || channels > 256 || table.len() / 256 < channels {
        return Scalar.image_bytes(source, channels, table, out);
    }
    let call = ImageCall { table: table.as_ptr(), channels };
    // SAFETY: both slices have `bytes` bytes, and the table has 256 for each channel.
    unsafe { supernano_image_bytes(source.as_ptr(), out.as_mut_ptr(), bytes, &call) }
}

/// A row routine.
type Row = unsafe extern "C" fn(*const RowCall);
