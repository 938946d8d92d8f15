//! The depthwise convolution and its input gradient.
//!
//! A cube computes a tile of positions of some images for a block of channels of one path. It reads the
//! tile once, applies the pending normalisation and activation, and writes its results once. A unit has one
//! channel and a column of positions. Columns of the largest kernel beyond that of the path cost nothing;
//! rows beyond it are products with 0.

use cubecl::prelude::*;

use crate::convolution::{Convolve, ConvolveBuffers, ConvolveNumbers, RECORD};
use crate::pending::{FACTORS, bound_of, read_value};
use crate::shape::{has_column, has_row};
use crate::sums::sum_channel;
use crate::writing::{Writing, path_results, result};

#[cube(launch)]
#[allow(clippy::too_many_arguments)]
fn depthwise_tile<M: Float>(
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
    row_read: u32,
    row_written: u32,
    row_weights: u32,
    row_kernel: u32,
    row_slope: u32,
    row_other: u32,
    paths: u32,
    block_first: u32,
    block_count: u32,
    #[comptime] launch: Convolve,
) {
    let f = comptime!(launch.frame);
    let units = comptime!(f.units());
    let channels = comptime!(f.outputs);
    let pixels = comptime!(f.pixels);
    let taps_y = comptime!(f.taps[0]);
    let taps_x = comptime!(f.taps[1]);
    let tile_columns = comptime!(f.tile_read()[1]);
    let tile_image = comptime!(f.tile_read()[0] * f.tile_read()[1]);
    let strip = comptime!((f.pixels - 1) * f.step[0] + f.taps[0].max(1));
    let step = comptime!(f.step[0]);

    let unit = UNIT_POS;
    let path = CUBE_POS_Z;
    let c0 = CUBE_POS_Y * channels;
    let width_read = table[(row_read * paths + path) as usize];
    let width_written = table[(row_written * paths + path) as usize];
    if c0 >= width_written {
        terminate!();
    }
    let weight_offset = table[(row_weights * paths + path) as usize];
    let slope = slopes[(row_slope * paths + path) as usize];
    let bound = bound_of(slopes, row_slope, paths, path, comptime!(launch.reading.bounds()));
    let mut packed = 0u32;
    if comptime!(f.elastic) {
        packed = table[(row_kernel * paths + path) as usize];
    }

    let tile_x = CUBE_POS_X % comptime!(f.tiles()[1]);
    let tile_y = CUBE_POS_X / comptime!(f.tiles()[1]) % comptime!(f.tiles()[0]);
    let image_first = CUBE_POS_X / comptime!(f.tiles()[0] * f.tiles()[1]) * f.tile_images;
    let channel = c0 + unit % channels;
    let lane = unit / channels;
    let column = lane % f.tile_columns;
    let row = lane / f.tile_columns % f.tile_rows;
    let image = lane / comptime!(f.tile_columns * f.tile_rows);

    let mut inputs = SharedMemory::<M>::new(comptime!(
        (f.tile_read()[0] * f.tile_read()[1] * f.tile_images * f.outputs) as usize
    ));
    let mut kernels = SharedMemory::<f32>::new(comptime!(f.chunk_weights() as usize));
    let mut scratch = SharedMemory::<f32>::new(comptime!(f.units() as usize));
    let mut sums = Array::<f32>::new(comptime!(f.pixels as usize));
    #[unroll]
    for j in 0..pixels {
        sums[j as usize] = 0.0f32;
    }

    if comptime!(f.taps[0] * f.taps[1] > 0) {
        let row_first =
            (tile_y * comptime!(f.tile_rows * f.pixels * f.step[0])) as i32 + f.first[0];
        let column_first = (tile_x * comptime!(f.tile_columns * f.step[1])) as i32 + f.first[1];
        let path_read = select(comptime!(f.shared).runtime(), 0u32.runtime(), path);
        let map_read = (path_read * f.images + image_first) * comptime!(f.read[0] * f.read[1]);
        let tile = comptime!(f.tile_read()[0] * f.tile_read()[1] * f.tile_images * f.outputs);
        for e in range_stepped(unit, tile, units) {
            let c = c0 + e % channels;
            let at = e / channels;
            let in_image = at % tile_image;
            let tile_i = at / tile_image;
            let r = row_first + (in_image / tile_columns) as i32;
            let q = column_first + (in_image % tile_columns) as i32;
            let mut value = 0.0f32;
            if r >= 0
                && r < comptime!(f.read[0] as i32)
                && q >= 0
                && q < comptime!(f.read[1] as i32)
                && c < width_read
                && image_first + tile_i < f.images
            {
                let pixel = map_read + (tile_i * f.read[0] + r as u32) * f.read[1] + q as u32;
                value = read_value::<M>(
                    x,
                    norm_input,
                    factors,
                    pixel * f.channels_read + c,
                    (path * f.channels_read + c) * FACTORS,
                    slope,
                    bound,
                    comptime!(launch.reading),
                );
            }
            inputs[e as usize] = M::cast_from(value);
        }
        for e in range_stepped(unit, comptime!(f.chunk_weights()), units) {
            let c = c0 + e % channels;
            let tap = e / channels;
            let ky = (f.tap_first[0] as i32 + (tap / taps_x) as i32 * f.tap_step[0]) as u32;
            let kx = (f.tap_first[1] as i32 + (tap % taps_x) as i32 * f.tap_step[1]) as u32;
            let mut present = c < width_read && c < width_written;
            if comptime!(f.elastic) {
                present = present && has_row(ky, packed) && has_column(kx, packed);
            }
            let mut value = 0.0f32;
            if present {
                let at = weight_offset + (c * f.kernel[0] + ky) * f.kernel[1] + kx;
                value = f32::cast_from(M::cast_from(weights[at as usize]));
            }
            kernels[e as usize] = value;
        }
        sync_cube();
        let at0 = (image * tile_image
            + row * comptime!(f.pixels * f.step[0]) * tile_columns
            + column * comptime!(f.step[1]))
            * channels
            + unit % channels;
        for kx in 0..taps_x {
            let mut present = true.runtime();
            if comptime!(f.elastic) {
                let of = (f.tap_first[1] as i32 + kx as i32 * f.tap_step[1]) as u32;
                present = has_column(of, packed);
            }
            if present {
                let mut values = Array::<f32>::new(comptime!(
                    ((f.pixels - 1) * f.step[0] + f.taps[0].max(1)) as usize
                ));
                #[unroll]
                for i in 0..strip {
                    let at = at0 + (i * tile_columns + kx) * channels;
                    values[i as usize] = f32::cast_from(inputs[at as usize]);
                }
                #[unroll]
                for ky in 0..taps_y {
                    let weight =
                        kernels[((ky * taps_x + kx) * channels + unit % channels) as usize];
                    #[unroll]
                    for j in 0..pixels {
                        sums[j as usize] += weight * values[(j * step + ky) as usize];
                    }
                }
            }
        }
    }

    // Where the results go.
    let column_i = tile_x * f.tile_columns + column;
    let image_i = image_first + image;
    let row_i = (tile_y * f.tile_rows + row) * pixels;
    let present = column_i < f.positions[1] && image_i < f.images && channel < width_written;
    let map_written = ((path * f.images + image_i) * f.written[0]) * f.written[1]
        + f.origin[1]
        + column_i * comptime!(f.spread[1]);
    let mut first = Array::<f32>::new(1usize);
    let mut second = Array::<f32>::new(1usize);
    let mut third = Array::<f32>::new(1usize);
    first[0] = 0.0f32;
    second[0] = 0.0f32;
    third[0] = 0.0f32;
    let results = path_results(table, slopes, row_other, paths, path, comptime!(launch.writing));
    #[unroll]
    for j in 0..pixels {
        if present && row_i + j < f.positions[0] {
            let y_row = (row_i + j) * comptime!(f.spread[0]) + f.origin[0];
            let pixel = map_written + y_row * f.written[1];
            let at = pixel * f.channels_written + channel;
            let value = result::<M>(
                sums[j as usize],
                other,
                other_factors,
                at,
                pixel,
                channel,
                (path * f.channels_written + channel) * FACTORS,
                &results,
                &mut first,
                &mut second,
                &mut third,
                0u32,
                comptime!(launch.writing),
            );
            let stored = M::cast_from(value);
            y[at as usize] = stored;
            if comptime!(launch.writing == Writing::Statistics) {
                let value = f32::cast_from(stored);
                sums[j as usize] = value;
                first[0] += value;
                third[0] += 1.0f32;
            }
        }
    }

    if comptime!(launch.writing.records()) {
        let total = sum_channel(first[0], &mut scratch, channels, units);
        let count = sum_channel(third[0], &mut scratch, channels, units);
        if comptime!(launch.writing == Writing::Statistics) {
            let mean = total / max(count, 1.0f32);
            #[unroll]
            for j in 0..pixels {
                if present && row_i + j < f.positions[0] {
                    let distance = sums[j as usize] - mean;
                    second[0] += distance * distance;
                }
            }
        }
        let squares = sum_channel(second[0], &mut scratch, channels, units);
        if lane == 0 && channel < width_written {
            let block = block_first + CUBE_POS_X;
            let at = path * f.channels_written + channel;
            let record = (at * block_count + block) * RECORD;
            partial[record as usize] = total;
            partial[(record + 1) as usize] = squares;
            partial[(record + 2) as usize] = count;
        }
    }
}

/// Adds the launch of a depthwise convolution to the device's queue. It has positions and images.
pub(crate) fn launch<M: Float + CubeElement, R: Runtime>(
    launch: &Convolve,
    client: &ComputeClient<R>,
    buffers: &ConvolveBuffers<M>,
    numbers: &ConvolveNumbers,
) {
    let f = &launch.frame;
    let [x, norm_input, other] = [&buffers.x, &buffers.norm_input, &buffers.other].map(|b| b.arg());
    let b = buffers;
    depthwise_tile::launch::<M, R>(
        client,
        CubeCount::Static(f.blocks(), f.channel_blocks(), numbers.paths),
        CubeDim::new_1d(f.units()),
        x,
        norm_input,
        b.factors.arg(),
        b.weights.arg(),
        b.table.arg(),
        b.slopes.arg(),
        other,
        b.other_factors.arg(),
        b.y.arg(),
        b.partial.arg(),
        numbers.rows.input,
        numbers.rows.output,
        numbers.rows.weights,
        numbers.rows.kernel,
        numbers.slope,
        numbers.other,
        numbers.paths,
        numbers.blocks[0],
        numbers.blocks[1],
        *launch,
    );
}
