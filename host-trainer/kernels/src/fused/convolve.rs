//! The convolution of a batch.

use super::PendingMap;
use crate::blocks::{fill, with_scratch};
use crate::conv::{self, ConvGeometry, Epilogue};
use crate::moments::{Moments, Statistics};
use crate::simd::{Isa, Kernel, Lanes};

struct Forward<'a> {
    shape: &'a ConvGeometry,
    /// Lanes that hold images.
    lanes: usize,
    x: PendingMap<'a>,
    w: &'a [f32],
    y: &'a mut [f32],
    epilogue: Epilogue<'a>,
    measured: bool,
    scratch: &'a mut Vec<f32>,
}

impl Kernel for Forward<'_> {
    type Out = Vec<Moments>;

    #[inline(always)]
    fn run<S: Lanes>(self, s: S) -> Vec<Moments> {
        let shape = self.shape;
        let x = self.x.padded(shape.padding(), &shape.input(), self.scratch);
        conv::forward(s, shape, x, self.w, self.y, self.epilogue);
        let mut moments = Vec::new();
        if self.measured {
            for plane in self.y.chunks(shape.output().plane().max(1)) {
                moments.push(Moments::of(plane, self.lanes));
            }
        }
        moments
    }
}

/// Convolves maps `x` with weights `w` `[outputs][inputs][kernel][kernel]`. Returns the output
/// `[blocks][outputs][rows][columns][16]` and, where `measured`, the statistics of its channels.
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
    let (y, moments) = fill(output, |b, y| {
        let size = output.block();
        let residual = epilogue.residual.map(|r| &r[b * size..(b + 1) * size]);
        with_scratch(|[scratch, _]| {
            let (x, lanes) = (x.block(b, &input), output.lanes(b));
            let epilogue = Epilogue { residual, ..*epilogue };
            isa.run(Forward { shape, lanes, x, w, y, epilogue, measured, scratch })
        })
    });
    (y, Moments::total(&moments, if measured { output.channels() } else { 0 }))
}
