//! Convolutions and their gradients.

use super::{blocked, images, noise};
use crate::conv::{Epilogue, Geometry};
use crate::fused::{Operand, convolve, convolve_gradients};
use crate::simd::Isa;

/// Calls `f(x index, w index, y index)` for every product of a convolution over `[n, c, h, w]`.
fn products(g: &Geometry, n: usize, mut f: impl FnMut(usize, usize, usize)) {
    let (ho, wo, pad) = (g.ho(), g.wo(), g.k / 2);
    for (i, o, c) in
        (0..n).flat_map(|i| (0..g.co).flat_map(move |o| (0..g.ci).map(move |c| (i, o, c))))
    {
        for (oy, ox) in (0..ho).flat_map(|y| (0..wo).map(move |x| (y, x))) {
            for (ky, kx) in (0..g.k).flat_map(|y| (0..g.k).map(move |x| (y, x))) {
                let (y, x) = (oy * g.stride + ky, ox * g.stride + kx);
                if y < pad || x < pad || y - pad >= g.h || x - pad >= g.w {
                    continue;
                }
                let x = ((i * g.ci + c) * g.h + y - pad) * g.w + x - pad;
                let w = ((o * g.ci + c) * g.k + ky) * g.k + kx;
                f(x, w, ((i * g.co + o) * ho + oy) * wo + ox);
            }
        }
    }
}

fn assert_close(found: &[f32], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-3, |m: f64, v| m.max(v.abs()));
    for (i, (&f, &e)) in found.iter().zip(expected).enumerate() {
        assert!((f64::from(f) - e).abs() <= 2e-6 * scale * 8.0, "{what}[{i}]: {f} against {e}");
    }
}

#[test]
fn every_variant_agrees_with_plain_loops_in_f64() {
    let mut cases = Vec::new();
    for k in [1, 3, 5] {
        for stride in [1, 2] {
            for (ci, co, h, w) in
                [(3, 4, 8, 8), (5, 9, 7, 5), (1, 1, 1, 1), (4, 6, 2, 9), (9, 7, 6, 3)]
            {
                cases.push((k, stride, ci, co, h, w));
            }
        }
    }
    let n = 19;
    for (k, stride, ci, co, h, w) in cases {
        let g = Geometry { blocks: 2, ci, h, w, co, k, stride };
        let (ho, wo) = (g.ho(), g.wo());
        let (x, wt, dy) =
            (noise(1, n * ci * h * w), noise(2, co * ci * k * k), noise(3, n * co * ho * wo));
        let mut y = vec![0f64; dy.len()];
        let mut dx = vec![0f64; x.len()];
        let mut dw = vec![0f64; wt.len()];
        products(&g, n, |a, b, c| {
            y[c] += f64::from(x[a]) * f64::from(wt[b]);
            dx[a] += f64::from(dy[c]) * f64::from(wt[b]);
            dw[b] += f64::from(dy[c]) * f64::from(x[a]);
        });
        let (xb, dyb) = (blocked(&x, n), blocked(&dy, n));
        for isa in Isa::available() {
            let what = |part: &str| format!("{part}, {isa:?}, {g:?}");
            let forward =
                |e: &Epilogue<'_>| convolve(isa, &g, n, Operand::plain(&xb), &wt, e, false).0;
            let found = forward(&Epilogue::NONE);
            assert_close(&images(&found, n), &y, &what("output"));
            let found = convolve_gradients(isa, &g, n, Operand::plain(&xb), &wt, &dyb, true);
            let of_input = images(&found.x.unwrap(), n);
            assert_close(&of_input, &dx, &what("input gradient"));
            assert_close(&found.w, &dw, &what("weight gradient"));

            let bias = noise(4, co);
            let e = Epilogue { bias: Some(&bias), residual: Some(&dyb), slope: -0.5 };
            let found = images(&forward(&e), n);
            let expected: Vec<f64> = (0..y.len())
                .map(|i| y[i] + f64::from(dy[i]) + f64::from(bias[i / (ho * wo) % co]))
                .map(|v| if v < 0.0 { -0.5 * v } else { v })
                .collect();
            assert_close(&found, &expected, &what("epilogue"));
        }
    }
}
