//! Depthwise convolutions of one plane of 16 images, row by row, in tiles of pixels. A tile reads each
//! value once for all taps of a kernel's row. Every sum has the order of a [`Grid`](super::Grid).

mod gradients;

pub(crate) use gradients::{Asked, InputRows, WeightSums};

use super::{Epilogue, Window};
use crate::LANES;
use crate::activation::Activation;
use crate::simd::Lanes;

/// Outputs of a tile with many registers, and with few. Each is a sum that does not wait for the others.
const TILES: [usize; 2] = [8, 4];

/// A pixel of 16 images.
pub(crate) type Pixel = [f32; LANES];

/// True where there are registers for the larger tiles.
const fn is_wide<S: Lanes>() -> bool {
    S::TILE.1 >= 4
}

/// Code for kernels of `K` columns whose outputs are `STRIDE` columns apart.
pub(crate) trait Columns: Sized {
    /// The result.
    type Out;
    /// The code. Implementations are `#[inline(always)]`.
    fn run<S: Lanes, const K: usize, const STRIDE: usize>(self, s: S) -> Self::Out;

    /// Runs the code for a window; returns it for a window that has no tiles.
    #[inline(always)]
    fn run_for<S: Lanes>(self, s: S, window: &Window) -> Result<Self::Out, Self> {
        Ok(match (window.kernel[1], window.stride[1]) {
            (3, 1) => self.run::<S, 3, 1>(s),
            (3, 2) => self.run::<S, 3, 2>(s),
            (5, 1) => self.run::<S, 5, 1>(s),
            (5, 2) => self.run::<S, 5, 2>(s),
            (7, 1) => self.run::<S, 7, 1>(s),
            (7, 2) => self.run::<S, 7, 2>(s),
            _ => return Err(self),
        })
    }
}

/// Rows of a plane, or the latest of them in a ring.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// From the first pixel under the window of the first output of a row.
    pub pixels: &'a [Pixel],
    /// Pixels from a row to the next.
    pub row: usize,
    /// The row at the first place.
    pub base: usize,
    /// Rows of the ring: the row behind the last is at the first place again.
    pub rows: usize,
}

impl<'a> Rows<'a> {
    /// The pixels of row `i`, and what is behind it.
    #[inline(always)]
    pub fn from(self, i: usize) -> &'a [Pixel] {
        let place = i - self.base;
        let place = if place < self.rows { place } else { place - self.rows };
        &self.pixels[place * self.row..]
    }
}

/// A row of outputs.
pub(crate) struct Row<'a> {
    pub x: Rows<'a>,
    /// The first row under the window.
    pub first: usize,
    /// `[rows][columns]`.
    pub w: &'a [f32],
    /// Is added to the row.
    pub residual: Option<&'a [Pixel]>,
    /// The start of each sum.
    pub bias: f32,
    pub act: Activation,
    /// What the rows after this one read and write.
    pub ahead: [Ahead; 2],
}

/// Pixels that are asked for while a row is computed, so that memory and arithmetic work at the same time
/// and the pixels are in the cache when their turn comes. Nobody reads the addresses, which may be any.
#[derive(Clone, Copy)]
pub(crate) struct Ahead {
    /// The first pixel; null where none is asked for.
    pub at: *const f32,
}

impl Ahead {
    /// Nothing is asked for.
    pub const NONE: Self = Self { at: std::ptr::null() };

    /// Asks for the part of `P` columns from column `column`, each of which has `EACH` pixels.
    #[inline(always)]
    fn ask<S: Lanes, const EACH: usize, const P: usize>(self, s: S, column: usize) {
        if !self.at.is_null() {
            let at = self.at.wrapping_add(column * EACH * LANES);
            for i in 0..P * EACH {
                s.prefetch(at.wrapping_add(i * LANES));
            }
        }
    }
}

impl Row<'_> {
    /// Computes the row, `y`.
    ///
    /// # Panics
    /// Where a slice is too short.
    #[inline(always)]
    pub fn run<S: Lanes, const K: usize, const STRIDE: usize>(&self, s: S, y: &mut [Pixel]) {
        let row = |ky| self.x.from(self.first + ky);
        // the rows of a square kernel are found once for all tiles, whose loops have no branches
        match <&[[f32; K]; K]>::try_from(self.w.as_chunks::<K>().0) {
            Ok(w) => {
                let x: [&[Pixel]; K] = std::array::from_fn(row);
                self.tiles::<S, K, STRIDE>(s, w, |ky| x[ky], y);
            }
            Err(_) => self.tiles::<S, K, STRIDE>(s, self.w.as_chunks().0, row, y),
        }
    }

    /// Computes the row from weights and the rows under the window.
    #[inline(always)]
    fn tiles<'x, S: Lanes, const K: usize, const STRIDE: usize>(
        &self,
        s: S,
        w: &[[f32; K]],
        x: impl Fn(usize) -> &'x [Pixel],
        y: &mut [Pixel],
    ) {
        let mut column = 0;
        while column < y.len() {
            let left = y.len() - column;
            column += if is_wide::<S>() && left >= TILES[0] {
                self.tile::<S, K, STRIDE, { TILES[0] }>(s, w, &x, column, y)
            } else if left >= TILES[1] {
                self.tile::<S, K, STRIDE, { TILES[1] }>(s, w, &x, column, y)
            } else {
                self.tile::<S, K, STRIDE, 1>(s, w, &x, column, y)
            };
        }
    }

    /// Computes `P` outputs and returns their number.
    #[inline(always)]
    fn tile<'x, S: Lanes, const K: usize, const STRIDE: usize, const P: usize>(
        &self,
        s: S,
        w: &[[f32; K]],
        x: &impl Fn(usize) -> &'x [Pixel],
        column: usize,
        y: &mut [Pixel],
    ) -> usize {
        // of an input whose rows are as far apart as its columns
        match STRIDE {
            1 => self.ahead[0].ask::<S, 1, P>(s, column),
            _ => self.ahead[0].ask::<S, 4, P>(s, column),
        }
        self.ahead[1].ask::<S, 1, P>(s, column);
        let mut sums = [s.splat(self.bias); P];
        for (ky, w) in w.iter().enumerate() {
            let x = &x(ky)[column * STRIDE..][..(P - 1) * STRIDE + K];
            for (k, &weight) in w.iter().enumerate() {
                let weight = s.splat(weight);
                for p in 0..P {
                    sums[p] = s.fma(sums[p], s.load(&x[p * STRIDE + k]), weight);
                }
            }
        }
        if let Some(residual) = self.residual {
            let added = &residual[column..][..P];
            for p in 0..P {
                sums[p] = s.add(sums[p], s.load(&added[p]));
            }
        }
        if self.act.slope != 1.0 {
            let slope = s.splat(self.act.slope);
            for p in 0..P {
                sums[p] = s.leaky(sums[p], slope);
            }
        }
        if self.act.is_bounded() {
            let bound = s.splat(self.act.bound);
            for p in 0..P {
                sums[p] = s.min(sums[p], bound);
            }
        }
        let y = &mut y[column..][..P];
        for p in 0..P {
            s.store(sums[p], &mut y[p]);
        }
        P
    }
}

/// A plane with zeros around it, and the plane that is written.
pub(crate) struct Plane<'a> {
    pub window: &'a Window,
    /// From the first pixel under the window of the first output.
    pub x: &'a [Pixel],
    /// Pixels from a row of `x` to the next.
    pub x_row: usize,
    /// `[rows][columns]`.
    pub w: &'a [f32],
    /// From the first output; the residual of the epilogue is laid out likewise.
    pub y: &'a mut [Pixel],
    /// Pixels from a row of `y` to the next.
    pub y_row: usize,
    /// Rows and columns that are written.
    pub size: [usize; 2],
    pub epilogue: Epilogue<'a>,
}

impl Plane<'_> {
    /// Computes the plane. Returns false, and leaves it as it is, for a kernel that has no tiles.
    ///
    /// # Panics
    /// Where a slice is too short.
    #[inline(always)]
    pub fn run<S: Lanes>(self, s: S) -> bool {
        let window = self.window;
        self.run_for(s, window).is_ok()
    }
}

impl Columns for Plane<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Lanes, const K: usize, const STRIDE: usize>(self, s: S) {
        let ([rows, columns], e) = (self.size, &self.epilogue);
        let x = Rows { pixels: self.x, row: self.x_row, base: 0, rows: usize::MAX };
        for row in 0..rows {
            let at = row * self.y_row;
            let row = Row {
                x,
                first: row * self.window.stride[0],
                w: self.w,
                residual: e.residual.map(|r| &r.as_chunks().0[at..][..columns]),
                bias: e.bias.map_or(0.0, |b| b[0]),
                act: e.act,
                ahead: [Ahead::NONE; 2],
            };
            row.run::<S, K, STRIDE>(s, &mut self.y[at..][..columns]);
        }
    }
}
