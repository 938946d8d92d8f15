//! Mean and variance of the channels of a batch.

use crate::LANES;
use crate::pointwise::{CHUNK, WIDE};

/// Mean and variance of every channel of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// `[channels]`.
    pub mean: Vec<f32>,
    /// Divided by the number of values, `[channels]`.
    pub variance: Vec<f32>,
}

/// Number of values, their mean, and the sum of the squared differences from it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Moments {
    n: f64,
    mean: f64,
    m2: f64,
}

/// The moments of a plane that comes part by part. The sums of each lane are taken in f64: the order of
/// the additions is another than that of [`Moments::of`], and they do not wait for each other.
pub(crate) struct RunningMoments {
    origin: Option<f32>,
    sum: [f64; LANES],
    square: [f64; LANES],
    /// Sums over the pixels of an unfinished chunk.
    chunk: [[f32; LANES]; 2],
    /// Pixels in the chunk, and in all.
    pixels: [usize; 2],
}

impl RunningMoments {
    /// The moments of no pixel.
    pub fn new() -> Self {
        let (origin, sum, square) = (None, [0.0; LANES], [0.0; LANES]);
        Self { origin, sum, square, chunk: [[0.0; LANES]; 2], pixels: [0; 2] }
    }

    /// Adds pixels.
    #[inline(always)]
    pub fn add(&mut self, mut pixels: &[[f32; LANES]]) {
        let Some(first) = pixels.first() else { return };
        // a value of the plane as the origin keeps the squares small
        let origin = *self.origin.get_or_insert(first[0]);
        self.pixels[1] += pixels.len();
        while !pixels.is_empty() {
            let free = CHUNK / LANES - self.pixels[0];
            let (now, later) = pixels.split_at(free.min(pixels.len()));
            let [mut s, mut q] = self.chunk;
            for v in now {
                for i in 0..LANES {
                    let d = v[i] - origin;
                    s[i] += d;
                    q[i] += d * d;
                }
            }
            self.chunk = [s, q];
            self.pixels[0] += now.len();
            if now.len() == free {
                self.flush();
            }
            pixels = later;
        }
    }

    #[inline(always)]
    fn flush(&mut self) {
        let [s, q] = std::mem::take(&mut self.chunk);
        for i in 0..LANES {
            self.sum[i] += f64::from(s[i]);
            self.square[i] += f64::from(q[i]);
        }
        self.pixels[0] = 0;
    }

    /// The moments of the first `lanes` lanes.
    #[inline(always)]
    pub fn finish(mut self, lanes: usize) -> Moments {
        self.flush();
        let [sum, square] = [self.sum, self.square].map(|v| v[..lanes].iter().sum::<f64>());
        let n = (self.pixels[1] * lanes) as f64;
        Moments::around(self.origin.unwrap_or(0.0), sum, square, n)
    }
}

impl Moments {
    /// The moments of the first `lanes` lanes of a plane `[pixels][16]`.
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
        Self::around(origin, sum, square, (plane.len() / LANES * lanes) as f64)
    }

    /// From the sums of the distances from an origin and of their squares over `n` values.
    #[inline(always)]
    fn around(origin: f32, sum: f64, square: f64, n: f64) -> Self {
        let shift = sum / n;
        Self { n, mean: f64::from(origin) + shift, m2: (square - sum * shift).max(0.0) }
    }

    /// The moments of both together.
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

    /// The statistics of every channel from `[block][channel]`, merged in the order of the blocks.
    pub fn total(blocks: &[Vec<Self>], channels: usize) -> Statistics {
        let (mean, variance) = (0..channels)
            .map(|c| {
                let all = blocks.iter().fold(Self::default(), |a, b| a.merge(b[c]));
                (all.mean as f32, (all.m2 / all.n.max(1.0)) as f32)
            })
            .unzip();
        Statistics { mean, variance }
    }
}
