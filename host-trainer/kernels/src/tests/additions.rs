//! Additions of two maps with pending norms, and their gradients.

use super::{Reading, assert_close, blocked, images, noise, norm, norm_gradients};
use crate::activation::Activation;
use crate::fused::{PendingMap, add, add_gradients};
use crate::map::MapShape;
use crate::norm::NormGradient;
use crate::simd::Isa;

const N: usize = if cfg!(miri) { 2 } else { 21 };

/// `second`: no second map, one without a norm, one with a norm.
fn check(shape: MapShape, first_norm: bool, second: Option<bool>, act: Activation) {
    let n = N * shape.channels() * shape.pixels();
    let (a, b, dy) = (noise(1, n), noise(2, n), noise(3, n));
    let (na, nb) = (norm(4, shape.channels()), norm(8, shape.channels()));
    let reading = |norm| Reading { norm, act: Activation::NONE };
    let norms = [first_norm.then_some(&na), second.unwrap_or(false).then_some(&nb)];
    let channel = |i: usize| i / shape.pixels() % shape.channels();
    let sum = |i: usize| {
        let of = |x: &[f32], norm| reading(norm).normed(f64::from(x[i]), channel(i));
        of(&a, norms[0]) + second.map_or(0.0, |_| of(&b, norms[1]))
    };
    let bound = f64::from(act.bound);
    let factor = |i: usize| match sum(i) {
        v if v < 0.0 => f64::from(act.slope),
        v if v > bound => 0.0,
        _ => 1.0,
    };
    let y: Vec<f64> =
        (0..n).map(|i| if sum(i) > bound { bound } else { sum(i) * factor(i) }).collect();
    let g: Vec<f64> = (0..n).map(|i| f64::from(dy[i]) * factor(i)).collect();
    let of_slope = (0..n).map(|i| f64::from(dy[i]) * sum(i).min(0.0)).sum::<f64>();

    let [ab, bb, dyb] = [&a, &b, &dy].map(|v| blocked(v, N));
    let first = PendingMap { norm: norms[0], ..PendingMap::plain(&ab) };
    let other = second.map(|_| PendingMap { norm: norms[1], ..PendingMap::plain(&bb) });
    for isa in Isa::available() {
        let what = |part: &str| format!("{part}, {isa:?}, {first_norm}, {second:?}, {act:?}");
        let found = add(isa, shape, first, other, act);
        assert_close(&images(&found, N), &y, &what("output"));
        let found = add_gradients(isa, shape, first, other, act, &dyb);
        assert_close(&[found.slope], &[of_slope], &what("gradient of the slope"));
        let gradient = |x: &[f32], index: usize, found: &(Vec<f32>, Option<NormGradient>)| {
            let Some(factors) = norms[index] else {
                assert_close(&images(&found.0, N), &g, &what("gradient without norm"));
                return assert!(found.1.is_none());
            };
            let [dx, gamma, beta] = norm_gradients(factors, x, &g, shape.count(), channel);
            let norm = found.1.as_ref().unwrap();
            assert_close(&images(&found.0, N), &dx, &what("gradient"));
            assert_close(&norm.gamma, &gamma, &what("gradient of gamma"));
            assert_close(&norm.beta, &beta, &what("gradient of beta"));
        };
        gradient(&a, 0, &found.a);
        let shared = norms.iter().all(Option::is_none) || second.is_none();
        assert_eq!(found.b.is_none(), shared);
        if let Some(found) = &found.b {
            gradient(&b, 1, found);
        }
    }
}

#[test]
fn additions_agree_with_plain_loops() {
    let (channels, rows) = if cfg!(miri) { (2, 1) } else { (3, 13) };
    let shape = MapShape::new(N, channels, rows, 3);
    for first in [false, true] {
        for second in [None, Some(false), Some(true)] {
            for slope in [1.0, 0.0, -0.5] {
                check(shape, first, second, slope.into());
            }
            check(shape, first, second, Activation::clipped(0.5));
        }
    }
}
