//! Times the supernet step (ResNet20, largest network and eight random ones, batch 128) and the
//! evaluation of twenty random sub-networks. A 1024^3 matrix product of the `gemm` crate in the same
//! run is the yardstick. Prints one JSON object.
//!
//! `cargo xtask bench-train` runs it for one and two threads:
//! `cargo run --release -p supernano-experiments --bin bench_train -- THREADS REPEATS`

use std::time::Instant;

use anyhow::{Context as _, Result};
use supernano_base::config::{DataSource, DataSpec};
use supernano_core::arch::Arch;
use supernano_data as data;
use supernano_train::supernet::{EvalSet, evaluate};

use step::{Bench, macs_of, typical_codes};

mod step;

#[global_allocator]
static ALLOCATOR: supernano::allocator::MiMalloc = supernano::allocator::MiMalloc;

/// Images in an update.
const BATCH: usize = 128;
/// Number of matrix products that are timed together.
const GEMMS: usize = 8;
/// Multiply-accumulates per image of the largest network and eight random ones together.
const STEP_MACS: f64 = 159.5e6;
/// Mean multiply-accumulates per image of the evaluated sub-networks.
const EVAL_MACS: f64 = 14.6e6;
/// Images for each evaluated sub-network.
const EVAL_IMAGES: usize = 1024;

/// Duration of a call, seconds.
#[derive(Clone, Copy)]
struct Seconds {
    /// Wall time.
    wall: f64,
    /// Processor time of all threads; 0 if the system does not report it.
    cpu: f64,
}

impl Seconds {
    const INFINITE: Self = Self { wall: f64::INFINITY, cpu: f64::INFINITY };

    fn of<T>(f: impl FnOnce() -> T) -> (Self, T) {
        let (cpu, start) = (cpu_seconds(), Instant::now());
        let result = std::hint::black_box(f());
        (Self { wall: start.elapsed().as_secs_f64(), cpu: cpu_seconds() - cpu }, result)
    }

    fn min(self, other: Self) -> Self {
        Self { wall: self.wall.min(other.wall), cpu: self.cpu.min(other.cpu) }
    }

    /// The time to report. With one thread it is the processor time, which does not depend on the
    /// load of the machine; with more threads it is the wall time.
    fn judged(self, threads: usize) -> f64 {
        if threads == 1 && self.cpu > 0.0 { self.cpu } else { self.wall }
    }
}

/// Processor time of all threads so far, seconds (Linux).
fn cpu_seconds() -> f64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return 0.0 };
    let of = |task: std::fs::DirEntry| -> Option<f64> {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    tasks.flatten().filter_map(of).sum::<f64>() / 1e9
}

/// Duration of `c += a b` for matrices `[1024, 1024]`.
fn gemm_seconds(threads: usize, a: &[f32], b: &[f32], c: &mut [f32]) -> Seconds {
    let n = 1024;
    assert_eq!([a.len(), b.len(), c.len()], [n * n; 3]);
    let parallelism =
        if threads > 1 { gemm::Parallelism::Rayon(threads) } else { gemm::Parallelism::None };
    let mut product = || {
        // SAFETY: each slice holds n x n values, and the strides describe a column-major n x n
        // matrix. The exclusive borrow of `c` rules out aliasing.
        unsafe {
            let (c, a, b) = (c.as_mut_ptr(), a.as_ptr(), b.as_ptr());
            let (down, right) = (1, n as isize);
            gemm::gemm(
                n,
                n,
                n,
                c,
                right,
                down,
                true,
                a,
                right,
                down,
                b,
                right,
                down,
                1.0,
                1.0,
                false,
                false,
                false,
                parallelism,
            );
        }
    };
    // The system reports processor time in steps of milliseconds, so several products are timed.
    let all = Seconds::of(|| (0..GEMMS).for_each(|_| product())).0;
    Seconds { wall: all.wall / GEMMS as f64, cpu: all.cpu / GEMMS as f64 }
}

/// Peak memory of the process, MiB; 0 if the system does not report it.
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
    supernano::allocator::keep_pages();
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;

    let mut bench = Bench::new(BATCH)?;
    let space = bench.space();
    let space = &space.get();
    let largest = macs_of(space, &Arch::largest(space)) as f64;
    let (seed, students) = typical_codes(space, 8, (STEP_MACS - largest) / 8.0);
    let macs = largest + students.iter().map(|a| macs_of(space, a) as f64).sum::<f64>();
    bench.step(&students)?;
    let (mut step, mut product) = (Seconds::INFINITE, Seconds::INFINITE);
    let (a, b, mut c) = (vec![1f32; 1 << 20], vec![0.5f32; 1 << 20], vec![0f32; 1 << 20]);
    for _ in 0..repeats {
        product = product.min(gemm_seconds(threads, &a, &b, &mut c));
        let (seconds, result) = Seconds::of(|| bench.step(&students));
        result?;
        step = step.min(seconds);
    }
    let peak = peak_mib();
    let (step_s, gemm_s) = (step.judged(threads), product.judged(threads));

    let (eval_seed, codes) = typical_codes(space, 20, EVAL_MACS);
    let mut spec = DataSpec::new(DataSource::Glyphs);
    (spec.train, spec.validation, spec.test) = (Some(128), Some(2), Some(EVAL_IMAGES));
    let dataset = data::load(&spec)?;
    let set = EvalSet::new(&dataset, &dataset.test, EVAL_IMAGES);
    let seconds: f64 = codes
        .iter()
        .map(|code| {
            let net = bench.folded(code);
            let once = |_| Seconds::of(|| evaluate(&net, &set)).0;
            (0..repeats.min(3)).map(once).fold(Seconds::INFINITE, Seconds::min).judged(threads)
        })
        .sum();
    let shown = |archs: &[Arch]| -> Vec<String> {
        archs.iter().map(|a| a.display(space).to_string()).collect()
    };
    let (flop, gemm_flop) = (macs * BATCH as f64 * 6.0, 2.0 * 1024f64.powi(3));
    let found = serde_json::json!({
        "threads": threads,
        "gemm_gflops": gemm_flop / gemm_s / 1e9,
        "step_s": step_s,
        "step_wall_s": step.wall,
        "gemm_wall_gflops": gemm_flop / product.wall / 1e9,
        "step_gflops": flop / step_s / 1e9,
        "step_of_gemm": flop / step_s * gemm_s / gemm_flop,
        "eval_images_per_s": (codes.len() * EVAL_IMAGES) as f64 / seconds,
        "peak_mib": peak,
        "step_macs_per_image": macs,
        "step_seed": seed,
        "step_codes": shown(&students),
        "eval_seed": eval_seed,
        "isa": format!("{:?}", supernano_kernels::simd::Isa::detect()),
    });
    let _ = supernano::output::print(&found.to_string())?;
    Ok(())
}
