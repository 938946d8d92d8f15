//! Every kernel against plain loops in f64, on the first Vulkan device, which may be a software
//! driver.

#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod convolutions;
mod ends;

use half::{bf16, f16};
use supernano_gpu_kernels::cubecl::ir::features::TypeUsage;
use supernano_gpu_kernels::cubecl::ir::{ElemType, FloatKind};
use supernano_gpu_kernels::cubecl::prelude::*;
use supernano_gpu_kernels::cubecl::wgpu::{WgpuDevice, WgpuRuntime};

use supernano_gpu_kernels::buffer::Buffer;
use supernano_gpu_kernels::shape::{ConvShape, Rows};

type Client = ComputeClient<WgpuRuntime>;

fn client() -> Client {
    WgpuRuntime::client(&WgpuDevice::default())
}

/// Values in -1..1 from a seed.
fn noise(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// Paths with different widths over the weights of two branches, behind an unused parameter.
struct Case {
    shape: ConvShape,
    widths_in: Vec<u32>,
    widths_out: Vec<u32>,
    branches: Vec<u32>,
}

const ROWS: Rows = Rows { input: 0, output: 1, weights: 2 };

impl Case {
    fn new(shape: ConvShape) -> Self {
        let width = |full: u32, p: u32| 1 + (full - 1) * (2 * p + 1) % full.max(2) % full;
        let mut widths_in: Vec<u32> =
            (0..shape.paths).map(|p| width(shape.channels_in, p)).collect();
        let mut widths_out: Vec<u32> =
            (0..shape.paths).map(|p| width(shape.channels_out, p + 1)).collect();
        widths_in[0] = shape.channels_in;
        widths_out[0] = shape.channels_out;
        let branches = (0..shape.paths).map(|p| p % 2).collect();
        Self { shape, widths_in, widths_out, branches }
    }

    fn offset(&self, path: usize) -> usize {
        1 + self.branches[path] as usize * self.shape.weights()
    }

    fn parameters(&self) -> usize {
        1 + 2 * self.shape.weights()
    }

    /// The rows of [`ROWS`].
    fn table(&self) -> Vec<u32> {
        let mut table = [self.widths_in.clone(), self.widths_out.clone()].concat();
        table.extend((0..self.branches.len()).map(|p| self.offset(p) as u32));
        table
    }

    /// Index of an input value, by path, image, row, column and channel.
    fn input(&self, path: usize, image: usize, at: [usize; 2], channel: usize) -> usize {
        let s = &self.shape;
        let path = if s.shared_input { 0 } else { path };
        let pixel = (path * s.images as usize + image) * s.rows as usize + at[0];
        (pixel * s.columns as usize + at[1]) * s.channels_in as usize + channel
    }

    fn output(&self, path: usize, image: usize, at: [usize; 2], channel: usize) -> usize {
        let s = &self.shape;
        let pixel = (path * s.images as usize + image) * s.rows_out() as usize + at[0];
        (pixel * s.columns_out() as usize + at[1]) * s.channels_out as usize + channel
    }

    /// Calls `f(path, output index, output channel)` for every output value that exists.
    fn outputs(&self, mut f: impl FnMut(usize, usize, usize)) {
        let s = &self.shape;
        for path in 0..s.paths as usize {
            for image in 0..s.images as usize {
                for row in 0..s.rows_out() as usize {
                    for column in 0..s.columns_out() as usize {
                        for channel in 0..self.widths_out[path] as usize {
                            f(path, self.output(path, image, [row, column], channel), channel);
                        }
                    }
                }
            }
        }
    }

    /// Calls `f(path, input index, input channel, parameter index, output index)` for every product.
    fn products(&self, mut f: impl FnMut(usize, usize, usize, usize, usize)) {
        let s = &self.shape;
        let (k, pad) = (s.kernel as usize, s.kernel as usize / 2);
        for path in 0..s.paths as usize {
            for image in 0..s.images as usize {
                for at in 0..(s.rows_out() * s.columns_out()) as usize {
                    let at = [at / s.columns_out() as usize, at % s.columns_out() as usize];
                    for tap in 0..k * k {
                        let row = at[0] * s.stride as usize + tap / k;
                        let column = at[1] * s.stride as usize + tap % k;
                        let inside = |at: usize, n: u32| (pad..n as usize + pad).contains(&at);
                        if !inside(row, s.rows) || !inside(column, s.columns) {
                            continue;
                        }
                        for o in 0..self.widths_out[path] as usize {
                            for i in 0..self.widths_in[path] as usize {
                                let x = self.input(path, image, [row - pad, column - pad], i);
                                let w = (o * s.channels_in as usize + i) * k * k + tap;
                                let y = self.output(path, image, at, o);
                                f(path, x, i, self.offset(path) + w, y);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Compares values that were rounded to an element when they were stored.
fn assert_stored<E: Element>(found: &[f32], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let numbers = || expected.iter().filter(|v| !v.is_nan());
    assert!(numbers().count() > 0, "{what}: nothing to compare");
    let scale = numbers().fold(1e-3, |m: f64, v| m.max(v.abs()));
    for (i, (&f, &e)) in found.iter().zip(expected).enumerate() {
        let most = E::ROUNDOFF * e.abs() + TOLERANCE * scale;
        let close = e.is_nan() || (f64::from(f) - e).abs() <= most;
        assert!(close, "{what}[{i}]: {f} against {e}");
    }
}

/// Compares the values at which `expected` is a number; the others are absent.
fn assert_close(found: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let numbers = || expected.iter().filter(|v| !v.is_nan());
    assert!(numbers().count() > 0, "{what}: nothing to compare");
    let scale = numbers().fold(1e-3, |m: f64, v| m.max(v.abs()));
    for (i, (&f, &e)) in found.iter().zip(expected).enumerate() {
        let close = e.is_nan() || (f64::from(f) - e).abs() <= tolerance * scale;
        assert!(close, "{what}[{i}]: {f} against {e}");
    }
}

/// The largest relative difference of a kernel in 32 bits.
const TOLERANCE: f64 = 3e-5;

fn floats(client: &Client, values: &[f32]) -> Buffer<f32> {
    Buffer::new(client, values)
}

/// The element of maps and operands.
trait Element: Float + CubeElement {
    /// Largest relative error of rounding to it; 0 for 32 bits, which all tests allow for anyway.
    const ROUNDOFF: f64;

    fn value(self) -> f32;

    /// A value after rounding to the element.
    fn rounded(value: f32) -> f32 {
        Self::new(value).value()
    }

    /// Values in -1..1 for maps and their factors. A narrow element gets multiples of 1/`steps`, so that
    /// the kernel's arithmetic in 32 bits before the rounding is exact and the reference rounds alike.
    fn noise(seed: u64, n: usize, steps: f32) -> Vec<f32> {
        let values = noise(seed, n).into_iter();
        if Self::ROUNDOFF == 0.0 {
            return values.collect();
        }
        values.map(|v| (v * steps).round() / steps).collect()
    }

    fn map(client: &Client, values: &[f32]) -> Buffer<Self> {
        Buffer::new(client, &values.iter().map(|&v| Self::new(v)).collect::<Vec<_>>())
    }

    fn read(client: &Client, map: &Buffer<Self>) -> Vec<f32> {
        map.read(client).unwrap().into_iter().map(Self::value).collect()
    }
}

impl Element for f32 {
    const ROUNDOFF: f64 = 0.0;

    fn value(self) -> f32 {
        self
    }
}

/// 11 bits.
impl Element for f16 {
    const ROUNDOFF: f64 = 1.0 / 2048.0;

    fn value(self) -> f32 {
        self.to_f32()
    }
}

/// 8 bits.
impl Element for bf16 {
    const ROUNDOFF: f64 = 1.0 / 256.0;

    fn value(self) -> f32 {
        self.to_f32()
    }
}
