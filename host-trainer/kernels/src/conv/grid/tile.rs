//! Register tiles of outputs x pixels: the only code of a convolution that follows pointers.

use super::Grid;
use crate::simd::Lanes;

impl Grid<'_> {
    /// Computes `C` outputs from `output` of a row.
    ///
    /// # Safety
    /// `output + C <= outputs` and `row < rows` in the layout; `y` is the start of the output.
    #[inline(always)]
    pub(super) unsafe fn row<S: Lanes, const C: usize>(
        &self,
        s: S,
        y: *mut f32,
        (output, row): (usize, usize),
    ) {
        let most = S::TILE.1;
        let mut column = 0;
        while column < self.layout.columns {
            let left = self.layout.columns - column;
            let at = (output, row, column);
            // SAFETY: the caller's outputs and row, and as many columns as are left
            unsafe {
                if most >= 4 && left >= 4 {
                    self.tile::<S, C, 4>(s, y, at);
                    column += 4;
                } else if most >= 2 && left >= 2 {
                    self.tile::<S, C, 2>(s, y, at);
                    column += 2;
                } else {
                    self.tile::<S, C, 1>(s, y, at);
                    column += 1;
                }
            }
        }
    }

    /// Computes `C` outputs of `P` pixels.
    ///
    /// # Safety
    /// As [`Grid::row`], and `column + P <= columns`.
    #[inline(always)]
    unsafe fn tile<S: Lanes, const C: usize, const P: usize>(
        &self,
        s: S,
        y: *mut f32,
        (output, row, column): (usize, usize, usize),
    ) {
        let (l, e) = (&self.layout, &self.epilogue);
        debug_assert!(output + C <= l.outputs && row < l.rows && column + P <= l.columns);
        let start = |c: usize| e.bias.map_or(0.0, |bias| bias[output + c]);
        let mut sums: [[S::Vector; P]; C] = std::array::from_fn(|c| [s.splat(start(c)); P]);
        // SAFETY: `Grid::new` proved the offsets of all indices below the counts of the layout;
        // those of the tile are, by the caller's promise, and those of the loops by their ranges
        unsafe {
            let x = self.values.as_ptr().add(row * l.x.row + column * l.x.pixel);
            let w = self.weights.as_ptr().add(output * l.w_output);
            for i in 0..l.inputs {
                let (x, w) = (x.add(i * l.x.channel), w.add(i * l.w_input));
                for tap in l.taps {
                    let x = x.add(tap.x);
                    let pixels: [S::Vector; P] =
                        std::array::from_fn(|p| s.load(&*x.add(p * l.x.pixel).cast()));
                    let w = w.add(tap.w);
                    for c in 0..C {
                        let weight = s.splat(*w.add(c * l.w_output));
                        for p in 0..P {
                            sums[c][p] = s.fma(sums[c][p], pixels[p], weight);
                        }
                    }
                }
            }
        }
        let first = output * l.y.channel + row * l.y.row + column * l.y.pixel;
        let at = |c: usize, p: usize| first + c * l.y.channel + p * l.y.pixel;
        // separate loops, as small ones are unrolled and keep the sums in registers
        if let Some(residual) = e.residual {
            for c in 0..C {
                for p in 0..P {
                    // SAFETY: `Grid::new` proved the offset for the residual
                    let added = unsafe { &*residual.as_ptr().add(at(c, p)).cast() };
                    sums[c][p] = s.add(sums[c][p], s.load(added));
                }
            }
        }
        if e.act.slope != 1.0 {
            let slope = s.splat(e.act.slope);
            for c in 0..C {
                for p in 0..P {
                    sums[c][p] = s.leaky(sums[c][p], slope);
                }
            }
        }
        if e.act.is_bounded() {
            let bound = s.splat(e.act.bound);
            for c in 0..C {
                for p in 0..P {
                    sums[c][p] = s.min(sums[c][p], bound);
                }
            }
        }
        for c in 0..C {
            for p in 0..P {
                // SAFETY: `Grid::new` proved the offset for the output, where `y` starts and which
                // `self` borrows alone
                s.store(sums[c][p], unsafe { &mut *y.add(at(c, p)).cast() });
            }
        }
    }
}
