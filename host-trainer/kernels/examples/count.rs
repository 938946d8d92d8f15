//! Runs one kernel a number of times, and prints the least time of a call.
//!
//! `cargo run --release -p supernano-kernels --example count -- KERNEL REPEATS [ISA]`
//!
//! Under callgrind, the difference between two numbers of repeats is the kernel's instruction
//! count, which no other load on the machine changes.

use std::hint::black_box;
use std::time::Instant;

use supernano_kernels::conv::{ConvShape, Epilogue};
use supernano_kernels::fused::{self, PendingMap};
use supernano_kernels::map::MapShape;
use supernano_kernels::norm::NormFactors;
use supernano_kernels::planes::{self, Addend, Buffer, Convolution, Planes};
use supernano_kernels::pool;
use supernano_kernels::simd::Isa;

/// Values in -1..1 from a seed.
fn noise(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = |_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(next).collect()
}

fn main() {
    let mut args = std::env::args().skip(1);
    let kernel = args.next().unwrap();
    let repeats: usize = args.next().unwrap().parse().unwrap();
    let want = args.next();
    let isa = Isa::available()
        .into_iter()
        .find(|i| want.as_ref().is_none_or(|w| format!("{i:?}") == *w))
        .unwrap();
    let k = if kernel.ends_with("1x1") { 1 } else { 3 };
    let stride = if kernel.ends_with("s2") { 2 } else { 1 };
    let (ci, co) = (24, 28);
    let size = MapShape::new(16, ci, 16, 16);
    let g = ConvShape::new(size, co, k, stride);
    let (x, w, dy) = (noise(1, size.len()), noise(2, g.weights()), noise(3, g.output().len()));
    let v = |s| noise(s, 32);
    let var: Vec<f32> = v(5).iter().map(|v| v.abs() + 0.5).collect();
    let (mean, gamma, beta) = (v(4), v(6), v(7));
    let norm = NormFactors::new(&mean[..ci], &var[..ci], &gamma[..ci], &beta[..ci], 1e-5);
    let op = PendingMap { x: &x, norm: Some(&norm), slope: 0.25 };
    let plain = PendingMap::plain(&x);
    let p = Planes { h: 16, w: 16, margin: 1 };
    let mut px = Buffer::zeros(ci * p.len());
    let images = noise(8, 16 * ci * 256);
    planes::fill(px.values_mut(), &images, ci, p);
    let to = p.strided(stride);
    let mut py = Buffer::zeros(co * to.len());
    let pr = Buffer::zeros(co * to.len());
    let bias = noise(9, co);
    let z = noise(10, size.len());
    let znorm = NormFactors::new(&mean[..ci], &var[..ci], &beta[..ci], &gamma[..ci], 1e-5);
    let zop = PendingMap { x: &z, norm: Some(&znorm), slope: 1.0 };
    let mut pair = vec![(0.0, 0.0); ci];
    let mut means = vec![0.0; ci * 16];
    let mut best = u128::MAX;
    for _ in 0..repeats {
        let start = Instant::now();
        match kernel.trim_end_matches("-1x1").trim_end_matches("-s2") {
            "none" => {}
            "forward" => {
                black_box(fused::convolve(isa, &g, plain, &w, &Epilogue::NONE, false));
            }
            "forward-norm" => {
                black_box(fused::convolve(isa, &g, op, &w, &Epilogue::NONE, true));
            }
            "weights" => {
                black_box(fused::convolve_gradients(isa, &g, plain, &w, &dy, false));
            }
            "gradients" => {
                black_box(fused::convolve_gradients(isa, &g, op, &w, &dy, true));
            }
            "add" => {
                black_box(fused::add(isa, size, op, Some(zop), 0.1));
            }
            "add-gradients" => {
                black_box(fused::add_gradients(isa, size, op, Some(zop), 0.1, &x));
            }
            "statistics" => {
                black_box(fused::statistics(isa, size, &x));
            }
            "planes-conv" => {
                let e = Epilogue { bias: Some(&bias), residual: Some(pr.values()), slope: 0.0 };
                Convolution { weight: &w, ci, co, k, stride }.run(
                    isa,
                    p,
                    px.values(),
                    py.values_mut(),
                    &e,
                );
                black_box(py.values());
            }
            "planes-sums" => {
                planes::sums(isa, p, px.values(), 16, &mean[..ci], &mut pair);
                black_box(&pair);
            }
            "planes-scale" => {
                let add = Addend { values: pr.values(), scale: &gamma[..ci] };
                planes::scale(isa, p, px.values_mut(), (&gamma[..ci], &beta[..ci]), Some(add), 0.5);
                black_box(px.values());
            }
            "planes-mean" => {
                planes::mean(isa, p, px.values(), &mut means);
                black_box(&means);
            }
            "planes-fill" => {
                planes::fill(px.values_mut(), &images, ci, p);
                black_box(px.values());
            }
            "pool" => {
                black_box(pool::pool(size, &x));
            }
            "pool-gradient" => {
                black_box(pool::pool_gradient(size, &x[..16 * ci]));
            }
            other => panic!("{other}"),
        }
        best = best.min(start.elapsed().as_nanos());
    }
    println!("{kernel} {isa:?} {best}");
}
