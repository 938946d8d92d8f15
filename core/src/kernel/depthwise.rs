//! Depthwise convolutions: the layout of their rows, and the portable primitives.
//!
//! The ring buffer holds words `[channel][group][slot]`: word `(c, g, s)` has the pixels `2 g` and `2
//! g + 1` of channel `c` in the row of slot `s`, padding included, as i16. The words of all rows
//! under a group follow each other, so that one pointer walks through a channel.

use super::finish::Requantise;
use super::halves::{smlad, sxtb16};
use super::weights::depthwise_row_words;

/// Most rows and columns of a kernel, as the checker of blobs allows.
const LARGEST: [usize; 2] = [16, 7];
/// Most steps of a pixel ([`DepthwiseRow::steps`]).
pub const MOST_STEPS: usize = LARGEST[0] * (LARGEST[1] / 2 + 1);
/// The weights of the steps: pairs of i16 for a pixel whose columns begin with the lower half of the
/// first word, and for one whose columns begin with the upper half.
pub type StepWeights = [[u32; 2]; MOST_STEPS];

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
            && self.rows <= LARGEST[0]
            && usize::from(self.columns) <= LARGEST[1]
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

    /// Words of the ring buffer that a pixel, or a pixel of an even column and the next one, reads.
    /// They follow each other from the group of the first column on. If the row fits, each pixel's
    /// steps lie inside its channel.
    pub fn steps(&self) -> usize {
        self.rows * (depthwise_row_words(self.columns) + 1)
    }

    /// Writes the weights of channel `c` for the first [`Self::steps`] words under a pixel.
    pub fn step_weights(&self, c: usize, steps: &mut StepWeights) {
        let words = depthwise_row_words(self.columns);
        let weights = self.weights.get(c * self.rows * words..).unwrap_or_default();
        let mut slot = self.top;
        for taps in weights.chunks_exact(words.max(1)).take(self.rows) {
            let first = taps.first().map_or(0, |&w| sxtb16(w) << 16);
            let pairs = taps.iter().map(|&w| [sxtb16(w), sxtb16(w.rotate_right(8))]);
            let mut second = first;
            let mut places = steps.iter_mut().skip(slot).step_by(self.rows.max(1));
            for ([even, odd], place) in pairs.zip(&mut places) {
                *place = [even, second];
                second = odd;
            }
            if let Some(place) = places.next() {
                *place = [second >> 16, second];
            }
            slot += 1;
            if slot == self.rows {
                slot = 0;
            }
        }
    }

    /// The ring buffer's words of a channel.
    fn plane(&self, c: usize) -> &'a [u32] {
        let plane = self.groups * self.rows;
        self.ring.get(c * plane..).and_then(|r| r.get(..plane)).unwrap_or_default()
    }
}

/// The multipliers of a channel.
struct Scale {
    positive: i32,
    negative: i32,
    zero: i32,
}

impl Scale {
    fn finish<R: Requantise + ?Sized>(&self, rounding: &R, sum: i32) -> i8 {
        let factor = if sum < 0 { self.negative } else { self.positive };
        rounding.sat8(self.zero.wrapping_add(rounding.mulr(sum, factor)))
    }
}

/// Computes a row. Output `c` of pixel `x` is byte `x pitch + c` of `out`.
pub(super) fn row<R: Requantise + ?Sized>(rounding: &R, row: &DepthwiseRow<'_>, out: &mut [i8]) {
    row.compute(rounding, out, |words, weights, bias| {
        let (mut even, mut odd) = (bias, bias);
        for (&word, &[first, second]) in words.iter().zip(weights) {
            even = smlad(word, first, even);
            if row.stride == 1 {
                odd = smlad(word, second, odd);
            }
        }
        [even, odd]
    });
}

impl DepthwiseRow<'_> {
    /// Computes a row. Output `c` of pixel `x` is byte `x pitch + c` of `out`. `dots` adds to a bias the
    /// products of a pixel of an even column and of the next one, from the words of their
    /// [`Self::steps`] and as many weights.
    #[inline(always)]
    pub fn compute<R: Requantise + ?Sized>(
        &self,
        rounding: &R,
        out: &mut [i8],
        dots: impl Fn(&[u32], &[[u32; 2]], i32) -> [i32; 2],
    ) {
        if !self.fits() || !self.fits_into(out) {
            return;
        }
        let mut weights = [[0; 2]; MOST_STEPS];
        // The pixels of a group: two, or one with stride 2.
        let together = if self.stride == 1 { 2 } else { 1 };
        for c in 0..self.channels {
            self.step_weights(c, &mut weights);
            let weights = weights.get(..self.steps()).unwrap_or_default();
            let number = |row: &[i32]| row.get(c).copied().unwrap_or(0);
            let (bias, positive) = (number(self.bias), number(self.positive));
            let negative = if self.negative.is_empty() { positive } else { number(self.negative) };
            let scale = Scale { positive, negative, zero: self.zero };
            let mut words = self.plane(c);
            let pixels = out.get_mut(c..).unwrap_or_default();
            let (mut at, mut left) = (0, self.pixels);
            while left > 0 {
                let sums = dots(words.get(..weights.len()).unwrap_or_default(), weights, bias);
                for &sum in sums.iter().take(together.min(left)) {
                    if let Some(place) = pixels.get_mut(at) {
                        *place = scale.finish(rounding, sum);
                    }
                    at += self.pitch;
                }
                words = words.get(self.rows..).unwrap_or_default();
                left = left.saturating_sub(together);
            }
        }
    }
}
