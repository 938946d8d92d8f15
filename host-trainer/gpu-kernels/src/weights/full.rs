//! Partial weight gradients of a convolution over all channels.
//!
//! A unit holds the taps of a few pairs of channels in registers; units with the same pairs divide the rows
//! of a strip, and each writes partial sums of its own.

use cubecl::prelude::*;

use super::{RUN, WeightBuffers, WeightGradient};
use crate::pending::{FACTORS, bound_of, read_value};
use crate::shape::Rows;
use crate::tile::AT_ONCE;

#[cube(launch)]
#[allow(clippy::too_many_arguments)]
fn weight_sums<M: Float>(
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
    row_slope: u32,
    paths: u32,
    #[comptime] g: WeightGradient,
) {
    let s = comptime!(g.shape);
    let units = comptime!(g.units());
    let kernel_rows = comptime!(g.tap_rows);
    let kernel_columns = comptime!(s.kernel[1]);
    let step = comptime!(s.stride[1]);
    let unit_in = comptime!(g.unit[0]);
    let unit_out = comptime!(g.unit[1]);
    let cube_in = comptime!(g.cube[0]);
    let cube_out = comptime!(g.cube[1]);
    let groups_in = comptime!(g.cube[0] / g.unit[0]);
    let groups_out = comptime!(g.cube[1] / g.unit[1]);
    let blocks_in = comptime!(s.channels_in.div_ceil(g.cube[0]));
    let groups = comptime!(g.tap_groups());
    let tile_columns = comptime!(g.tile()[1]);
    let tile_values = comptime!(g.tile()[0] * g.tile()[1] * g.cube[0]);
    let columns = comptime!(g.span);
    let spans = comptime!(g.spans());
    let rows_out = comptime!(s.rows_out());
    let columns_out = comptime!(s.columns_out());
    let strips = comptime!(s.rows_out().div_ceil(g.strip));
    let count = comptime!(g.unit[0] * g.unit[1] * g.tap_rows * s.kernel[1]);

    let unit = UNIT_POS;
    let path = CUBE_POS_Z;
    let tap_first = CUBE_POS_Y % groups * kernel_rows;
    let i0 = CUBE_POS_Y / groups % blocks_in * cube_in;
    let o0 = CUBE_POS_Y / groups / blocks_in * cube_out;
    let width_in = table[(row_input * paths + path) as usize];
    let width_out = table[(row_output * paths + path) as usize];
    if i0 >= width_in || o0 >= width_out {
        terminate!();
    }
    let slope = slopes[(row_slope * paths + path) as usize];
    let bound = bound_of(slopes, row_slope, paths, path, comptime!(g.reading.bounds()));
    let path_read = select(comptime!(s.shared_input).runtime(), 0u32.runtime(), path);

    let my_in = unit % groups_in * unit_in;
    let my_out = unit / groups_in % groups_out * unit_out;
    let part = unit / comptime!(g.cube[0] / g.unit[0] * (g.cube[1] / g.unit[1]));

    let mut inputs =
        SharedMemory::<M>::new(comptime!((g.tile()[0] * g.tile()[1] * g.cube[0]) as usize));
    let mut gradients = SharedMemory::<M>::new(comptime!((g.strip * g.span * g.cube[1]) as usize));
    let mut sums =
        Array::<f32>::new(comptime!((g.unit[0] * g.unit[1] * g.tap_rows * s.kernel[1]) as usize));
    #[unroll]
    for i in 0..count {
        sums[i as usize] = 0.0f32;
    }

    for image in range_stepped(CUBE_POS_X, s.images, g.blocks) {
        for strip in 0..strips * spans {
            let row_first = strip / spans * g.strip;
            let column_first = strip % spans * columns;
            sync_cube();
            for e0 in range_stepped(unit, tile_values, CUBE_DIM * AT_ONCE) {
                let mut values = Array::<f32>::new(comptime!(AT_ONCE as usize));
                #[unroll]
                for i in 0..AT_ONCE {
                    let e = e0 + comptime!(i * units);
                    let c = i0 + e % cube_in;
                    let at = e / cube_in;
                    let r = (row_first * comptime!(s.stride[0]) + tap_first + at / tile_columns)
                        as i32
                        - comptime!(s.padding[0] as i32);
                    let q = (column_first * step + at % tile_columns) as i32
                        - comptime!(s.padding[2] as i32);
                    values[i as usize] = 0.0f32;
                    if e < tile_values
                        && r >= 0
                        && r < comptime!(s.rows as i32)
                        && q >= 0
                        && q < comptime!(s.columns as i32)
                        && c < width_in
                    {
                        let row = (path_read * s.images + image) * s.rows + r as u32;
                        values[i as usize] = read_value::<M>(
                            x,
                            x,
                            factors,
                            (row * s.columns + q as u32) * s.channels_in + c,
                            (path * s.channels_in + c) * FACTORS,
                            slope,
                            bound,
                            comptime!(g.reading),
                        );
                    }
                }
                #[unroll]
                for i in 0..AT_ONCE {
                    let e = e0 + comptime!(i * units);
                    if e < tile_values {
                        inputs[e as usize] = M::cast_from(values[i as usize]);
                    }
                }
            }
            // A step known when the kernel runs only keeps the compiler from unrolling this loop into spills.
            for e in range_stepped(unit, comptime!(g.strip * g.span * g.cube[1]), CUBE_DIM) {
                let c = o0 + e % cube_out;
                let at = e / cube_out;
                let r = row_first + at / columns;
                let q = column_first + at % columns;
                let mut value = 0.0f32;
                if r < rows_out && q < columns_out && c < width_out {
                    let pixel = ((path * s.images + image) * rows_out + r) * columns_out + q;
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
            if i0 + my_in < width_in && o0 + my_out < width_out {
                for row in range_stepped(part, g.strip, g.parts) {
                    for run in 0..comptime!(g.span / RUN) {
                        let q = run * RUN;
                        let mut dys = Array::<f32>::new(comptime!((RUN * g.unit[1]) as usize));
                        let from = (row * columns + q) * cube_out + my_out;
                        #[unroll]
                        for r in 0..RUN {
                            #[unroll]
                            for o in 0..unit_out {
                                dys[(r * unit_out + o) as usize] =
                                    f32::cast_from(gradients[(from + r * cube_out + o) as usize]);
                            }
                        }
                        #[unroll]
                        for ky in 0..kernel_rows {
                            let from = ((row * comptime!(s.stride[0]) + ky) * tile_columns
                                + q * step)
                                * cube_in
                                + my_in;
                            let mut xs = Array::<f32>::new(comptime!(
                                (((RUN - 1) * s.stride[1] + s.kernel[1]) * g.unit[0]) as usize
                            ));
                            #[unroll]
                            for t in 0..comptime!((RUN - 1) * s.stride[1] + s.kernel[1]) {
                                #[unroll]
                                for i in 0..unit_in {
                                    xs[(t * unit_in + i) as usize] =
                                        f32::cast_from(inputs[(from + t * cube_in + i) as usize]);
                                }
                            }
                            #[unroll]
                            for kx in 0..kernel_columns {
                                #[unroll]
                                for o in 0..unit_out {
                                    #[unroll]
                                    for i in 0..unit_in {
                                        let at = ((o * unit_in + i) * kernel_rows + ky)
                                            * kernel_columns
                                            + kx;
                                        let mut sum = sums[at as usize];
                                        #[unroll]
                                        for r in 0..RUN {
                                            sum += xs[((r * step + kx) * unit_in + i) as usize]
                                                * dys[(r * unit_out + o) as usize];
                                        }
                                        sums[at as usize] = sum;
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    let record = (path * g.blocks + CUBE_POS_X) * g.parts + part;
    let first = record * comptime!(s.channels_out * s.channels_in * s.taps());
    #[unroll]
    for o in 0..unit_out {
        #[unroll]
        for i in 0..unit_in {
            let channel_out = o0 + my_out + o;
            let channel_in = i0 + my_in + i;
            if channel_out < width_out && channel_in < width_in {
                let place = (channel_out * s.channels_in + channel_in) * comptime!(s.taps())
                    + tap_first * kernel_columns;
                #[unroll]
                for tap in 0..comptime!(g.tap_rows * s.kernel[1]) {
                    // The last group of rows may have fewer.
                    if comptime!(s.kernel[0] % g.tap_rows == 0)
                        || tap_first * kernel_columns + tap < comptime!(s.taps())
                    {
                        partial[(first + place + tap) as usize] =
                            sums[((o * unit_in + i) * comptime!(g.tap_rows * s.kernel[1]) + tap)
                                as usize];
                    }
                }
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
    weight_sums::launch::<M, R>(
        client,
        g.cubes(),
        CubeDim::new_1d(g.units()),
        buffers.x.arg(),
        buffers.factors.arg(),
        buffers.dy.arg(),
        buffers.norm_input.arg(),
        buffers.dy_factors.arg(),
        buffers.table.arg(),
        buffers.slopes.arg(),
        buffers.partial.arg(),
        rows.input,
        rows.output,
        slope,
        g.shape.paths,
        *g,
    );
}
