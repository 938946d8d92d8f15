//! Depthwise convolutions: the layout of their rows, and the portable primitives.
//!
//! The ring buffer holds words `[channel][group][slot]`: word `(c, g, s)` has the pixels `2 g` and `2
//! g + 1` of channel `c` in the row of slot `s`, padding included, as i16. The words of all rows
//! under a group follow each other, so that one pointer walks through a channel.

use super::finish::Requantise;
use super::halves::sxtb16;
use super::weights::{depthwise_row_words, depthwise_weight};

/// The widening of a row.
#[derive(Clone, Copy, Debug)]
pub struct Widening {
    /// Words of a pixel: four channels each.
    pub quads: usize,
    /// Pixels of the row.
    pub width: usize,
    /// Pixels of padding on the left.
    pub left: usize,
    /// Groups of a channel. Pixels behind the last group are left out.
    pub groups: usize,
    /// Rows of the ring buffer.
    pub rows: usize,
    /// Slot of the row.
    pub slot: usize,
    /// The zero point in all four bytes.
    pub zero: u32,
}

impl Widening {
    /// Pixels that are widened: those of the row that lie in the groups.
    pub fn pixels(&self) -> usize {
        self.width.min((2 * self.groups).saturating_sub(self.left))
    }

    /// True if the planes hold all channels, the slot exists, and the source holds every pixel that is
    /// widened.
    pub fn fits(&self, source: &[u32], planes: &[u32]) -> bool {
        let plane = self.groups.saturating_mul(self.rows);
        self.slot < self.rows
            && plane.checked_mul(4 * self.quads).is_some_and(|n| n <= planes.len())
            && self.pixels().checked_mul(self.quads).is_some_and(|n| n <= source.len())
    }
}

/// Widens the pixels of `source` into the slot of all channels. Groups without a pixel stay
/// unchanged.
pub(super) fn widen(source: &[u32], to: &Widening, planes: &mut [u32]) {
    let pixels = to.pixels();
    if !to.fits(source, planes) || pixels == 0 {
        return;
    }
    let plane = to.groups * to.rows;
    for (quad, planes) in planes.chunks_exact_mut((4 * plane).max(1)).take(to.quads).enumerate() {
        widen_quad(source.get(quad..).unwrap_or_default(), to, planes);
    }
}

/// Widens four channels: every `quads`-th word.
fn widen_quad(source: &[u32], to: &Widening, planes: &mut [u32]) {
    let (pixels, plane) = (to.pixels(), to.groups * to.rows);
    for group in to.left / 2..=(to.left + pixels - 1) / 2 {
        let pixel = |column: usize| {
            let x = column.wrapping_sub(to.left);
            if x < pixels { source.get(x * to.quads).copied().unwrap_or(to.zero) } else { to.zero }
        };
        let (a, b) = (pixel(2 * group), pixel(2 * group + 1));
        let (a02, b02) = (sxtb16(a), sxtb16(b));
        let (a13, b13) = (sxtb16(a.rotate_right(8)), sxtb16(b.rotate_right(8)));
        let words = [
            (a02 & 0xffff) | (b02 << 16),
            (a13 & 0xffff) | (b13 << 16),
            (a02 >> 16) | (b02 & 0xffff_0000),
            (a13 >> 16) | (b13 & 0xffff_0000),
        ];
        let mut at = group * to.rows + to.slot;
        for word in words {
            if let Some(place) = planes.get_mut(at) {
                *place = word;
            }
            at += plane;
        }
    }
}

/// A row of a depthwise convolution.
#[derive(Clone, Copy, Debug)]
pub struct DepthwiseRow<'a> {
    /// The ring buffer.
    pub ring: &'a [u32],
    /// Groups of a channel.
    pub groups: usize,
    /// Rows of the kernel, and of the ring buffer.
    pub rows: usize,
    /// Slot of the row under the kernel's first row.
    pub top: usize,
    /// Packed weights `[channel][row][word]`
    /// ([`pack_depthwise`](super::weights::pack_depthwise)).
    pub weights: &'a [u32],
    /// Columns of the kernel.
    pub columns: u8,
    /// Columns from a pixel's input to that of the next pixel, 1 or 2.
    pub stride: usize,
    /// Number of channels.
    pub channels: usize,
    /// Bias of each channel.
    pub bias: &'a [i32],
    /// Multiplier of each channel, Q0.32.
    pub positive: &'a [i32],
    /// Multiplier of each channel for sums below 0; empty without PReLU.
    pub negative: &'a [i32],
    /// Zero point of the output.
    pub zero: i32,
    /// Pixels of the row of outputs.
    pub pixels: usize,
    /// Bytes from a pixel of the outputs to the next.
    pub pitch: usize,
}

impl<'a> DepthwiseRow<'a> {
    /// `None` if a slice is too short for the channels, or a channel for the pixels. An
    /// implementation with raw pointers makes its own check with [`Self::fits`].
    pub fn new(row: Self) -> Option<Self> {
        row.fits().then_some(row)
    }

    /// True if all slices are as long as the channels and pixels need.
    pub fn fits(&self) -> bool {
        let words = depthwise_row_words(self.columns);
        let last = self.pixels.saturating_sub(1).saturating_mul(self.stride) / 2;
        let numbers = |row: &[i32]| row.len() >= self.channels;
        let plane = self.groups.saturating_mul(self.rows);
        matches!(self.stride, 1 | 2)
            && last.saturating_add(words) < self.groups
            && self.top < self.rows
            && plane.checked_mul(self.channels).is_some_and(|n| n <= self.ring.len())
            && self.channels.saturating_mul(self.rows * words) <= self.weights.len()
            && numbers(self.bias)
            && numbers(self.positive)
            && (self.negative.is_empty() || numbers(self.negative))
    }

    /// True if `out` holds every output.
    pub fn fits_into(&self, out: &[i8]) -> bool {
        let last = self.pixels.saturating_sub(1).checked_mul(self.pitch);
        last.and_then(|at| at.checked_add(self.channels)).is_some_and(|end| end <= out.len())
    }

    /// The ring buffer's words of a channel.
    fn plane(&self, c: usize) -> &'a [u32] {
        let plane = self.groups * self.rows;
        self.ring.get(c * plane..).and_then(|r| r.get(..plane)).unwrap_or_default()
    }
}

/// Computes a row. Output `c` of pixel `x` is byte `x pitch + c` of `out`.
pub(super) fn row<R: Requantise + ?Sized>(rounding: &R, row: &DepthwiseRow<'_>, out: &mut [i8]) {
    if !row.fits() || !row.fits_into(out) {
        return;
    }
    let words = depthwise_row_words(row.columns);
    for c in 0..row.channels {
        let plane = row.plane(c);
        let weights = row.weights.get(c * row.rows * words..).unwrap_or_default();
        let number = |row: &[i32]| row.get(c).copied().unwrap_or(0);
        let (bias, positive) = (number(row.bias), number(row.positive));
        let negative = if row.negative.is_empty() { positive } else { number(row.negative) };
        for x in 0..row.pixels {
            let (mut sum, mut slot) = (bias, row.top);
            for ky in 0..row.rows {
                let taps = weights.get(ky * words..).and_then(|w| w.get(..words));
                let taps = taps.unwrap_or_default();
                for kx in 0..usize::from(row.columns) {
                    let column = x * row.stride + kx;
                    let word = plane.get(column / 2 * row.rows + slot).copied().unwrap_or(0);
                    let value = i32::from((word >> (column % 2 * 16)) as i16);
                    sum = sum.wrapping_add(value * depthwise_weight(taps, kx));
                }
                slot += 1;
                if slot == row.rows {
                    slot = 0;
                }
            }
            let factor = if sum < 0 { negative } else { positive };
            let value = rounding.sat8(row.zero.wrapping_add(rounding.mulr(sum, factor)));
            if let Some(place) = out.get_mut(x * row.pitch + c) {
                *place = value;
            }
        }
    }
}
