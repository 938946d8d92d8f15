//! Convolutions and their gradients, with every remainder of the register tiles.

use super::{assert_close, blocked, images, noise, products};
use crate::conv::{ConvGeometry, Epilogue};
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
        let e = Epilogue { bias: Some(&bias), residual: Some(&dy), slope: -0.5 };
        assert_close(&forward(&e), &with_epilogue, &what("epilogue"));
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
