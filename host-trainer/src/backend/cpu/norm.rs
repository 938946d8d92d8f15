//! Batch norm with the batch's own statistics, and the gradient of addition and activation.

use rayon::prelude::*;

use super::isa::{Isa, Lanes, dispatch};
use crate::backend::{BatchStats, LANES};
use crate::supernet::BN_EPSILON;

/// Shape of a map: images, channels, pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Images.
    pub n: usize,
    /// Channels.
    pub c: usize,
    /// Pixels of a channel.
    pub hw: usize,
}

impl Extent {
    fn block(&self) -> usize {
        self.c * self.hw * LANES
    }
    /// Images in block `b`.
    fn used(&self, b: usize) -> usize {
        (self.n - b * LANES).min(LANES)
    }
}

/// Output, statistics, and 1 / sqrt(var + eps).
pub fn forward(
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    relu: bool,
    e: Extent,
) -> (Vec<f32>, BatchStats, Vec<f32>) {
    let count = (e.n * e.hw) as f64;
    let sums = channel_sums(x, None, &[], &[], e);
    let mean: Vec<f64> = sums.iter().map(|s| s.0 / count).collect();
    let var: Vec<f64> =
        sums.iter().zip(&mean).map(|(s, m)| (s.1 / count - m * m).max(0.0)).collect();
    let inv: Vec<f64> = var.iter().map(|v| 1.0 / (v + f64::from(BN_EPSILON)).sqrt()).collect();
    let scale: Vec<f32> =
        gamma.iter().zip(&inv).map(|(&g, i)| (f64::from(g) * i) as f32).collect();
    let shift: Vec<f32> = (0..e.c)
        .map(|c| (f64::from(beta[c]) - mean[c] * f64::from(gamma[c]) * inv[c]) as f32)
        .collect();
    let mut y = vec![0.0; x.len()];
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    y.par_chunks_exact_mut(e.block()).zip(x.par_chunks_exact(e.block())).for_each(|(y, x)| {
        affine(x, &scale, &shift, floor, e.hw, y);
    });
    let narrow = |v: Vec<f64>| v.into_iter().map(|v| v as f32).collect();
    let stats = BatchStats { mean: narrow(mean), var_biased: narrow(var), count: e.n * e.hw };
    (y, stats, narrow(inv))
}

dispatch! {
    /// `y = max(scale x + shift, floor)` for one block.
    pub fn affine(x: &[f32], scale: &[f32], shift: &[f32], floor: f32, hw: usize, y: &mut [f32])
        = affine_generic
}

#[inline(always)]
fn affine_generic<I: Isa>(
    x: &[f32],
    scale: &[f32],
    shift: &[f32],
    floor: f32,
    hw: usize,
    y: &mut [f32],
) {
    let planes = x.chunks_exact(hw * LANES).zip(y.chunks_exact_mut(hw * LANES));
    for ((x, y), (&scale, &shift)) in planes.zip(scale.iter().zip(shift)) {
        for (y, &x) in y.iter_mut().zip(x) {
            let value = I::fma(x, scale, shift);
            *y = if value < floor { floor } else { value };
        }
    }
}

/// For every channel the sums of a and a b over the used lanes; (x, x) without a gradient, else
/// a = dy where the output is above the floor, b = x - mean.
fn channel_sums(
    x: &[f32],
    gradient: Option<(&[f32], f32, &[f32])>,
    scale: &[f32],
    shift: &[f32],
    e: Extent,
) -> Vec<(f64, f64)> {
    let parts: Vec<Vec<(f64, f64)>> = x
        .par_chunks_exact(e.block())
        .enumerate()
        .map(|(b, x)| {
            let dy = gradient.map(|(dy, floor, mean)| {
                (&dy[b * e.block()..(b + 1) * e.block()], floor, mean)
            });
            (0..e.c)
                .map(|c| {
                    let range = c * e.hw * LANES..(c + 1) * e.hw * LANES;
                    let x = x[range.clone()].as_chunks::<LANES>().0;
                    let (mut first, mut second) = ([0.0f64; LANES], [0.0f64; LANES]);
                    match dy {
                        None => plane_moments(x, &mut first, &mut second),
                        Some((dy, floor, mean)) => {
                            let dy = dy[range].as_chunks::<LANES>().0;
                            let at = (scale[c], shift[c], floor, mean[c]);
                            plane_gradients(x, dy, at, &mut first, &mut second);
                        }
                    }
                    let used = e.used(b);
                    (first[..used].iter().sum(), second[..used].iter().sum())
                })
                .collect()
        })
        .collect();
    let mut sums = vec![(0.0, 0.0); e.c];
    for part in parts {
        for (sum, (a, b)) in sums.iter_mut().zip(part) {
            sum.0 += a;
            sum.1 += b;
        }
    }
    sums
}

const RUN: usize = 32;

dispatch! {
    /// Sums of x and x^2 of a plane, per lane.
    pub fn plane_moments(x: &[Lanes], sum: &mut [f64; LANES], square: &mut [f64; LANES])
        = moments_generic
}

#[inline(always)]
fn moments_generic<I: Isa>(x: &[Lanes], sum: &mut [f64; LANES], square: &mut [f64; LANES]) {
    for run in x.chunks(RUN) {
        let (mut a, mut b) = ([0.0f32; LANES], [0.0f32; LANES]);
        for v in run {
            for l in 0..LANES {
                a[l] += v[l];
                b[l] = I::fma(v[l], v[l], b[l]);
            }
        }
        for l in 0..LANES {
            sum[l] += f64::from(a[l]);
            square[l] += f64::from(b[l]);
        }
    }
}

dispatch! {
    /// Sums of g and g (x - mean) of a plane, per lane; g is dy where the output is above the floor.
    /// `at` is scale, shift, floor, mean.
    pub fn plane_gradients(
        x: &[Lanes],
        dy: &[Lanes],
        at: (f32, f32, f32, f32),
        sum: &mut [f64; LANES],
        product: &mut [f64; LANES],
    ) = gradients_generic
}

#[inline(always)]
fn gradients_generic<I: Isa>(
    x: &[Lanes],
    dy: &[Lanes],
    (scale, shift, floor, mean): (f32, f32, f32, f32),
    sum: &mut [f64; LANES],
    product: &mut [f64; LANES],
) {
    for (x, dy) in x.chunks(RUN).zip(dy.chunks(RUN)) {
        let (mut a, mut b) = ([0.0f32; LANES], [0.0f32; LANES]);
        for (v, d) in x.iter().zip(dy) {
            for l in 0..LANES {
                let open = I::fma(v[l], scale, shift) > floor;
                let g = if open { d[l] } else { 0.0 };
                a[l] += g;
                b[l] = I::fma(g, v[l] - mean, b[l]);
            }
        }
        for l in 0..LANES {
            sum[l] += f64::from(a[l]);
            product[l] += f64::from(b[l]);
        }
    }
}

/// Gradients of x, gamma and beta. Unused lanes of dx are 0.
#[allow(clippy::too_many_arguments)]
pub fn backward(
    x: &[f32],
    dy: &[f32],
    gamma: &[f32],
    beta: &[f32],
    mean: &[f32],
    inv: &[f32],
    relu: bool,
    e: Extent,
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    let scale: Vec<f32> = gamma.iter().zip(inv).map(|(g, i)| g * i).collect();
    let shift: Vec<f32> = (0..e.c)
        .map(|c| {
            let scale = f64::from(gamma[c]) * f64::from(inv[c]);
            (f64::from(beta[c]) - f64::from(mean[c]) * scale) as f32
        })
        .collect();
    let sums = channel_sums(x, Some((dy, floor, mean)), &scale, &shift, e);
    let count = (e.n * e.hw) as f64;
    let terms: Vec<[f32; 6]> = (0..e.c)
        .map(|c| {
            let inv = f64::from(inv[c]);
            let k1 = sums[c].0 / count;
            let k2 = sums[c].1 * inv * inv / count;
            [scale[c], shift[c], floor, mean[c], k1 as f32, k2 as f32]
        })
        .collect();
    let mut dx = vec![0.0; x.len()];
    dx.par_chunks_exact_mut(e.block())
        .zip(x.par_chunks_exact(e.block()).zip(dy.par_chunks_exact(e.block())))
        .enumerate()
        .for_each(|(b, (dx, (x, dy)))| {
            input_block(x, dy, &terms, e.hw, dx);
            let used = e.used(b);
            if used < LANES {
                dx.chunks_exact_mut(LANES).for_each(|lanes| lanes[used..].fill(0.0));
            }
        });
    let dgamma = sums.iter().zip(inv).map(|(s, &i)| (s.1 * f64::from(i)) as f32).collect();
    (dx, dgamma, sums.iter().map(|s| s.0 as f32).collect())
}

dispatch! {
    /// `dx = scale (g - k1 - (x - mean) k2)` for one block; a channel's terms are scale, shift,
    /// floor, mean, k1, k2.
    pub fn input_block(x: &[f32], dy: &[f32], terms: &[[f32; 6]], hw: usize, dx: &mut [f32])
        = input_generic
}

#[inline(always)]
fn input_generic<I: Isa>(x: &[f32], dy: &[f32], terms: &[[f32; 6]], hw: usize, dx: &mut [f32]) {
    let size = hw * LANES;
    let planes = x.chunks_exact(size).zip(dy.chunks_exact(size)).zip(dx.chunks_exact_mut(size));
    for (((x, dy), dx), &[scale, shift, floor, mean, k1, k2]) in planes.zip(terms) {
        for ((dx, &x), &dy) in dx.iter_mut().zip(x).zip(dy) {
            let open = I::fma(x, scale, shift) > floor;
            let g = if open { dy } else { 0.0 };
            *dx = scale * (g - k1 - (x - mean) * k2);
        }
    }
}

/// `a + b`, negative sums times `slope`.
pub fn add_act(a: &[f32], b: &[f32], slope: f32) -> Vec<f32> {
    let mut y = vec![0.0; a.len()];
    let size = chunk(a.len());
    y.par_chunks_mut(size).zip(a.par_chunks(size).zip(b.par_chunks(size))).for_each(
        |(y, (a, b))| {
            for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
                let sum = a + b;
                *y = if sum < 0.0 { sum * slope } else { sum };
            }
        },
    );
    y
}

/// Gradients of both addends, and of the slope.
pub fn add_act_backward(a: &[f32], b: &[f32], dy: &[f32], slope: f32) -> (Vec<f32>, f32) {
    let mut dx = vec![0.0; a.len()];
    let size = chunk(a.len());
    let parts: Vec<f64> = dx
        .par_chunks_mut(size)
        .zip(a.par_chunks(size).zip(b.par_chunks(size)).zip(dy.par_chunks(size)))
        .map(|(dx, ((a, b), dy))| {
            let mut total = 0.0f64;
            let runs = dx.chunks_mut(1024).zip(a.chunks(1024).zip(b.chunks(1024)));
            for ((dx, (a, b)), dy) in runs.zip(dy.chunks(1024)) {
                let mut lanes = [0.0f32; LANES];
                for (j, ((dx, dy), (a, b))) in
                    dx.iter_mut().zip(dy).zip(a.iter().zip(b)).enumerate()
                {
                    let sum = a + b;
                    let below = sum < 0.0;
                    *dx = if below { dy * slope } else { *dy };
                    lanes[j % LANES] += if below { dy * sum } else { 0.0 };
                }
                total += f64::from(lanes.iter().sum::<f32>());
            }
            total
        })
        .collect();
    (dx, parts.iter().sum::<f64>() as f32)
}

/// Values a task works on: the same however many threads there are.
fn chunk(len: usize) -> usize {
    len.min(1 << 16).max(1)
}
