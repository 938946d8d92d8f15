//! Statistics, affine maps, activations and pooling on a block `[c][h w][16]` of 16 images.
//!
//! Loops over lanes are plain code: compiled with the instructions of the kernel that they are
//! inlined into, and the same to the last bit with all of them.

use crate::LANES;

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
    /// Values of a channel of a block.
    pub fn plane(&self) -> usize {
        self.pixels * LANES
    }
    /// Values of a block.
    pub fn block(&self) -> usize {
        self.c * self.plane()
    }
    /// Blocks of 16 images.
    pub fn blocks(&self) -> usize {
        self.n.div_ceil(LANES)
    }
    /// Lanes of block `b` that hold images.
    pub fn lanes(&self, b: usize) -> usize {
        (self.n - b * LANES).min(LANES)
    }
    /// Values per channel.
    pub fn count(&self) -> usize {
        self.n * self.pixels
    }
}

/// Batch norm as it is applied: `scale x + offset`, and what its gradient needs.
#[derive(Clone, Debug)]
pub struct Affine {
    /// `gamma / sqrt(variance + eps)` per channel.
    pub scale: Vec<f32>,
    /// `beta - mean scale` per channel.
    pub offset: Vec<f32>,
    /// Mean per channel.
    pub mean: Vec<f32>,
    /// `1 / sqrt(variance + eps)` per channel.
    pub inverse: Vec<f32>,
}

impl Affine {
    /// Of the statistics of a batch.
    pub fn new(mean: &[f32], var: &[f32], gamma: &[f32], beta: &[f32], eps: f32) -> Self {
        let inverse: Vec<f64> =
            var.iter().map(|&v| 1.0 / (f64::from(v) + f64::from(eps)).sqrt()).collect();
        let (scale, offset) = (0..mean.len())
            .map(|c| {
                let scale = f64::from(gamma[c]) * inverse[c];
                (scale as f32, (f64::from(beta[c]) - f64::from(mean[c]) * scale) as f32)
            })
            .unzip();
        let inverse = inverse.iter().map(|&v| v as f32).collect();
        Self { scale, offset, mean: mean.to_vec(), inverse }
    }

    /// Scale and offset of a channel; 1 and 0 without batch norm.
    #[inline(always)]
    pub fn of(affine: Option<&Self>, c: usize) -> (f32, f32) {
        affine.map_or((1.0, 0.0), |a| (a.scale[c], a.offset[c]))
    }
}

/// Count, mean and sum of squared differences from the mean.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    n: f64,
    mean: f64,
    m2: f64,
}

/// Pixels whose lanes are summed in f32 before they go on in f64.
const CHUNK: usize = 32 * LANES;
/// Independent accumulators, so that additions need not wait for each other.
const WIDE: usize = 4 * LANES;

impl Moments {
    /// Of the first `lanes` lanes of a plane.
    #[inline(always)]
    pub fn of(plane: &[f32], lanes: usize) -> Self {
        // a value of the plane as the origin keeps the squares small
        let origin = plane[0];
        let (mut sum, mut square) = (0f64, 0f64);
        for chunk in plane.chunks(CHUNK) {
            let (mut s, mut q) = ([0f32; WIDE], [0f32; WIDE]);
            let (wide, rest) = chunk.as_chunks::<WIDE>();
            for v in wide {
                for i in 0..WIDE {
                    let d = v[i] - origin;
                    s[i] += d;
                    q[i] += d * d;
                }
            }
            for v in rest.as_chunks::<LANES>().0 {
                for i in 0..LANES {
                    let d = v[i] - origin;
                    s[i] += d;
                    q[i] += d * d;
                }
            }
            for i in (0..WIDE).filter(|i| i % LANES < lanes) {
                sum += f64::from(s[i]);
                square += f64::from(q[i]);
            }
        }
        let n = (plane.len() / LANES * lanes) as f64;
        let shift = sum / n;
        Self { n, mean: f64::from(origin) + shift, m2: (square - sum * shift).max(0.0) }
    }

    /// Of both together.
    fn merge(self, other: Self) -> Self {
        let n = self.n + other.n;
        if self.n == 0.0 || n == 0.0 {
            return other;
        }
        let d = other.mean - self.mean;
        Self {
            n,
            mean: self.mean + d * other.n / n,
            m2: self.m2 + other.m2 + d * d * self.n * other.n / n,
        }
    }

    /// Mean and biased variance of every channel from `[block][channel]`, in the order of blocks.
    pub fn total(blocks: &[Vec<Self>], channels: usize) -> (Vec<f32>, Vec<f32>) {
        (0..channels)
            .map(|c| {
                let all = blocks.iter().fold(Self::default(), |a, b| a.merge(b[c]));
                (all.mean as f32, (all.m2 / all.n.max(1.0)) as f32)
            })
            .unzip()
    }
}

/// `v` for v >= 0, `slope v` below.
#[inline(always)]
pub fn leaky(v: f32, slope: f32) -> f32 {
    if v < 0.0 { v * slope } else { v }
}

/// Sums over a plane, f32 in lanes and f64 in all.
pub type Sums<const N: usize> = [f64; N];

/// Calls `f(from values, value to change) -> terms` for every value of a plane and sums the terms.
#[inline(always)]
pub fn sweep<const M: usize, const N: usize>(
    from: [&[f32]; M],
    to: &mut [f32],
    f: impl Fn([f32; M], &mut f32) -> [f32; N],
) -> Sums<N> {
    let mut total = [0f64; N];
    let from = from.map(|v| &v[..to.len()]);
    let mut at = 0;
    for chunk in to.chunks_mut(CHUNK) {
        let mut sums = [[0f32; WIDE]; N];
        let (wide, rest) = chunk.as_chunks_mut::<WIDE>();
        for to in wide {
            let values = from.map(|v| &v[at..at + WIDE]);
            for i in 0..WIDE {
                let terms = f(std::array::from_fn(|m| values[m][i]), &mut to[i]);
                for n in 0..N {
                    sums[n][i] += terms[n];
                }
            }
            at += WIDE;
        }
        for to in rest.as_chunks_mut::<LANES>().0 {
            let values = from.map(|v| &v[at..at + LANES]);
            for i in 0..LANES {
                let terms = f(std::array::from_fn(|m| values[m][i]), &mut to[i]);
                for n in 0..N {
                    sums[n][i] += terms[n];
                }
            }
            at += LANES;
        }
        for n in 0..N {
            total[n] += sums[n].iter().map(|&v| f64::from(v)).sum::<f64>();
        }
    }
    total
}

/// 0 in the lanes that hold no image.
#[inline(always)]
pub fn clear_dead(x: &mut [f32], lanes: usize) {
    if lanes < LANES {
        for pixel in x.as_chunks_mut::<LANES>().0 {
            pixel[lanes..].fill(0.0);
        }
    }
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
    let mut dx = vec![0f32; size.blocks() * size.block()];
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
