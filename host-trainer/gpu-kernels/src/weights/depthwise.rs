//! Partial weight gradients of a depthwise convolution.
//!
//! A unit holds the taps of a channel in registers; units with the same channel divide the rows of a strip.
//! Kernel rows beyond the kernel of a path cost nothing; columns beyond it are computed and left out of the
//! totals.

use cubecl::prelude::*;

use super::{RUN, WeightBuffers, WeightGradient};
use crate::pending::{FACTORS, bound_of, read_value};
use crate::shape::{Rows, has_row};

#[cube(launch)]
#[allow(clippy::too_many_arguments)]
fn depthwise_sums<M: Float>(
    x: &Array<M>,
    factors: &Array<f32>,
    dy: &Array<M>,
    norm_input: &Array<M>,
    dy_factors: &Array<f32>,
    table: &Array<u32>,
    slopes: &Array<f32>,
    partial: &mut Array<f32>,
    row_input: u32,
    row_output: u32,
    row_kernel: u32,
    row_slope: u32,
    paths: u32,
    #[comptime] g: WeightGradient,
) {
    let s = comptime!(g.shape);
    let channels = comptime!(g.cube[1]);
    let tap_rows = comptime!(g.tap_rows);
    let tap_columns = comptime!(s.kernel[1]);
    let count = comptime!(g.tap_rows * s.kernel[1]);
    let tile_columns = comptime!(g.tile()[1]);
    let span = comptime!(g.span);
    let step = comptime!(s.stride[1]);
    let rows_out = comptime!(s.rows_out());
    let columns_out = comptime!(s.columns_out());
    let strips = comptime!(s.rows_out().div_ceil(g.strip));
    let spans = comptime!(g.spans());

    let unit = UNIT_POS;
    let path = CUBE_POS_Z;
    let tap_first = CUBE_POS_Y % comptime!(g.tap_groups()) * tap_rows;
    let c0 = CUBE_POS_Y / comptime!(g.tap_groups()) * channels;
    // The widths differ in a path without the layer.
    let width = min(
        table[(row_input * paths + path) as usize],
        table[(row_output * paths + path) as usize],
    );
    if c0 >= width {
        terminate!();
    }
    let slope = slopes[(row_slope * paths + path) as usize];
    let bound = bound_of(slopes, row_slope, paths, path, comptime!(g.reading.bounds()));
    let mut packed = 0u32;
    if comptime!(s.elastic) {
        packed = table[(row_kernel * paths + path) as usize];
    }
    let path_read = select(comptime!(s.shared_input).runtime(), 0u32.runtime(), path);
    let channel = c0 + unit % channels;
    let part = unit / channels;

    let mut inputs =
        SharedMemory::<M>::new(comptime!((g.tile()[0] * g.tile()[1] * g.cube[1]) as usize));
    let mut gradients = SharedMemory::<M>::new(comptime!((g.strip * g.span * g.cube[1]) as usize));
    let mut sums = Array::<f32>::new(comptime!((g.tap_rows * s.kernel[1]) as usize));
    #[unroll]
    for i in 0..count {
        sums[i as usize] = 0.0f32;
    }

    for image in range_stepped(CUBE_POS_X, s.images, g.blocks) {
        for strip in 0..strips * spans {
            let row_first = strip / spans * g.strip;
            let column_first = strip % spans * span;
            sync_cube();
            // A step known when the kernel runs only keeps the compiler from unrolling the two loops into spills.
            for e in range_stepped(unit, comptime!(g.tile()[0] * g.tile()[1] * g.cube[1]), CUBE_DIM)
            {
                let c = c0 + e % channels;
                let at = e / channels;
                let r = (row_first * comptime!(s.stride[0]) + tap_first + at / tile_columns) as i32
                    - comptime!(s.padding[0] as i32);
                let q = (column_first * step + at % tile_columns) as i32
                    - comptime!(s.padding[2] as i32);
                let inside = r >= 0
                    && r < comptime!(s.rows as i32)
                    && q >= 0
                    && q < comptime!(s.columns as i32);
                let mut value = 0.0f32;
                if inside && c < width {
                    let image_read = path_read * s.images + image;
                    let pixel = (image_read * s.rows + r as u32) * s.columns + q as u32;
                    value = read_value::<M>(
                        x,
                        x,
                        factors,
                        pixel * s.channels_in + c,
                        (path * s.channels_in + c) * FACTORS,
                        slope,
                        bound,
                        comptime!(g.reading),
                    );
                }
                inputs[e as usize] = M::cast_from(value);
            }
            for e in range_stepped(unit, comptime!(g.strip * g.span * g.cube[1]), CUBE_DIM) {
                let c = c0 + e % channels;
                let at = e / channels;
                let r = row_first + at / span;
                let q = column_first + at % span;
                let mut value = 0.0f32;
                if r < rows_out && q < columns_out && c < width {
                    let image_read = path * s.images + image;
                    let pixel = (image_read * rows_out + r) * columns_out + q;
                    value = read_value::<M>(
                        dy,
                        norm_input,
                        dy_factors,
                        pixel * s.channels_out + c,
                        (path * s.channels_out + c) * FACTORS,
                        0.0f32,
                        0.0f32,
                        comptime!(g.gradient),
                    );
                }
                gradients[e as usize] = M::cast_from(value);
            }
            sync_cube();
            for row in range_stepped(part, g.strip, g.parts) {
                for run in 0..comptime!(g.span / RUN) {
                    let q = run * RUN;
                    let mut dys = Array::<f32>::new(comptime!(RUN as usize));
                    #[unroll]
                    for r in 0..RUN {
                        let at = (row * span + q + r) * channels + unit % channels;
                        dys[r as usize] = f32::cast_from(gradients[at as usize]);
                    }
                    #[unroll]
                    for ky in 0..tap_rows {
                        let mut present = true.runtime();
                        if comptime!(s.elastic) {
                            present = has_row(tap_first + ky, packed);
                        }
                        if present {
                            let from =
                                (row * comptime!(s.stride[0]) + ky) * tile_columns + q * step;
                            let mut xs = Array::<f32>::new(comptime!(
                                ((RUN - 1) * s.stride[1] + s.kernel[1]) as usize
                            ));
                            #[unroll]
                            for t in 0..comptime!((RUN - 1) * s.stride[1] + s.kernel[1]) {
                                let at = (from + t) * channels + unit % channels;
                                xs[t as usize] = f32::cast_from(inputs[at as usize]);
                            }
                            #[unroll]
                            for kx in 0..tap_columns {
                                let mut sum = sums[(ky * tap_columns + kx) as usize];
                                #[unroll]
                                for r in 0..RUN {
                                    sum += xs[(r * step + kx) as usize] * dys[r as usize];
                                }
                                sums[(ky * tap_columns + kx) as usize] = sum;
                            }
                        }
                    }
                }
            }
        }
    }

    if channel < width {
        let record = (path * g.blocks + CUBE_POS_X) * g.parts + part;
        let first = (record * s.channels_out + channel) * comptime!(s.taps());
        #[unroll]
        for tap in 0..count {
            let at = tap_first * tap_columns + tap;
            // The last group of rows may have fewer.
            if comptime!(s.kernel[0] % g.tap_rows == 0) || at < comptime!(s.taps()) {
                partial[(first + at) as usize] = sums[tap as usize];
            }
        }
    }
}

/// Adds the launch to the device's queue.
pub(super) fn launch<M: Float + CubeElement, R: Runtime>(
    g: &WeightGradient,
    client: &ComputeClient<R>,
    buffers: &WeightBuffers<M>,
    rows: Rows,
    slope: u32,
) {
    let [x, dy, norm_input] = [&buffers.x, &buffers.dy, &buffers.norm_input].map(|b| b.arg());
    depthwise_sums::launch::<M, R>(
        client,
        g.cubes(),
        CubeDim::new_1d(g.units()),
        x,
        buffers.factors.arg(),
        dy,
        norm_input,
        buffers.dy_factors.arg(),
        buffers.table.arg(),
        buffers.slopes.arg(),
        buffers.partial.arg(),
        rows.input,
        rows.output,
        rows.kernel,
        slope,
        g.shape.paths,
        *g,
    );
}
