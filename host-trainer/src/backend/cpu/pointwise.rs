//! Addition with activation, global average pooling, and the layout's conversions.

use super::lanes::{Group, Isa, Lanes, variants};
use rayon::prelude::*;

/// Floats that one task handles.
const CHUNK: usize = 16 * 1024;

#[inline(always)]
fn act<L: Lanes>(a: &[Group], b: Option<&[Group]>, slope: f32, y: &mut [Group]) {
    let (zero, slope) = (L::splat(0.0), L::splat(slope));
    for (i, y) in y.iter_mut().enumerate() {
        let mut v = L::load(&a[i]);
        if let Some(b) = b {
            v = v.add(L::load(&b[i]));
        }
        v.max(zero).fma(v.min(zero), slope).store(y);
    }
}
variants!(act_on = act(a: &[Group], b: Option<&[Group]>, slope: f32, y: &mut [Group]));

/// `y = act(a + b)`; slope 0 is ReLU, slope 1 the sum itself.
pub fn add_act(isa: Isa, a: &[f32], b: Option<&[f32]>, slope: f32) -> Vec<f32> {
    let mut y = vec![0.0; a.len()];
    y.par_chunks_mut(CHUNK).enumerate().for_each(|(i, y)| {
        let at = i * CHUNK..i * CHUNK + y.len();
        let b = b.map(|b| b[at.clone()].as_chunks().0);
        act_on(isa, a[at].as_chunks().0, b, slope, y.as_chunks_mut().0);
    });
    y
}

#[inline(always)]
fn act_gradient<L: Lanes>(
    a: &[Group],
    b: Option<&[Group]>,
    dy: &[Group],
    slope: f32,
    dx: &mut [Group],
) -> f32 {
    let (zero, slope) = (L::splat(0.0), L::splat(slope));
    let mut sum = zero;
    for (i, (d, out)) in dy.iter().zip(dx).enumerate() {
        let (mut v, d) = (L::load(&a[i]), L::load(d));
        if let Some(b) = b {
            v = v.add(L::load(&b[i]));
        }
        sum = sum.fma(d, v.min(zero));
        d.gate(v, d.mul(slope)).store(out);
    }
    sum.sum()
}
variants!(act_gradient_on = act_gradient(a: &[Group], b: Option<&[Group]>, dy: &[Group], slope: f32, dx: &mut [Group]) -> f32);

/// Gradients of `a` (`b`'s is the same) and of the slope.
pub fn add_act_gradient(
    isa: Isa,
    a: &[f32],
    b: Option<&[f32]>,
    dy: &[f32],
    slope: f32,
) -> (Vec<f32>, f32) {
    let mut dx = vec![0.0; a.len()];
    let sums: Vec<f32> = dx
        .par_chunks_mut(CHUNK)
        .enumerate()
        .map(|(i, dx)| {
            let at = i * CHUNK..i * CHUNK + dx.len();
            let b = b.map(|b| b[at.clone()].as_chunks().0);
            act_gradient_on(
                isa,
                a[at.clone()].as_chunks().0,
                b,
                dy[at].as_chunks().0,
                slope,
                dx.as_chunks_mut().0,
            )
        })
        .collect();
    (dx, sums.iter().map(|&v| f64::from(v)).sum::<f64>() as f32)
}

/// Global average of a map `[n / 16][c][pixels][16]`, as `[n, c]`.
pub fn pool(x: &[f32], n: usize, c: usize, pixels: usize) -> Vec<f32> {
    let mut out = vec![0.0; n * c];
    for (b, x) in x.chunks(c * pixels * 16).enumerate() {
        for (ch, x) in x.as_chunks::<16>().0.chunks(pixels).enumerate() {
            let mut sum = [0.0; 16];
            for g in x {
                for (s, v) in sum.iter_mut().zip(g) {
                    *s += v;
                }
            }
            for (l, s) in sum.iter().enumerate().take(n - b * 16) {
                out[(b * 16 + l) * c + ch] = s / pixels as f32;
            }
        }
    }
    out
}

/// Gradient of [`pool`]'s input; lanes beyond the batch are zero.
pub fn pool_gradient(dy: &[f32], n: usize, c: usize, pixels: usize) -> Vec<f32> {
    let mut dx = vec![0.0; n.div_ceil(16) * c * pixels * 16];
    for (b, dx) in dx.chunks_mut(c * pixels * 16).enumerate() {
        for (ch, dx) in dx.as_chunks_mut::<16>().0.chunks_mut(pixels).enumerate() {
            let mut v = [0.0; 16];
            for (l, v) in v.iter_mut().enumerate().take(n - b * 16) {
                *v = dy[(b * 16 + l) * c + ch] / pixels as f32;
            }
            dx.fill(v);
        }
    }
    dx
}

/// Images `[n, c, h, w]` as a map `[n / 16][c][h][w][16]`, the last block padded with zeros.
pub fn block(images: &[f32], n: usize, chw: usize) -> Vec<f32> {
    assert_eq!(images.len(), n * chw, "images [n, c, h, w]");
    let mut out = vec![0.0; n.div_ceil(16) * chw * 16];
    for (i, image) in images.chunks(chw.max(1)).enumerate() {
        let to = &mut out[i / 16 * chw * 16 + i % 16..];
        for (v, t) in image.iter().zip(to.iter_mut().step_by(16)) {
            *t = *v;
        }
    }
    out
}

/// The inverse of [`block`].
pub fn unblock(map: &[f32], n: usize, chw: usize) -> Vec<f32> {
    let at = |i: usize, p: usize| map[(i / 16 * chw + p) * 16 + i % 16];
    (0..n).flat_map(|i| (0..chw).map(move |p| at(i, p))).collect()
}
