//! Prints the speed of every layer shape of ResNet20 on one core, in GFLOP/s, and the time of
//! all its layers' forward and backward passes. `cargo run --release -p supernano --example bench_ops`

use std::time::Instant;
use supernano::backend::cpu::conv::{self, Conv, Epilogue};
use supernano::backend::cpu::{Isa, norm};

/// Best of three, in seconds.
fn time<R>(mut f: impl FnMut() -> R) -> f64 {
    let once = |_| {
        let t = Instant::now();
        std::hint::black_box(f());
        t.elapsed().as_secs_f64()
    };
    (0..3).map(once).fold(f64::MAX, f64::min)
}

fn main() -> Result<(), rayon::ThreadPoolBuildError> {
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global()?;
    let isa = Isa::best();
    println!("{isa:?}, batch 128");
    let layers = [
        (1, Conv { ci: 3, co: 16, h: 32, w: 32, k: 3, stride: 1 }),
        (6, Conv { ci: 16, co: 16, h: 32, w: 32, k: 3, stride: 1 }),
        (1, Conv { ci: 16, co: 32, h: 32, w: 32, k: 3, stride: 2 }),
        (1, Conv { ci: 16, co: 32, h: 32, w: 32, k: 1, stride: 2 }),
        (5, Conv { ci: 32, co: 32, h: 16, w: 16, k: 3, stride: 1 }),
        (1, Conv { ci: 32, co: 64, h: 16, w: 16, k: 3, stride: 2 }),
        (1, Conv { ci: 32, co: 64, h: 16, w: 16, k: 1, stride: 2 }),
        (5, Conv { ci: 64, co: 64, h: 8, w: 8, k: 3, stride: 1 }),
    ];
    let mut total = [0.0; 5];
    for (count, g) in layers {
        let x = vec![0.5; 8 * g.input_len()];
        let dy = vec![0.25; 8 * g.output_len()];
        let w = vec![0.125; g.weight_len()];
        let s = norm::Shape { n: 128, c: g.co, pixels: g.ho() * g.wo() };
        let (ga, be) = (vec![1.0; g.co], vec![0.0; g.co]);
        let (_, m) = norm::forward(isa, s, &dy, &ga, &be, true);
        let t = [
            time(|| conv::forward(isa, g, &x, &w, Epilogue::default())),
            time(|| conv::input_gradient(isa, g, &dy, &w)),
            time(|| conv::weight_gradient(isa, g, &x, &dy)),
            time(|| norm::forward(isa, s, &dy, &ga, &be, true)),
            time(|| norm::backward(isa, s, &dy, &dy, &m, &ga, &be, true)),
        ];
        let flop = 2.0 * 128.0 * (g.weight_len() * g.ho() * g.wo()) as f64;
        let rate = |t: f64| flop / t / 1e9;
        println!(
            "{count} x {}->{} k{} s{} {}x{}: forward {:.0}, input gradient {:.0}, weight gradient {:.0} GFLOP/s; norm {:.1} + {:.1} ms",
            g.ci,
            g.co,
            g.k,
            g.stride,
            g.h,
            g.w,
            rate(t[0]),
            rate(t[1]),
            rate(t[2]),
            t[3] * 1e3,
            t[4] * 1e3
        );
        for (a, t) in total.iter_mut().zip(t) {
            *a += t * f64::from(count);
        }
    }
    println!(
        "all layers: forward {:.3}, input gradient {:.3}, weight gradient {:.3}, norm {:.3} + {:.3} s; together {:.3} s",
        total[0],
        total[1],
        total[2],
        total[3],
        total[4],
        total.iter().sum::<f64>()
    );
    Ok(())
}
