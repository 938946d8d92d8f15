//! Times the kernels on one block of 16 images, 24 channels in and 28 out, 16 x 16 pixels.
//!
//! `cargo run --release -p supernano-kernels --example bench_kernels [KERNEL [REPEATS [ISA]]]`
//! prints the shortest of `REPEATS` calls and their mean processor time in nanoseconds, of one kernel or
//! of `all`. A depthwise convolution takes turns with a copy of its input, of which the same is printed.
//! Other work on the machine does not lengthen processor time, although it takes cache and memory
//! bandwidth, from both in turn. Pin the program to one core (`taskset`) with one thread
//! (`RAYON_NUM_THREADS=1`).
//!
//! Under `valgrind --tool=callgrind`, which has no AVX-512, the difference of the instruction
//! counts of two numbers of repeats is the count of a call, whatever else the machine does.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark")]

use std::fs;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use supernano_kernels::conv::{ConvGeometry, Epilogue, Window};
use supernano_kernels::fused::{self, PendingMap};
use supernano_kernels::map::MapShape;
use supernano_kernels::norm::NormFactors;
use supernano_kernels::planes::{self, Addend, Buffer, Convolution, Planes};
use supernano_kernels::pool;
use supernano_kernels::simd::Isa;

const INPUTS: usize = 24;
const OUTPUTS: usize = 28;

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

type Call<'a> = (String, Box<dyn FnMut() + 'a>);

fn call<'a, T>(name: impl Into<String>, mut f: impl FnMut() -> T + 'a) -> Call<'a> {
    (name.into(), Box::new(move || drop(black_box(f()))))
}

/// The kernels of training.
fn training(isa: Isa) -> Vec<Call<'static>> {
    let shape = MapShape::new(16, INPUTS, 16, 16);
    let leak = |values: Vec<f32>| -> &'static [f32] { values.leak() };
    let (x, z) = (leak(noise(1, shape.len())), leak(noise(2, shape.len())));
    let of = |seed| noise(seed, INPUTS);
    let variance: Vec<f32> = of(3).iter().map(|v| v.abs() + 0.5).collect();
    let norm = Box::leak(Box::new(NormFactors::new(&of(4), &variance, &of(5), &of(6), 1e-5)));
    let plain = PendingMap::plain(x);
    let a = PendingMap { norm: Some(norm), act: 0.25.into(), ..plain };
    let b = PendingMap { x: z, ..a };
    let mut calls = vec![
        call("add", move || fused::add(isa, shape, a, Some(b), 0.1)),
        call("add-gradients", move || fused::add_gradients(isa, shape, a, Some(b), 0.1, x)),
        call("statistics", move || fused::statistics(isa, shape, x)),
        call("pool", move || pool::pool(shape, x)),
        call("pool-gradient", move || pool::pool_gradient(shape, &x[..16 * INPUTS])),
    ];
    for (k, stride, suffix) in [(3, 1, ""), (3, 2, "-s2"), (1, 1, "-1x1")] {
        let g = ConvGeometry::new(shape, OUTPUTS, k, stride);
        let (w, dy) = (leak(noise(7, g.weights())), leak(noise(8, g.output().len())));
        let none = Epilogue::NONE;
        let gradients = move |x, input| fused::convolve_gradients(isa, &g, x, w, dy, input).w;
        calls.extend([
            call(format!("forward{suffix}"), move || {
                fused::convolve(isa, &g, plain, w, &none, false)
            }),
            call(format!("forward-norm{suffix}"), move || {
                fused::convolve(isa, &g, a, w, &none, true)
            }),
            call(format!("weights{suffix}"), move || gradients(plain, false)),
            call(format!("gradients{suffix}"), move || gradients(a, true)),
        ]);
    }
    calls.extend(depthwise(isa));
    calls
}

/// Values of the maps of a depthwise convolution, and of the copy.
const LARGE: usize = 64 * 32 * 48 * 48;

/// A copy of [`LARGE`] values.
fn copy() -> Call<'static> {
    let (x, mut y) = (noise(1, LARGE), vec![0f32; LARGE]);
    call("copy", move || {
        y.copy_from_slice(&x);
        black_box(y[0])
    })
}

/// Depthwise convolutions.
fn depthwise(isa: Isa) -> Vec<Call<'static>> {
    let shape = MapShape::new(64, 32, 48, 48);
    let leak = |values: Vec<f32>| -> &'static [f32] { values.leak() };
    let x = leak(noise(1, shape.len()));
    let plain = PendingMap::plain(x);
    let mut calls = Vec::new();
    for (k, stride) in [(3, 1), (3, 2), (5, 1)] {
        let g = ConvGeometry::depthwise(shape, Window::same(k, stride));
        let (w, dy) = (leak(noise(7, g.weights())), leak(noise(8, g.output().len())));
        let bytes = size_of::<f32>() * (shape.len() + g.output().len());
        let name = |what| format!("depthwise-{what}-{k}-s{stride} ({bytes} B)");
        let none = Epilogue::NONE;
        calls.extend([
            call(name("forward"), move || fused::convolve(isa, &g, plain, w, &none, false)),
            call(name("measured"), move || fused::convolve(isa, &g, plain, w, &none, true)),
            call(name("gradients"), move || {
                fused::convolve_gradients(isa, &g, plain, w, dy, true).w
            }),
        ]);
    }
    calls
}

/// The kernels of evaluation.
fn evaluation(isa: Isa) -> Vec<Call<'static>> {
    let p = Planes { h: 16, w: 16, margin: 1 };
    let images = noise(1, 16 * INPUTS * 256);
    let block = || {
        let mut block = Buffer::zeros(INPUTS * p.len());
        planes::fill(block.values_mut(), &images, INPUTS, p);
        block
    };
    let (mut x, added, [factor, offset]) = (block(), block(), [2, 3].map(|s| noise(s, INPUTS)));
    let (sums_x, mean_x, origin) = (block(), block(), offset.clone());
    let (mut pairs, mut means) = (vec![(0.0, 0.0); INPUTS], vec![0.0; INPUTS * 16]);
    let mut calls = vec![
        call("planes-sums", move || {
            planes::sums(isa, p, sums_x.values(), 16, &origin, &mut pairs);
        }),
        call("planes-mean", move || planes::mean(isa, p, mean_x.values(), &mut means)),
        call("planes-scale", move || {
            let add = Some(Addend { values: added.values(), scale: &factor });
            planes::scale(isa, p, x.values_mut(), (&factor, &offset), add, 0.5);
        }),
    ];
    for (k, suffix) in [(3, ""), (1, "-1x1")] {
        let (x, mut y) = (block(), Buffer::zeros(OUTPUTS * p.len()));
        let (residual, bias) = (Buffer::zeros(OUTPUTS * p.len()), noise(4, OUTPUTS));
        let weight = noise(5, OUTPUTS * INPUTS * k * k);
        calls.push(call(format!("planes-conv{suffix}"), move || {
            let residual = Some(residual.values());
            let e = Epilogue { bias: Some(&bias), residual, act: 0.0.into() };
            let (window, depthwise) = (Window::same(k, 1), false);
            let conv = Convolution { weight: &weight, ci: INPUTS, co: OUTPUTS, window, depthwise };
            conv.run(isa, p, x.values(), y.values_mut(), &e);
        }));
    }
    calls.push(call("planes-fill", {
        let (images, mut block) = (images.clone(), block());
        move || planes::fill(block.values_mut(), &images, INPUTS, p)
    }));
    calls
}

/// Calls in a row before the turn of the copy.
const TURN: usize = 10;

/// Times of calls, nanoseconds.
#[derive(Clone, Copy, Default)]
struct Times {
    /// Shortest call; `None` before the first.
    shortest: Option<u128>,
    /// Processor time of all calls.
    processor: u64,
}

impl Times {
    fn measure(&mut self, calls: usize, call: &mut dyn FnMut()) {
        let before = processor_nanoseconds();
        for _ in 0..calls {
            let start = Instant::now();
            call();
            let took = start.elapsed().as_nanos();
            self.shortest = Some(self.shortest.map_or(took, |shortest| shortest.min(took)));
        }
        self.processor += processor_nanoseconds().saturating_sub(before);
    }

    /// The shortest call, and the mean processor time of `calls` calls.
    fn text(self, calls: usize) -> String {
        format!("{} {}", self.shortest.unwrap_or(0), self.processor / calls.max(1) as u64)
    }
}

/// Processor time of all threads of the process, nanoseconds; 0 where the system does not tell.
fn processor_nanoseconds() -> u64 {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return 0 };
    let of_thread = |thread: fs::DirEntry| -> Option<u64> {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    threads.flatten().filter_map(of_thread).sum()
}

fn main() -> ExitCode {
    // an allocator that gave such a block back keeps later ones of up to its size, so that a call does
    // not wait for new pages
    drop(black_box(vec![1u8; 31 << 20]));
    let mut args = std::env::args().skip(1);
    let kernel = args.next().unwrap_or_else(|| "all".into());
    let repeats = args.next().map_or(Ok(200), |text| text.parse::<usize>());
    let wanted = args.next();
    let mut all = Isa::available().into_iter();
    let isa = all.find(|isa| wanted.as_ref().is_none_or(|name| format!("{isa:?}") == *name));
    let (Ok(repeats), Some(isa)) = (repeats, isa) else {
        eprintln!("usage: bench_kernels [KERNEL [REPEATS [ISA]]], ISA of {:?}", Isa::available());
        return ExitCode::FAILURE;
    };
    let (_, mut copy) = copy();
    let mut found = false;
    for (name, mut call) in training(isa).into_iter().chain(evaluation(isa)) {
        if kernel != "all" && kernel != name {
            continue;
        }
        found = true;
        let mut times = [Times::default(); 2];
        let compared = name.starts_with("depthwise");
        let mut left = repeats;
        while left > 0 {
            let calls = left.min(TURN);
            times[0].measure(calls, &mut call);
            if compared {
                times[1].measure(calls, &mut copy);
            }
            left -= calls;
        }
        let [of_call, of_copy] = times.map(|t| t.text(repeats));
        let of_copy = if compared { format!(" copy {of_copy}") } else { String::new() };
        println!("{name} {isa:?} {of_call}{of_copy}");
    }
    if found { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
