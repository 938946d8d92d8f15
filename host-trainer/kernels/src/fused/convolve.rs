//! The convolution of a batch.

use super::{PendingMap, depthwise};
use crate::blocks::{Unwritten, fill_parts, with_scratch};
use crate::conv::depthwise::Columns as _;
use crate::conv::{self, ConvGeometry, Epilogue};
use crate::moments::{Moments, Statistics};
use crate::simd::{Isa, Kernel, Lanes};

struct Forward<'a, 'y> {
    shape: &'a ConvGeometry,
    /// Lanes that hold images.
    lanes: usize,
    x: PendingMap<'a>,
    /// The channel of the norm that the first channel of `x` is.
    first: usize,
    w: &'a [f32],
    y: &'a mut Unwritten<'y>,
    epilogue: Epilogue<'a>,
    measured: bool,
    depthwise: bool,
    scratch: &'a mut Vec<f32>,
}

impl Kernel for Forward<'_, '_> {
    type Out = Vec<Moments>;

    #[inline(always)]
    fn run<S: Lanes>(self, s: S) -> Vec<Moments> {
        let Self { shape, lanes, x, first, w, y, epilogue, measured, depthwise, scratch } = self;
        let (mut y, mut scratch) = (y, scratch);
        if depthwise {
            let measured = measured.then_some(lanes);
            let (window, channel) = (shape.window(), first);
            let rows = depthwise::Forward { shape, x, channel, w, y, epilogue, measured, scratch };
            match rows.run_for(s, &window) {
                Ok(moments) => return moments.into_iter().collect(),
                Err(rows) => (y, scratch) = (rows.y, rows.scratch),
            }
        }
        let (x, y) = (x.padded(shape.padding(), &shape.input(), first, scratch), y.rest());
        conv::forward(s, shape, x, w, y, epilogue);
        if !measured {
            return Vec::new();
        }
        let planes = y.chunks(shape.output().plane().max(1));
        planes.map(|plane| Moments::of(plane, lanes)).collect()
    }
}

/// Convolves maps `x` with weights `w` `[outputs][inputs][rows][columns]`, or `[channels][rows]
/// [columns]` of a depthwise convolution. Returns the output `[blocks][outputs][rows][columns][16]`
/// and, where `measured`, the statistics of its channels.
///
/// # Panics
/// Where a slice does not have the size that the shape demands.
pub fn convolve(
    isa: Isa,
    shape: &ConvGeometry,
    x: PendingMap<'_>,
    w: &[f32],
    epilogue: &Epilogue<'_>,
    measured: bool,
) -> (Vec<f32>, Statistics) {
    let (input, output) = (shape.input(), shape.output());
    x.check(&input);
    assert!(w.len() == shape.weights(), "{} weights, not {:?}", w.len(), shape.weight_dims());
    if let Some(residual) = epilogue.residual {
        output.check("residual of a convolution", residual.len());
    }
    if let Some(bias) = epilogue.bias {
        assert!(bias.len() == output.channels(), "a bias of {} channels", bias.len());
    }
    let (channels, taps) = (output.channels(), shape.taps());
    // a depthwise convolution goes from plane to plane, which stay in the cache
    let depthwise = shape.is_depthwise();
    let (one, size) = match depthwise {
        true => (shape.channel(), output.plane()),
        false => (*shape, output.block()),
    };
    let (y, moments) = fill_parts(output, size, |i, y| {
        let residual = epilogue.residual.map(|r| &r[i * size..(i + 1) * size]);
        with_scratch(|[scratch, _]| {
            let part = match depthwise {
                true => {
                    let c = i % channels;
                    let bias = epilogue.bias.map(|b| &b[c..=c]);
                    let w = &w[c * taps..(c + 1) * taps];
                    (x.plane(i, &input), c, w, Epilogue { bias, residual, ..*epilogue })
                }
                false => (x.block(i, &input), 0, w, Epilogue { residual, ..*epilogue }),
            };
            let (x, first, w, epilogue) = part;
            let lanes = output.lanes(if depthwise { i / channels } else { i });
            let shape = &one;
            let pass =
                Forward { shape, lanes, x, first, w, y, epilogue, measured, depthwise, scratch };
            isa.run(pass)
        })
    });
    if !measured {
        return (y, Moments::total(&[], 0));
    }
    let blocks = match depthwise {
        true => moments.chunks(channels.max(1)).map(<[Vec<Moments>]>::concat).collect(),
        false => moments,
    };
    (y, Moments::total(&blocks, channels))
}
