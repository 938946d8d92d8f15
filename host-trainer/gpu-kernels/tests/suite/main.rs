//! Every kernel against plain loops in f64, on the first Vulkan device, which may be a software
//! driver.

#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod convolutions;
mod ends;
mod heads;
mod pools;
mod reading;

use half::{bf16, f16};
use supernano_gpu_kernels::cubecl::ir::features::TypeUsage;
use supernano_gpu_kernels::cubecl::ir::{ElemType, FloatKind};
use supernano_gpu_kernels::cubecl::prelude::*;
use supernano_gpu_kernels::cubecl::wgpu::{WgpuDevice, WgpuRuntime};

use supernano_gpu_kernels::buffer::Buffer;
use supernano_gpu_kernels::shape::{ConvShape, Rows, half, packed_kernel};

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
    /// Kernel of each path, and its first row and column in the largest.
    kernels: Vec<[[u32; 2]; 2]>,
}

const ROWS: Rows = Rows { input: 0, output: 1, weights: 2, kernel: 3 };
/// Row of the channels that paths add.
const ADDED: u32 = 4;
/// Unused parameters before the first branch.
const UNUSED: usize = 40;

impl Case {
    fn new(shape: ConvShape) -> Self {
        let width = |full: u32, p: u32| 1 + (full - 1) * (2 * p + 1) % full.max(2) % full;
        let mut widths_in: Vec<u32> =
            (0..shape.paths).map(|p| width(shape.channels_in, p)).collect();
        let mut widths_out: Vec<u32> =
            (0..shape.paths).map(|p| width(shape.channels_out, p + 1)).collect();
        widths_in[0] = shape.channels_in;
        widths_out[0] = shape.channels_out;
        if shape.depthwise {
            widths_out.clone_from(&widths_in);
        }
        let branches = (0..shape.paths).map(|p| p % 2).collect();
        // The centre of the largest kernel, but at its end in the last path.
        let kernel = |p: u32| match shape.elastic {
            true => shape.kernel.map(|k| if k > 2 * p { k - 2 * p } else { 2 - k % 2 }),
            false => shape.kernel,
        };
        let place = |p: u32| {
            let kernel = kernel(p);
            let free = [0, 1].map(|i| shape.kernel[i] - kernel[i]);
            [kernel, if p == 2 { [0, free[1]] } else { free.map(|free| free / 2) }]
        };
        let kernels = (0..shape.paths).map(place).collect();
        Self { shape, widths_in, widths_out, branches, kernels }
    }

    /// The parameter at which the largest kernel around the path's would start.
    fn offset(&self, path: usize) -> usize {
        let [kernel, first] = self.kernels[path];
        let moved = |i: usize| (self.shape.kernel[i] - kernel[i]) as isize / 2 - first[i] as isize;
        let moved = moved(0) * self.shape.kernel[1] as isize + moved(1);
        let branch = UNUSED + self.branches[path] as usize * self.shape.weights();
        branch.checked_add_signed(moved).unwrap()
    }

    fn parameters(&self) -> usize {
        2 * UNUSED + 2 * self.shape.weights()
    }

    /// Channels of another map that each path adds.
    fn added(&self) -> Vec<u32> {
        (0..self.shape.paths).map(|p| p * 3 % (self.shape.channels_in + 2)).collect()
    }

    /// The rows of [`ROWS`] and [`ADDED`].
    fn table(&self) -> Vec<u32> {
        let mut table = [self.widths_in.clone(), self.widths_out.clone()].concat();
        table.extend((0..self.branches.len()).map(|p| self.offset(p) as u32));
        table.extend(self.kernels.iter().map(|&[kernel, first]| packed_kernel(kernel, first)));
        table.extend(self.added());
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

    /// Calls `f(input index)` for every input value that exists.
    fn inputs(&self, mut f: impl FnMut(usize)) {
        let s = &self.shape;
        let pixels = (s.images * s.rows * s.columns) as usize;
        for (path, &width) in self.widths_in.iter().enumerate() {
            for pixel in path * pixels..(path + 1) * pixels {
                (0..width as usize).for_each(|c| f(pixel * s.channels_in as usize + c));
            }
        }
    }

    /// Calls `f(path, input index, input channel, parameter index, output index)` for every product.
    fn products(&self, mut f: impl FnMut(usize, usize, usize, usize, usize)) {
        let s = &self.shape;
        let [down, across] = s.stride.map(|s| s as usize);
        let [rows, columns] = s.kernel.map(|k| k as usize);
        let inputs = s.weight_inputs() as usize;
        for path in 0..s.paths as usize {
            let [kernel, first] = self.kernels[path].map(|pair| pair.map(|v| v as usize));
            for image in 0..s.images as usize {
                for at in 0..(s.rows_out() * s.columns_out()) as usize {
                    let at = [at / s.columns_out() as usize, at % s.columns_out() as usize];
                    for tap in 0..kernel[0] * kernel[1] {
                        let tap = [first[0] + tap / kernel[1], first[1] + tap % kernel[1]];
                        let row = (at[0] * down + tap[0]).checked_sub(s.padding[0] as usize);
                        let column = (at[1] * across + tap[1]).checked_sub(s.padding[2] as usize);
                        let (Some(row), Some(column)) = (row, column) else { continue };
                        if row >= s.rows as usize || column >= s.columns as usize {
                            continue;
                        }
                        for o in 0..self.widths_out[path] as usize {
                            let from = if s.depthwise { o..o + 1 } else { 0..inputs };
                            for i in from.take_while(|&i| i < self.widths_in[path] as usize) {
                                let x = self.input(path, image, [row, column], i);
                                let i = if s.depthwise { 0 } else { i };
                                let w = ((o * inputs + i) * rows + tap[0]) * columns + tap[1];
                                let y = self.output(path, image, at, o);
                                f(
                                    path,
                                    x,
                                    if s.depthwise { o } else { i },
                                    self.offset(path) + w,
                                    y,
                                );
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
