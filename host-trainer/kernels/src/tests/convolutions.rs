//! Convolutions and their gradients, with every remainder of the register tiles.

use super::{assert_close, blocked, images, noise, products};
use crate::activation::Activation;
use crate::conv::{ConvGeometry, Epilogue, Window};
use crate::fused::{PendingMap, convolve, convolve_gradients};
use crate::map::MapShape;
use crate::simd::Isa;

fn check(shape: &ConvGeometry) {
    let (input, output, n) = (shape.input(), shape.output(), shape.input().images());
    let values = |m: MapShape| n * m.channels() * m.pixels();
    let (x, w, dy) = (noise(1, values(input)), noise(2, shape.weights()), noise(3, values(output)));
    let mut y = vec![0f64; dy.len()];
    let mut dx = vec![0f64; x.len()];
    let mut dw = vec![0f64; w.len()];
    products(shape, |a, b, c| {
        y[c] += f64::from(x[a]) * f64::from(w[b]);
        dx[a] += f64::from(dy[c]) * f64::from(w[b]);
        dw[b] += f64::from(dy[c]) * f64::from(x[a]);
    });
    let bias = noise(4, output.channels());
    let channel = |i: usize| i / output.pixels() % output.channels();
    let with_epilogue = |i: usize| {
        let v = y[i] + f64::from(dy[i]) + f64::from(bias[channel(i)]);
        if v < 0.0 { -0.5 * v } else { v }
    };
    let with_epilogue: Vec<f64> = (0..y.len()).map(with_epilogue).collect();
    let (x, dy) = (blocked(&x, n), blocked(&dy, n));
    for isa in Isa::with_wide_tiles() {
        let what = |part: &str| format!("{part}, {isa:?}, {shape:?}");
        let x = PendingMap::plain(&x);
        let forward = |e: &Epilogue<'_>| images(&convolve(isa, shape, x, &w, e, false).0, n);
        assert_close(&forward(&Epilogue::NONE), &y, &what("output"));
        let e = Epilogue { bias: Some(&bias), residual: Some(&dy), act: (-0.5).into() };
        assert_close(&forward(&e), &with_epilogue, &what("epilogue"));
        let bounded: Vec<f64> = with_epilogue.iter().map(|v| v.min(0.25)).collect();
        let e = Epilogue { act: Activation { bound: 0.25, ..e.act }, ..e };
        assert_close(&forward(&e), &bounded, &what("bounded epilogue"));
        let found = convolve_gradients(isa, shape, x, &w, &dy, true);
        assert_close(&images(&found.x.unwrap(), n), &dx, &what("input gradient"));
        assert_close(&found.w, &dw, &what("weight gradient"));
        assert_eq!(convolve_gradients(isa, shape, x, &w, &dy, false).w, found.w);
    }
}

fn each_kernel(input: MapShape, outputs: usize) {
    for (k, stride) in [(1, 1), (1, 2), (3, 1), (3, 2), (5, 1), (5, 2)] {
        check(&ConvGeometry::new(input, outputs, k, stride));
    }
}

#[test]
fn every_size_of_a_register_tile_agrees_with_plain_loops() {
    if cfg!(miri) {
        for outputs in 1..=6 {
            check(&ConvGeometry::new(MapShape::new(1, 1, 1, 3), outputs, 1, 1));
        }
        check(&ConvGeometry::new(MapShape::new(1, 2, 1, 7), 6, 3, 2));
        check(&ConvGeometry::new(MapShape::new(1, 1, 1, 4), 4, 3, 1));
        return;
    }
    // more than two tiles of the widest instruction set: 6 outputs and 4 pixels
    for outputs in 1..=13 {
        for columns in 1..=9 {
            let inputs = 1 + (outputs + columns) % 3;
            each_kernel(MapShape::new(1, inputs, 2, columns), outputs);
        }
    }
}

#[test]
fn several_blocks_agree_with_plain_loops() {
    if cfg!(miri) {
        return check(&ConvGeometry::new(MapShape::new(17, 1, 2, 1), 1, 3, 2));
    }
    let sizes = [(3, 4, 8, 8), (5, 9, 7, 5), (1, 1, 1, 1), (4, 6, 2, 9), (9, 7, 6, 3)];
    for (inputs, outputs, rows, columns) in sizes {
        each_kernel(MapShape::new(35, inputs, rows, columns), outputs);
    }
}

/// Windows of every size, stride and padding over maps that they leave pixels of.
#[test]
fn every_window_agrees_with_plain_loops() {
    let mut seed = 1u64;
    let mut below = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % n
    };
    let mut cases = 0;
    while cases < if cfg!(miri) { 3 } else { 400 } {
        let (rows, columns) = (1 + below(13), 1 + below(11));
        let kernel = [1 + below(11), 1 + below(7)];
        let stride = [1 + below(4), 1 + below(2)];
        let padding = [0, 0, 1, 1].map(|axis: usize| below(kernel[axis].min(3)));
        let [above, under, left, right] = padding;
        if kernel[0] > rows + above + under || kernel[1] > columns + left + right {
            continue;
        }
        let window = Window { kernel, stride, padding };
        let input = MapShape::new(1 + below(18), 1 + below(4), rows, columns);
        check(&ConvGeometry::windowed(input, 1 + below(5), window));
        check(&ConvGeometry::depthwise(input, window));
        cases += 1;
    }
    let whole = MapShape::new(3, 4, 5, 2);
    check(&ConvGeometry::windowed(whole, 7, Window::whole(5, 2)));
}

#[test]
fn depthwise_convolutions_of_several_blocks_agree_with_plain_loops() {
    for (channels, rows, columns) in [(3, 8, 8), (5, 7, 5), (1, 1, 1)] {
        for (k, stride) in [(1, 1), (3, 1), (3, 2), (5, 2), (7, 1)] {
            let images = if cfg!(miri) { 2 } else { 35 };
            let input = MapShape::new(images, channels, rows, columns);
            if !cfg!(miri) || k * rows < 4 {
                check(&ConvGeometry::depthwise(input, Window::same(k, stride)));
            }
        }
    }
}
