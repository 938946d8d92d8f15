//! Batch normalisation with batch statistics (epsilon 1e-5), optionally fused with ReLU.

use super::lanes::{Group, Isa, Lanes, variants};
use rayon::prelude::*;

/// Added to the variance, as everywhere in the project.
pub const EPSILON: f64 = 1e-5;

/// What the forward pass leaves for the backward pass and for running statistics; all `[c]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// Mean over images and pixels.
    pub mean: Vec<f32>,
    /// Biased variance.
    pub var: Vec<f32>,
}

/// Shape of a map: `n` images of `c` channels with `pixels` each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Images.
    pub n: usize,
    /// Channels.
    pub c: usize,
    /// Height times width.
    pub pixels: usize,
}

impl Shape {
    fn block(&self) -> usize {
        self.c * self.pixels * 16
    }
    /// Images in block `b`.
    fn valid(&self, b: usize) -> usize {
        (self.n - b * 16).min(16)
    }
    fn mask(&self, b: usize) -> Group {
        let mut m = [0.0; 16];
        m[..self.valid(b)].fill(1.0);
        m
    }
}

/// Sum and sum of squares of each lane.
#[inline(always)]
fn sums<L: Lanes>(x: &[Group], out: &mut [Group; 2]) {
    let mut s = [L::splat(0.0); 2];
    let mut q = [L::splat(0.0); 2];
    for pair in x.chunks(2) {
        for (i, v) in pair.iter().enumerate() {
            let v = L::load(v);
            s[i] = s[i].add(v);
            q[i] = q[i].fma(v, v);
        }
    }
    s[0].add(s[1]).store(&mut out[0]);
    q[0].add(q[1]).store(&mut out[1]);
}
variants!(sums_on = sums(x: &[Group], out: &mut [Group; 2]));

#[inline(always)]
fn scale<L: Lanes>(x: &[Group], y: &mut [Group], a: f32, b: f32, relu: bool, mask: &Group) {
    let (a, b, m) = (L::splat(a), L::splat(b), L::load(mask));
    let floor = L::splat(if relu { 0.0 } else { f32::NEG_INFINITY });
    for (x, y) in x.iter().zip(y) {
        b.fma(a, L::load(x)).max(floor).mul(m).store(y);
    }
}
variants!(scale_on = scale(x: &[Group], y: &mut [Group], a: f32, b: f32, relu: bool, mask: &Group));

/// `y = gamma (x - mean) / sqrt(var + eps) + beta`, then ReLU if asked; lanes beyond the batch
/// become zero.
pub fn forward(
    isa: Isa,
    s: Shape,
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    relu: bool,
) -> (Vec<f32>, Moments) {
    let m = moments(isa, s, x);
    let mut y = vec![0.0; x.len()];
    y.par_chunks_mut(s.block()).zip(x.par_chunks(s.block())).enumerate().for_each(|(b, (y, x))| {
        let (mask, n) = (s.mask(b), s.pixels * 16);
        for (c, (y, x)) in y.chunks_mut(n).zip(x.chunks(n)).enumerate() {
            let (_, scale, shift) = m.fold(c, gamma[c], beta[c]);
            scale_on(isa, x.as_chunks().0, y.as_chunks_mut().0, scale, shift, relu, &mask);
        }
    });
    (y, m)
}

impl Moments {
    /// `1 / sqrt(var + eps)`, and scale and shift of channel `c`.
    fn fold(&self, c: usize, gamma: f32, beta: f32) -> (f32, f32, f32) {
        let inv = 1.0 / (f64::from(self.var[c]) + EPSILON).sqrt();
        let scale = f64::from(gamma) * inv;
        (inv as f32, scale as f32, (f64::from(beta) - f64::from(self.mean[c]) * scale) as f32)
    }
}

/// Mean and biased variance of each channel over the images of the batch.
pub fn moments(isa: Isa, s: Shape, x: &[f32]) -> Moments {
    let parts: Vec<Vec<[f64; 2]>> = x
        .par_chunks(s.block())
        .enumerate()
        .map(|(b, x)| {
            x.chunks(s.pixels * 16)
                .map(|x| {
                    let mut t = [[0.0; 16]; 2];
                    sums_on(isa, x.as_chunks().0, &mut t);
                    t.map(|t| t[..s.valid(b)].iter().map(|&v| f64::from(v)).sum())
                })
                .collect()
        })
        .collect();
    let count = (s.n * s.pixels) as f64;
    let mut m = Moments::default();
    for c in 0..s.c {
        let [sum, squares] = total(&parts, c);
        let mean = sum / count;
        m.mean.push(mean as f32);
        m.var.push((squares / count - mean * mean).max(0.0) as f32);
    }
    m
}

fn total(parts: &[Vec<[f64; 2]>], c: usize) -> [f64; 2] {
    parts.iter().fold([0.0; 2], |t, p| [t[0] + p[c][0], t[1] + p[c][1]])
}

/// Constants of one channel in the backward pass.
#[derive(Clone, Copy)]
struct Channel {
    mean: f32,
    scale: f32,
    shift: f32,
    /// Mean of dy, and mean of dy * xhat times `1 / std`.
    k1: f32,
    k2: f32,
}

#[inline(always)]
fn gradient_sums<L: Lanes>(
    x: &[Group],
    dy: &[Group],
    c: Channel,
    relu: bool,
    out: &mut [Group; 2],
) {
    let (scale, shift, mean) = (L::splat(c.scale), L::splat(c.shift), L::splat(-c.mean));
    let zero = L::splat(0.0);
    let (mut s, mut q) = (zero, zero);
    for (x, d) in x.iter().zip(dy) {
        let (x, d) = (L::load(x), L::load(d));
        let d = if relu { d.gate(shift.fma(scale, x), zero) } else { d };
        s = s.add(d);
        q = q.fma(d, x.add(mean));
    }
    s.store(&mut out[0]);
    q.store(&mut out[1]);
}
variants!(gradient_sums_on = gradient_sums(x: &[Group], dy: &[Group], c: Channel, relu: bool, out: &mut [Group; 2]));

#[inline(always)]
fn gradient<L: Lanes>(
    x: &[Group],
    dy: &[Group],
    dx: &mut [Group],
    c: Channel,
    relu: bool,
    mask: &Group,
) {
    let (scale, shift, mean) = (L::splat(c.scale), L::splat(c.shift), L::splat(-c.mean));
    let (k1, k2, zero, m) = (L::splat(-c.k1), L::splat(-c.k2), L::splat(0.0), L::load(mask));
    let m = m.mul(scale);
    for ((x, d), out) in x.iter().zip(dy).zip(dx) {
        let (x, d) = (L::load(x), L::load(d));
        let d = if relu { d.gate(shift.fma(scale, x), zero) } else { d };
        d.add(k1).fma(x.add(mean), k2).mul(m).store(out);
    }
}
variants!(gradient_on = gradient(x: &[Group], dy: &[Group], dx: &mut [Group], c: Channel, relu: bool, mask: &Group));

/// Gradients of input, gamma and beta; lanes of `dx` beyond the batch are zero.
#[allow(clippy::too_many_arguments)]
pub fn backward(
    isa: Isa,
    s: Shape,
    x: &[f32],
    dy: &[f32],
    m: &Moments,
    gamma: &[f32],
    beta: &[f32],
    relu: bool,
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let n = s.pixels * 16;
    let mut channels: Vec<(f32, Channel)> = (0..s.c)
        .map(|c| {
            let (inv, scale, shift) = m.fold(c, gamma[c], beta[c]);
            (inv, Channel { mean: m.mean[c], scale, shift, k1: 0.0, k2: 0.0 })
        })
        .collect();
    let parts: Vec<Vec<[f64; 2]>> = x
        .par_chunks(s.block())
        .zip(dy.par_chunks(s.block()))
        .enumerate()
        .map(|(b, (x, dy))| {
            let each = x.chunks(n).zip(dy.chunks(n)).zip(&channels);
            each.map(|((x, dy), c)| {
                let mut t = [[0.0; 16]; 2];
                gradient_sums_on(isa, x.as_chunks().0, dy.as_chunks().0, c.1, relu, &mut t);
                t.map(|t| t[..s.valid(b)].iter().map(|&v| f64::from(v)).sum())
            })
            .collect()
        })
        .collect();
    let count = (s.n * s.pixels) as f64;
    let (mut dgamma, mut dbeta) = (vec![], vec![]);
    for (c, (inv, ch)) in channels.iter_mut().enumerate() {
        let [sum, dot] = total(&parts, c);
        let dg = dot * f64::from(*inv);
        dgamma.push(dg as f32);
        dbeta.push(sum as f32);
        ch.k1 = (sum / count) as f32;
        ch.k2 = (dg / count * f64::from(*inv)) as f32;
    }
    let mut dx = vec![0.0; x.len()];
    dx.par_chunks_mut(s.block())
        .zip(x.par_chunks(s.block()).zip(dy.par_chunks(s.block())))
        .enumerate()
        .for_each(|(b, (dx, (x, dy)))| {
            let mask = s.mask(b);
            let each = dx.chunks_mut(n).zip(x.chunks(n).zip(dy.chunks(n))).zip(&channels);
            for ((dx, (x, dy)), c) in each {
                gradient_on(
                    isa,
                    x.as_chunks().0,
                    dy.as_chunks().0,
                    dx.as_chunks_mut().0,
                    c.1,
                    relu,
                    &mask,
                );
            }
        });
    (dx, dgamma, dbeta)
}
