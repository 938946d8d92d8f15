//! The convolution and its input gradient: one kernel over a [`Frame`].
//!
//! A cube computes a tile of positions of some images for a block of output channels of one path. It
//! copies chunks of input channels to shared memory, where it applies the pending normalisation and
//! activation. Operands have the type of the maps; products and sums have 32 bits. A unit computes a column of positions in registers. Cubes and chunks beyond the
//! widths of their path do nothing.

use cubecl::prelude::*;

use crate::buffer::Buffer;
use crate::pending::{FACTORS, Reading, read_value};
use crate::shape::Rows;
use crate::sums::sum_units;
use crate::tile::Frame;

/// What a convolution does with its results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Writing {
    /// It writes them.
    Plain,
    /// It writes them, and for every channel and block their sum, the sum of the squared
    /// differences from the block's mean, and their number.
    Statistics,
    /// It adds another map.
    Added,
    /// It writes the gradient before the activation and behind the norm of another map. For every
    /// channel and block, it writes the sum of these gradients, and their sum multiplied by the
    /// difference of the map from its mean. The third value is the gradient of the slope over the
    /// cube's channels in the first of them, and 0 in the others.
    ActivationGradient,
}

/// Constants of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Convolve {
    /// Geometry and tiling.
    pub frame: Frame,
    /// What is applied to the input.
    pub reading: Reading,
    /// What happens to the results.
    pub writing: Writing,
}

/// Values of a record of partial sums.
pub const RECORD: u32 = 3;

/// Buffers of a launch. Buffers that the constants do not need may have any length.
#[derive(Clone, Debug)]
pub struct ConvolveBuffers<M> {
    /// Input map, `[paths, images, rows, columns, channels]`.
    pub x: Buffer<M>,
    /// Input of the batch norm whose gradient the reading takes, of the shape of `x`.
    pub norm_input: Buffer<M>,
    /// Factors of the reading.
    pub factors: Buffer<f32>,
    /// Parameters.
    pub weights: Buffer<f32>,
    /// Table of the update, `[rows, paths]`.
    pub table: Buffer<u32>,
    /// Slopes of negative values, `[rows, paths]`.
    pub slopes: Buffer<f32>,
    /// Output map.
    pub y: Buffer<M>,
    /// The map that is added, or the map before the norm and activation, of the shape of `y`.
    pub other: Buffer<M>,
    /// Factors of the norm of `other`, as in [`Reading::Activated`].
    pub other_factors: Buffer<f32>,
    /// Records, `[paths, channels, blocks, 3]`.
    pub partial: Buffer<f32>,
}

/// Numbers of a launch.
#[derive(Clone, Copy, Debug)]
pub struct ConvolveNumbers {
    /// Rows of the table.
    pub rows: Rows,
    /// Row of the slopes for the input.
    pub slope: u32,
    /// Row of the slopes for the results.
    pub other_slope: u32,
    /// Number of paths.
    pub paths: u32,
    /// First block of this launch in the records, and the number of all blocks.
    pub blocks: [u32; 2],
}

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
    row_other_slope: u32,
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
    let kernel = comptime!(f.kernel);
    let chunk = comptime!(f.chunk);
    let plane = comptime!(f.plane());
    let tile_columns = comptime!(f.tile_read()[1]);
    let tile_image = comptime!(f.tile_read()[0] * f.tile_read()[1]);
    let tile = comptime!(f.tile_read()[0] * f.tile_read()[1] * f.tile_images);
    let tiles_y = comptime!(f.tiles()[0]);
    let tiles_x = comptime!(f.tiles()[1]);
    let rows_read = comptime!(f.read[0] as i32);
    let columns_read = comptime!(f.read[1] as i32);
    let strip = comptime!((f.pixels - 1) * f.step + f.taps[0].max(1));

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

    let row_first = (tile_y * comptime!(f.tile_rows * f.pixels * f.step)) as i32 + f.first[0];
    let column_first = (tile_x * comptime!(f.tile_columns * f.step)) as i32 + f.first[1];
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
        for e in range_stepped(unit, comptime!(f.chunk) * tile, units) {
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
                && image_first + tile_i < f.images;
            let mut value = 0.0f32;
            if inside {
                let pixel = map_read + (tile_i * f.read[0] + r as u32) * f.read[1] + q as u32;
                let index = pixel * f.channels_read + c0 + c;
                let factor = (factors_path + c0 + c) * FACTORS;
                value = read_value::<M>(
                    x,
                    norm_input,
                    factors,
                    index,
                    factor,
                    slope,
                    comptime!(launch.reading),
                );
            }
            inputs[(c * plane + at) as usize] = M::cast_from(value);
        }
        for e in range_stepped(unit, comptime!(f.chunk_weights()), units) {
            let tap = e % taps;
            let c = e / taps % chunk;
            let o = e / (taps * chunk);
            let ky =
                f.tap_first[0] as i32 + (tap / comptime!(f.taps[1].max(1))) as i32 * f.tap_step;
            let kx =
                f.tap_first[1] as i32 + (tap % comptime!(f.taps[1].max(1))) as i32 * f.tap_step;
            let mut value = 0.0f32;
            if c0 + c < width_in && o0 + o < width_out {
                let place = if comptime!(f.transposed) {
                    (c0 + c) * f.channels_written + o0 + o
                } else {
                    (o0 + o) * f.channels_read + c0 + c
                };
                let at = weight_offset + (place * kernel + ky as u32) * kernel + kx as u32;
                value = weights[at as usize];
            }
            kernels[((tap * chunk + c) * outputs + o) as usize] = M::cast_from(value);
        }
        sync_cube();
        let present = min(chunk.runtime(), width_in - c0);
        let at0 = image * tile_image
            + row * comptime!(f.pixels * f.step) * tile_columns
            + column * f.step;
        for c in 0..present {
            let base = c * plane + at0;
            #[unroll]
            for kx in 0..taps_x {
                let mut values = Array::<f32>::new(comptime!(
                    ((f.pixels - 1) * f.step + f.taps[0].max(1)) as usize
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
                                weight * values[(j * f.step + ky) as usize];
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
        + column_i * f.spread;
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
    let other_slope = slopes[(row_other_slope * paths + path) as usize];
    #[unroll]
    for j in 0..pixels {
        if present && row_i + j < f.positions[0] {
            let y_row = (row_i + j) * f.spread + f.origin[0];
            let index = (map_written + y_row * f.written[1]) * f.channels_written + o0;
            if comptime!(launch.writing == Writing::Statistics) {
                third[0] += 1.0f32;
            }
            #[unroll]
            for o in 0..outputs {
                if o0 + o < width_out {
                    let at = index + o;
                    let mut value = sums[(j * outputs + o) as usize];
                    if comptime!(launch.writing == Writing::Added) {
                        value += f32::cast_from(other[at as usize]);
                    }
                    if comptime!(launch.writing == Writing::ActivationGradient) {
                        let factor = (path * f.channels_written + o0 + o) * FACTORS;
                        let scale = other_factors[factor as usize];
                        let offset = other_factors[(factor + 1) as usize];
                        let mean = other_factors[(factor + 2) as usize];
                        let raw = f32::cast_from(other[at as usize]);
                        let normed = raw * scale + offset;
                        let negative = normed < 0.0f32;
                        third[0] += select(negative, value * normed, 0.0f32);
                        value = select(negative, value * other_slope, value);
                        first[o as usize] += value;
                        second[o as usize] += value * (raw - mean);
                    }
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

    if comptime!(
        launch.writing == Writing::Statistics || launch.writing == Writing::ActivationGradient
    ) {
        let block = block_first + CUBE_POS_X;
        let record = ((path * f.channels_written + o0) * block_count + block) * RECORD;
        let distance = block_count * RECORD;
        sum_units(&third, &mut scratch, &mut totals, 1u32, units);
        let total = totals[0];
        for o in range_stepped(unit, outputs, units) {
            if o0 + o < width_out {
                let mut value = total;
                if comptime!(launch.writing == Writing::ActivationGradient) {
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
            numbers.other_slope,
            numbers.paths,
            numbers.blocks[0],
            numbers.blocks[1],
            *self,
        );
    }
}
