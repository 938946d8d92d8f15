use burn::tensor::backend::AutodiffBackend;
use supernano_core::graph::{Form, Geometry};
use supernano_core::space::Shape;

use super::*;

/// Values in -1..1 from a seed.
fn noise(seed: u64, n: usize) -> Vec<f32> {
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

fn assert_close(found: &[f32], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-3, |m: f64, v| m.max(v.abs()));
    for (i, (&f, &e)) in found.iter().zip(expected).enumerate() {
        assert!((f64::from(f) - e).abs() <= 2e-6 * scale * 8.0, "{what}[{i}]: {f} against {e}");
    }
}

type B = CpuAutodiff;

const FIRST: LayerOp = LayerOp::same(3, 1);
const SECOND: LayerOp = LayerOp::same(3, 2);

/// A small network's loss and the gradients of all its parameters.
fn loss(values: &[Vec<f32>], n: usize) -> (f64, Vec<Vec<f32>>) {
    let device = Default::default();
    let leaf = |v: &Vec<f32>| {
        Tensor::<B, 1>::from_data(TensorData::new(v.clone(), [v.len()]), &device).require_grad()
    };
    let leaves: Vec<Tensor<B, 1>> = values.iter().map(leaf).collect();
    let x = FeatureMap::<B>::from_images(&noise(9, n * 2 * 5 * 4), n, 2, 5, 4);
    let w = |i: usize, shape: [usize; 4]| leaves[i].clone().reshape(shape);
    let y = B::conv(&x, w(0, [3, 2, 3, 3]), &SECOND);
    let (y, _) = B::batch_norm(&y, leaves[1].clone(), leaves[2].clone(), FusedActivation::Relu);
    let z = B::conv(&y, w(3, [3, 3, 1, 1]), &LayerOp::POINT);
    let (z, _) = B::batch_norm(&z, leaves[4].clone(), leaves[5].clone(), FusedActivation::None);
    let z = B::act(&z, FusedActivation::Prelu(leaves[7].clone()));
    let y = B::add_act(&y, &z, FusedActivation::Prelu(leaves[6].clone()));
    let features = B::pool(&y);
    let target: Tensor<B, 2> =
        Tensor::from_data(TensorData::new(noise(10, n * 3), [n, 3]), &device);
    let loss = (features * target).sum();
    let gradients = loss.backward();
    let gradients = leaves
        .iter()
        .map(|l| l.grad(&gradients).unwrap().to_data().iter::<f32>().collect())
        .collect();
    (loss.inner().into_data().iter::<f32>().next().map_or(0.0, f64::from), gradients)
}

/// As [`loss`], of a network of the other layers: a rectangular convolution, a maximum pool, a
/// depthwise convolution with a clipped activation, an average pool and a dense layer.
fn loss_of_forms(values: &[Vec<f32>], n: usize) -> (f64, Vec<Vec<f32>>) {
    let device = Default::default();
    let leaf = |v: &Vec<f32>| {
        Tensor::<B, 1>::from_data(TensorData::new(v.clone(), [v.len()]), &device).require_grad()
    };
    let leaves: Vec<Tensor<B, 1>> = values.iter().map(leaf).collect();
    let x = FeatureMap::<B>::from_images(&noise(9, n * 2 * 9 * 8), n, 2, 9, 8);
    let op = |form, kernel, stride, padding| LayerOp {
        form,
        geometry: Geometry { kernel, stride, padding },
    };
    let normed = |x: &DeferredMap<B>, i: usize, shape: [usize; 4], op: LayerOp, act| {
        let norm = [leaves[i + 1].clone(), leaves[i + 2].clone()];
        B::conv_norm(x, leaves[i].clone().reshape(shape), &op, norm, act).0
    };
    let clipped = || FusedActivation::Clipped(0.75);
    let first = op(Form::Full, [4, 2], [2, 1], [1, 2, 0, 1]);
    let y = normed(&x.into(), 0, [3, 2, 4, 2], first, FusedActivation::Relu);
    let y = B::pool_windows(&y, &op(Form::Maximum, [2, 2], [1, 2], [1, 0, 0, 0]));
    let depthwise = op(Form::Depthwise, [3, 3], [1, 1], [1; 4]);
    let y = normed(&y.into(), 3, [3, 1, 3, 3], depthwise, clipped());
    let y = B::pool_windows(&y, &op(Form::Average, [2, 3], [2, 1], [0, 0, 1, 0]));
    let read = Shape { height: y.h as u16, width: y.w as u16, channels: y.c as u16 };
    let dense = LayerOp::new(Form::Dense, Geometry::POINT, read);
    let y = normed(&y.clone().into(), 6, [4, 3, y.h, y.w], dense, FusedActivation::Relu);
    let features = B::pool(&B::settled(&y));
    let target: Tensor<B, 2> =
        Tensor::from_data(TensorData::new(noise(10, n * 4), [n, 4]), &device);
    let loss = (features * target).sum();
    let gradients = loss.backward();
    let gradients = leaves
        .iter()
        .map(|l| l.grad(&gradients).unwrap().to_data().iter::<f32>().collect())
        .collect();
    (loss.inner().into_data().iter::<f32>().next().map_or(0.0, f64::from), gradients)
}

#[test]
fn gradients_of_every_form_are_the_slopes_of_the_loss() {
    for n in [16, 21] {
        let sizes = [48, 3, 3, 27, 3, 3, 4 * 3 * 2 * 3, 4, 4];
        let mut values: Vec<Vec<f32>> = (0..).zip(sizes).map(|(i, n)| noise(40 + i, n)).collect();
        values[1] = vec![1.1, 0.7, 0.9];
        values[4] = vec![0.8, -0.7, 0.9];
        check_gradients(values, n, loss_of_forms);
    }
}

#[test]
fn autodiff_gradients_are_the_slopes_of_the_loss() {
    for n in [16, 21] {
        let sizes = [54, 3, 3, 9, 3, 3, 1, 1];
        let mut values: Vec<Vec<f32>> = (0..).zip(sizes).map(|(i, n)| noise(20 + i, n)).collect();
        values[1] = vec![1.1, -0.7, 0.9];
        values[6] = vec![-0.4];
        values[7] = vec![1.7];
        check_gradients(values, n, loss);
    }
}

/// A loss of parameters over `n` images, with its gradients.
type Loss = fn(&[Vec<f32>], usize) -> (f64, Vec<Vec<f32>>);

/// Compares the gradients of a loss with difference quotients.
fn check_gradients(mut values: Vec<Vec<f32>>, n: usize, loss: Loss) {
    let (_, gradients) = loss(&values, n);
    let step = 2e-3;
    let (mut wrong, mut total) = (0, 0);
    for p in 0..values.len() {
        for i in 0..values[p].len() {
            let original = values[p][i];
            let mut at = |v: f32| {
                values[p][i] = v;
                loss(&values, n).0
            };
            let slope = (at(original + step) - at(original - step)) / (2.0 * f64::from(step));
            values[p][i] = original;
            let found = f64::from(gradients[p][i]);
            total += 1;
            // a kink inside the step moves a difference quotient, never many of them
            wrong += usize::from((slope - found).abs() > 0.02 + 0.03 * slope.abs());
        }
    }
    assert!(wrong * 20 <= total, "{wrong} of {total} gradients are wrong, {n} images");
}

/// A residual block's outputs, and the gradients of its parameters: with norms left pending where
/// `fused`, else operation by operation.
fn block(fused: bool, n: usize, slopes: [Option<f32>; 2]) -> (Vec<f32>, Vec<Vec<f32>>) {
    let device = Default::default();
    let leaf = |seed: u64, size: usize, shift: f32| {
        let values: Vec<f32> = noise(seed, size).iter().map(|v| v + shift).collect();
        Tensor::<B, 1>::from_data(TensorData::new(values, [size]), &device).require_grad()
    };
    let weights = [leaf(1, 5 * 3 * 9, 0.0), leaf(2, 4 * 5 * 9, 0.0), leaf(3, 4 * 3, 0.0)];
    let norms: Vec<Tensor<B, 1>> =
        [5, 5, 4, 4, 4, 4].iter().zip(4..).map(|(&c, s)| leaf(s, c, 0.3)).collect();
    let input = leaf(20, n * 3 * 35, 0.0);
    let slope =
        |i: usize| slopes[i].map(|s| Tensor::<B, 1>::from_data([s], &device).require_grad());
    let tensors = [slope(0), slope(1)];
    let act = |i: usize| tensors[i].clone().map_or(FusedActivation::Relu, FusedActivation::Prelu);
    let images: Vec<f32> = input.to_data().iter::<f32>().collect();
    let x = FeatureMap::<B>::from_images(&images, n, 3, 7, 5);
    let blocks = n.div_ceil(LANES);
    let leaf_map = x.data.clone().inner();
    let tracked = Tensor::<B, 5>::from_inner(leaf_map).require_grad();
    let x = FeatureMap { data: tracked.clone(), ..x };
    let w = |i: usize, shape: [usize; 4]| weights[i].clone().reshape(shape);
    let norm = |i: usize| [norms[2 * i].clone(), norms[2 * i + 1].clone()];
    let out = if fused {
        let x = DeferredMap::from(x);
        let (y, _) = B::conv_norm(&x, w(0, [5, 3, 3, 3]), &SECOND, norm(0), act(0));
        let (y, _) = B::conv_norm(&y, w(1, [4, 5, 3, 3]), &FIRST, norm(1), FusedActivation::None);
        let (z, _) = B::conv_norm(
            &x,
            w(2, [4, 3, 1, 1]),
            &LayerOp::same(1, 2),
            norm(2),
            FusedActivation::None,
        );
        B::add_pending(&y, &z, act(1))
    } else {
        let normed = |y: FeatureMap<B>, i: usize| {
            let [gamma, beta] = norm(i);
            B::batch_norm(&y, gamma, beta, FusedActivation::None).0
        };
        let y = B::act(&normed(B::conv(&x, w(0, [5, 3, 3, 3]), &SECOND), 0), act(0));
        let y = normed(B::conv(&y, w(1, [4, 5, 3, 3]), &FIRST), 1);
        let z = normed(B::conv(&x, w(2, [4, 3, 1, 1]), &LayerOp::same(1, 2)), 2);
        B::add_act(&y, &z, act(1))
    };
    assert_eq!(out.data.dims()[0], blocks);
    let target: Tensor<B, 2> =
        Tensor::from_data(TensorData::new(noise(30, n * 4), [n, 4]), &device);
    let pooled = B::pool(&out);
    let gradients = (pooled.clone() * pooled * target).sum().backward();
    let list = |t: &Tensor<B, 1>| {
        t.grad(&gradients).unwrap().to_data().iter::<f32>().collect::<Vec<f32>>()
    };
    let mut found: Vec<Vec<f32>> = weights.iter().chain(&norms).map(list).collect();
    found.extend(tensors.iter().flatten().map(list));
    found.push(tracked.grad(&gradients).unwrap().to_data().iter::<f32>().collect());
    (out.to_images(), found)
}

#[test]
fn pending_norms_change_no_result_and_no_gradient() {
    let wide = |v: &[f32]| v.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
    for n in [16, 19, 33] {
        for slopes in [[None, Some(-0.4)], [Some(0.25), None], [Some(1.7), Some(0.1)]] {
            let ((y, fused), (z, plain)) = (block(true, n, slopes), block(false, n, slopes));
            assert_close(&y, &wide(&z), "output");
            assert_eq!(fused.len(), plain.len());
            for (i, (f, p)) in fused.iter().zip(&plain).enumerate() {
                assert!(p.iter().any(|v| *v != 0.0), "gradient {i} is 0");
                assert_close(f, &wide(p), &format!("gradient {i}, {n} images, {slopes:?}"));
            }
        }
    }
}

#[test]
fn batch_norm_counts_images_only() {
    let (n, c, h, w) = (18, 3, 4, 3);
    let x = noise(5, n * c * h * w);
    let map = FeatureMap::<Cpu>::from_images(&x, n, c, h, w);
    let vector = |v: [f32; 3]| Tensor::<Cpu, 1>::from_data(v, &Default::default());
    let (gamma, beta) = ([1.5, -0.5, 1.0], [0.1, 0.2, -0.3]);
    let (y, stats) = Cpu::batch_norm(&map, vector(gamma), vector(beta), FusedActivation::None);
    let y = y.to_images();
    for channel in 0..c {
        let of = |v: &[f32]| -> Vec<f64> {
            (0..v.len()).filter(|i| i / (h * w) % c == channel).map(|i| f64::from(v[i])).collect()
        };
        let values = of(&x);
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let var = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
        assert_eq!(stats.count, n * h * w);
        assert!((f64::from(stats.mean[channel]) - mean).abs() < 1e-6);
        assert!((f64::from(stats.var_biased[channel]) - var).abs() < 1e-6);
        let expected: Vec<f64> = values
            .iter()
            .map(|v| {
                (v - mean) / (var + 1e-5).sqrt() * f64::from(gamma[channel])
                    + f64::from(beta[channel])
            })
            .collect();
        let found: Vec<f32> = of(&y).iter().map(|&v| v as f32).collect();
        assert_close(&found, &expected, "batch norm");
    }
}

#[test]
fn the_inner_backend_computes_the_same() {
    fn run<T: Ops>() -> Vec<f32> {
        let x = FeatureMap::<T>::from_images(&noise(1, 17 * 2 * 36), 17, 2, 6, 6);
        let w = Tensor::from_data(TensorData::new(noise(2, 72), [4, 2, 3, 3]), &Default::default());
        let y = T::conv(&x, w, &FIRST);
        let ones = || Tensor::from_data([1.0, 0.5, 2.0, -1.0], &Default::default());
        let (y, _) = T::batch_norm(&y, ones(), ones(), FusedActivation::Relu);
        T::pool(&T::add_act(&y, &y, FusedActivation::None)).into_data().iter::<f32>().collect()
    }
    assert_eq!(run::<B>(), run::<<B as AutodiffBackend>::InnerBackend>());
}
