//! Every kernel against plain loops in f64, on every instruction set of the machine.

mod additions;
mod convolutions;
mod misuse;
mod pending;
mod pools;
mod requantise;
mod statistics;

use crate::LANES;
use crate::activation::Activation;
use crate::conv::ConvGeometry;
use crate::norm::NormFactors;

/// Values in -1..1 from a seed.
pub(crate) fn noise(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..n)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// Images `[n][size]` as blocks `[n / 16][size][16]`, zeros in lanes without an image.
pub(crate) fn blocked(images: &[f32], n: usize) -> Vec<f32> {
    let size = images.len() / n;
    let mut blocks = vec![0.0; n.div_ceil(LANES) * size * LANES];
    for (i, image) in images.chunks_exact(size).enumerate() {
        for (at, &v) in image.iter().enumerate() {
            blocks[(i / LANES * size + at) * LANES + i % LANES] = v;
        }
    }
    blocks
}

/// The first `n` images of blocks, `[n][size]`.
pub(crate) fn images(blocks: &[f32], n: usize) -> Vec<f32> {
    let size = blocks.len() / (n.div_ceil(LANES) * LANES);
    let at = |i: usize| (i / size / LANES * size + i % size) * LANES + i / size % LANES;
    (0..n * size).map(|i| blocks[at(i)]).collect()
}

/// Calls `f(x index, w index, y index)` for every product of a convolution of
/// `[images][channels][rows][columns]`.
fn products(shape: &ConvGeometry, mut f: impl FnMut(usize, usize, usize)) {
    let (x, y) = (shape.input(), shape.output());
    let window = shape.window();
    let ([_, across], [down, right]) = (window.kernel, window.stride);
    let (taps, [above, _, left, _]) = (window.taps(), window.padding);
    let [_, channels_in, ..] = shape.weight_dims();
    let channels_out = y.channels();
    for i in 0..x.images() * channels_out * channels_in * y.pixels() * taps {
        let (tap, i) = (i % taps, i / taps);
        let (pixel, i) = (i % y.pixels(), i / y.pixels());
        let (c, i) = (i % channels_in, i / channels_in);
        let (o, image) = (i % channels_out, i / channels_out);
        let row = pixel / y.columns() * down + tap / across;
        let column = pixel % y.columns() * right + tap % across;
        let inside = |at: usize, pad: usize, n: usize| (pad..n + pad).contains(&at);
        if inside(row, above, x.rows()) && inside(column, left, x.columns()) {
            let from = if shape.is_depthwise() { o } else { c };
            let plane = image * x.channels() + from;
            f(
                (plane * x.rows() + row - above) * x.columns() + column - left,
                (o * channels_in + c) * taps + tap,
                (image * channels_out + o) * y.pixels() + pixel,
            );
        }
    }
}

fn assert_close(found: &[f32], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-3, |m: f64, v| m.max(v.abs()));
    for (i, (&f, &e)) in found.iter().zip(expected).enumerate() {
        assert!((f64::from(f) - e).abs() <= 1.6e-5 * scale, "{what}[{i}]: {f} against {e}");
    }
}

fn wide(v: &[f32]) -> Vec<f64> {
    v.iter().map(|&v| f64::from(v)).collect()
}

/// Batch norm of `channels` channels with statistics of no batch.
fn norm(seed: u64, channels: usize) -> NormFactors {
    let v = |i| noise(seed + i, channels);
    let variance: Vec<f32> = v(0).iter().map(|v| v.abs() + 0.5).collect();
    NormFactors::new(&v(1), &variance, &v(2), &v(3), 1e-5)
}

/// A batch norm, or none, and an activation in f64.
#[derive(Clone, Copy)]
struct Reading<'a> {
    norm: Option<&'a NormFactors>,
    act: Activation,
}

impl Reading<'_> {
    /// Behind the norm.
    fn normed(&self, x: f64, channel: usize) -> f64 {
        self.norm.map_or(x, |n| x * f64::from(n.scale[channel]) + f64::from(n.offset[channel]))
    }

    /// Behind the activation.
    fn value(&self, x: f64, channel: usize) -> f64 {
        let v = self.normed(x, channel);
        let v = if v < 0.0 { v * f64::from(self.act.slope) } else { v };
        v.min(f64::from(self.act.bound))
    }
}

/// Gradients of a batch norm from those behind it, `g`: of x, of gamma and of beta. `channel` gives
/// the channel of a value, and a channel has `count` values.
fn norm_gradients(
    norm: &NormFactors,
    x: &[f32],
    g: &[f64],
    count: usize,
    channel: impl Fn(usize) -> usize,
) -> [Vec<f64>; 3] {
    let [mean, inverse, scale] = [&norm.mean, &norm.inverse, &norm.scale].map(|v| wide(v));
    let (mut sums, mut moments) = (vec![0f64; mean.len()], vec![0f64; mean.len()]);
    let distance = |i: usize| f64::from(x[i]) - mean[channel(i)];
    for (i, g) in g.iter().enumerate() {
        sums[channel(i)] += g;
        moments[channel(i)] += g * distance(i);
    }
    let n = count as f64;
    let dx = |i: usize| {
        let c = channel(i);
        scale[c] * (g[i] - sums[c] / n - distance(i) * inverse[c].powi(2) * moments[c] / n)
    };
    let dx = (0..g.len()).map(dx).collect();
    let dgamma = moments.iter().zip(&inverse).map(|(m, i)| m * i).collect();
    [dx, dgamma, sums]
}
