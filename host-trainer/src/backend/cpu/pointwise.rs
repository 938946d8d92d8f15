//! Batch norm, activations and pooling on the batch-blocked layout `[blocks][c][h w][16]`.

use rayon::prelude::*;

use crate::backend::LANES;

/// Size of a batch of feature maps.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Images; the rest of the last block is not counted.
    pub n: usize,
    /// Channels.
    pub c: usize,
    /// Pixels of a channel.
    pub pixels: usize,
}

impl Size {
    fn plane(&self) -> usize {
        self.pixels * LANES
    }
    fn block(&self) -> usize {
        self.c * self.plane()
    }
    /// Lanes of block `b` that hold images.
    fn lanes(&self, b: usize) -> usize {
        (self.n - b * LANES).min(LANES)
    }
    /// Values per channel.
    pub fn count(&self) -> usize {
        self.n * self.pixels
    }
}

/// Pixels whose lanes are summed in f32 before they go on in f64.
const CHUNK: usize = 32 * LANES;

/// Sums two functions of a plane's values over its first `lanes` lanes.
#[inline(always)]
fn sums(a: &[f32], b: &[f32], lanes: usize, f: impl Fn(f32, f32) -> (f32, f32)) -> (f64, f64) {
    let (mut p, mut q) = (0f64, 0f64);
    for (a, b) in a.chunks(CHUNK).zip(b.chunks(CHUNK)) {
        let (mut s, mut t) = ([0f32; LANES], [0f32; LANES]);
        for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
            for i in 0..LANES {
                let (x, y) = f(a[i], b[i]);
                s[i] += x;
                t[i] += y;
            }
        }
        p += s[..lanes].iter().map(|&v| f64::from(v)).sum::<f64>();
        q += t[..lanes].iter().map(|&v| f64::from(v)).sum::<f64>();
    }
    (p, q)
}

/// Per-channel sums over all blocks, in the order of the blocks.
fn channel_sums(
    size: Size,
    a: &[f32],
    b: &[f32],
    f: impl Fn(usize, f32, f32) -> (f32, f32) + Sync,
) -> Vec<(f64, f64)> {
    let parts: Vec<Vec<(f64, f64)>> = a
        .par_chunks(size.block().max(1))
        .zip(b.par_chunks(size.block().max(1)))
        .enumerate()
        .map(|(block, (a, b))| {
            let planes = a.chunks(size.plane()).zip(b.chunks(size.plane())).enumerate();
            planes.map(|(c, (a, b))| sums(a, b, size.lanes(block), |x, y| f(c, x, y))).collect()
        })
        .collect();
    let mut total = vec![(0f64, 0f64); size.c];
    for part in parts {
        total.iter_mut().zip(part).for_each(|(t, p)| *t = (t.0 + p.0, t.1 + p.1));
    }
    total
}

/// Mean and biased variance of every channel.
pub fn statistics(size: Size, x: &[f32]) -> (Vec<f32>, Vec<f32>) {
    // a value of the channel as the origin keeps the squares small
    let origin: Vec<f32> = (0..size.c).map(|c| x[c * size.plane()]).collect();
    let sums = channel_sums(size, x, x, |c, v, _| {
        let v = v - origin[c];
        (v, v * v)
    });
    let count = size.count() as f64;
    sums.iter()
        .zip(&origin)
        .map(|(&(s, q), &o)| {
            let mean = s / count;
            ((mean + f64::from(o)) as f32, (q / count - mean * mean).max(0.0) as f32)
        })
        .unzip()
}

/// Scale and offset of batch norm: `y = x scale + offset`.
pub fn affine(
    mean: &[f32],
    var: &[f32],
    gamma: &[f32],
    beta: &[f32],
    eps: f32,
) -> (Vec<f32>, Vec<f32>) {
    (0..mean.len())
        .map(|c| {
            let scale = f64::from(gamma[c]) / (f64::from(var[c]) + f64::from(eps)).sqrt();
            (scale as f32, (f64::from(beta[c]) - f64::from(mean[c]) * scale) as f32)
        })
        .unzip()
}

/// `x scale + offset` per channel, with ReLU if asked for.
pub fn scale(size: Size, x: &[f32], scale: &[f32], offset: &[f32], relu: bool) -> Vec<f32> {
    let mut y = vec![0f32; x.len()];
    y.par_chunks_mut(size.plane().max(1))
        .zip(x.par_chunks(size.plane().max(1)))
        .enumerate()
        .for_each(|(i, (y, x))| {
            let (s, o) = (scale[i % size.c], offset[i % size.c]);
            if relu {
                y.iter_mut().zip(x).for_each(|(y, x)| *y = (x * s + o).max(0.0));
            } else {
                y.iter_mut().zip(x).for_each(|(y, x)| *y = x * s + o);
            }
        });
    y
}

/// What batch norm's backward pass needs of its forward pass.
#[derive(Clone, Debug)]
pub struct NormState {
    /// Mean per channel.
    pub mean: Vec<f32>,
    /// 1 / sqrt(variance + eps) per channel.
    pub inverse: Vec<f32>,
    /// Scale and offset of the forward pass.
    pub affine: (Vec<f32>, Vec<f32>),
    /// ReLU behind it.
    pub relu: bool,
}

/// Gradients of input, gamma and beta.
pub fn norm_gradient(size: Size, x: &[f32], dy: &[f32], s: &NormState) -> [Vec<f32>; 3] {
    let (scale, offset) = (&s.affine.0, &s.affine.1);
    let relu = s.relu;
    // 1 where the gradient passes; a comparison and a product instead of a branch
    let pass = move |c: usize, x: f32| f32::from(u8::from(!relu || x * scale[c] + offset[c] > 0.0));
    let sums = channel_sums(size, x, dy, |c, x, g| {
        let g = g * pass(c, x);
        (g, g * (x - s.mean[c]))
    });
    let dbeta: Vec<f32> = sums.iter().map(|s| s.0 as f32).collect();
    let dgamma: Vec<f32> =
        sums.iter().zip(&s.inverse).map(|(s, &i)| (s.1 * f64::from(i)) as f32).collect();
    let count = size.count() as f64;
    let mut dx = vec![0f32; x.len()];
    dx.par_chunks_mut(size.plane().max(1))
        .zip(x.par_chunks(size.plane().max(1)).zip(dy.par_chunks(size.plane().max(1))))
        .enumerate()
        .for_each(|(i, (dx, (x, dy)))| {
            let (block, c) = (i / size.c, i % size.c);
            let k1 = (sums[c].0 / count) as f32;
            let k2 = (sums[c].1 / count * f64::from(s.inverse[c]).powi(2)) as f32;
            let (mean, factor, o) = (s.mean[c], scale[c], offset[c]);
            let values = dx.iter_mut().zip(x).zip(dy);
            if relu {
                values.for_each(|((d, &x), &g)| {
                    let g = if x * factor + o > 0.0 { g } else { 0.0 };
                    *d = factor * (g - k1 - (x - mean) * k2);
                });
            } else {
                values.for_each(|((d, &x), &g)| *d = factor * (g - k1 - (x - mean) * k2));
            }
            let lanes = size.lanes(block);
            if lanes < LANES {
                dx.chunks_exact_mut(LANES).for_each(|d| d[lanes..].fill(0.0));
            }
        });
    [dx, dgamma, dbeta]
}

const PIECE: usize = 1 << 14;

/// `a + b`, or `a`.
pub fn sum(a: &[f32], b: Option<&[f32]>) -> Vec<f32> {
    let Some(b) = b else { return a.to_vec() };
    let mut y = vec![0f32; a.len()];
    y.par_chunks_mut(PIECE).zip(a.par_chunks(PIECE).zip(b.par_chunks(PIECE))).for_each(
        |(y, (a, b))| y.iter_mut().zip(a.iter().zip(b)).for_each(|(y, (a, b))| *y = a + b),
    );
    y
}

/// `v` for v >= 0, `slope v` below.
pub fn prelu(v: &[f32], slope: f32) -> Vec<f32> {
    let mut y = vec![0f32; v.len()];
    y.par_chunks_mut(PIECE).zip(v.par_chunks(PIECE)).for_each(|(y, v)| {
        y.iter_mut().zip(v).for_each(|(y, &v)| *y = if v < 0.0 { v * slope } else { v });
    });
    y
}

/// Gradients of [`prelu`]: of its input, and of the slope (summed piece after piece).
pub fn prelu_gradient(v: &[f32], dy: &[f32], slope: f32) -> (Vec<f32>, f32) {
    let mut dx = vec![0f32; v.len()];
    let sums: Vec<f64> = dx
        .par_chunks_mut(PIECE)
        .zip(v.par_chunks(PIECE).zip(dy.par_chunks(PIECE)))
        .map(|(dx, (v, dy))| {
            let mut sums = [0f32; LANES];
            for ((dx, v), dy) in dx.chunks_mut(LANES).zip(v.chunks(LANES)).zip(dy.chunks(LANES)) {
                for (((d, &v), &g), s) in dx.iter_mut().zip(v).zip(dy).zip(&mut sums) {
                    let negative = v < 0.0;
                    *d = if negative { g * slope } else { g };
                    *s += if negative { g * v } else { 0.0 };
                }
            }
            sums.iter().map(|&s| f64::from(s)).sum()
        })
        .collect();
    (dx, sums.iter().sum::<f64>() as f32)
}

/// Mean of every plane, `[n][c]`.
pub fn pool(size: Size, x: &[f32]) -> Vec<f32> {
    let mut y = vec![0f32; size.n * size.c];
    for (i, plane) in x.chunks_exact(size.plane().max(1)).enumerate() {
        let (block, c) = (i / size.c, i % size.c);
        let mut sums = [0f32; LANES];
        for pixel in plane.chunks_exact(LANES) {
            sums.iter_mut().zip(pixel).for_each(|(s, v)| *s += v);
        }
        for lane in 0..size.lanes(block) {
            y[(block * LANES + lane) * size.c + c] = sums[lane] / size.pixels as f32;
        }
    }
    y
}

/// Gradient of [`pool`], `dy` `[n][c]`; 0 where there is no image.
pub fn pool_gradient(size: Size, dy: &[f32]) -> Vec<f32> {
    let blocks = size.n.div_ceil(LANES);
    let mut dx = vec![0f32; blocks * size.block()];
    for (i, plane) in dx.chunks_exact_mut(size.plane().max(1)).enumerate() {
        let (block, c) = (i / size.c, i % size.c);
        let mut lanes = [0f32; LANES];
        for lane in 0..size.lanes(block) {
            lanes[lane] = dy[(block * LANES + lane) * size.c + c] / size.pixels as f32;
        }
        plane.chunks_exact_mut(LANES).for_each(|pixel| pixel.copy_from_slice(&lanes));
    }
    dx
}
