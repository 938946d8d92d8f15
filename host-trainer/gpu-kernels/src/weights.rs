//! The weight gradient: partial sums of blocks of images, and their sums over blocks and paths.
//!
//! A cube computes all taps for a block of input and output channels of one path, over the strips of
//! some images. A unit holds all taps of a few pairs of channels in registers; units with the same
//! pairs divide the rows of a strip, and each writes partial sums of its own. Operands have the type of
//! the maps; products and sums have 32 bits.

use cubecl::prelude::*;

use crate::buffer::Buffer;
use crate::pending::{FACTORS, Reading, read_value};
use crate::shape::{ConvShape, Rows};
use crate::tile::SHARED_BYTES;

/// Output columns that a unit reads at a time.
const RUN: u32 = 4;

/// Constants of the weight gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WeightGradient {
    /// The convolution.
    pub shape: ConvShape,
    /// What is applied to the input of the convolution.
    pub reading: Reading,
    /// What is applied to the gradient of the output.
    pub gradient: Reading,
    /// Input and output channels of a unit.
    pub unit: [u32; 2],
    /// Input and output channels of a cube.
    pub cube: [u32; 2],
    /// Units with the same channels.
    pub parts: u32,
    /// Output rows of a strip.
    pub strip: u32,
    /// Cubes that share out the images of a path.
    pub blocks: u32,
}

impl WeightGradient {
    /// The constants for a shape. `cubes` is the number of cubes that fill the device.
    #[must_use]
    pub fn new(shape: ConvShape, readings: [Reading; 2], cubes: u32) -> Self {
        let unit = match shape.kernel {
            1 | 3 => [2, 4],
            5 => [1, 2],
            _ => [1, 1],
        };
        let most = unit.map(|channels| (8 * channels).min(16));
        let cube = [
            shape.channels_in.next_multiple_of(unit[0]).min(most[0]),
            shape.channels_out.next_multiple_of(unit[1]).min(most[1]),
        ];
        let pairs = cube[0] / unit[0] * (cube[1] / unit[1]);
        let rows = shape.rows_out();
        let mut made = Self {
            shape,
            reading: readings[0],
            gradient: readings[1],
            unit,
            cube,
            parts: 1,
            strip: rows.min(8),
            blocks: 1,
        };
        while made.shared_bytes() > SHARED_BYTES && made.strip > 1 {
            made.strip -= 1;
        }
        made.parts = (128 / pairs).clamp(1, made.strip);
        let busy = made.channel_blocks() * shape.paths;
        made.blocks = cubes.div_ceil(busy.max(1)).clamp(1, shape.images.max(1));
        made
    }

    /// Output columns, with those that fill the last run.
    const fn columns(&self) -> u32 {
        self.shape.columns_out().next_multiple_of(RUN)
    }

    /// Rows and columns of the input that a strip reads.
    const fn tile(&self) -> [u32; 2] {
        let (s, k) = (self.shape.stride, self.shape.kernel);
        [(self.strip - 1) * s + k, (self.columns() - 1) * s + k]
    }

    /// Units of a cube.
    #[must_use]
    pub const fn units(&self) -> u32 {
        self.cube[0] / self.unit[0] * (self.cube[1] / self.unit[1]) * self.parts
    }

    const fn channel_blocks(&self) -> u32 {
        self.shape.channels_in.div_ceil(self.cube[0])
            * self.shape.channels_out.div_ceil(self.cube[1])
    }

    /// Shared memory of a cube, bytes.
    #[must_use]
    pub const fn shared_bytes(&self) -> u32 {
        let [rows, columns] = self.tile();
        4 * (rows * columns * self.cube[0] + self.strip * self.columns() * self.cube[1])
    }

    /// Sums of a path: `[partial sums, channels_out, channels_in, kernel, kernel]`.
    #[must_use]
    pub const fn partial(&self) -> u32 {
        self.blocks * self.parts
    }

    /// Values of all partial sums.
    #[must_use]
    pub const fn partial_len(&self) -> usize {
        (self.shape.paths * self.partial()) as usize * self.shape.weights()
    }
}

/// Buffers of a launch. Buffers that the constants do not need may have any length.
#[derive(Clone, Debug)]
pub struct WeightBuffers<M> {
    /// Input map of the convolution.
    pub x: Buffer<M>,
    /// Factors of the input's reading.
    pub factors: Buffer<f32>,
    /// Gradient of the output map, as the gradient's reading takes it.
    pub dy: Buffer<M>,
    /// Input of the output's batch norm, of the shape of `dy`.
    pub norm_input: Buffer<M>,
    /// Factors of the gradient's reading.
    pub dy_factors: Buffer<f32>,
    /// Table of the update, `[rows, paths]`.
    pub table: Buffer<u32>,
    /// Slopes of negative values, `[rows, paths]`.
    pub slopes: Buffer<f32>,
    /// Partial sums, [`WeightGradient::partial_len`] values.
    pub partial: Buffer<f32>,
    /// Gradient of the parameters, to which the sums are added.
    pub gradient: Buffer<f32>,
}

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
    let kernel = comptime!(s.kernel);
    let unit_in = comptime!(g.unit[0]);
    let unit_out = comptime!(g.unit[1]);
    let cube_in = comptime!(g.cube[0]);
    let cube_out = comptime!(g.cube[1]);
    let groups_in = comptime!(g.cube[0] / g.unit[0]);
    let groups_out = comptime!(g.cube[1] / g.unit[1]);
    let blocks_in = comptime!(s.channels_in.div_ceil(g.cube[0]));
    let tile_rows = comptime!(g.tile()[0]);
    let tile_columns = comptime!(g.tile()[1]);
    let columns = comptime!(g.columns());
    let rows_out = comptime!(s.rows_out());
    let columns_out = comptime!(s.columns_out());
    let strips = comptime!(s.rows_out().div_ceil(g.strip));
    let pad = comptime!((s.kernel / 2) as i32);
    let count = comptime!(g.unit[0] * g.unit[1] * s.kernel * s.kernel);

    let unit = UNIT_POS;
    let path = CUBE_POS_Z;
    let i0 = CUBE_POS_Y % blocks_in * cube_in;
    let o0 = CUBE_POS_Y / blocks_in * cube_out;
    let width_in = table[(row_input * paths + path) as usize];
    let width_out = table[(row_output * paths + path) as usize];
    if i0 >= width_in || o0 >= width_out {
        terminate!();
    }
    let slope = slopes[(row_slope * paths + path) as usize];
    let path_read = select(comptime!(s.shared_input).runtime(), 0u32.runtime(), path);

    let my_in = unit % groups_in * unit_in;
    let my_out = unit / groups_in % groups_out * unit_out;
    let part = unit / comptime!(g.cube[0] / g.unit[0] * (g.cube[1] / g.unit[1]));

    let mut inputs =
        SharedMemory::<M>::new(comptime!((g.tile()[0] * g.tile()[1] * g.cube[0]) as usize));
    let mut gradients =
        SharedMemory::<M>::new(comptime!((g.strip * g.columns() * g.cube[1]) as usize));
    let mut sums =
        Array::<f32>::new(comptime!((g.unit[0] * g.unit[1] * s.kernel * s.kernel) as usize));
    #[unroll]
    for i in 0..count {
        sums[i as usize] = 0.0f32;
    }

    for image in range_stepped(CUBE_POS_X, s.images, g.blocks) {
        for strip in 0..strips {
            let row_first = strip * g.strip;
            sync_cube();
            for e in range_stepped(unit, tile_rows * tile_columns * cube_in, units) {
                let c = i0 + e % cube_in;
                let at = e / cube_in;
                let r = (row_first * s.stride + at / tile_columns) as i32 - pad;
                let q = (at % tile_columns) as i32 - pad;
                let mut value = 0.0f32;
                if r >= 0
                    && r < comptime!(s.rows as i32)
                    && q >= 0
                    && q < comptime!(s.columns as i32)
                    && c < width_in
                {
                    let pixel =
                        ((path_read * s.images + image) * s.rows + r as u32) * s.columns + q as u32;
                    value = read_value::<M>(
                        x,
                        x,
                        factors,
                        pixel * s.channels_in + c,
                        (path * s.channels_in + c) * FACTORS,
                        slope,
                        comptime!(g.reading),
                    );
                }
                inputs[e as usize] = M::cast_from(value);
            }
            for e in range_stepped(unit, comptime!(g.strip * g.columns() * g.cube[1]), units) {
                let c = o0 + e % cube_out;
                let at = e / cube_out;
                let r = row_first + at / columns;
                let q = at % columns;
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
                        comptime!(g.gradient),
                    );
                }
                gradients[e as usize] = M::cast_from(value);
            }
            sync_cube();
            if i0 + my_in < width_in && o0 + my_out < width_out {
                for row in range_stepped(part, g.strip, g.parts) {
                    for run in 0..comptime!(g.columns() / RUN) {
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
                        for ky in 0..kernel {
                            let from = ((row * s.stride + ky) * tile_columns + q * s.stride)
                                * cube_in
                                + my_in;
                            let mut xs = Array::<f32>::new(comptime!(
                                (((RUN - 1) * s.stride + s.kernel) * g.unit[0]) as usize
                            ));
                            #[unroll]
                            for t in 0..comptime!((RUN - 1) * s.stride + s.kernel) {
                                #[unroll]
                                for i in 0..unit_in {
                                    xs[(t * unit_in + i) as usize] =
                                        f32::cast_from(inputs[(from + t * cube_in + i) as usize]);
                                }
                            }
                            #[unroll]
                            for kx in 0..kernel {
                                #[unroll]
                                for o in 0..unit_out {
                                    #[unroll]
                                    for i in 0..unit_in {
                                        let at = ((o * unit_in + i) * kernel + ky) * kernel + kx;
                                        let mut sum = sums[at as usize];
                                        #[unroll]
                                        for r in 0..RUN {
                                            sum += xs[((r * s.stride + kx) * unit_in + i) as usize]
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
    let first = record * comptime!(s.channels_out * s.channels_in * s.kernel * s.kernel);
    #[unroll]
    for o in 0..unit_out {
        #[unroll]
        for i in 0..unit_in {
            let channel_out = o0 + my_out + o;
            let channel_in = i0 + my_in + i;
            if channel_out < width_out && channel_in < width_in {
                let place =
                    (channel_out * s.channels_in + channel_in) * comptime!(s.kernel * s.kernel);
                #[unroll]
                for tap in 0..comptime!(s.kernel * s.kernel) {
                    partial[(first + place + tap) as usize] =
                        sums[((o * unit_in + i) * comptime!(s.kernel * s.kernel) + tap) as usize];
                }
            }
        }
    }
}

/// Weights of a cube of the second reduction, and units that share a weight.
const REDUCE: [u32; 2] = [32, 8];

#[cube(launch)]
#[allow(clippy::too_many_arguments)]
fn weight_total(
    partial: &Array<f32>,
    table: &Array<u32>,
    gradient: &mut Array<f32>,
    row_input: u32,
    row_output: u32,
    row_weights: u32,
    paths: u32,
    records: u32,
    channels_in: u32,
    weights: u32,
    #[comptime] taps: u32,
) {
    let wide = comptime!(REDUCE[0]);
    let lanes = comptime!(REDUCE[1]);
    let weight = CUBE_POS_X * wide + UNIT_POS % wide;
    let lane = UNIT_POS / wide;
    let channel_in = weight / taps % channels_in;
    let channel_out = weight / taps / channels_in;
    let mut shared = SharedMemory::<f32>::new(comptime!((REDUCE[0] * REDUCE[1]) as usize));
    for path in 0..paths {
        let present = weight < weights
            && channel_in < table[(row_input * paths + path) as usize]
            && channel_out < table[(row_output * paths + path) as usize];
        let mut sum = 0.0f32;
        if present {
            for record in range_stepped(lane, records, lanes) {
                sum += partial[((path * records + record) * weights + weight) as usize];
            }
        }
        shared[UNIT_POS as usize] = sum;
        sync_cube();
        if present && lane == 0 {
            let mut total = 0.0f32;
            #[unroll]
            for i in 0..lanes {
                total += shared[(i * wide + UNIT_POS) as usize];
            }
            let at = (table[(row_weights * paths + path) as usize] + weight) as usize;
            gradient[at] += total;
        }
        sync_cube();
    }
}

impl WeightGradient {
    /// Adds both launches to the device's queue. `slope` is the row of the slopes for the input.
    pub fn launch<M: Float + CubeElement, R: Runtime>(
        &self,
        client: &ComputeClient<R>,
        buffers: &WeightBuffers<M>,
        rows: Rows,
        slope: u32,
    ) {
        let s = &self.shape;
        if s.images == 0 {
            return;
        }
        weight_sums::launch::<M, R>(
            client,
            CubeCount::Static(self.blocks, self.channel_blocks(), s.paths),
            CubeDim::new_1d(self.units()),
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
            s.paths,
            *self,
        );
        weight_total::launch::<R>(
            client,
            CubeCount::Static((s.weights() as u32).div_ceil(REDUCE[0]), 1, 1),
            CubeDim::new_1d(REDUCE[0] * REDUCE[1]),
            buffers.partial.arg(),
            buffers.table.arg(),
            buffers.gradient.arg(),
            rows.input,
            rows.output,
            rows.weights,
            s.paths,
            self.partial(),
            s.channels_in,
            s.weights() as u32,
            s.kernel * s.kernel,
        );
    }
}
