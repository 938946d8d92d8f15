//! Safe functions with wrong arguments: they panic, and touch nothing outside of their slices.
//! Miri and AddressSanitizer run these tests too.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use super::{noise, norm};
use crate::LANES;
use crate::conv::{ConvGeometry, Epilogue, Window};
use crate::fused::{self, PendingMap};
use crate::map::MapShape;
use crate::planes::{self, Addend, Buffer, Convolution, Planes};
use crate::pool::{pool, pool_gradient};
use crate::requantise::{RequantiseRule, requantise, requantise_gradients};
use crate::simd::Isa;

const HUGE: [usize; 4] = [usize::MAX, usize::MAX / 2, 1 << 62, 1 << 32];

thread_local! {
    /// Whether a panic of this thread is expected, and its message not shown.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

fn refused<T>(what: &str, f: impl FnOnce() -> T) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let shown = take_hook();
        set_hook(Box::new(move |panic| {
            if !EXPECTED.get() {
                shown(panic);
            }
        }));
    });
    EXPECTED.set(true);
    let found = catch_unwind(AssertUnwindSafe(|| drop(f())));
    EXPECTED.set(false);
    assert!(found.is_err(), "{what} was accepted");
}

/// The slice without its last value, and none of it.
fn short(x: &[f32]) -> [&[f32]; 2] {
    [&x[..x.len() - 1], &[]]
}

#[test]
fn shapes_that_do_not_fit_memory_are_refused() {
    for n in HUGE {
        refused("images and pixels", || MapShape::new(n, 1, n, 1));
        refused("pixels", || MapShape::new(1, 1, n, n));
        refused("channels without pixels", || MapShape::new(1, n, n, 0));
        refused("channels", || MapShape::new(0, n, n, 1));
        let one = MapShape::new(1, 1, 1, 1);
        refused("weights", || ConvGeometry::new(one, n, n - 1, 1));
        refused("weights", || ConvGeometry::new(one, 1, n | 1, 1));
        refused("weights without outputs", || ConvGeometry::new(one, 0, n | 1, 1));
        refused("stride", || ConvGeometry::new(one, 1, 1, n));
        for i in 0..8 {
            let mut sizes = [1, 1, 1, 1, 0, 0, 0, 0];
            sizes[i] = n;
            let [a, b, c, d, padding @ ..] = sizes;
            let window = Window { kernel: [a, b], stride: [c, d], padding };
            refused("window", || ConvGeometry::windowed(one, 1, window));
            refused("window", || ConvGeometry::depthwise(one, window));
        }
    }
    let one = MapShape::new(1, 1, 1, 1);
    refused("even kernel", || ConvGeometry::new(one, 1, 2, 1));
    refused("no kernel", || ConvGeometry::new(one, 1, 0, 1));
    refused("no stride", || ConvGeometry::new(one, 1, 1, 0));
    refused("large kernel", || ConvGeometry::windowed(one, 1, Window::whole(2, 1)));
    refused("wide padding", || {
        let window = Window { padding: [1, 0, 0, 0], ..Window::whole(1, 1) };
        ConvGeometry::windowed(one, 1, window)
    });
}

#[test]
fn batches_of_other_sizes_are_refused() {
    let shape = ConvGeometry::new(MapShape::new(3, 2, 2, 3), 3, 3, 1);
    let (input, output) = (shape.input(), shape.output());
    let (x, w, y) = (noise(1, input.len()), noise(2, shape.weights()), noise(3, output.len()));
    let (bias, other) = (noise(4, 3), norm(5, 1));
    let plain = PendingMap::plain;
    let wrong_norm = PendingMap { norm: Some(&other), ..plain(&x) };
    for isa in Isa::available() {
        let convolve = |x, w: &[f32], bias: &[f32], residual: &[f32]| {
            let e = Epilogue { bias: Some(bias), residual: Some(residual), act: 0.5.into() };
            fused::convolve(isa, &shape, x, w, &e, true)
        };
        let gradients = |x, w: &[f32], dy: &[f32]| {
            fused::convolve_gradients(isa, &shape, x, w, dy, true);
            fused::convolve_gradients(isa, &shape, x, w, dy, false)
        };
        convolve(plain(&x), &w, &bias, &y);
        gradients(plain(&x), &w, &y);
        refused("norm", || convolve(wrong_norm, &w, &bias, &y));
        refused("norm", || gradients(wrong_norm, &w, &y));
        for i in 0..2 {
            refused("x", || convolve(plain(short(&x)[i]), &w, &bias, &y));
            refused("w", || convolve(plain(&x), short(&w)[i], &bias, &y));
            refused("bias", || convolve(plain(&x), &w, short(&bias)[i], &y));
            refused("residual", || convolve(plain(&x), &w, &bias, short(&y)[i]));
            refused("x", || gradients(plain(short(&x)[i]), &w, &y));
            refused("w", || gradients(plain(&x), short(&w)[i], &y));
            refused("dy", || gradients(plain(&x), &w, short(&y)[i]));
            refused("x", || fused::statistics(isa, input, short(&x)[i]));
            refused("a", || fused::add(isa, input, plain(short(&x)[i]), None, 0.0));
            let b = Some(plain(short(&x)[i]));
            refused("b", || fused::add(isa, input, plain(&x), b, 0.0));
            refused("b", || fused::add_gradients(isa, input, plain(&x), b, 0.0, &x));
            let dy = short(&x)[i];
            refused("dy", || fused::add_gradients(isa, input, plain(&x), None, 0.0, dy));
        }
        refused("norm", || fused::add(isa, input, wrong_norm, None, 0.0));
        refused("norm", || fused::add_gradients(isa, input, wrong_norm, None, 0.0, &x));
    }
}

#[test]
fn empty_batches_are_empty() {
    for [n, ci, rows, columns, co] in
        [[0, 2, 2, 2, 3], [3, 0, 2, 2, 3], [3, 2, 0, 2, 3], [3, 2, 2, 0, 3], [3, 2, 2, 2, 0]]
    {
        let shape = ConvGeometry::new(MapShape::new(n, ci, rows, columns), co, 3, 2);
        let (input, output) = (shape.input(), shape.output());
        let (x, w, dy) =
            (noise(1, input.len()), noise(2, shape.weights()), vec![1.0; output.len()]);
        let factors = norm(3, ci);
        for isa in Isa::available() {
            let read = PendingMap { norm: Some(&factors), ..PendingMap::plain(&x) };
            let (y, statistics) = fused::convolve(isa, &shape, read, &w, &Epilogue::NONE, true);
            assert_eq!((y.len(), statistics.mean.len()), (output.len(), co));
            assert!(y.iter().all(|&v| v == 0.0));
            let found = fused::convolve_gradients(isa, &shape, read, &w, &dy, true);
            assert_eq!(found.x.unwrap(), vec![0.0; input.len()]);
            assert_eq!(found.w, vec![0.0; shape.weights()]);
            assert_eq!(fused::add(isa, input, read, Some(read), 0.0).len(), input.len());
            fused::add_gradients(isa, input, read, Some(read), 0.0, &x);
            fused::statistics(isa, input, &x);
        }
    }
}

/// A convolution of planes whose arguments are right, to be spoilt one by one.
#[derive(Clone)]
struct Right {
    from: Planes,
    x: Vec<f32>,
    weight: Vec<f32>,
    y: Vec<f32>,
    residual: Vec<f32>,
    bias: Vec<f32>,
    sizes: [usize; 4],
}

impl Right {
    fn new() -> Self {
        let from = Planes { h: 3, w: 2, margin: 1 };
        let (x, y) = (vec![1.0; 2 * from.len()], vec![0.0; 3 * from.len()]);
        let (weight, bias) = (vec![1.0; 3 * 2 * 9], vec![0.0; 3]);
        Self { from, x, weight, residual: y.clone(), y, bias, sizes: [2, 3, 3, 1] }
    }

    fn run(&self) {
        let [ci, co, k, stride] = self.sizes;
        let window = Window::same(k, stride);
        let (bias, residual) = (Some(self.bias.as_slice()), Some(self.residual.as_slice()));
        for isa in Isa::available() {
            let e = Epilogue { bias, residual, act: 0.5.into() };
            let conv = Convolution { weight: &self.weight, ci, co, window, depthwise: false };
            conv.run(isa, self.from, &self.x, &mut self.y.clone(), &e);
        }
    }

    fn refused(what: &str, spoil: impl FnOnce(&mut Self)) {
        let mut wrong = Self::new();
        spoil(&mut wrong);
        refused(what, || wrong.run());
    }
}

#[test]
fn convolutions_of_wrong_planes_are_refused() {
    Right::new().run();
    // the last values of a block are margins that nothing reads
    Right::refused("x", |r| r.x.truncate(r.x.len() - LANES));
    Right::refused("y", |r| r.y.truncate(r.y.len() - (r.from.w + 3) * LANES - 1));
    Right::refused("residual", |r| {
        r.residual.truncate(r.residual.len() - (r.from.w + 3) * LANES - 1);
    });
    Right::refused("weights", |r| r.weight.truncate(r.weight.len() - 1));
    Right::refused("bias", |r| r.bias.truncate(2));
    Right::refused("no x", |r| r.x.clear());
    Right::refused("no weights", |r| r.weight.clear());
    Right::refused("no y", |r| r.y.clear());
    Right::refused("no residual", |r| r.residual.clear());
    Right::refused("no bias", |r| r.bias.clear());
    Right::refused("no margin", |r| r.from.margin = 0);
    for n in HUGE {
        for i in 0..4 {
            Right::refused("size", |r| r.sizes[i] = n);
        }
        Right::refused("channels", |r| (r.sizes[0], r.sizes[1]) = (n, n));
        Right::refused("kernel", |r| (r.sizes[2], r.from.margin) = (n, n));
        Right::refused("rows", |r| r.from.h = n);
        Right::refused("columns", |r| r.from.w = n);
        Right::refused("margin", |r| r.from.margin = n);
    }
    // a single weight was once read from an empty slice
    Right::refused("one weight", |r| (r.sizes, r.weight) = ([1, 1, 1, 1], Vec::new()));
    Right::refused("no stride", |r| r.sizes[3] = 0);
}

#[test]
fn convolutions_without_products_read_nothing() {
    let mut r = Right::new();
    (r.sizes[0], r.weight) = (0, Vec::new());
    r.run();
    let mut r = Right::new();
    (r.sizes[1], r.weight) = (0, Vec::new());
    r.run();
    let mut r = Right::new();
    (r.from.h, r.from.w, r.x) = (1 << 32, 0, r.y.clone());
    r.run();
}

#[test]
fn passes_over_wrong_planes_are_refused() {
    let p = Planes { h: 2, w: 3, margin: 1 };
    let x = vec![1.0; 2 * p.len()];
    let big = HUGE.map(|n| Planes { h: n, ..p });
    let wrong = |x: &[f32], p: Planes, n: usize| {
        for isa in Isa::available() {
            let factors = vec![1.0; 2];
            let pair = (factors.as_slice(), factors.as_slice());
            let sums = |lanes, origin: &[f32]| {
                planes::sums(isa, p, x, lanes, origin, &mut [(0.0, 0.0); 2]);
            };
            refused("sums", || sums(n, &factors));
            refused("scale", || planes::scale(isa, p, &mut x.to_vec(), pair, None, 0.0));
            let add = Some(Addend { values: x, scale: &factors });
            let mut y = vec![0.0; 2 * Planes { h: 2, w: 3, margin: 1 }.len()];
            refused("addend", || planes::scale(isa, p, &mut y, pair, add, 0.0));
            refused("mean", || planes::mean(isa, p, x, &mut [0.0; 2 * LANES]));
        }
        refused("firsts", || planes::firsts(p, x, 2));
        refused("to_images", || planes::to_images(x, 1, 2, p));
        refused("fill", || planes::fill(&mut x.to_vec(), &[1.0; 12], 2, p));
    };
    wrong(&x[..x.len() - 1], p, LANES);
    wrong(&[], p, LANES);
    big.iter().for_each(|&p| wrong(&x, p, LANES));
    for isa in Isa::available() {
        let two = [1.0; 2];
        let mut into = [(0.0, 0.0); 2];
        refused("lanes", || planes::sums(isa, p, &x, 17, &two, &mut into));
        refused("origin", || planes::sums(isa, p, &x, 16, &two[..1], &mut into));
        let mut y = x.clone();
        refused("offset", || planes::scale(isa, p, &mut y, (&two, &two[..1]), None, 0.0));
        let add = Some(Addend { values: &x, scale: &two[..1] });
        refused("factors", || planes::scale(isa, p, &mut y, (&two, &two), add, 0.0));
        refused("no pixels", || planes::mean(isa, Planes { h: 0, ..p }, &x, &mut [0.0; LANES]));
        refused("part of a mean", || planes::mean(isa, p, &x, &mut [0.0; LANES + 1]));
    }
    refused("17 images", || planes::to_images(&x, 17, 2, p));
    refused("17 images", || planes::fill(&mut x.clone(), &[1.0; 17 * 12], 2, p));
    for n in [usize::MAX, usize::MAX / 2, 1 << 62] {
        refused("buffer", || Buffer::zeros(n));
    }
}

#[test]
fn pools_and_rules_of_other_sizes_are_refused() {
    let shape = MapShape::new(3, 2, 2, 2);
    let x = vec![1.0; shape.len()];
    let rule = RequantiseRule {
        bias: vec![0; 2],
        residual: vec![0; 2],
        positive: vec![1; 2],
        negative: vec![1; 2],
        accumulator: vec![1.0; 2],
        zero: 0,
    };
    for x_short in short(&x) {
        refused("pool", || pool(shape, x_short));
        refused("requantise", || requantise(shape, x_short, None, &rule));
        refused("requantise", || requantise(shape, &x, Some(x_short), &rule));
        refused("gradients", || requantise_gradients(shape, x_short, None, &x, &rule));
        refused("gradients", || requantise_gradients(shape, &x, Some(x_short), &x, &rule));
        refused("gradients", || requantise_gradients(shape, &x, None, x_short, &rule));
    }
    refused("pool", || pool_gradient(shape, &x[..5]));
    refused("no pixels", || pool(MapShape::new(1, 1, 0, 0), &[]));
    for field in 0..5 {
        let mut wrong = rule.clone();
        match field {
            0 => wrong.bias.clear(),
            1 => wrong.residual.clear(),
            2 => wrong.positive.clear(),
            3 => wrong.negative.clear(),
            _ => wrong.accumulator.clear(),
        }
        refused("rule", || requantise(shape, &x, None, &wrong));
    }
}
