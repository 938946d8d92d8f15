//! The gradients of a convolution of a batch.

use super::{PendingMap, depthwise};
use crate::blocks::{Unwritten, fill_parts, with_scratch};
use crate::conv::depthwise::Columns as _;
use crate::conv::{self, ConvGeometry, WeightGradient};
use crate::norm::{NormBackward, NormFactors, NormGradient};
use crate::parallel;
use crate::pointwise::{sweep, total};
use crate::simd::{Isa, Kernel, Lanes};
use crate::size::checked;

struct Backward<'a, 'y> {
    shape: &'a ConvGeometry,
    x: PendingMap<'a>,
    /// The channel of the norm that the first channel of `x` is.
    first: usize,
    w: &'a [f32],
    dy: &'a [f32],
    /// `None` where the input wants no gradient.
    dx: Option<&'a mut Unwritten<'y>>,
    dw: &'a mut [f32],
    depthwise: bool,
    scratch: &'a mut [Vec<f32>; 2],
}

impl Backward<'_, '_> {
    /// Computes the gradients behind the norm of the input.
    #[inline(always)]
    fn products<S: Lanes>(&mut self, s: S) {
        let (shape, x, channel) = (self.shape, self.x, self.first);
        if self.depthwise {
            let Self { w, dy, .. } = *self;
            let (dx, dw, scratch) = (self.dx.as_deref_mut(), &mut *self.dw, &mut *self.scratch);
            let rows = depthwise::Backward { shape, x, channel, w, dy, dx, dw, scratch };
            if rows.run_for(s, &shape.window()).is_ok() {
                return;
            }
        }
        let [sx, sdy] = &mut *self.scratch;
        let x = x.padded(shape.padding(), &shape.input(), channel, sx);
        checked(WeightGradient::new(shape, x, self.dy)).run(s, self.dw);
        if let Some(dx) = &mut self.dx {
            let (dy, padding) = (PendingMap::plain(self.dy), shape.gradient_padding());
            let dy = dy.padded(padding, &shape.output(), 0, sdy);
            conv::input_gradient(s, shape, dy, self.w, dx.rest());
        }
    }
}

impl Kernel for Backward<'_, '_> {
    /// Per channel, the sums of g, of g (x - mean) and of the slope's gradient, where g is the
    /// gradient behind the norm.
    type Out = Vec<[f64; 3]>;

    #[inline(always)]
    fn run<S: Lanes>(mut self, s: S) -> Vec<[f64; 3]> {
        self.products(s);
        let Some(dx) = self.dx.filter(|_| !self.x.is_plain()) else { return Vec::new() };
        let input = self.shape.input();
        let (plane, act) = (input.plane().max(1), self.x.act);
        let mut sums = Vec::with_capacity(input.channels());
        for (c, (dx, x)) in dx.taken().chunks_mut(plane).zip(self.x.x.chunks(plane)).enumerate() {
            let c = self.first + c;
            let (scale, offset) = NormFactors::of(self.x.norm, c);
            let mean = self.x.norm.map_or(0.0, |n| n.mean[c]);
            sums.push(sweep([x], dx, |[x], d| {
                let v = x * scale + offset;
                let of_slope = if v < 0.0 { *d * v } else { 0.0 };
                *d = act.gradient(v, *d);
                [*d, *d * (x - mean), of_slope]
            }));
        }
        sums
    }
}

/// Gradients of a convolution of a pending map.
pub struct ConvGradients {
    /// Of the values of the map, where they want one.
    pub x: Option<Vec<f32>>,
    /// Of the weights, as they are.
    pub w: Vec<f32>,
    /// Of the map's norm, where it has one and `x` is there.
    pub norm: Option<NormGradient>,
    /// Of the map's slope; 0 where `x` is not there.
    pub slope: f32,
}

/// Gradients of [`convolve`](super::convolve()) from that of its output, `dy`
/// `[blocks][outputs][rows][columns][16]`, which is 0 in lanes without an image. `input` asks for
/// the gradients of the map as well as for that of the weights. Sums are taken over the blocks in
/// their order, so that they are the same for every number of threads.
///
/// # Panics
/// Where a slice does not have the size that the shape demands.
pub fn convolve_gradients(
    isa: Isa,
    shape: &ConvGeometry,
    x: PendingMap<'_>,
    w: &[f32],
    dy: &[f32],
    input: bool,
) -> ConvGradients {
    let (maps, output) = (shape.input(), shape.output());
    x.check(&maps);
    output.check("gradient of a convolution", dy.len());
    assert!(w.len() == shape.weights(), "{} weights, not {:?}", w.len(), shape.weight_dims());
    let (depthwise, channels, taps) = (shape.is_depthwise(), maps.channels(), shape.taps());
    // a depthwise convolution goes from plane to plane
    let (one, from, to) = match depthwise {
        true => (shape.channel(), maps.plane(), output.plane()),
        false => (*shape, maps.block(), output.block()),
    };
    let chunk = |i: usize, dx: Option<&mut Unwritten<'_>>| {
        let mut dw = vec![0f32; one.weights()];
        let dy = &dy[i * to..(i + 1) * to];
        let sums = with_scratch(|scratch| {
            let (x, first, w) = match depthwise {
                true => {
                    let c = i % channels;
                    (x.plane(i, &maps), c, &w[c * taps..(c + 1) * taps])
                }
                false => (x.block(i, &maps), 0, w),
            };
            let (shape, dw) = (&one, &mut dw[..]);
            isa.run(Backward { shape, x, first, w, dy, dx, dw, depthwise, scratch })
        });
        (dw, sums)
    };
    let (mut dx, parts) = if input {
        fill_parts(maps, from, |i, dx| chunk(i, Some(dx)))
    } else {
        let chunks = x.x.len() / from.max(1);
        (Vec::new(), parallel::indices(chunks, |i| chunk(i, None)))
    };
    let (mut dw, mut sums) = (vec![0f32; shape.weights()], Vec::new());
    if depthwise {
        for block in parts.chunks(channels.max(1)) {
            let weights = block.iter().flat_map(|(part, _)| part);
            dw.iter_mut().zip(weights).for_each(|(s, p)| *s += p);
            sums.push(block.iter().flat_map(|(_, of)| of).copied().collect());
        }
    } else {
        for (part, of) in parts {
            dw.iter_mut().zip(part).for_each(|(s, p)| *s += p);
            sums.push(of);
        }
    }
    let sums = total(&sums, maps.channels());
    let norm = x.norm.filter(|_| input).map(|norm| {
        let gradient = NormGradient::new(sums.iter().map(|s| (s[0], s[1])), norm, maps.count());
        let size = maps.block();
        parallel::chunks_mut(&mut dx, size.max(1), |b, to| {
            let (x, lanes) = (&x.x[b * size..(b + 1) * size], maps.lanes(b));
            isa.run(NormBackward { x, from: None, to, norm, gradient: &gradient, lanes });
        });
        gradient
    });
    let slope = sums.iter().map(|s| s[2]).sum::<f64>() as f32;
    ConvGradients { x: input.then_some(dx), w: dw, norm, slope }
}
