use super::*;
use crate::activation::Activation;
use crate::conv::{ConvGeometry, Epilogue, Window};
use crate::fused::{PendingMap, convolve};
use crate::map::MapShape;
use crate::simd::Isa;
use crate::tests::blocked;

fn noise(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919 + 13) % 1013) as f32 / 506.5 - 1.0).collect()
}

fn block(images: &[f32], c: usize, p: Planes) -> Buffer {
    let mut block = Buffer::zeros(c * p.len());
    fill(block.values_mut(), images, c, p);
    block
}

#[test]
fn images_come_back_and_margins_stay_zero() {
    let p = Planes { h: 3, w: 5, margin: 2 };
    let images = noise(7 * 2 * 15);
    let block = block(&images, 2, p);
    assert_eq!(to_images(block.values(), 7, 2, p), images);
    assert_eq!(block.values().iter().filter(|&&v| v != 0.0).count(), images.len());
}

#[test]
fn convolutions_equal_those_of_training_on_every_processor() {
    for (h, w, margin, k, stride, ci, co) in [
        (8, 8, 1, 3, 1, 3, 5),
        (7, 5, 2, 3, 2, 4, 9),
        (6, 9, 2, 5, 1, 2, 4),
        (4, 4, 1, 1, 2, 5, 3),
        (1, 1, 0, 1, 1, 6, 10),
    ] {
        if cfg!(miri) && ci * co * k * h > 60 {
            continue;
        }
        let p = Planes { h, w, margin };
        let window = Window::same(k, stride);
        let to = p.windowed(&window);
        let (images, weight, bias) = (noise(16 * ci * h * w), noise(co * ci * k * k), noise(co));
        let added = noise(16 * co * to.h * to.w);
        let shape = ConvGeometry::new(MapShape::new(16, ci, h, w), co, k, stride);
        let residual = blocked(&added, 16);
        let (x, z) = (block(&images, ci, p), block(&added, co, to));
        for isa in Isa::available() {
            let e = Epilogue { bias: Some(&bias), residual: Some(&residual), act: (-0.5).into() };
            let input = blocked(&images, 16);
            let input = PendingMap::plain(&input);
            let expected = convolve(isa, &shape, input, &weight, &e, false).0;
            let mut y = Buffer::zeros(co * to.len());
            let e = Epilogue { residual: Some(z.values()), ..e };
            let conv = Convolution { weight: &weight, ci, co, window, depthwise: false };
            conv.run(isa, p, x.values(), y.values_mut(), &e);
            let found = to_images(y.values(), 16, co, to);
            assert_eq!(blocked(&found, 16), expected, "{isa:?} {shape:?}");
            let inside = to_images(y.values(), 16, co, to).iter().filter(|&&v| v != 0.0).count();
            assert_eq!(y.values().iter().filter(|&&v| v != 0.0).count(), inside);
        }
    }
}

/// Windows of all kinds over margins that are wider than their padding.
#[test]
fn windows_equal_those_of_training_on_every_processor() {
    let windows = [
        ([3, 3], [1, 1], [1, 1, 1, 1]),
        ([5, 3], [2, 1], [1, 2, 0, 2]),
        ([1, 4], [1, 2], [0, 0, 3, 0]),
        ([4, 1], [3, 1], [3, 0, 0, 0]),
        ([2, 2], [2, 2], [0; 4]),
        ([6, 7], [1, 1], [0; 4]),
    ];
    for (kernel, stride, padding) in windows {
        let window = Window { kernel, stride, padding };
        let (h, w, ci, margin) = (6, 7, 3, 3);
        let from = Planes { h, w, margin };
        let to = from.windowed(&window);
        let input = MapShape::new(16, ci, h, w);
        let images = noise(16 * input.channels() * h * w);
        let plain = blocked(&images, 16);
        let x = block(&images, ci, from);
        let shapes =
            [ConvGeometry::windowed(input, 5, window), ConvGeometry::depthwise(input, window)];
        for isa in if cfg!(miri) { Vec::new() } else { Isa::available() } {
            for shape in shapes {
                let co = shape.output().channels();
                let (weight, bias) = (noise(shape.weights()), noise(co));
                let added = noise(16 * co * to.h * to.w);
                let (residual, z) = (blocked(&added, 16), block(&added, co, to));
                let act = Activation { slope: 0.0, bound: 0.75 };
                let e = Epilogue { bias: Some(&bias), residual: Some(&residual), act };
                let expected =
                    convolve(isa, &shape, PendingMap::plain(&plain), &weight, &e, false).0;
                let e = Epilogue { residual: Some(z.values()), ..e };
                let mut y = Buffer::zeros(co * to.len());
                let depthwise = shape.is_depthwise();
                let conv = Convolution { weight: &weight, ci, co, window, depthwise };
                conv.run(isa, from, x.values(), y.values_mut(), &e);
                let found = blocked(&to_images(y.values(), 16, co, to), 16);
                assert_eq!(found, expected, "{isa:?} {shape:?}");
                assert!(found.contains(&0.75));
            }
            let expected = crate::pool::maximum(isa, &shapes[1], &plain);
            let mut y = Buffer::zeros(ci * to.len());
            maximum(isa, &window, ci, from, x.values(), y.values_mut());
            assert_eq!(blocked(&to_images(y.values(), 16, ci, to), 16), expected, "{window:?}");
            let inside = expected.iter().filter(|&&v| v != 0.0).count();
            assert_eq!(y.values().iter().filter(|&&v| v != 0.0).count(), inside);
        }
    }
}

/// The passes over three channels of planes `p`.
fn check_passes(p: Planes) {
    let (c, pixels) = (3, p.h * p.w);
    let n = LANES * c * pixels;
    let (images, added) = (noise(n), noise(n + 7)[7..].to_vec());
    let channel = |i: usize| i / pixels % c;
    let close = |a: f64, b: f64| (a - b).abs() < 1e-4;
    for isa in Isa::available() {
        let (mut y, z) = (block(&images, c, p), block(&added, c, p));
        let origin = firsts(p, y.values(), c);
        assert_eq!(origin, [0, 1, 2].map(|c| images[c * pixels]));
        for lanes in [1, 9, 16] {
            let mut found = vec![(1.0, 2.0); c];
            sums(isa, p, y.values(), lanes, &origin, &mut found);
            for k in 0..c {
                let of = images[..lanes * c * pixels].iter().enumerate();
                let of = of.filter(|(i, _)| channel(*i) == k);
                let d: Vec<f64> = of.map(|(_, &v)| f64::from(v) - f64::from(origin[k])).collect();
                let (s, q) = (d.iter().sum::<f64>(), d.iter().map(|v| v * v).sum::<f64>());
                assert!(close(found[k].0, 1.0 + s) && close(found[k].1, 2.0 + q), "{isa:?} {p:?}");
            }
        }
        let mut means = vec![0.0; c * LANES];
        mean(isa, p, y.values(), &mut means);
        for (i, plane) in images.chunks_exact(pixels).enumerate() {
            let expected = plane.iter().map(|&v| f64::from(v)).sum::<f64>() / pixels as f64;
            let found = means[i % c * LANES + i / c];
            assert!(close(f64::from(found), expected), "{isa:?} {p:?}");
        }
        let (factor, offset, other) = ([2.0, -1.0, 0.5], [0.1, 0.2, -0.3], [1.0, 3.0, -2.0]);
        for add in [None, Some(Addend { values: z.values(), scale: &other })] {
            fill(y.values_mut(), &images, c, p);
            scale(isa, p, y.values_mut(), (&factor, &offset), add, -0.25);
            let found = to_images(y.values(), 16, c, p);
            for (i, &v) in found.iter().enumerate() {
                let k = channel(i);
                let sum = images[i] * factor[k]
                    + offset[k]
                    + add.map_or(0.0, |add| added[i] * add.scale[k]);
                let expected = if sum < 0.0 { sum * -0.25 } else { sum };
                assert!(close(f64::from(v), f64::from(expected)), "{isa:?}: {v}, not {expected}");
            }
            // the margins still hold zeros
            assert_eq!(y.values().iter().filter(|&&v| v != 0.0).count(), found.len());
        }
    }
}

#[test]
fn passes_agree_with_plain_loops() {
    if cfg!(miri) {
        return check_passes(Planes { h: 3, w: 2, margin: 1 });
    }
    // the sums of 32 pixels are taken together, in whole rows
    for w in [1, 2, 4, 7, 16, 31, 33] {
        for h in [1, 2, 5, 9] {
            check_passes(Planes { h, w, margin: w % 3 });
        }
    }
}
