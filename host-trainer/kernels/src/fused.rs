//! The two operations that training consists of, on whole batches.
//!
//! A convolution reads maps whose batch norm and activation are still to be applied ([`Operand`]),
//! applies them while it copies a block into its padded scratch, and takes the statistics of its
//! own output while that is in the cache. An addition ends a block: it applies two such norms at
//! once. So a normalised map is never stored except where several readers share it.

use std::cell::RefCell;
use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::conv::{self, Epilogue, Geometry, Padding};
use super::pointwise::{Affine, Moments, Size, Sums, clear_dead, leaky, sweep};
use super::simd::{Isa, Kernel, Lanes};

/// A map, read through batch norm and activation.
#[derive(Clone, Copy)]
pub struct Operand<'a> {
    /// Values `[blocks][c][h w][16]`.
    pub x: &'a [f32],
    /// Batch norm.
    pub norm: Option<&'a Affine>,
    /// Slope for negative results of the norm: 1 none, 0 ReLU.
    pub slope: f32,
}

impl<'a> Operand<'a> {
    /// The values as they are.
    pub fn plain(x: &'a [f32]) -> Self {
        Self { x, norm: None, slope: 1.0 }
    }

    fn is_plain(&self) -> bool {
        self.norm.is_none() && self.slope == 1.0
    }

    fn block(&self, b: usize, size: usize) -> Self {
        Self { x: &self.x[b * size..(b + 1) * size], ..*self }
    }

    /// Copies a block into the middle of zeros, norm and activation applied.
    #[inline(always)]
    fn copy(&self, padding: Padding, shape: (usize, usize, usize), out: &mut [f32]) {
        if self.is_plain() {
            padding.copy(self.x, shape, out, |_, from, to| to.copy_from_slice(from));
            return;
        }
        padding.copy(self.x, shape, out, |c, from, to| {
            let (scale, offset) = Affine::of(self.norm, c);
            for (to, &x) in to.iter_mut().zip(from) {
                *to = leaky(x * scale + offset, self.slope);
            }
        });
    }
}

thread_local! {
    /// Padded copies of a block: of an input and of a gradient.
    static SCRATCH: RefCell<[Vec<f32>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

/// The first `n` values of a buffer that only grows.
fn sized(buffer: &mut Vec<f32>, n: usize) -> &mut [f32] {
    if buffer.len() < n {
        buffer.resize(n, 0.0);
    }
    &mut buffer[..n]
}

/// Fills `blocks` blocks of `size` values in parallel, each cleared by the thread that fills it;
/// returns them and what `f` says of each.
fn fill<T: Send>(
    blocks: usize,
    size: usize,
    f: impl Fn(usize, &mut [f32]) -> T + Sync,
) -> (Vec<f32>, Vec<T>) {
    let mut values: Vec<f32> = Vec::with_capacity(blocks * size);
    let spare = &mut values.spare_capacity_mut()[..blocks * size];
    let results = spare
        .par_chunks_mut(size.max(1))
        .enumerate()
        .map(|(b, block)| {
            block.fill(MaybeUninit::new(0.0));
            // SAFETY: every value was just written
            f(b, unsafe { &mut *(std::ptr::from_mut(block) as *mut [f32]) })
        })
        .collect();
    // SAFETY: the chunks cover all of the values, and each was written
    unsafe { values.set_len(blocks * size) };
    (values, results)
}

struct Forward<'a> {
    g: &'a Geometry,
    lanes: usize,
    x: Operand<'a>,
    w: &'a [f32],
    y: &'a mut [f32],
    e: Epilogue<'a>,
    measured: bool,
    scratch: &'a mut Vec<f32>,
}

impl Kernel for Forward<'_> {
    type Out = Vec<Moments>;

    #[inline(always)]
    unsafe fn run<S: Lanes>(self) -> Vec<Moments> {
        let (g, padding) = (self.g, self.g.padding());
        let x = if padding.is_none() && self.x.is_plain() {
            self.x.x
        } else {
            let scratch = sized(self.scratch, padding.block(g.ci, g.h, g.w));
            self.x.copy(padding, (g.ci, g.h, g.w), scratch);
            scratch
        };
        // SAFETY: as the caller promises
        unsafe { conv::forward::<S>(g, x, self.w, self.y, &self.e) };
        let plane = (self.y.len() / g.co.max(1)).max(1);
        let mut moments = Vec::new();
        if self.measured {
            for plane in self.y.chunks(plane) {
                moments.push(Moments::of(plane, self.lanes));
            }
        }
        moments
    }
}

/// Convolution of `n` images, `w` `[co][ci][k][k]`; with `measured` also mean and biased variance
/// of every output channel.
pub fn convolve(
    isa: Isa,
    g: &Geometry,
    n: usize,
    x: Operand<'_>,
    w: &[f32],
    e: &Epilogue<'_>,
    measured: bool,
) -> (Vec<f32>, (Vec<f32>, Vec<f32>)) {
    let size = Size { n, c: g.co, pixels: g.ho() * g.wo() };
    let (y, moments) = fill(g.blocks, g.output(), |b, y| {
        let residual = e.residual.map(|r| &r[b * g.output()..(b + 1) * g.output()]);
        SCRATCH.with_borrow_mut(|[scratch, _]| {
            let (x, lanes) = (x.block(b, g.input()), size.lanes(b));
            let e = Epilogue { residual, ..*e };
            isa.run(Forward { g, lanes, x, w, y, e, measured, scratch })
        })
    });
    let channels = if measured { g.co } else { 0 };
    (y, Moments::total(&moments, channels))
}

struct Backward<'a> {
    g: &'a Geometry,
    x: Operand<'a>,
    w: &'a [f32],
    dy: &'a [f32],
    /// Empty where the input wants no gradient.
    dx: &'a mut [f32],
    dw: &'a mut [f32],
    scratch: &'a mut [Vec<f32>; 2],
}

impl Kernel for Backward<'_> {
    type Out = Vec<Sums<3>>;

    #[inline(always)]
    unsafe fn run<S: Lanes>(self) -> Vec<Sums<3>> {
        let (g, [sx, sdy]) = (self.g, self.scratch);
        let (padding, around) = (g.padding(), g.gradient_padding());
        let x = if padding.is_none() && self.x.is_plain() {
            self.x.x
        } else {
            let scratch = sized(sx, padding.block(g.ci, g.h, g.w));
            self.x.copy(padding, (g.ci, g.h, g.w), scratch);
            scratch
        };
        // SAFETY: as the caller promises
        unsafe { conv::weight_gradient::<S>(g, x, self.dy, self.dw) };
        if self.dx.is_empty() {
            return Vec::new();
        }
        let dy = if around.is_none() {
            self.dy
        } else {
            let scratch = sized(sdy, around.block(g.co, g.ho(), g.wo()));
            Operand::plain(self.dy).copy(around, (g.co, g.ho(), g.wo()), scratch);
            scratch
        };
        // SAFETY: as the caller promises
        unsafe { conv::input_gradient::<S>(g, dy, self.w, self.dx) };
        if self.x.is_plain() {
            return Vec::new();
        }
        let (plane, slope) = ((self.dx.len() / g.ci.max(1)).max(1), self.x.slope);
        let mut sums = Vec::with_capacity(g.ci);
        for (c, (dx, x)) in self.dx.chunks_mut(plane).zip(self.x.x.chunks(plane)).enumerate() {
            let (scale, offset) = Affine::of(self.x.norm, c);
            let mean = self.x.norm.map_or(0.0, |n| n.mean[c]);
            sums.push(sweep([x], dx, |[x], d| {
                let v = x * scale + offset;
                let of_slope = if v < 0.0 { *d * v } else { 0.0 };
                *d = if v < 0.0 { *d * slope } else { *d };
                [*d, *d * (x - mean), of_slope]
            }));
        }
        sums
    }
}

/// Sums of a batch per channel, `[block][channel]` before.
fn total<const N: usize>(blocks: &[Vec<Sums<N>>], channels: usize) -> Vec<Sums<N>> {
    let mut all = vec![[0f64; N]; channels];
    for block in blocks {
        for (all, one) in all.iter_mut().zip(block) {
            all.iter_mut().zip(one).for_each(|(a, o)| *a += o);
        }
    }
    all
}

/// Gradients of gamma and beta.
pub struct NormGradient {
    /// `[c]`.
    pub gamma: Vec<f32>,
    /// `[c]`.
    pub beta: Vec<f32>,
    /// What is taken off a gradient in all, and per distance of x from the mean.
    correction: Vec<(f32, f32)>,
}

impl NormGradient {
    /// From the sums of g and g (x - mean) over the batch.
    fn new(sums: impl Iterator<Item = (f64, f64)>, norm: &Affine, count: usize) -> Self {
        let mut all = Self { gamma: Vec::new(), beta: Vec::new(), correction: Vec::new() };
        for ((sum, moment), &inverse) in sums.zip(&norm.inverse) {
            let inverse = f64::from(inverse);
            all.gamma.push((moment * inverse) as f32);
            all.beta.push(sum as f32);
            let n = count as f64;
            all.correction.push(((sum / n) as f32, (moment / n * inverse * inverse) as f32));
        }
        all
    }
}

/// A gradient behind a batch norm becomes the one before it.
struct Through<'a> {
    x: &'a [f32],
    from: Option<&'a [f32]>,
    to: &'a mut [f32],
    norm: &'a Affine,
    gradient: &'a NormGradient,
    lanes: usize,
}

impl Kernel for Through<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<S: Lanes>(self) {
        let plane = (self.to.len() / self.norm.mean.len().max(1)).max(1);
        for (c, (to, x)) in self.to.chunks_mut(plane).zip(self.x.chunks(plane)).enumerate() {
            let (mean, scale) = (self.norm.mean[c], self.norm.scale[c]);
            let (k1, k2) = self.gradient.correction[c];
            match self.from {
                Some(from) => {
                    let from = &from[c * plane..(c + 1) * plane];
                    for ((d, &g), &x) in to.iter_mut().zip(from).zip(x) {
                        *d = scale * (g - k1 - (x - mean) * k2);
                    }
                }
                None => {
                    for (d, &x) in to.iter_mut().zip(x) {
                        *d = scale * (*d - k1 - (x - mean) * k2);
                    }
                }
            }
        }
        clear_dead(self.to, self.lanes);
    }
}

/// Gradients of a convolution over an operand.
pub struct ConvGradients {
    /// Of the map, where it wants one.
    pub x: Option<Vec<f32>>,
    /// Of the weights.
    pub w: Vec<f32>,
    /// Of the operand's norm, where there is one.
    pub norm: Option<NormGradient>,
    /// Of the operand's slope.
    pub slope: f32,
}

/// Gradients of [`convolve`]; `dy` is 0 in lanes without an image. Sums go over the blocks in their
/// order: the same for every number of threads.
pub fn convolve_gradients(
    isa: Isa,
    g: &Geometry,
    n: usize,
    x: Operand<'_>,
    w: &[f32],
    dy: &[f32],
    wanted: bool,
) -> ConvGradients {
    let size = Size { n, c: g.ci, pixels: g.h * g.w };
    let one = |b: usize, dx: &mut [f32]| {
        let mut dw = vec![0f32; g.weights()];
        let dy = &dy[b * g.output()..(b + 1) * g.output()];
        let sums = SCRATCH.with_borrow_mut(|scratch| {
            let x = x.block(b, g.input());
            isa.run(Backward { g, x, w, dy, dx, dw: &mut dw, scratch })
        });
        (dw, sums)
    };
    let (mut dx, parts) = if wanted {
        fill(g.blocks, g.input(), one)
    } else {
        (Vec::new(), (0..g.blocks).into_par_iter().map(|b| one(b, &mut [])).collect())
    };
    let (mut dw, mut sums) = (vec![0f32; g.weights()], Vec::new());
    for (part, of) in parts {
        dw.iter_mut().zip(part).for_each(|(s, p)| *s += p);
        sums.push(of);
    }
    let sums = total(&sums, g.ci);
    let norm = x.norm.filter(|_| wanted).map(|norm| {
        let gradient = NormGradient::new(sums.iter().map(|s| (s[0], s[1])), norm, size.count());
        dx.par_chunks_mut(g.input().max(1)).enumerate().for_each(|(b, to)| {
            let x = &x.x[b * g.input()..(b + 1) * g.input()];
            let lanes = size.lanes(b);
            isa.run(Through { x, from: None, to, norm, gradient: &gradient, lanes });
        });
        gradient
    });
    let slope = sums.iter().map(|s| s[2]).sum::<f64>() as f32;
    ConvGradients { x: wanted.then_some(dx), w: dw, norm, slope }
}

struct Add<'a> {
    a: Operand<'a>,
    b: Option<Operand<'a>>,
    slope: f32,
    plane: usize,
    y: &'a mut [f32],
}

impl Kernel for Add<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<S: Lanes>(self) {
        let slope = self.slope;
        for (c, y) in self.y.chunks_mut(self.plane).enumerate() {
            let (sa, oa) = Affine::of(self.a.norm, c);
            let a = &self.a.x[c * self.plane..][..y.len()];
            match self.b {
                Some(b) => {
                    let (sb, ob) = Affine::of(b.norm, c);
                    let b = &b.x[c * self.plane..][..y.len()];
                    for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
                        *y = leaky((a * sa + oa) + (b * sb + ob), slope);
                    }
                }
                None => {
                    for (y, a) in y.iter_mut().zip(a) {
                        *y = leaky(a * sa + oa, slope);
                    }
                }
            }
        }
    }
}

/// `act(norm(a) + norm(b))`, the activation being the slope for negative sums; the operands' own
/// slopes are not looked at.
pub fn add(isa: Isa, size: Size, a: Operand<'_>, b: Option<Operand<'_>>, slope: f32) -> Vec<f32> {
    let block = size.block();
    let (y, _) = fill(size.blocks(), block, |i, y| {
        let (a, b) = (a.block(i, block), b.map(|b| b.block(i, block)));
        isa.run(Add { a, b, slope, plane: size.plane().max(1), y });
    });
    y
}

struct AddBackward<'a> {
    a: Operand<'a>,
    b: Option<Operand<'a>>,
    slope: f32,
    plane: usize,
    lanes: usize,
    dy: &'a [f32],
    dx: &'a mut [f32],
}

impl Kernel for AddBackward<'_> {
    type Out = Vec<Sums<4>>;

    #[inline(always)]
    unsafe fn run<S: Lanes>(self) -> Vec<Sums<4>> {
        let (plane, slope) = (self.plane, self.slope);
        self.dx.copy_from_slice(self.dy);
        clear_dead(self.dx, self.lanes);
        let mut sums = Vec::new();
        for (c, dx) in self.dx.chunks_mut(plane).enumerate() {
            let (sa, oa) = Affine::of(self.a.norm, c);
            let ma = self.a.norm.map_or(0.0, |n| n.mean[c]);
            let a = &self.a.x[c * plane..][..dx.len()];
            let Some(b) = self.b else {
                let [sum, of_a, of_slope] = sweep([a], dx, |[a], d| {
                    let v = a * sa + oa;
                    let of_slope = if v < 0.0 { *d * v } else { 0.0 };
                    *d = if v < 0.0 { *d * slope } else { *d };
                    [*d, *d * (a - ma), of_slope]
                });
                sums.push([sum, of_a, 0.0, of_slope]);
                continue;
            };
            let (sb, ob) = Affine::of(b.norm, c);
            let mb = b.norm.map_or(0.0, |n| n.mean[c]);
            let b = &b.x[c * plane..][..dx.len()];
            sums.push(sweep([a, b], dx, |[a, b], d| {
                let v = (a * sa + oa) + (b * sb + ob);
                let of_slope = if v < 0.0 { *d * v } else { 0.0 };
                *d = if v < 0.0 { *d * slope } else { *d };
                [*d, *d * (a - ma), *d * (b - mb), of_slope]
            }));
        }
        sums
    }
}

/// Gradients of an addition.
pub struct AddGradients {
    /// Of the first map and its norm.
    pub a: (Vec<f32>, Option<NormGradient>),
    /// Of the second map and its norm; `None` where it is the first map's, or where there is no
    /// second map.
    pub b: Option<(Vec<f32>, Option<NormGradient>)>,
    /// Of the slope.
    pub slope: f32,
}

/// Gradients of [`add`].
pub fn add_gradients(
    isa: Isa,
    size: Size,
    a: Operand<'_>,
    b: Option<Operand<'_>>,
    slope: f32,
    dy: &[f32],
) -> AddGradients {
    let (block, plane) = (size.block(), size.plane().max(1));
    let (mut both, sums) = fill(size.blocks(), block, |i, dx| {
        let (a, b) = (a.block(i, block), b.map(|b| b.block(i, block)));
        let (dy, lanes) = (&dy[i * block..(i + 1) * block], size.lanes(i));
        isa.run(AddBackward { a, b, slope, plane, lanes, dy, dx })
    });
    let sums = total(&sums, size.c);
    let of = |norm: &Affine, second: bool| {
        let sums = sums.iter().map(|s| (s[0], s[1 + usize::from(second)]));
        NormGradient::new(sums, norm, size.count())
    };
    let through = |x: &[f32],
                   from: Option<&[f32]>,
                   to: &mut [f32],
                   i: usize,
                   norm: &Affine,
                   gradient: &NormGradient| {
        let range = i * block..(i + 1) * block;
        let from = from.map(|f| &f[range.clone()]);
        isa.run(Through { x: &x[range], from, to, norm, gradient, lanes: size.lanes(i) });
    };
    let in_place = |x: &[f32], values: &mut [f32], norm: &Affine, gradient: &NormGradient| {
        let blocks = values.par_chunks_mut(block.max(1)).enumerate();
        blocks.for_each(|(i, to)| through(x, None, to, i, norm, gradient));
    };
    let slope = sums.iter().map(|s| s[3]).sum::<f64>() as f32;
    let second_norm = b.and_then(|b| Some((b.x, b.norm?)));
    let Some(norm) = a.norm else {
        let b = second_norm.map(|(x, norm)| {
            let gradient = of(norm, true);
            let mut own = both.clone();
            in_place(x, &mut own, norm, &gradient);
            (own, Some(gradient))
        });
        return AddGradients { a: (both, None), b, slope };
    };
    let gradient = of(norm, false);
    if b.is_none() {
        in_place(a.x, &mut both, norm, &gradient);
        return AddGradients { a: (both, Some(gradient)), b: None, slope };
    }
    let (first, _) = fill(size.blocks(), block, |i, to| {
        through(a.x, Some(&both), to, i, norm, &gradient);
    });
    let second = second_norm.map(|(x, norm)| {
        let gradient = of(norm, true);
        in_place(x, &mut both, norm, &gradient);
        gradient
    });
    AddGradients { a: (first, Some(gradient)), b: Some((both, second)), slope }
}

struct Measure<'a> {
    x: &'a [f32],
    plane: usize,
    lanes: usize,
}

impl Kernel for Measure<'_> {
    type Out = Vec<Moments>;

    #[inline(always)]
    unsafe fn run<S: Lanes>(self) -> Vec<Moments> {
        let mut moments = Vec::new();
        for plane in self.x.chunks(self.plane) {
            moments.push(Moments::of(plane, self.lanes));
        }
        moments
    }
}

/// Mean and biased variance of every channel.
pub fn statistics(isa: Isa, size: Size, x: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let blocks = x.par_chunks(size.block().max(1)).enumerate();
    let moments: Vec<Vec<Moments>> = blocks
        .map(|(b, x)| isa.run(Measure { x, plane: size.plane().max(1), lanes: size.lanes(b) }))
        .collect();
    Moments::total(&moments, size.c)
}
