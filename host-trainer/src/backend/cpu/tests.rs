//! Every variant against loops in f64, and the operations of burn against the kernels.

use super::conv::{self, Conv, Epilogue};
use super::{Isa, norm, pointwise};
use crate::backend::{self, Act, Map};
use burn::backend::Autodiff;
use burn::tensor::{Tensor, TensorData};
use burn_ndarray::NdArray;

/// Values in [-1, 1) that differ for every seed.
fn noise(n: usize, seed: u64) -> Vec<f32> {
    let mut s = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        s ^= s << 13;
        s ^= s >> 7;
        s ^= s << 17;
        (s >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

fn close(what: &str, got: &[f32], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!(
            (f64::from(*g) - w).abs() <= tolerance * (1.0 + w.abs()),
            "{what}[{i}]: {g} != {w}"
        );
    }
}

/// Calls `f(output index, input index, weight index)` for every product of the convolution.
fn products(n: usize, g: Conv, mut f: impl FnMut(usize, usize, usize)) {
    let (ho, wo, p) = (g.ho(), g.wo(), g.k / 2);
    for i in 0..n * g.co * ho * wo * g.ci * g.k * g.k {
        let (kx, r) = (i % g.k, i / g.k);
        let (ky, r) = (r % g.k, r / g.k);
        let (c, r) = (r % g.ci, r / g.ci);
        let (x, r) = (r % wo, r / wo);
        let (y, r) = (r % ho, r / ho);
        let (o, b) = (r % g.co, r / g.co);
        let (iy, ix) = (y * g.stride + ky, x * g.stride + kx);
        if iy < p || ix < p || iy - p >= g.h || ix - p >= g.w {
            continue;
        }
        f(
            ((b * g.co + o) * ho + y) * wo + x,
            ((b * g.ci + c) * g.h + iy - p) * g.w + ix - p,
            ((o * g.ci + c) * g.k + ky) * g.k + kx,
        );
    }
}

#[test]
fn convolutions_and_their_gradients_equal_the_loops() {
    let mut shapes = vec![];
    for (k, stride) in [(1, 1), (1, 2), (3, 1), (3, 2), (5, 1), (5, 2)] {
        for (ci, co, h, w) in
            [(3, 5, 7, 9), (4, 8, 8, 8), (1, 1, 1, 1), (2, 9, 2, 5), (7, 3, 10, 17)]
        {
            shapes.push(Conv { ci, co, h, w, k, stride });
        }
    }
    shapes.push(Conv { ci: 16, co: 16, h: 32, w: 32, k: 3, stride: 1 });
    for (seed, g) in (1..).zip(shapes) {
        let n = [1, 16, 19][seed as usize % 3];
        let (hw, ohw) = (g.h * g.w, g.ho() * g.wo());
        let x = noise(n * g.ci * hw, seed);
        let w = noise(g.weight_len(), seed + 100);
        let dy = noise(n * g.co * ohw, seed + 200);
        let (mut y, mut dx, mut dw) =
            (vec![0f64; dy.len()], vec![0f64; x.len()], vec![0f64; w.len()]);
        products(n, g, |o, i, k| {
            y[o] += f64::from(x[i]) * f64::from(w[k]);
            dx[i] += f64::from(dy[o]) * f64::from(w[k]);
            dw[k] += f64::from(dy[o]) * f64::from(x[i]);
        });
        let xb = pointwise::block(&x, n, g.ci * hw);
        let dyb = pointwise::block(&dy, n, g.co * ohw);
        for isa in Isa::available() {
            let what = format!("{isa:?} {g:?} n {n}");
            let got = conv::forward(isa, g, &xb, &w, Epilogue::default());
            close(&what, &pointwise::unblock(&got, n, g.co * ohw), &y, 1e-5);
            let got = conv::input_gradient(isa, g, &dyb, &w);
            close(&what, &pointwise::unblock(&got, n, g.ci * hw), &dx, 1e-5);
            close(&what, &conv::weight_gradient(isa, g, &xb, &dyb), &dw, 1e-4);
            let (bias, r) = (noise(g.co, seed + 300), noise(dy.len(), seed + 400));
            let rb = pointwise::block(&r, n, g.co * ohw);
            let e = Epilogue { bias: Some(&bias), residual: Some(&rb), slope: Some(-0.25) };
            let want: Vec<f64> = (0..y.len())
                .map(|i| y[i] + f64::from(r[i]) + f64::from(bias[i / ohw % g.co]))
                .map(|v| if v > 0.0 { v } else { -0.25 * v })
                .collect();
            let got = conv::forward(isa, g, &xb, &w, e);
            close(&what, &pointwise::unblock(&got, n, g.co * ohw), &want, 1e-5);
        }
    }
}

/// Forward values, then gradients of input, gamma and beta, all in f64.
type Norm = (Vec<f64>, Vec<f64>, Vec<f64>, Vec<f64>);

fn norm_in_f64(
    s: norm::Shape,
    x: &[f32],
    dy: &[f32],
    gamma: &[f32],
    beta: &[f32],
    relu: bool,
) -> Norm {
    let m = (s.n * s.pixels) as f64;
    let (mut y, mut dx) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    let (mut dg, mut db) = (vec![0.0; s.c], vec![0.0; s.c]);
    for c in 0..s.c {
        let at: Vec<_> = (0..x.len()).filter(|i| i / s.pixels % s.c == c).collect();
        let v = |i: usize| f64::from(x[i]);
        let mean = at.iter().map(|&i| v(i)).sum::<f64>() / m;
        let var = at.iter().map(|&i| (v(i) - mean).powi(2)).sum::<f64>() / m;
        let inv = 1.0 / (var + 1e-5).sqrt();
        let (ga, be) = (f64::from(gamma[c]), f64::from(beta[c]));
        let mut d = vec![0.0; x.len()];
        for &i in &at {
            let h = (v(i) - mean) * inv;
            y[i] = ga * h + be;
            d[i] = f64::from(dy[i]);
            if relu && y[i] <= 0.0 {
                (y[i], d[i]) = (0.0, 0.0);
            }
            dg[c] += d[i] * h;
            db[c] += d[i];
        }
        for &i in &at {
            dx[i] = ga * inv * (d[i] - db[c] / m - (v(i) - mean) * inv * dg[c] / m);
        }
    }
    (y, dx, dg, db)
}

#[test]
fn normalisation_and_its_gradients_equal_the_loops() {
    for (seed, (n, c, pixels)) in (1..).zip([(19, 3, 15), (16, 2, 1), (33, 5, 64), (3, 1, 7)]) {
        let s = norm::Shape { n, c, pixels };
        let x: Vec<f32> = noise(n * c * pixels, seed).iter().map(|v| v + 0.5).collect();
        let dy = noise(x.len(), seed + 10);
        let (gamma, beta) = (noise(c, seed + 20), noise(c, seed + 30));
        for relu in [false, true] {
            let (y, dx, dg, db) = norm_in_f64(s, &x, &dy, &gamma, &beta, relu);
            // Lanes beyond the batch hold anything: they must not count.
            let mut xb = pointwise::block(&x, n, c * pixels);
            let last = xb.len() - c * pixels * 16;
            for (i, v) in xb[last..].iter_mut().enumerate() {
                if i % 16 >= (n - 1) % 16 + 1 {
                    *v = 7.0;
                }
            }
            let dyb = pointwise::block(&dy, n, c * pixels);
            for isa in Isa::available() {
                let what = format!("{isa:?} {s:?} relu {relu}");
                let (gy, m) = norm::forward(isa, s, &xb, &gamma, &beta, relu);
                close(&what, &pointwise::unblock(&gy, n, c * pixels), &y, 1e-4);
                let (gx, gg, gb) = norm::backward(isa, s, &xb, &dyb, &m, &gamma, &beta, relu);
                close(&what, &pointwise::unblock(&gx, n, c * pixels), &dx, 1e-3);
                close(&what, &gg, &dg, 1e-3);
                close(&what, &gb, &db, 1e-4);
                let tail = gx[last..].iter().enumerate().filter(|(i, _)| i % 16 > (n - 1) % 16);
                assert!(tail.clone().all(|(_, v)| *v == 0.0), "{what}: gradient outside the batch");
            }
        }
    }
}

#[test]
fn sums_with_activation_equal_the_loops() {
    let (a, b, dy) = (noise(16 * 2100, 1), noise(16 * 2100, 2), noise(16 * 2100, 3));
    for (slope, isa) in
        [0.0, 0.3, -0.5].into_iter().flat_map(|s| Isa::available().into_iter().map(move |i| (s, i)))
    {
        let z: Vec<f64> = a.iter().zip(&b).map(|(a, b)| f64::from(a + b)).collect();
        let k = f64::from(slope);
        let want: Vec<f64> = z.iter().map(|&z| if z > 0.0 { z } else { k * z }).collect();
        close("y", &pointwise::add_act(isa, &a, Some(&b), slope), &want, 1e-6);
        let (dx, ds) = pointwise::add_act_gradient(isa, &a, Some(&b), &dy, slope);
        let want: Vec<f64> = z
            .iter()
            .zip(&dy)
            .map(|(&z, &d)| f64::from(d) * if z > 0.0 { 1.0 } else { k })
            .collect();
        close("dx", &dx, &want, 1e-6);
        let want = z.iter().zip(&dy).map(|(&z, &d)| f64::from(d) * z.min(0.0)).sum::<f64>();
        close("slope", &[ds], &[want], 1e-4);
    }
}

#[test]
fn weight_gradient_does_not_depend_on_the_threads() {
    let g = Conv { ci: 3, co: 5, h: 9, w: 9, k: 3, stride: 1 };
    let (x, dy) = (noise(6 * g.input_len(), 1), noise(6 * g.output_len(), 2));
    let with = |n| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().expect("threads");
        pool.install(|| conv::weight_gradient(Isa::best(), g, &x, &dy))
    };
    assert_eq!(with(1), with(4));
}

type Plain = NdArray<f32>;
type Ad = Autodiff<Plain>;

fn parameter<const D: usize>(v: &[f32], shape: [usize; D]) -> Tensor<Ad, D> {
    Tensor::from_data(TensorData::new(v.to_vec(), shape), &Default::default()).require_grad()
}

/// A residual block on 19 images with every operation, as a loss of its six parameters.
fn block(p: &[Tensor<Ad, 1>; 6], images: &[f32]) -> Tensor<Ad, 1> {
    let x = Map::from_images(images, 19, 2, 5, 5);
    let [w0, w1, gamma, beta, slope, mix] = p.clone();
    let a = backend::conv2d(&x, w0.reshape([3, 2, 3, 3]), 2);
    let (a, _) = backend::batch_norm(&a, gamma, beta, Act::Relu);
    let b = backend::conv2d(&a, w1.reshape([3, 3, 1, 1]), 1);
    let c = backend::add_act(&a, &b, Act::Prelu(slope));
    (backend::pool(&c).matmul(mix.reshape([3, 1]))).powf_scalar(2.0).sum()
}

#[test]
fn autodiff_agrees_with_differences() {
    let images = noise(19 * 2 * 25, 9);
    let values: Vec<Vec<f32>> =
        [54, 9, 3, 3, 1, 3].iter().zip(20..).map(|(&n, s)| noise(n, s)).collect();
    let make = |v: &[Vec<f32>]| -> [Tensor<Ad, 1>; 6] {
        std::array::from_fn(|i| parameter(&v[i], [v[i].len()]))
    };
    let loss = |v: &[Vec<f32>]| f64::from(block(&make(v), &images).into_scalar());
    let p = make(&values);
    let grads = block(&p, &images).backward();
    for (i, t) in p.iter().enumerate() {
        let g = t.grad(&grads).expect("every parameter has a gradient").into_data();
        let g = g.as_slice::<f32>().expect("f32");
        for (j, g) in g.iter().enumerate() {
            let moved = |by: f32| {
                let mut v = values.clone();
                v[i][j] += by;
                loss(&v)
            };
            let h = 2e-3;
            let d = (moved(h) - moved(-h)) / (2.0 * f64::from(h));
            assert!(
                (d - f64::from(*g)).abs() < 0.02 * (1.0 + d.abs()),
                "parameter {i}[{j}]: {g} != {d}"
            );
        }
    }
}
