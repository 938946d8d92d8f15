//! Depthwise convolutions of one plane of 16 images, in tiles of pixels of a row. A tile reads each
//! value once for all taps of a kernel's row. Every sum has the order of a [`Grid`](super::Grid).

use super::{ConvGeometry, Epilogue, Window, forward};
use crate::LANES;
use crate::simd::Lanes;

/// Outputs of a tile.
const TILE: usize = 4;

type Pixel = [f32; LANES];

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
    pub fn run<S: Lanes>(&mut self, s: S) -> bool {
        match (self.window.kernel[1], self.window.stride[1]) {
            (3, 1) => self.rows::<S, 3, 1>(s),
            (3, 2) => self.rows::<S, 3, 2>(s),
            (5, 1) => self.rows::<S, 5, 1>(s),
            (5, 2) => self.rows::<S, 5, 2>(s),
            (7, 1) => self.rows::<S, 7, 1>(s),
            (7, 2) => self.rows::<S, 7, 2>(s),
            _ => return false,
        }
        true
    }

    #[inline(always)]
    fn rows<S: Lanes, const K: usize, const STRIDE: usize>(&mut self, s: S) {
        let [rows, columns] = self.size;
        for row in 0..rows {
            let mut column = 0;
            while column + TILE <= columns {
                self.tile::<S, K, STRIDE, TILE>(s, [row, column]);
                column += TILE;
            }
            while column < columns {
                self.tile::<S, K, STRIDE, 1>(s, [row, column]);
                column += 1;
            }
        }
    }

    #[inline(always)]
    fn tile<S: Lanes, const K: usize, const STRIDE: usize, const P: usize>(
        &mut self,
        s: S,
        [row, column]: [usize; 2],
    ) {
        let e = &self.epilogue;
        let mut sums = [s.splat(e.bias.map_or(0.0, |b| b[0])); P];
        let start = row * self.window.stride[0] * self.x_row + column * STRIDE;
        for (ky, w) in self.w.as_chunks::<K>().0.iter().enumerate() {
            let x = &self.x[start + ky * self.x_row..][..(P - 1) * STRIDE + K];
            for k in 0..K {
                let weight = s.splat(w[k]);
                for p in 0..P {
                    sums[p] = s.fma(sums[p], s.load(&x[p * STRIDE + k]), weight);
                }
            }
        }
        let at = row * self.y_row + column;
        if let Some(residual) = e.residual {
            let added = &residual.as_chunks::<LANES>().0[at..][..P];
            for p in 0..P {
                sums[p] = s.add(sums[p], s.load(&added[p]));
            }
        }
        if e.act.slope != 1.0 {
            let slope = s.splat(e.act.slope);
            sums = sums.map(|v| s.leaky(v, slope));
        }
        if e.act.is_bounded() {
            let bound = s.splat(e.act.bound);
            sums = sums.map(|v| s.min(v, bound));
        }
        let y = &mut self.y[at..][..P];
        for p in 0..P {
            s.store(sums[p], &mut y[p]);
        }
    }
}

/// Convolves a padded plane `x` `[rows + padding][columns + padding][16]` of a shape of one channel
/// with `w` `[rows][columns]` to `y` `[rows][columns][16]`.
#[inline(always)]
pub(crate) fn plane<S: Lanes>(
    s: S,
    shape: &ConvGeometry,
    x: &[f32],
    w: &[f32],
    y: &mut [f32],
    epilogue: Epilogue<'_>,
) {
    let (output, window) = (shape.output(), shape.window());
    let mut plane = Plane {
        window: &window,
        x: x.as_chunks().0,
        x_row: shape.padding().dims(&shape.input()).1,
        w,
        y: y.as_chunks_mut().0,
        y_row: output.columns(),
        size: [output.rows(), output.columns()],
        epilogue,
    };
    if !plane.run(s) {
        forward(s, shape, x, w, y, epilogue);
    }
}
