//! Convolutions and maxima that read a block in place.

use super::Planes;
use crate::LANES;
use crate::conv::depthwise::Plane;
use crate::conv::{Epilogue, Grid, GridLayout, Steps, Tap, Window};
use crate::simd::{Isa, Kernel, Lanes};
use crate::size::{checked, product};

/// A convolution whose padding the margin of its input provides.
#[derive(Clone, Copy, Debug)]
pub struct Convolution<'a> {
    /// `[co][ci][rows][columns]`, or `[co][rows][columns]` of a depthwise convolution.
    pub weight: &'a [f32],
    /// Input channels.
    pub ci: usize,
    /// Output channels; those of the input for a depthwise convolution.
    pub co: usize,
    /// Kernel, strides and padding.
    pub window: Window,
    /// True where each channel is convolved by itself.
    pub depthwise: bool,
}

impl Convolution<'_> {
    /// Convolves a block `x` of `from` planes, `[ci][h + 2 margin][w + 2 margin][16]`. The output
    /// `y` and the residual of the epilogue have the planes [`Planes::windowed`]. The margins of `y`
    /// are left alone.
    ///
    /// # Panics
    /// Where a slice is too short, the margin is less than the padding, the window is wrong
    /// ([`Window::output`]), or a depthwise convolution has other outputs than inputs.
    pub fn run(&self, isa: Isa, from: Planes, x: &[f32], y: &mut [f32], epilogue: &Epilogue<'_>) {
        let Self { weight, ci, co, window, depthwise } = *self;
        let to = from.windowed(&window);
        assert!(from.margin >= window.margin(), "{window:?} reaches beyond {from:?}");
        assert!(!depthwise || ci == co, "{co} channels of a depthwise convolution of {ci}");
        let inputs = if depthwise { 1 } else { ci };
        let weights = product("weights", [co, inputs, window.taps()]);
        assert!(weights <= weight.len(), "{} weights instead of {weights}", weight.len());
        let (row, [_, across]) = (from.row(), window.kernel);
        let count = if weights == 0 { 0 } else { window.taps() };
        let tap = |t: usize| Tap { x: t / across * row + t % across * LANES, w: t };
        let taps: Vec<Tap> = (0..count).map(tap).collect();
        let [down, right] = window.stride;
        let layout = GridLayout {
            taps: &taps,
            inputs,
            outputs: if depthwise { 1 } else { co },
            rows: to.h,
            columns: to.w,
            x: Steps { channel: from.len(), row: down * row, pixel: right * LANES },
            y: Steps { channel: to.len(), row: to.row(), pixel: LANES },
            w_input: window.taps(),
            w_output: inputs * window.taps(),
        };
        let (before, inside) = (from.outside(window.before()), to.outside([0; 2]));
        if !depthwise {
            let residual = epilogue.residual.map(|r| &r[inside..]);
            let epilogue = Epilogue { residual, ..*epilogue };
            let (x, y) = (&x[before..], &mut y[inside..]);
            return isa.run(Sums(checked(Grid::new(layout, x, weight, y, epilogue))));
        }
        for c in 0..co {
            let (x, at) = (&x[c * from.len() + before..], c * to.len() + inside);
            let residual = epilogue.residual.map(|r| &r[at..]);
            let bias = epilogue.bias.map(|b| &b[c..]);
            let epilogue = Epilogue { residual, bias, ..*epilogue };
            let w = &weight[c * window.taps()..][..window.taps()];
            let plane = Plane {
                window: &window,
                x: x.as_chunks().0,
                x_row: row / LANES,
                w,
                y: y[at..].as_chunks_mut().0,
                y_row: to.row() / LANES,
                size: [to.h, to.w],
                epilogue,
            };
            if !isa.run(Channel(plane)) {
                isa.run(Sums(checked(Grid::new(layout, x, w, &mut y[at..], epilogue))));
            }
        }
    }
}

/// A channel of a depthwise convolution.
struct Channel<'a>(Plane<'a>);

impl Kernel for Channel<'_> {
    type Out = bool;

    #[inline(always)]
    fn run<S: Lanes>(self, s: S) -> bool {
        self.0.run(s)
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

struct Maxima<'a> {
    window: &'a Window,
    from: Planes,
    to: Planes,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for Maxima<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Lanes>(self, _: S) {
        let Self { window, from, to, x, y } = self;
        let planes = x.chunks_exact(from.len()).zip(y.chunks_exact_mut(to.len()));
        for (x, y) in planes {
            for (row, y) in to.rows_mut(y).enumerate() {
                let rows = window.covered(0, row, from.h);
                for (column, y) in y.iter_mut().enumerate() {
                    let columns = window.covered(1, column, from.w);
                    *y = [f32::NEG_INFINITY; LANES];
                    for x in from.rows(x).take(rows.end).skip(rows.start) {
                        for x in &x[columns.clone()] {
                            for (y, &x) in y.iter_mut().zip(x) {
                                *y = if x > *y { x } else { *y };
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The largest values of a window over `channels` channels of a block `x` of `from` planes. Margins
/// do not count. The output `y` has the planes [`Planes::windowed`], whose margins are left alone.
///
/// # Panics
/// Where a slice is too short or the window is wrong ([`Window::output`]).
pub fn maximum(isa: Isa, window: &Window, channels: usize, from: Planes, x: &[f32], y: &mut [f32]) {
    let to = from.windowed(window);
    assert!(from.block(channels) <= x.len(), "maxima of {} values", x.len());
    assert!(to.block(channels) <= y.len(), "maxima in {} values", y.len());
    if !from.is_empty() {
        let (x, y) = (&x[..from.block(channels)], &mut y[..to.block(channels)]);
        isa.run(Maxima { window, from, to, x, y });
    }
}
