//! The largest values of windows, and their gradients.

use super::{blocked, images, noise};
use crate::conv::{ConvGeometry, Window};
use crate::map::MapShape;
use crate::pool::{maximum, maximum_gradient};
use crate::simd::Isa;

/// Every output's index, and the indices of the pixels under its window.
fn windows(shape: &ConvGeometry) -> Vec<Vec<usize>> {
    let (x, y, window) = (shape.input(), shape.output(), shape.window());
    let covered = |i: usize| {
        let (plane, pixel) = (i / y.pixels(), i % y.pixels());
        let (row, column) = (pixel / y.columns(), pixel % y.columns());
        let under = |tap: usize| {
            let row = row * window.stride[0] + tap / window.kernel[1];
            let column = column * window.stride[1] + tap % window.kernel[1];
            let row = row.checked_sub(window.padding[0]).filter(|&r| r < x.rows())?;
            let column = column.checked_sub(window.padding[2]).filter(|&c| c < x.columns())?;
            Some((plane * x.rows() + row) * x.columns() + column)
        };
        (0..window.taps()).filter_map(under).collect()
    };
    (0..x.images() * y.channels() * y.pixels()).map(covered).collect()
}

fn check(images_in: usize, channels: usize, [rows, columns]: [usize; 2], window: Window) {
    let input = MapShape::new(images_in, channels, rows, columns);
    let shape = ConvGeometry::depthwise(input, window);
    // few values, so that several of a window are the largest
    let coarse = |v: f32| (v * 3.0).round() - 2.0;
    let x: Vec<f32> =
        noise(1, images_in * channels * rows * columns).into_iter().map(coarse).collect();
    let windows = windows(&shape);
    let dy = noise(2, windows.len());
    let (mut y, mut dx) = (Vec::new(), vec![0f32; x.len()]);
    for (window, &dy) in windows.iter().zip(&dy) {
        let first = window.iter().copied().reduce(|a, b| if x[b] > x[a] { b } else { a }).unwrap();
        y.push(x[first]);
        dx[first] += dy;
    }
    let (x, dy) = (blocked(&x, images_in), blocked(&dy, images_in));
    for isa in Isa::available() {
        assert_eq!(images(&maximum(isa, &shape, &x), images_in), y, "{isa:?} {shape:?}");
        let found = images(&maximum_gradient(isa, &shape, &x, &dy), images_in);
        for (found, expected) in found.iter().zip(&dx) {
            assert!((found - expected).abs() < 1e-5, "{isa:?} {shape:?}");
        }
    }
}

#[test]
fn maxima_agree_with_plain_loops() {
    let padded = Window { kernel: [3, 2], stride: [2, 1], padding: [2, 1, 1, 0] };
    for window in [Window::whole(2, 2), Window::whole(4, 3), Window::same(3, 2), padded] {
        for images in if cfg!(miri) { [1, 2] } else { [3, 17] } {
            check(images, 2, [4, 3], window);
            check(images, 1, [5, 3], window);
        }
    }
}
