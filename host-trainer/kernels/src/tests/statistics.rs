//! Statistics and pooling.

use super::{assert_close, blocked, images, noise};
use crate::fused::statistics;
use crate::map::MapShape;
use crate::pool::{pool, pool_gradient};
use crate::simd::Isa;

/// Every number of images of a last block, and of pixels of a last chunk.
fn shapes() -> Vec<MapShape> {
    let (lanes, pixels) = if cfg!(miri) { (2, 3) } else { (17, 70) };
    let of = |images| (1..=pixels).map(move |pixels| MapShape::new(images, 2, 1, pixels));
    (1..=lanes).flat_map(of).collect()
}

/// The mean of every channel of `x`, or of every plane where `planes`.
fn means(shape: MapShape, x: &[f64], planes: bool) -> Vec<f64> {
    let groups = if planes { shape.images() * 2 } else { 2 };
    let mut sums = vec![0f64; groups];
    for (i, v) in x.iter().enumerate() {
        sums[i / shape.pixels() % groups] += v;
    }
    sums.iter().map(|s| s * groups as f64 / x.len() as f64).collect()
}

#[test]
fn statistics_agree_with_plain_loops() {
    for shape in shapes() {
        let n = shape.images();
        // far from 0, where sums of squares lose digits
        let x: Vec<f32> = noise(1, n * 2 * shape.pixels()).iter().map(|v| v + 100.0).collect();
        let wide: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
        let mean = means(shape, &wide, false);
        let square = |(i, v): (usize, &f64)| (v - mean[i / shape.pixels() % 2]).powi(2);
        let squares: Vec<f64> = wide.iter().enumerate().map(square).collect();
        for isa in Isa::available() {
            let found = statistics(isa, shape, &blocked(&x, n));
            assert_close(&found.mean, &mean, "mean");
            assert_close(&found.variance, &means(shape, &squares, false), "variance");
        }
    }
}

#[test]
fn pooling_agrees_with_plain_loops() {
    for shape in shapes() {
        let n = shape.images();
        let x = noise(2, n * 2 * shape.pixels());
        let wide: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
        assert_close(&pool(shape, &blocked(&x, n)), &means(shape, &wide, true), "pool");
        let dy = noise(3, n * 2);
        let share = |i: usize| f64::from(dy[i / shape.pixels()]) / shape.pixels() as f64;
        let expected: Vec<f64> = (0..x.len()).map(share).collect();
        let found = pool_gradient(shape, &dy);
        assert_eq!(found.len(), shape.len());
        assert_close(&images(&found, n), &expected, "gradient of pooling");
        let used = found.iter().filter(|&&v| v != 0.0).count();
        assert_eq!(used, x.len(), "lanes without an image hold zeros");
    }
}
