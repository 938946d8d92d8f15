//! Times the full supernet step (ResNet20, largest network and eight random ones, batch 128) and
//! the evaluation of twenty random sub-networks, beside a 1024^3 matrix product of the `gemm`
//! crate in the same run. Prints one JSON object.
//!
//! `cargo xtask bench-train` runs it for one and two threads:
//! `cargo run --release -p supernano --example bench_train -- THREADS REPEATS`

use std::time::Instant;

use anyhow::{Context as _, Result};
use supernano::data::{self, DataSpec, Source};
use supernano::rank::{EvalSet, evaluate};
use supernano::train::bench::{Bench, macs_of, typical_codes};
use supernano_core::arch::Arch;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 128;
/// Multiply-accumulates of the largest network and of eight random ones together.
const STEP_MACS: f64 = 159.5e6;
/// Mean multiply-accumulates of the sub-networks that are evaluated.
const EVAL_MACS: f64 = 14.6e6;
/// Images that each of them sees.
const EVAL_IMAGES: usize = 1024;

/// Seconds of one call.
fn timed<T>(f: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    std::hint::black_box(f());
    start.elapsed().as_secs_f64()
}

/// Seconds of `c += a b`, all 1024 x 1024.
fn gemm_seconds(threads: usize, a: &[f32], b: &[f32], c: &mut [f32]) -> f64 {
    let n = 1024;
    let how = if threads > 1 { gemm::Parallelism::Rayon(threads) } else { gemm::Parallelism::None };
    timed(|| {
        // SAFETY: all three are n x n, column after column
        unsafe {
            let (c, a, b) = (c.as_mut_ptr(), a.as_ptr(), b.as_ptr());
            let (down, right) = (1, n as isize);
            gemm::gemm(
                n, n, n, c, right, down, true, a, right, down, b, right, down, 1.0, 1.0, false,
                false, false, how,
            );
        }
    })
}

/// Most memory this process has ever held, MiB; 0 where the system does not say.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kib: Option<f64> = line.and_then(|l| l.split_whitespace().next()?.parse().ok());
    kib.unwrap_or(0.0) / 1024.0
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let mut number = |default: usize| match args.next() {
        Some(text) => text.parse().with_context(|| format!("`{text}`: a number was expected")),
        None => Ok(default),
    };
    let (threads, repeats) = (number(1)?.max(1), number(5)?.max(1));
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;

    let mut bench = Bench::new(BATCH)?;
    let space = bench.space();
    let largest = macs_of(space, &Arch::largest(space)) as f64;
    let (seed, students) = typical_codes(space, 8, (STEP_MACS - largest) / 8.0);
    let macs = largest + students.iter().map(|a| macs_of(space, a) as f64).sum::<f64>();
    bench.step(&students)?;
    let (mut step_s, mut gemm_s) = (f64::INFINITY, f64::INFINITY);
    let (a, b, mut c) = (vec![1f32; 1 << 20], vec![0.5f32; 1 << 20], vec![0f32; 1 << 20]);
    for _ in 0..repeats {
        for _ in 0..5 {
            gemm_s = gemm_s.min(gemm_seconds(threads, &a, &b, &mut c));
        }
        let start = Instant::now();
        bench.step(&students)?;
        step_s = step_s.min(start.elapsed().as_secs_f64());
    }
    let peak = peak_mib();

    let (eval_seed, codes) = typical_codes(space, 20, EVAL_MACS);
    let mut spec = DataSpec::new(Source::Glyphs);
    (spec.train, spec.validation, spec.test) = (Some(128), 2, Some(EVAL_IMAGES));
    let dataset = data::load(&spec)?;
    let set = EvalSet::new(&dataset, &dataset.test, EVAL_IMAGES);
    let seconds: f64 = codes
        .iter()
        .map(|code| {
            let net = bench.folded(code);
            (0..repeats.min(3)).map(|_| timed(|| evaluate(&net, &set))).fold(f64::INFINITY, f64::min)
        })
        .sum();
    let shown = |archs: &[Arch]| -> Vec<String> {
        archs.iter().map(|a| a.display(space).to_string()).collect()
    };
    let (flop, product) = (macs * BATCH as f64 * 6.0, 2.0 * 1024f64.powi(3));
    let found = serde_json::json!({
        "threads": threads,
        "gemm_gflops": product / gemm_s / 1e9,
        "step_s": step_s,
        "step_gflops": flop / step_s / 1e9,
        "step_of_gemm": flop / step_s * gemm_s / product,
        "eval_images_per_s": (codes.len() * EVAL_IMAGES) as f64 / seconds,
        "peak_mib": peak,
        "step_macs_per_image": macs,
        "step_seed": seed,
        "step_codes": shown(&students),
        "eval_seed": eval_seed,
        "isa": format!("{:?}", supernano::backend::cpu::simd::Isa::detect()),
    });
    println!("{found}");
    Ok(())
}
