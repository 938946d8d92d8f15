//! Requantisation: from the sums of an output pair to the bytes of a tensor.
//!
//! [`Finish`] holds the parameters of an output pair, [`PairRow`] the place of its outputs. The
//! rule is that of `core/docs/quantization.md`.

use super::window::Sums;
use crate::graph::Activation;
use crate::quant;

/// The arithmetic of requantisation. A processor with instructions for it overrides the methods.
pub trait Requantise {
    /// As [`quant::mulr`].
    #[inline(always)]
    fn mulr(&self, a: i32, m: i32) -> i32 {
        quant::mulr(a, m)
    }

    /// As [`quant::sat8`].
    #[inline(always)]
    fn sat8(&self, v: i32) -> i8 {
        quant::sat8(v)
    }
}

/// The form of a requantisation. Assembly indexes a table of routines with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u32)]
pub enum FinishKind {
    /// One multiplier.
    Plain,
    /// One multiplier, after a residual has been added.
    Residual,
    /// Sums below 0 have their own multiplier.
    Prelu,
    /// Both a residual and a multiplier for sums below 0.
    ResidualPrelu,
}

impl FinishKind {
    /// The form for a convolution.
    pub const fn of(residual: bool, activation: Activation) -> Self {
        match (residual, matches!(activation, Activation::Prelu)) {
            (false, false) => Self::Plain,
            (true, false) => Self::Residual,
            (false, true) => Self::Prelu,
            (true, true) => Self::ResidualPrelu,
        }
    }

    /// True if the outputs hold a residual on entry.
    pub const fn residual(self) -> bool {
        matches!(self, Self::Residual | Self::ResidualPrelu)
    }

    /// True if sums below 0 have their own multiplier.
    pub const fn prelu(self) -> bool {
        matches!(self, Self::Prelu | Self::ResidualPrelu)
    }
}

/// The requantisation parameters of an output pair. Assembly reads the fields by their offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Finish {
    /// Bias: the initial value of the sums.
    pub bias: [i32; 2],
    /// `K`, the multiplier of the residual. Without a residual it is not read.
    pub residual: [i32; 2],
    /// `M`, Q0.32, the multiplier of sums from 0 on.
    pub positive: [i32; 2],
    /// `N`, Q0.32, the multiplier of sums below 0. Without PReLU it is not read.
    pub negative: [i32; 2],
    /// Zero point of the output.
    pub zero: i32,
    /// The form, which decides the parameters that are read.
    pub kind: FinishKind,
}

impl Finish {
    /// Requantises the sums of a tile at pixel `x` of a row, up to the end of the row.
    // Out of line, since rows and blocks share it: each call would otherwise add four loops.
    #[inline(never)]
    pub fn tile<R: Requantise + ?Sized>(
        &self,
        rounding: &R,
        sums: &Sums,
        out: &mut PairRow<'_>,
        x: usize,
    ) {
        match self.kind {
            kind @ FinishKind::Plain => self.tile_as(rounding, kind, sums, out, x),
            kind @ FinishKind::Residual => self.tile_as(rounding, kind, sums, out, x),
            kind @ FinishKind::Prelu => self.tile_as(rounding, kind, sums, out, x),
            kind @ FinishKind::ResidualPrelu => self.tile_as(rounding, kind, sums, out, x),
        }
    }

    #[inline(always)]
    fn tile_as<R: Requantise + ?Sized>(
        &self,
        rounding: &R,
        kind: FinishKind,
        sums: &Sums,
        out: &mut PairRow<'_>,
        x: usize,
    ) {
        let pairs = sums[0].into_iter().zip(sums[1]);
        for ((first, second), pixel) in pairs.zip(out.from(x)) {
            self.pixel(rounding, kind, [first, second], pixel);
        }
    }

    /// Requantises the sums of a pixel, bias included, and overwrites its residual.
    #[expect(
        clippy::indexing_slicing,
        reason = "the arrays have two elements, and `half` is 0 or 1"
    )]
    #[inline(always)]
    pub fn pixel<R: Requantise + ?Sized>(
        &self,
        rounding: &R,
        kind: FinishKind,
        sums: [i32; 2],
        pixel: &mut [i8; 2],
    ) {
        for (half, (mut sum, q)) in sums.into_iter().zip(pixel).enumerate() {
            if kind.residual() {
                sum = sum.wrapping_add(i32::from(*q).wrapping_mul(self.residual[half]));
            }
            let factor =
                if kind.prelu() && sum < 0 { self.negative[half] } else { self.positive[half] };
            *q = rounding.sat8(self.zero.wrapping_add(rounding.mulr(sum, factor)));
        }
    }
}

/// The outputs of an output pair in one row: pixel `i` is bytes `i pitch` and `i pitch + 1`. With a
/// residual, they hold it on entry.
///
/// The fields are private and checked, so that an implementation with raw pointers may rely on all
/// pixels lying inside the bytes.
#[derive(Debug)]
pub struct PairRow<'a> {
    bytes: &'a mut [i8],
    pitch: usize,
    pixels: usize,
}

impl<'a> PairRow<'a> {
    /// `None` if a pixel would lie outside the bytes or overlap its neighbour.
    pub fn new(bytes: &'a mut [i8], pitch: usize, pixels: usize) -> Option<Self> {
        let end = pixels.saturating_sub(1).checked_mul(pitch)?.checked_add(2)?;
        (pixels == 0 || (pitch >= 2 && end <= bytes.len())).then_some(Self { bytes, pitch, pixels })
    }

    /// Bytes from a pixel to the next.
    #[inline(always)]
    pub fn pitch(&self) -> usize {
        self.pitch
    }

    /// Number of pixels.
    #[inline(always)]
    pub fn pixels(&self) -> usize {
        self.pixels
    }

    /// The bytes, from the first pixel on.
    #[inline(always)]
    pub fn bytes(&mut self) -> &mut [i8] {
        self.bytes
    }

    /// The outputs of pixel `i`.
    #[inline(always)]
    pub fn pixel(&mut self, i: usize) -> Option<&mut [i8; 2]> {
        if i >= self.pixels {
            return None;
        }
        self.bytes.get_mut(i * self.pitch..)?.first_chunk_mut()
    }

    /// The outputs from pixel `x` to the end of the row.
    #[inline(always)]
    pub fn from(&mut self, x: usize) -> impl Iterator<Item = &mut [i8; 2]> {
        let (pitch, pixels) = (self.pitch.max(1), self.pixels.saturating_sub(x));
        let bytes = self.bytes.get_mut(x * pitch..).unwrap_or_default();
        // Not `chunks_mut`, which divides to know its length.
        let mut rest = (pixels, bytes);
        core::iter::from_fn(move || {
            let (left, bytes) = core::mem::take(&mut rest);
            let left = left.checked_sub(1)?;
            let at = pitch.min(bytes.len());
            let (pixel, next) = bytes.split_at_mut_checked(at)?;
            rest = (left, next);
            pixel.first_chunk_mut()
        })
    }
}

/// The outputs of an output pair in several rows of the same length, such as those of a Winograd
/// block. With a residual, they hold it on entry.
///
/// The fields are private and checked, so that an implementation with raw pointers may rely on all
/// pixels lying inside the bytes.
#[derive(Debug)]
pub struct BlockRows<'a> {
    bytes: &'a mut [i8],
    pitch: usize,
    pixels: usize,
    row: usize,
    rows: usize,
}

impl<'a> BlockRows<'a> {
    /// `rows` rows of `pixels` pixels, whose first bytes are `row` bytes apart. `None` if there is no row,
    /// if a row would overlap the next or lie outside the bytes, or if a pixel would overlap its neighbour.
    pub fn new(
        bytes: &'a mut [i8],
        [pitch, row]: [usize; 2],
        [pixels, rows]: [usize; 2],
    ) -> Option<Self> {
        let length = pixels.saturating_sub(1).checked_mul(pitch)?.checked_add(2)?;
        let end = rows.checked_sub(1)?.checked_mul(row)?.checked_add(length)?;
        let apart = pitch >= 2 && (rows == 1 || length <= row);
        (pixels == 0 || (apart && end <= bytes.len())).then_some(Self {
            bytes,
            pitch,
            pixels,
            row,
            rows,
        })
    }

    /// Bytes from a pixel to the next in its row.
    #[inline(always)]
    pub fn pitch(&self) -> usize {
        self.pitch
    }

    /// Number of pixels of each row.
    #[inline(always)]
    pub fn pixels(&self) -> usize {
        self.pixels
    }

    /// Bytes from a row to the next.
    #[inline(always)]
    pub fn row_bytes(&self) -> usize {
        self.row
    }

    /// Number of rows, 1 or more.
    #[inline(always)]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The bytes, from the first pixel of the first row on.
    #[inline(always)]
    pub fn bytes(&mut self) -> &mut [i8] {
        self.bytes
    }

    /// Row `y`, if it exists.
    // Out of line, since loops over rows are unrolled.
    #[inline(never)]
    pub fn row(&mut self, y: usize) -> Option<PairRow<'_>> {
        if y >= self.rows {
            return None;
        }
        // `new` has checked that the pixels of every row lie inside the bytes.
        let bytes = self.bytes.get_mut(y * self.row..)?;
        Some(PairRow { bytes, pitch: self.pitch, pixels: self.pixels })
    }
}
