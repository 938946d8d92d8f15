//! Direct convolutions on the batch-blocked layout, one block of 16 images at a time.
//!
//! Forward and input gradient are one routine: sums over input channels and taps, a tap being an
//! offset into a padded copy of the input. The input gradient of a strided convolution is one such
//! sum for each residue of the output position.

mod tile;
mod weights;

use super::simd::Lanes;
use crate::LANES;
pub use tile::Epilogue;
pub(crate) use tile::{Grid, Tap, grid};
pub use weights::weight_gradient;

/// A convolution's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Blocks of 16 images.
    pub blocks: usize,
    /// Input channels.
    pub ci: usize,
    /// Input rows.
    pub h: usize,
    /// Input columns.
    pub w: usize,
    /// Output channels.
    pub co: usize,
    /// Side of the kernel, odd.
    pub k: usize,
    /// 1 or 2.
    pub stride: usize,
}

impl Geometry {
    /// Output rows.
    pub fn ho(&self) -> usize {
        self.h.div_ceil(self.stride)
    }
    /// Output columns.
    pub fn wo(&self) -> usize {
        self.w.div_ceil(self.stride)
    }
    /// Pixels of 0 around the input.
    pub fn padding(&self) -> Padding {
        Padding { before: self.k / 2, after: self.k / 2 }
    }
    /// Pixels of 0 around the output's gradient: input pixel i gets it from (i + k/2 - tap) / s
    /// where that is whole.
    pub fn gradient_padding(&self) -> Padding {
        let side = (self.k / 2).div_ceil(self.stride);
        Padding { before: side, after: side }
    }
    /// Values of a block of the input.
    pub fn input(&self) -> usize {
        self.ci * self.h * self.w * LANES
    }
    /// Values of a block of the output.
    pub fn output(&self) -> usize {
        self.co * self.ho() * self.wo() * LANES
    }
    /// Weights.
    pub fn weights(&self) -> usize {
        self.co * self.ci * self.k * self.k
    }
}

/// Rows and columns of 0 on the near and on the far sides of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding {
    /// Above and left.
    pub before: usize,
    /// Below and right.
    pub after: usize,
}

impl Padding {
    /// True where a map can be read as it is.
    pub fn is_none(self) -> bool {
        self.before + self.after == 0
    }

    fn side(self, n: usize) -> usize {
        n + self.before + self.after
    }

    /// Values of a padded block.
    pub fn block(self, c: usize, h: usize, w: usize) -> usize {
        c * self.side(h) * self.side(w) * LANES
    }

    /// Copies a block `[c][h][w][16]` into the middle of zeros; every row goes through
    /// `copy(channel, from, to)`.
    #[inline(always)]
    pub fn copy(
        self,
        x: &[f32],
        (c, h, w): (usize, usize, usize),
        out: &mut [f32],
        mut copy: impl FnMut(usize, &[f32], &mut [f32]),
    ) {
        let (ph, pw) = (self.side(h), self.side(w));
        for channel in 0..c {
            let plane = &mut out[channel * ph * pw * LANES..][..ph * pw * LANES];
            let near = (self.before * pw + self.before) * LANES;
            plane[..near].fill(0.0);
            for y in 0..h {
                let from = &x[(channel * h + y) * w * LANES..][..w * LANES];
                let at = near + y * pw * LANES;
                let (row, rest) = plane[at..].split_at_mut(w * LANES);
                copy(channel, from, row);
                let gap = rest.len().min((self.before + self.after) * LANES);
                rest[..gap].fill(0.0);
            }
            let end = (near + h * pw * LANES).min(plane.len());
            plane[end..].fill(0.0);
        }
    }
}

/// Convolution of a padded block, `x` `[ci][h + padding][w + padding][16]`, `w` `[co][ci][k][k]`,
/// result `[co][ho][wo][16]`; the residual of the epilogue has the result's layout.
///
/// # Safety
/// `S`'s instructions.
#[inline(always)]
pub unsafe fn forward<S: Lanes>(
    g: &Geometry,
    x: &[f32],
    w: &[f32],
    y: &mut [f32],
    e: &Epilogue<'_>,
) {
    let (ho, wo, padding) = (g.ho(), g.wo(), g.padding());
    let (ph, pw) = (padding.side(g.h), padding.side(g.w));
    let tap = |t| Tap { x: (t / g.k * pw + t % g.k) * LANES, w: t };
    let taps: Vec<Tap> = (0..g.k * g.k).map(tap).collect();
    let layout = Grid {
        taps: &taps,
        inputs: g.ci,
        outputs: g.co,
        rows: ho,
        columns: wo,
        x_channel: ph * pw * LANES,
        x_row: g.stride * pw * LANES,
        x_pixel: g.stride * LANES,
        w_input: g.k * g.k,
        w_output: g.ci * g.k * g.k,
        y_channel: ho * wo * LANES,
        y_row: wo * LANES,
        y_pixel: LANES,
    };
    // SAFETY: as the caller promises
    unsafe { grid::<S>(&layout, x, w, y, e) }
}

/// Gradient of the input of a block, `dy` `[co][ho + padding][wo + padding][16]` with
/// [`Geometry::gradient_padding`], result `[ci][h][w][16]`.
///
/// # Safety
/// `S`'s instructions.
#[inline(always)]
pub unsafe fn input_gradient<S: Lanes>(g: &Geometry, dy: &[f32], w: &[f32], dx: &mut [f32]) {
    let (ho, wo, s, kk) = (g.ho(), g.wo(), g.stride, g.k * g.k);
    let padding = g.gradient_padding();
    let (ph, pw) = (padding.side(ho), padding.side(wo));
    let one = |r: usize, tap: usize| {
        let at = (r + g.k / 2) as isize - tap as isize;
        let whole = at.rem_euclid(s as isize) == 0;
        whole.then(|| (at.div_euclid(s as isize) + padding.before as isize) as usize)
    };
    for (ry, rx) in (0..s).flat_map(|y| (0..s).map(move |x| (y, x))) {
        if ry >= g.h || rx >= g.w {
            continue;
        }
        let tap = |t: usize| {
            let (y, x) = (one(ry, t / g.k)?, one(rx, t % g.k)?);
            Some(Tap { x: (y * pw + x) * LANES, w: t })
        };
        let taps: Vec<Tap> = (0..kk).filter_map(tap).collect();
        let layout = Grid {
            taps: &taps,
            inputs: g.co,
            outputs: g.ci,
            rows: (g.h - ry).div_ceil(s),
            columns: (g.w - rx).div_ceil(s),
            x_channel: ph * pw * LANES,
            x_row: pw * LANES,
            x_pixel: LANES,
            w_input: g.ci * kk,
            w_output: kk,
            y_channel: g.h * g.w * LANES,
            y_row: s * g.w * LANES,
            y_pixel: s * LANES,
        };
        let start = (ry * g.w + rx) * LANES;
        // SAFETY: as the caller promises
        unsafe { grid::<S>(&layout, dy, w, &mut dx[start..], &Epilogue::NONE) }
    }
}
