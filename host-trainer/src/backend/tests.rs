//! Gradients against differences of a plain f64 computation are in the sums: every kernel is
//! compared with burn's own operations on the same values.

use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, TensorData};

use super::*;

type B = CpuAutodiff;

fn values(n: usize, seed: usize) -> Vec<f32> {
    (0..n).map(|i| (((i + seed) * 7919 % 2017) as f32 / 1008.0) - 1.0).collect()
}

fn leaf<const D: usize>(values: &[f32], shape: [usize; D]) -> Tensor<B, D> {
    Tensor::<B, D>::from_data(TensorData::new(values.to_vec(), shape), &Default::default())
        .require_grad()
}

fn close(what: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let size = theirs.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= 2e-4 * size, "{what} [{i}]: {a}, expected {b}");
    }
}

fn host<const D: usize>(t: &Tensor<Cpu, D>) -> Vec<f32> {
    t.to_data().iter::<f32>().collect()
}

/// A leaf of images as a map that gradients flow back through.
fn map(x: &Tensor<B, 4>) -> Map<B> {
    let [n, c, h, w] = x.dims();
    let blocks = n.div_ceil(LANES);
    let padding = Tensor::zeros([blocks * LANES - n, c, h, w], &Default::default());
    let all = if blocks * LANES > n { Tensor::cat(vec![x.clone(), padding], 0) } else { x.clone() };
    let data = all.reshape([blocks, LANES, c, h, w]).permute([0, 2, 3, 4, 1]);
    Map { data, n, c, h, w }
}

fn images(m: &Map<B>) -> Tensor<B, 4> {
    let blocks = m.n.div_ceil(LANES);
    let all = m.data.clone().permute([0, 4, 1, 2, 3]).reshape([blocks * LANES, m.c, m.h, m.w]);
    all.slice([0..m.n, 0..m.c, 0..m.h, 0..m.w])
}

#[test]
fn convolutions_and_gradients_are_burns() {
    for (n, ci, co, h, w, k, s) in [
        (16, 3, 4, 8, 8, 3, 1),
        (17, 5, 9, 7, 9, 3, 1),
        (3, 4, 6, 8, 8, 3, 2),
        (5, 4, 3, 7, 5, 3, 2),
        (2, 3, 5, 6, 6, 1, 1),
        (2, 3, 5, 7, 6, 1, 2),
        (1, 2, 2, 9, 9, 5, 1),
        (1, 2, 1, 9, 8, 7, 2),
    ] {
        let what = format!("{n} images {ci}->{co} {h}x{w} k{k} s{s}");
        let x = leaf(&values(n * ci * h * w, 1), [n, ci, h, w]);
        let weight = leaf(&values(co * ci * k * k, 5), [co, ci, k, k]);
        let options = ConvOptions::new([s; 2], [k / 2; 2], [1; 2], 1);
        let theirs = conv2d(x.clone(), weight.clone(), None, options);
        let mix = leaf(&values(theirs.shape().num_elements(), 9), theirs.dims());
        let ours = images(&<B as Ops>::conv2d(&map(&x), weight.clone(), s));
        close(&what, &host(&ours.clone().inner()), &host(&theirs.clone().inner()));
        let a = (ours * mix.clone()).sum().backward();
        let b = (theirs * mix).sum().backward();
        close(&what, &host(&x.grad(&a).unwrap()), &host(&x.grad(&b).unwrap()));
        close(&what, &host(&weight.grad(&a).unwrap()), &host(&weight.grad(&b).unwrap()));
    }
}

#[test]
fn batch_norm_addition_and_their_gradients_are_burns() {
    for (n, prelu) in [(16, true), (18, false), (5, true)] {
        let (c, h, w) = (3, 4, 5);
        let x = leaf(&values(n * c * h * w, 1), [n, c, h, w]);
        let other = leaf(&values(n * c * h * w, 77), [n, c, h, w]);
        let (gamma, beta) = (leaf(&[1.5, -0.5, 0.7], [c]), leaf(&[0.1, 0.2, -0.3], [c]));
        let slope = leaf(&[0.25], [1]);
        let act = if prelu { Act::Prelu(slope.clone()) } else { Act::Relu };
        let (y, stats) = B::batch_norm(&map(&x), gamma.clone(), beta.clone(), Act::Relu);
        let ours = images(&B::add_act(&y, &map(&other), act));

        let flat = x.clone().swap_dims(0, 1).reshape([c, n * h * w]);
        let mean = flat.clone().mean_dim(1);
        let var = (flat - mean.clone()).powi_scalar(2).mean_dim(1);
        let four = |t: Tensor<B, 2>| t.reshape([1, c, 1, 1]);
        close("mean", &stats.mean, &host(&mean.clone().inner()));
        close("variance", &stats.var_biased, &host(&var.clone().inner()));
        let norm = (x.clone() - four(mean)) / (four(var) + 1e-5).sqrt();
        let norm = norm * gamma.clone().reshape([1, c, 1, 1]) + beta.clone().reshape([1, c, 1, 1]);
        let sum = burn::tensor::activation::relu(norm) + other.clone() - 0.0;
        let below = if prelu {
            sum.clone().clamp_max(0.0) * slope.clone().reshape([1, 1, 1, 1])
        } else {
            sum.clone() * 0.0
        };
        let theirs = sum.clamp_min(0.0) + below;
        close("output", &host(&ours.clone().inner()), &host(&theirs.clone().inner()));
        let mix = leaf(&values(n * c * h * w, 9), [n, c, h, w]);
        let a = (ours * mix.clone()).sum().backward();
        let b = (theirs * mix).sum().backward();
        close("x", &host(&x.grad(&a).unwrap()), &host(&x.grad(&b).unwrap()));
        close("other", &host(&other.grad(&a).unwrap()), &host(&other.grad(&b).unwrap()));
        close("gamma", &host(&gamma.grad(&a).unwrap()), &host(&gamma.grad(&b).unwrap()));
        close("beta", &host(&beta.grad(&a).unwrap()), &host(&beta.grad(&b).unwrap()));
        if prelu {
            close("slope", &host(&slope.grad(&a).unwrap()), &host(&slope.grad(&b).unwrap()));
        }
    }
}

#[test]
fn images_survive_the_layout_and_pool_to_their_mean() {
    let (n, c, h, w) = (19, 2, 3, 4);
    let x = values(n * c * h * w, 3);
    let m = Map::<Cpu>::from_images(&x, n, c, h, w);
    assert_eq!(m.to_images(), x);
    let means: Vec<f32> = x.chunks(h * w).map(|p| p.iter().sum::<f32>() / 12.0).collect();
    close("pool", &host(&Cpu::pool(&m)), &means);
}
