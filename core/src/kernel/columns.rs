//! Depthwise convolutions of 3 x 3 over columns of bytes, for processors that multiply vectors of
//! bytes.
//!
//! With `BYTE_ROWS`, such a layer without PReLU keeps words `[channel][column]` in its ring buffer,
//! padding included. Byte `s` of a word is the pixel of that column in the row of slot `s`; the fourth
//! byte has any value. The inputs of a pixel are therefore three words that follow each other.

use super::depthwise::{DepthwiseRow, Widening};
use super::finish::Requantise;
use super::weights::depthwise_weight;

/// Rows of the kernel, and of the ring buffer.
const ROWS: usize = 3;

/// The default of `MicroKernel::columns_widen`.
pub(super) fn widen(source: &[u32], to: &Widening, columns: &mut [u32]) {
    let pixels = to.pixels();
    if !to.fits(source, columns) || to.rows != ROWS || pixels == 0 {
        return;
    }
    let bytes: &[u8] = bytemuck::cast_slice(source);
    let planes: &mut [u8] = bytemuck::cast_slice_mut(columns);
    let channels = 4 * to.quads;
    for (x, pixel) in bytes.chunks_exact(channels.max(1)).take(pixels).enumerate() {
        for (c, &byte) in pixel.iter().enumerate() {
            let at = (c * 2 * to.groups + to.left + x) * 4 + to.slot;
            if let Some(place) = planes.get_mut(at) {
                *place = byte;
            }
        }
    }
}

/// Writes the zero point into a slot of all columns.
pub(super) fn padding(columns: &mut [u32], slot: usize, zero: u8) {
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(columns);
    for byte in bytes.iter_mut().skip(slot).step_by(4) {
        *byte = zero;
    }
}

/// A row of a depthwise convolution whose ring buffer holds columns.
#[derive(Clone, Copy, Debug)]
pub struct ColumnsRow<'a>(&'a DepthwiseRow<'a>);

impl<'a> ColumnsRow<'a> {
    /// `None` if the kernel is not 3 x 3, if there are multipliers for sums below 0, or if a slice is
    /// too short for the channels and pixels. An implementation with raw pointers relies on it: the
    /// ring buffer has 2 [`DepthwiseRow::groups`] words for each channel, the number of channels rounded
    /// up to a multiple of four, and one word more. Among them are all columns that the pixels read.
    pub fn new(row: &'a DepthwiseRow<'a>) -> Option<Self> {
        let channels = row.channels.next_multiple_of(4);
        let words = (2 * row.groups).saturating_mul(channels).saturating_add(1);
        let three = row.rows == ROWS && row.columns == 3 && row.negative.is_empty();
        (three && row.fits() && words <= row.ring.len()).then_some(Self(row))
    }

    /// True if `out` holds every output, and room for channels up to a multiple of four.
    pub fn fits_into(&self, out: &[i8]) -> bool {
        let row = self.0;
        let channels = row.channels.next_multiple_of(4);
        row.pitch >= channels && row.pixels.saturating_mul(row.pitch) <= out.len()
    }
}

/// The default of `MicroKernel::columns_row`.
pub(super) fn row<R: Requantise + ?Sized>(rounding: &R, row: &DepthwiseRow<'_>, out: &mut [i8]) {
    if ColumnsRow::new(row).is_none_or(|columns| !columns.fits_into(out)) {
        return;
    }
    for c in 0..row.channels {
        let plane = row.ring.get(c * 2 * row.groups..).unwrap_or_default();
        let weights = row.weights.get(c * ROWS..).unwrap_or_default();
        let number = |row: &[i32]| row.get(c).copied().unwrap_or(0);
        for x in 0..row.pixels {
            let (mut sum, mut slot) = (number(row.bias), row.top);
            for weights in weights.chunks_exact(1).take(ROWS) {
                for kx in 0..3 {
                    let word = plane.get(x * row.stride + kx).copied().unwrap_or(0);
                    let value = i32::from((word >> (8 * slot)) as i8);
                    sum = sum.wrapping_add(value * depthwise_weight(weights, kx));
                }
                slot = if slot + 1 == ROWS { 0 } else { slot + 1 };
            }
            let factor = rounding.mulr(sum, number(row.positive));
            if let Some(place) = out.get_mut(x * row.pitch + c) {
                *place = rounding.sat8(row.zero.wrapping_add(factor));
            }
        }
    }
}

/// The default of `MicroKernel::add_pixels`.
pub(super) fn add_pixels(source: &[u32], sums: &mut [u32]) {
    let bytes: &[i8] = bytemuck::cast_slice(source);
    for pixel in bytes.chunks_exact(sums.len().max(1)) {
        for (sum, &value) in sums.iter_mut().zip(pixel) {
            *sum = sum.wrapping_add_signed(i32::from(value));
        }
    }
}

/// The default of `MicroKernel::maximum`.
pub(super) fn maximum(source: &[i8], out: &mut [i8]) {
    for (most, &value) in out.iter_mut().zip(source) {
        *most = (*most).max(value);
    }
}
