//! The convolution and its input gradient: one kernel over a [`Frame`](crate::tile::Frame).
//!
//! A cube computes a tile of positions of some images for a block of output channels of one path. It
//! copies chunks of input channels to shared memory, where it applies the pending normalisation and
//! activation. Operands have the type of the maps; products and sums have 32 bits. A unit computes a column of positions in
//! registers. Cubes and chunks beyond the widths of their path do nothing; taps beyond the kernel of a path
//! are products with 0.

use cubecl::prelude::*;

pub use crate::convolution::{Convolve, ConvolveBuffers, ConvolveNumbers, RECORD};
use crate::depthwise;
use crate::pending::{FACTORS, bound_of, read_value};
use crate::shape::{has_column, has_row};
use crate::sums::sum_units;
use crate::tile::AT_ONCE;
pub use crate::writing::Writing;
use crate::writing::{path_results, result};

#[cube(launch)]
#[allow(clippy::too_many_arguments)]
fn convolve_tile<M: Float>(
    x: &Array<M>,
    norm_input: &Array<M>,
    factors: &Array<f32>,
    weights: &Array<f32>,
    table: &Array<u32>,
    slopes: &Array<f32>,
    other: &Array<M>,
    other_factors: &Array<f32>,
    y: &mut Array<M>,
    partial: &mut Array<f32>,
    row_input: u32,
    row_output: u32,
    row_weights: u32,
    row_slope: u32,
    row_kernel: u32,
    row_other: u32,
    paths: u32,
    block_first: u32,
    block_count: u32,
    #[comptime] launch: Convolve,
) {
    let f = comptime!(launch.frame);
    let units = comptime!(f.units());
    let outputs = comptime!(f.outputs);
    let pixels = comptime!(f.pixels);
    let taps_y = comptime!(f.taps[0]);
    let taps_x = comptime!(f.taps[1]);
    let taps = comptime!((f.taps[0] * f.taps[1]).max(1));
    let kernel_rows = comptime!(f.kernel[0]);
    let kernel_columns = comptime!(f.kernel[1]);
    let chunk = comptime!(f.chunk);
    let plane = comptime!(f.plane());
    let tile_columns = comptime!(f.tile_read()[1]);
    let tile_image = comptime!(f.tile_read()[0] * f.tile_read()[1]);
    let tile = comptime!(f.tile_read()[0] * f.tile_read()[1] * f.tile_images);
    let tiles_y = comptime!(f.tiles()[0]);
    let tiles_x = comptime!(f.tiles()[1]);
    let rows_read = comptime!(f.read[0] as i32);
    let columns_read = comptime!(f.read[1] as i32);
    let strip = comptime!((f.pixels - 1) * f.step[0] + f.taps[0].max(1));
    let step = comptime!(f.step[0]);
    // Code of larger kernels would not fit an instruction cache.
    let unrolled = comptime!(f.taps[0] * f.taps[1] <= 49);

    let unit = UNIT_POS;
    let path = CUBE_POS_Z;
    let o0 = CUBE_POS_Y * outputs;
    let width_in = table[(row_input * paths + path) as usize];
    let width_out = table[(row_output * paths + path) as usize];
    if o0 >= width_out {
        terminate!();
    }
    let weight_offset = table[(row_weights * paths + path) as usize];
    let slope = slopes[(row_slope * paths + path) as usize];
    let bound = bound_of(slopes, row_slope, paths, path, comptime!(launch.reading.bounds()));
    let mut packed = 0u32;
    if comptime!(f.elastic) {
        packed = table[(row_kernel * paths + path) as usize];
    }

    let tile_x = CUBE_POS_X % tiles_x;
    let tile_y = CUBE_POS_X / tiles_x % tiles_y;
    let image_first = CUBE_POS_X / (tiles_x * tiles_y) * f.tile_images;
    let column = unit % f.tile_columns;
    let row = unit / f.tile_columns % f.tile_rows;
    let image = unit / comptime!(f.tile_columns * f.tile_rows);

    let mut inputs = SharedMemory::<M>::new(comptime!((f.chunk * f.plane()) as usize));
    let mut kernels = SharedMemory::<M>::new(comptime!(f.chunk_weights() as usize));
    let mut scratch = SharedMemory::<f32>::new(comptime!(((f.outputs + 1) * f.units()) as usize));
    let mut totals = SharedMemory::<f32>::new(comptime!(f.outputs as usize));

    let mut sums = Array::<f32>::new(comptime!((f.pixels * f.outputs) as usize));
    #[unroll]
    for i in 0..comptime!(f.pixels * f.outputs) {
        sums[i as usize] = 0.0f32;
    }

    let row_first = (tile_y * comptime!(f.tile_rows * f.pixels * f.step[0])) as i32 + f.first[0];
    let column_first = (tile_x * comptime!(f.tile_columns * f.step[1])) as i32 + f.first[1];
    let path_read = select(comptime!(f.shared).runtime(), 0u32.runtime(), path);
    let map_read = (path_read * f.images + image_first) * comptime!(f.read[0] * f.read[1]);
    let factors_path = path * f.channels_read;
    let chunks = if comptime!(f.taps[0] * f.taps[1] == 0) {
        0u32.runtime()
    } else {
        (width_in + comptime!(f.chunk - 1)) / chunk
    };

    for part in 0..chunks {
        let c0 = part * chunk;
        sync_cube();
        for e0 in range_stepped(unit, comptime!(f.chunk * tile), CUBE_DIM * AT_ONCE) {
            let mut values = Array::<f32>::new(comptime!(AT_ONCE as usize));
            #[unroll]
            for i in 0..AT_ONCE {
                let e = e0 + comptime!(i * units);
                let c = e % chunk;
                let at = e / chunk;
                let in_image = at % tile_image;
                let tile_i = at / tile_image;
                let r = row_first + (in_image / tile_columns) as i32;
                let q = column_first + (in_image % tile_columns) as i32;
                let inside = r >= 0
                    && r < rows_read
                    && q >= 0
                    && q < columns_read
                    && c0 + c < width_in
                    && tile_i < f.tile_images
                    && image_first + tile_i < f.images;
                values[i as usize] = 0.0f32;
                if inside {
                    let pixel = map_read + (tile_i * f.read[0] + r as u32) * f.read[1] + q as u32;
                    let index = pixel * f.channels_read + c0 + c;
                    let factor = (factors_path + c0 + c) * FACTORS;
                    values[i as usize] = read_value::<M>(
                        x,
                        norm_input,
                        factors,
                        index,
                        factor,
                        slope,
                        bound,
                        comptime!(launch.reading),
                    );
                }
            }
            #[unroll]
            for i in 0..AT_ONCE {
                let e = e0 + comptime!(i * units);
                if e < comptime!(f.chunk * tile) {
                    inputs[(e % chunk * plane + e / chunk) as usize] =
                        M::cast_from(values[i as usize]);
                }
            }
        }
        // A step known when the kernel runs only keeps the compiler from unrolling this loop into spills.
        for e in range_stepped(unit, comptime!(f.chunk_weights()), CUBE_DIM) {
            let tap = e % taps;
            let c = e / taps % chunk;
            let o = e / (taps * chunk);
            let ky =
                f.tap_first[0] as i32 + (tap / comptime!(f.taps[1].max(1))) as i32 * f.tap_step[0];
            let kx =
                f.tap_first[1] as i32 + (tap % comptime!(f.taps[1].max(1))) as i32 * f.tap_step[1];
            let mut value = 0.0f32;
            let mut present = c0 + c < width_in && o0 + o < width_out;
            if comptime!(f.elastic) {
                present = present && has_row(ky as u32, packed) && has_column(kx as u32, packed);
            }
            if present {
                let place = if comptime!(f.transposed) {
                    (c0 + c) * f.channels_written + o0 + o
                } else {
                    (o0 + o) * f.channels_read + c0 + c
                };
                let at =
                    weight_offset + (place * kernel_rows + ky as u32) * kernel_columns + kx as u32;
                value = weights[at as usize];
            }
            kernels[((tap * chunk + c) * outputs + o) as usize] = M::cast_from(value);
        }
        sync_cube();
        let present = min(chunk.runtime(), width_in - c0);
        let at0 = image * tile_image
            + row * comptime!(f.pixels * f.step[0]) * tile_columns
            + column * comptime!(f.step[1]);
        for c in 0..present {
            let base = c * plane + at0;
            #[unroll(unrolled)]
            for kx in 0..taps_x {
                let mut values = Array::<f32>::new(comptime!(
                    ((f.pixels - 1) * f.step[0] + f.taps[0].max(1)) as usize
                ));
                #[unroll]
                for i in 0..strip {
                    values[i as usize] =
                        f32::cast_from(inputs[(base + i * tile_columns + kx) as usize]);
                }
                #[unroll]
                for ky in 0..taps_y {
                    let at = ((ky * taps_x + kx) * chunk + c) * outputs;
                    #[unroll]
                    for o in 0..outputs {
                        let weight = f32::cast_from(kernels[(at + o) as usize]);
                        #[unroll]
                        for j in 0..pixels {
                            sums[(j * outputs + o) as usize] +=
                                weight * values[(j * step + ky) as usize];
                        }
                    }
                }
            }
        }
    }

    // Where the results go.
    let column_i = tile_x * f.tile_columns + column;
    let image_i = image_first + image;
    let row_i = (tile_y * f.tile_rows + row) * pixels;
    let present = column_i < f.positions[1] && image_i < f.images;
    let map_written = ((path * f.images + image_i) * f.written[0]) * f.written[1]
        + f.origin[1]
        + column_i * comptime!(f.spread[1]);
    let mut first = Array::<f32>::new(comptime!(f.outputs as usize));
    let mut second = Array::<f32>::new(comptime!(f.outputs as usize));
    // The number of values of a channel, or the gradient of the slope over all channels.
    let mut third = Array::<f32>::new(1usize);
    third[0] = 0.0f32;
    #[unroll]
    for o in 0..outputs {
        first[o as usize] = 0.0f32;
        second[o as usize] = 0.0f32;
    }
    let results = path_results(table, slopes, row_other, paths, path, comptime!(launch.writing));
    #[unroll]
    for j in 0..pixels {
        if present && row_i + j < f.positions[0] {
            let y_row = (row_i + j) * comptime!(f.spread[0]) + f.origin[0];
            let pixel = map_written + y_row * f.written[1];
            let index = pixel * f.channels_written + o0;
            if comptime!(launch.writing == Writing::Statistics) {
                third[0] += 1.0f32;
            }
            #[unroll]
            for o in 0..outputs {
                if o0 + o < width_out {
                    let at = index + o;
                    let value = result::<M>(
                        sums[(j * outputs + o) as usize],
                        other,
                        other_factors,
                        at,
                        pixel,
                        o0 + o,
                        (path * f.channels_written + o0 + o) * FACTORS,
                        &results,
                        &mut first,
                        &mut second,
                        &mut third,
                        o,
                        comptime!(launch.writing),
                    );
                    let stored = M::cast_from(value);
                    y[at as usize] = stored;
                    if comptime!(launch.writing == Writing::Statistics) {
                        let value = f32::cast_from(stored);
                        sums[(j * outputs + o) as usize] = value;
                        first[o as usize] += value;
                    }
                }
            }
        }
    }

    if comptime!(launch.writing.records()) {
        let block = block_first + CUBE_POS_X;
        let record = ((path * f.channels_written + o0) * block_count + block) * RECORD;
        let distance = block_count * RECORD;
        sum_units(&third, &mut scratch, &mut totals, 1u32, units);
        let total = totals[0];
        for o in range_stepped(unit, outputs, units) {
            if o0 + o < width_out {
                let mut value = total;
                if comptime!(launch.writing.is_gradient()) {
                    value = select(o == 0, total, 0.0f32);
                }
                partial[(record + o * distance + 2) as usize] = value;
            }
        }
        let count = max(total, 1.0f32);
        sum_units(&first, &mut scratch, &mut totals, outputs, units);
        for o in range_stepped(unit, outputs, units) {
            if o0 + o < width_out {
                partial[(record + o * distance) as usize] = totals[o as usize];
            }
        }
        if comptime!(launch.writing == Writing::Statistics) {
            #[unroll]
            for o in 0..outputs {
                let mean = totals[o as usize] / count;
                #[unroll]
                for j in 0..pixels {
                    if present && row_i + j < f.positions[0] {
                        let distance = sums[(j * outputs + o) as usize] - mean;
                        second[o as usize] += distance * distance;
                    }
                }
            }
        }
        sum_units(&second, &mut scratch, &mut totals, outputs, units);
        for o in range_stepped(unit, outputs, units) {
            if o0 + o < width_out {
                partial[(record + o * distance + 1) as usize] = totals[o as usize];
            }
        }
    }
}

impl Convolve {
    /// Adds the launch to the device's queue. Nothing is launched where there are no positions.
    pub fn launch<M: Float + CubeElement, R: Runtime>(
        &self,
        client: &ComputeClient<R>,
        buffers: &ConvolveBuffers<M>,
        numbers: &ConvolveNumbers,
    ) {
        let f = &self.frame;
        if f.positions.contains(&0) || f.images == 0 {
            return;
        }
        if f.depthwise {
            return depthwise::launch(self, client, buffers, numbers);
        }
        convolve_tile::launch::<M, R>(
            client,
            CubeCount::Static(f.blocks(), f.channel_blocks(), numbers.paths),
            CubeDim::new_1d(f.units()),
            buffers.x.arg(),
            buffers.norm_input.arg(),
            buffers.factors.arg(),
            buffers.weights.arg(),
            buffers.table.arg(),
            buffers.slopes.arg(),
            buffers.other.arg(),
            buffers.other_factors.arg(),
            buffers.y.arg(),
            buffers.partial.arg(),
            numbers.rows.input,
            numbers.rows.output,
            numbers.rows.weights,
            numbers.slope,
            numbers.rows.kernel,
            numbers.other,
            numbers.paths,
            numbers.blocks[0],
            numbers.blocks[1],
            *self,
        );
    }
}
