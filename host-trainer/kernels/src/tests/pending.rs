//! Convolutions that apply batch norm and activation while they read.

use super::{Reading, assert_close, blocked, images, noise, norm, norm_gradients, products};
use crate::activation::Activation;
use crate::conv::{ConvGeometry, Epilogue, Window};
use crate::fused::{PendingMap, convolve, convolve_gradients};
use crate::map::MapShape;
use crate::simd::Isa;

const N: usize = if cfg!(miri) { 2 } else { 19 };

fn check(shape: &ConvGeometry, normed: bool, act: Activation) {
    let (input, output) = (shape.input(), shape.output());
    let x = noise(1, N * input.channels() * input.pixels());
    let (w, dy) = (noise(2, shape.weights()), noise(3, N * output.channels() * output.pixels()));
    let factors = norm(4, input.channels());
    let reading = Reading { norm: normed.then_some(&factors), act };
    let channel = |i: usize| i / input.pixels() % input.channels();
    let value = |i: usize| reading.value(f64::from(x[i]), channel(i));
    let (mut y, mut dw) = (vec![0f64; dy.len()], vec![0f64; w.len()]);
    let mut g = vec![0f64; x.len()];
    products(shape, |a, b, c| {
        y[c] += value(a) * f64::from(w[b]);
        dw[b] += f64::from(dy[c]) * value(a);
        g[a] += f64::from(dy[c]) * f64::from(w[b]);
    });
    let mut of_slope = 0f64;
    for (i, g) in g.iter_mut().enumerate() {
        let v = reading.normed(f64::from(x[i]), channel(i));
        if v < 0.0 {
            of_slope += *g * v;
            *g *= f64::from(act.slope);
        }
        if v > f64::from(act.bound) {
            *g = 0.0;
        }
    }
    let (blocks, dy) = (blocked(&x, N), blocked(&dy, N));
    for isa in Isa::available() {
        let what = |part: &str| format!("{part}, {isa:?}, {shape:?}, norm {normed}, {act:?}");
        let x_read = PendingMap { x: &blocks, norm: reading.norm, act };
        let (found, statistics) = convolve(isa, shape, x_read, &w, &Epilogue::NONE, true);
        let found = images(&found, N);
        assert_close(&found, &y, &what("output"));
        let of = |c: usize| {
            let of_c = |i: &usize| i / output.pixels() % output.channels() == c;
            (0..found.len()).filter(of_c).map(|i| f64::from(found[i])).collect::<Vec<f64>>()
        };
        let values: Vec<Vec<f64>> = (0..output.channels()).map(of).collect();
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let variance =
            |v: &[f64]| mean(&v.iter().map(|x| (x - mean(v)).powi(2)).collect::<Vec<f64>>());
        let means: Vec<f64> = values.iter().map(|v| mean(v)).collect();
        let variances: Vec<f64> = values.iter().map(|v| variance(v)).collect();
        assert_close(&statistics.mean, &means, &what("mean"));
        assert_close(&statistics.variance, &variances, &what("variance"));

        let found = convolve_gradients(isa, shape, x_read, &w, &dy, true);
        assert_close(&found.w, &dw, &what("weight gradient"));
        let dx = images(&found.x.unwrap(), N);
        if !normed {
            assert!(found.norm.is_none());
            assert_close(&dx, &g, &what("input gradient"));
        } else {
            let [of_x, gamma, beta] = norm_gradients(&factors, &x, &g, input.count(), channel);
            let norm = found.norm.unwrap();
            assert_close(&dx, &of_x, &what("input gradient"));
            assert_close(&norm.gamma, &gamma, &what("gradient of gamma"));
            assert_close(&norm.beta, &beta, &what("gradient of beta"));
        }
        if normed || act.slope != 1.0 {
            assert_close(&[found.slope], &[of_slope], &what("gradient of the slope"));
        }
    }
}

#[test]
fn pending_norms_and_activations_agree_with_plain_loops() {
    let all = [(3, 2), (1, 1), (3, 1), (1, 2)];
    for &(k, stride) in if cfg!(miri) { &all[..2] } else { &all } {
        let (inputs, rows, outputs) = if cfg!(miri) { (1, 2, 1) } else { (3, 5, 2) };
        let shape = ConvGeometry::new(MapShape::new(N, inputs, rows, 3), outputs, k, stride);
        for (normed, slope) in [(false, 1.0), (false, 0.25), (true, 1.0), (true, 0.0), (true, 1.5)]
        {
            check(&shape, normed, slope.into());
        }
        check(&shape, true, Activation::clipped(0.5));
    }
    let window = Window { kernel: [4, 3], stride: [2, 1], padding: [1, 2, 0, 2] };
    let input = MapShape::new(N, if cfg!(miri) { 1 } else { 3 }, 5, 3);
    for shape in [ConvGeometry::windowed(input, 2, window), ConvGeometry::depthwise(input, window)]
    {
        for normed in [false, true] {
            check(&shape, normed, 0.25.into());
            check(&shape, normed, Activation::clipped(0.25));
        }
    }
}
