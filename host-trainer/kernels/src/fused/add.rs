//! The addition that ends a residual block, and its gradients.

use super::PendingMap;
use crate::activation::Activation;
use crate::blocks::fill;
use crate::map::MapShape;
use crate::norm::{NormBackward, NormFactors, NormGradient};
use crate::parallel;
use crate::pointwise::{clear_unused, sweep, total};
use crate::simd::{Isa, Kernel, Lanes};

struct Forward<'a> {
    a: PendingMap<'a>,
    b: Option<PendingMap<'a>>,
    act: Activation,
    plane: usize,
    y: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Lanes>(self, _: S) {
        let act = self.act;
        for (c, y) in self.y.chunks_mut(self.plane).enumerate() {
            let (sa, oa) = NormFactors::of(self.a.norm, c);
            let a = &self.a.x[c * self.plane..][..y.len()];
            match self.b {
                Some(b) => {
                    let (sb, ob) = NormFactors::of(b.norm, c);
                    let b = &b.x[c * self.plane..][..y.len()];
                    for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
                        *y = act.of((a * sa + oa) + (b * sb + ob));
                    }
                }
                None => {
                    for (y, a) in y.iter_mut().zip(a) {
                        *y = act.of(a * sa + oa);
                    }
                }
            }
        }
    }
}

/// `act(norm(a) + norm(b))` of maps of one shape. The activations of `a` and `b` are ignored.
///
/// # Panics
/// Where an operand does not have the shape.
pub fn add(
    isa: Isa,
    shape: MapShape,
    a: PendingMap<'_>,
    b: Option<PendingMap<'_>>,
    act: impl Into<Activation>,
) -> Vec<f32> {
    let act = act.into();
    [Some(a), b].into_iter().flatten().for_each(|x| x.check(&shape));
    let plane = shape.plane().max(1);
    let (y, _) = fill(shape, |i, y| {
        let (a, b) = (a.block(i, &shape), b.map(|b| b.block(i, &shape)));
        isa.run(Forward { a, b, act, plane, y });
    });
    y
}

struct Backward<'a> {
    a: PendingMap<'a>,
    b: Option<PendingMap<'a>>,
    act: Activation,
    plane: usize,
    /// Lanes that hold images.
    lanes: usize,
    dy: &'a [f32],
    dx: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    /// Per channel, the sums of g, of g (a - mean of a), of g (b - mean of b) and of the slope's
    /// gradient, where g is the gradient of the sum.
    type Out = Vec<[f64; 4]>;

    #[inline(always)]
    fn run<S: Lanes>(self, _: S) -> Vec<[f64; 4]> {
        let (plane, act) = (self.plane, self.act);
        self.dx.copy_from_slice(self.dy);
        clear_unused(self.dx, self.lanes);
        let mut sums = Vec::new();
        for (c, dx) in self.dx.chunks_mut(plane).enumerate() {
            let (sa, oa) = NormFactors::of(self.a.norm, c);
            let ma = self.a.norm.map_or(0.0, |n| n.mean[c]);
            let a = &self.a.x[c * plane..][..dx.len()];
            let Some(b) = self.b else {
                let [sum, of_a, of_slope] = sweep([a], dx, |[a], d| {
                    let v = a * sa + oa;
                    let of_slope = if v < 0.0 { *d * v } else { 0.0 };
                    *d = act.gradient(v, *d);
                    [*d, *d * (a - ma), of_slope]
                });
                sums.push([sum, of_a, 0.0, of_slope]);
                continue;
            };
            let (sb, ob) = NormFactors::of(b.norm, c);
            let mb = b.norm.map_or(0.0, |n| n.mean[c]);
            let b = &b.x[c * plane..][..dx.len()];
            sums.push(sweep([a, b], dx, |[a, b], d| {
                let v = (a * sa + oa) + (b * sb + ob);
                let of_slope = if v < 0.0 { *d * v } else { 0.0 };
                *d = act.gradient(v, *d);
                [*d, *d * (a - ma), *d * (b - mb), of_slope]
            }));
        }
        sums
    }
}

/// Gradients of an addition.
pub struct AddGradients {
    /// Of the first map and of its norm.
    pub a: (Vec<f32>, Option<NormGradient>),
    /// Of the second map and of its norm. `None` where it equals the first map's, and where there
    /// is no second map.
    pub b: Option<(Vec<f32>, Option<NormGradient>)>,
    /// Of the slope.
    pub slope: f32,
}

/// Takes a gradient behind a norm, `from`, to before it.
struct Through<'a> {
    isa: Isa,
    shape: MapShape,
    x: &'a [f32],
    norm: &'a NormFactors,
    gradient: NormGradient,
}

impl<'a> Through<'a> {
    /// For the norm of an operand, where it has one; `moment` is the place of its sums of
    /// g (x - mean) in `sums`.
    fn new(
        isa: Isa,
        shape: MapShape,
        operand: PendingMap<'a>,
        sums: &[[f64; 4]],
        moment: usize,
    ) -> Option<Self> {
        let norm = operand.norm?;
        let sums = sums.iter().map(|s| (s[0], s[moment]));
        let gradient = NormGradient::new(sums, norm, shape.count());
        Some(Self { isa, shape, x: operand.x, norm, gradient })
    }

    fn block(&self, b: usize, from: Option<&[f32]>, to: &mut [f32]) {
        let size = self.shape.block();
        let range = b * size..(b + 1) * size;
        let (x, from) = (&self.x[range.clone()], from.map(|f| &f[range]));
        let (norm, gradient, lanes) = (self.norm, &self.gradient, self.shape.lanes(b));
        self.isa.run(NormBackward { x, from, to, norm, gradient, lanes });
    }

    /// Changes `values` from one to the other.
    fn in_place(self, values: &mut [f32]) -> NormGradient {
        let size = self.shape.block().max(1);
        parallel::chunks_mut(values, size, |b, to| self.block(b, None, to));
        self.gradient
    }
}

/// Gradients of [`add`] from that of its output, `dy` `[blocks][channels][rows][columns][16]`.
///
/// # Panics
/// Where an operand or `dy` does not have the shape.
pub fn add_gradients(
    isa: Isa,
    shape: MapShape,
    a: PendingMap<'_>,
    b: Option<PendingMap<'_>>,
    act: impl Into<Activation>,
    dy: &[f32],
) -> AddGradients {
    let act = act.into();
    [Some(a), b].into_iter().flatten().for_each(|x| x.check(&shape));
    shape.check("gradient of an addition", dy.len());
    let (block, plane) = (shape.block(), shape.plane().max(1));
    // the gradient of the sum, which is that of both operands behind their norms
    let (mut both, sums) = fill(shape, |i, dx| {
        let (a, b) = (a.block(i, &shape), b.map(|b| b.block(i, &shape)));
        let (dy, lanes) = (&dy[i * block..(i + 1) * block], shape.lanes(i));
        isa.run(Backward { a, b, act, plane, lanes, dy, dx })
    });
    let sums = total(&sums, shape.channels());
    let slope = sums.iter().map(|s| s[3]).sum::<f64>() as f32;
    let second = b.and_then(|b| Through::new(isa, shape, b, &sums, 2));
    let Some(first) = Through::new(isa, shape, a, &sums, 1) else {
        let b = second.map(|second| {
            let mut own = both.clone();
            let gradient = second.in_place(&mut own);
            (own, Some(gradient))
        });
        return AddGradients { a: (both, None), b, slope };
    };
    if b.is_none() {
        let gradient = first.in_place(&mut both);
        return AddGradients { a: (both, Some(gradient)), b: None, slope };
    }
    let (own, _) = fill(shape, |i, to| first.block(i, Some(&both), to));
    let second = second.map(|second| second.in_place(&mut both));
    AddGradients { a: (own, Some(first.gradient)), b: Some((both, second)), slope }
}
