//! Convolutions that read a block in place.

use super::Planes;
use crate::LANES;
use crate::conv::{Epilogue, Grid, GridLayout, Steps, Tap};
use crate::simd::{Isa, Kernel, Lanes};
use crate::size::{checked, product};

/// A convolution with "same" padding: `k / 2` zeros on every side, which the margin of its input
/// provides.
#[derive(Clone, Copy, Debug)]
pub struct Convolution<'a> {
    /// `[co][ci][k][k]`.
    pub weight: &'a [f32],
    /// Input channels.
    pub ci: usize,
    /// Output channels.
    pub co: usize,
    /// Weights of a side of the kernel.
    pub k: usize,
    /// 1 or 2.
    pub stride: usize,
}

impl Convolution<'_> {
    /// Convolves a block `x` of `from` planes, `[ci][h + 2 margin][w + 2 margin][16]`. The output
    /// `y` and the residual of the epilogue have the planes [`Planes::strided`]. The margins of `y`
    /// are left alone.
    ///
    /// # Panics
    /// Where a slice is too short, the margin is below `k / 2`, or the stride is neither 1 nor 2.
    pub fn run(&self, isa: Isa, from: Planes, x: &[f32], y: &mut [f32], epilogue: &Epilogue<'_>) {
        let Self { weight, ci, co, k, stride } = *self;
        assert!(stride == 1 || stride == 2, "a stride of {stride} is neither 1 nor 2");
        assert!(from.margin >= k / 2, "a kernel of {k} x {k} reaches beyond {from:?}");
        let to = from.strided(stride);
        let weights = product("weights", [co, ci, k, k]);
        assert!(weights <= weight.len(), "{} weights instead of {weights}", weight.len());
        let (row, kk) = (from.row(), if weights == 0 { 0 } else { k * k });
        let taps: Vec<Tap> =
            (0..kk).map(|t| Tap { x: t / k * row + t % k * LANES, w: t }).collect();
        let layout = GridLayout {
            taps: &taps,
            inputs: ci,
            outputs: co,
            rows: to.h,
            columns: to.w,
            x: Steps { channel: from.len(), row: stride * row, pixel: stride * LANES },
            y: Steps { channel: to.len(), row: to.row(), pixel: LANES },
            w_input: k * k,
            w_output: ci * k * k,
        };
        let inside = to.outside(0);
        let epilogue = Epilogue { residual: epilogue.residual.map(|r| &r[inside..]), ..*epilogue };
        let (x, y) = (&x[from.outside(k / 2)..], &mut y[inside..]);
        isa.run(Sums(checked(Grid::new(layout, x, weight, y, epilogue))));
    }
}

/// The sums of a convolution.
struct Sums<'a>(Grid<'a>);

impl Kernel for Sums<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Lanes>(self, s: S) {
        self.0.run(s);
    }
}
