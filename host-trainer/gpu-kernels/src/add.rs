//! The end of a block: batch norm, the addition of the residual, and the activation; and its
//! gradient.
//!
//! A cube handles some pixels of a path for up to 64 channels, adjacent channels in adjacent units.

use cubecl::prelude::*;

use crate::buffer::Buffer;
use crate::convolve::RECORD;
use crate::pending::{FACTORS, bound_of, leaky};

pub(crate) const UNITS: u32 = 128;
/// Pixels of a unit.
pub(crate) const SPAN: u32 = 16;

/// The second addend of a block's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Residual {
    /// There is none.
    None,
    /// A map as it is.
    Plain,
    /// A map behind a batch norm.
    Normed,
}

/// Constants of a block's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockEnd {
    /// Number of paths.
    pub paths: u32,
    /// Images of a path.
    pub images: u32,
    /// Pixels of an image.
    pub pixels: u32,
    /// Channels of the maps.
    pub channels: u32,
    /// The second addend.
    pub residual: Residual,
    /// Channels of the residual's map.
    pub residual_channels: u32,
    /// True if paths may lack the layer. Their width is 0, and the block writes what it adds.
    pub optional: bool,
    /// Rows between slopes and bounds; 0 if no path has a bound.
    pub bounds: u32,
    /// True if all paths read the same residual, which then has one path and every channel.
    pub shared_residual: bool,
    /// True if the gradient is that of the mean of each image, `[paths, images, channels]`.
    pub pooled: bool,
}

/// Buffers of a block's end. Buffers that the constants do not need may have any length.
#[derive(Clone, Debug)]
pub struct EndBuffers<M> {
    /// Input of the batch norm.
    pub x: Buffer<M>,
    /// Factors of the norm.
    pub factors: Buffer<f32>,
    /// Residual, before its norm.
    pub residual: Buffer<M>,
    /// Factors of the residual's norm.
    pub residual_factors: Buffer<f32>,
    /// Table of the update.
    pub table: Buffer<u32>,
    /// Slopes of negative values, `[rows, paths]`.
    pub slopes: Buffer<f32>,
}

/// Rows of the table and the slopes.
#[derive(Clone, Copy, Debug)]
pub struct EndRows {
    /// Widths of the maps.
    pub width: u32,
    /// Channels of a plain residual that a path adds.
    pub residual: u32,
    /// Slopes.
    pub slope: u32,
}

/// Channels of a cube.
pub(crate) const fn channels_of_cube(channels: u32) -> u32 {
    let wide = channels.next_power_of_two();
    if wide < 64 { wide } else { 64 }
}

/// Place of a pixel's channel in a map of all paths.
#[cube]
fn place(pixel: u32, channel: u32, path: u32, #[comptime] e: BlockEnd) -> u32 {
    pixel * e.channels + channel + path * comptime!(e.images * e.pixels * e.channels)
}

/// The value of a pixel's channel behind both norms and before the activation.
#[cube]
#[allow(clippy::too_many_arguments, clippy::collapsible_if)]
fn sum_of<M: Float>(
    x: &Array<M>,
    factors: &Array<f32>,
    residual: &Array<M>,
    residual_factors: &Array<f32>,
    pixel: u32,
    channel: u32,
    path: u32,
    has_layer: bool,
    has_residual: bool,
    #[comptime] e: BlockEnd,
) -> f32 {
    let at = place(pixel, channel, path, e);
    let factor = (path * e.channels + channel) * FACTORS;
    let mut sum = 0.0f32;
    if comptime!(e.optional) {
        if has_layer {
            let scale = factors[factor as usize];
            let offset = factors[(factor + 1) as usize];
            sum = f32::cast_from(x[at as usize]) * scale + offset;
        }
    } else {
        let scale = factors[factor as usize];
        let offset = factors[(factor + 1) as usize];
        sum = f32::cast_from(x[at as usize]) * scale + offset;
    }
    if comptime!(e.residual == Residual::Plain) {
        if has_residual {
            let shared_at = pixel * e.residual_channels + channel;
            let own_at = shared_at + path * comptime!(e.images * e.pixels * e.residual_channels);
            let residual_at = select(comptime!(e.shared_residual).runtime(), shared_at, own_at);
            sum += f32::cast_from(residual[residual_at as usize]);
        }
    }
    if comptime!(e.residual == Residual::Normed) {
        let scale = residual_factors[factor as usize];
        let offset = residual_factors[(factor + 1) as usize];
        sum += f32::cast_from(residual[at as usize]) * scale + offset;
    }
    sum
}

#[cube(launch)]
#[allow(clippy::too_many_arguments)]
fn end_values<M: Float>(
    x: &Array<M>,
    factors: &Array<f32>,
    residual: &Array<M>,
    residual_factors: &Array<f32>,
    table: &Array<u32>,
    slopes: &Array<f32>,
    y: &mut Array<M>,
    row_width: u32,
    row_residual: u32,
    row_slope: u32,
    #[comptime] e: BlockEnd,
) {
    let wide = comptime!(channels_of_cube(e.channels));
    let lanes = comptime!(UNITS / channels_of_cube(e.channels));
    let path = CUBE_POS_Z;
    let channel = CUBE_POS_Y * wide + UNIT_POS % wide;
    let lane = UNIT_POS / wide;
    let pixels = comptime!(e.images * e.pixels);
    let width = table[(row_width * e.paths + path) as usize];
    let mut width_written = width;
    if comptime!(e.optional) {
        width_written = max(width, table[(row_residual * e.paths + path) as usize]);
    }
    if channel < width_written {
        let slope = slopes[(row_slope * e.paths + path) as usize];
        let bound = bound_of(slopes, row_slope, e.paths, path, e.bounds);
        let has_residual = channel < table[(row_residual * e.paths + path) as usize];
        let first = CUBE_POS_X * comptime!(SPAN * (UNITS / channels_of_cube(e.channels))) + lane;
        for i in 0..SPAN {
            let pixel = first + i * lanes;
            if pixel < pixels {
                let at = place(pixel, channel, path, e);
                let sum = sum_of::<M>(
                    x,
                    factors,
                    residual,
                    residual_factors,
                    pixel,
                    channel,
                    path,
                    channel < width,
                    has_residual,
                    e,
                );
                let mut value = leaky(sum, slope);
                if comptime!(e.bounds > 0) {
                    value = min(value, bound);
                }
                y[at as usize] = M::cast_from(value);
            }
        }
    }
}

#[cube(launch)]
#[allow(clippy::too_many_arguments)]
fn end_gradients<M: Float>(
    x: &Array<M>,
    factors: &Array<f32>,
    residual: &Array<M>,
    residual_factors: &Array<f32>,
    table: &Array<u32>,
    slopes: &Array<f32>,
    dy: &Array<M>,
    dsum: &mut Array<M>,
    partial: &mut Array<f32>,
    residual_partial: &mut Array<f32>,
    row_width: u32,
    row_residual: u32,
    row_slope: u32,
    blocks: u32,
    #[comptime] e: BlockEnd,
) {
    let wide = comptime!(channels_of_cube(e.channels));
    let lanes = comptime!(UNITS / channels_of_cube(e.channels));
    let share = comptime!(SPAN * (UNITS / channels_of_cube(e.channels)));
    let path = CUBE_POS_Z;
    let in_cube = UNIT_POS % wide;
    let channel = CUBE_POS_Y * wide + in_cube;
    let lane = UNIT_POS / wide;
    let pixels = comptime!(e.images * e.pixels);
    let width = table[(row_width * e.paths + path) as usize];
    let mut width_written = width;
    if comptime!(e.optional) {
        width_written = max(width, table[(row_residual * e.paths + path) as usize]);
    }
    if CUBE_POS_Y * wide >= width_written {
        terminate!();
    }
    let mut sums = Array::<f32>::new(4usize);
    #[unroll]
    for v in 0..4u32 {
        sums[v as usize] = 0.0f32;
    }
    if channel < width_written {
        let slope = slopes[(row_slope * e.paths + path) as usize];
        let has_layer = channel < width;
        let bound = bound_of(slopes, row_slope, e.paths, path, e.bounds);
        let has_residual = channel < table[(row_residual * e.paths + path) as usize];
        let first = CUBE_POS_X * share;
        let end = min(first + share, pixels);
        let factor = (path * e.channels + channel) * FACTORS;
        let mean = factors[(factor + 2) as usize];
        let mut residual_mean = 0.0f32;
        if comptime!(e.residual == Residual::Normed) {
            residual_mean = residual_factors[(factor + 2) as usize];
        }
        for pixel in range_stepped(first + lane, end, lanes) {
            let at = place(pixel, channel, path, e);
            let sum = sum_of::<M>(
                x,
                factors,
                residual,
                residual_factors,
                pixel,
                channel,
                path,
                has_layer,
                has_residual,
                e,
            );
            let mut from = at;
            if comptime!(e.pooled) {
                from = (path * e.images + pixel / e.pixels) * e.channels + channel;
            }
            let dy = f32::cast_from(dy[from as usize]);
            let negative = sum < 0.0f32;
            let mut g = select(negative, dy * slope, dy);
            if comptime!(e.bounds > 0) {
                g = select(sum > bound, 0.0f32, g);
            }
            let g = M::cast_from(g);
            dsum[at as usize] = g;
            let g = f32::cast_from(g);
            sums[0] += g;
            sums[1] += g * (f32::cast_from(x[at as usize]) - mean);
            sums[2] += select(negative, dy * sum, 0.0f32);
            if comptime!(e.residual == Residual::Normed) {
                sums[3] += g * (f32::cast_from(residual[at as usize]) - residual_mean);
            }
        }
    }
    // The sums of each channel over the lanes.
    let mut scratch = SharedMemory::<f32>::new(comptime!((4 * UNITS) as usize));
    #[unroll]
    for v in 0..4u32 {
        scratch[(v * UNITS + UNIT_POS) as usize] = sums[v as usize];
    }
    sync_cube();
    if lane == 0 && channel < width {
        #[unroll]
        for v in 0..4u32 {
            let mut sum = 0.0f32;
            for i in 0..lanes {
                sum += scratch[(v * UNITS + i * wide + in_cube) as usize];
            }
            sums[v as usize] = sum;
        }
        let record = ((path * e.channels + channel) * blocks + CUBE_POS_X) * RECORD;
        partial[record as usize] = sums[0];
        partial[(record + 1) as usize] = sums[1];
        partial[(record + 2) as usize] = sums[2];
        if comptime!(e.residual == Residual::Normed) {
            residual_partial[record as usize] = sums[0];
            residual_partial[(record + 1) as usize] = sums[3];
            residual_partial[(record + 2) as usize] = 0.0f32;
        }
    }
}

impl BlockEnd {
    /// Cubes that share out the pixels of a path.
    #[must_use]
    pub const fn blocks(&self) -> u32 {
        (self.images * self.pixels).div_ceil(SPAN * (UNITS / channels_of_cube(self.channels)))
    }

    /// Values of the records of the gradient's sums, `[paths, channels, blocks, 3]`.
    #[must_use]
    pub const fn records(&self) -> usize {
        (self.paths * self.channels * self.blocks() * RECORD) as usize
    }

    const fn cubes(&self) -> CubeCount {
        CubeCount::Static(
            self.blocks(),
            self.channels.div_ceil(channels_of_cube(self.channels)),
            self.paths,
        )
    }

    /// Computes the output of the block.
    pub fn launch<M: Float + CubeElement, R: Runtime>(
        &self,
        client: &ComputeClient<R>,
        buffers: &EndBuffers<M>,
        y: &Buffer<M>,
        rows: EndRows,
    ) {
        end_values::launch::<M, R>(
            client,
            self.cubes(),
            CubeDim::new_1d(UNITS),
            buffers.x.arg(),
            buffers.factors.arg(),
            buffers.residual.arg(),
            buffers.residual_factors.arg(),
            buffers.table.arg(),
            buffers.slopes.arg(),
            y.arg(),
            rows.width,
            rows.residual,
            rows.slope,
            *self,
        );
    }

    /// Computes the gradient of the sum from the gradient `dy` of the output, and the records of
    /// both norms.
    pub fn launch_gradient<M: Float + CubeElement, R: Runtime>(
        &self,
        client: &ComputeClient<R>,
        buffers: &EndBuffers<M>,
        [dy, dsum]: [&Buffer<M>; 2],
        [partial, residual_partial]: [&Buffer<f32>; 2],
        rows: EndRows,
    ) {
        end_gradients::launch::<M, R>(
            client,
            self.cubes(),
            CubeDim::new_1d(UNITS),
            buffers.x.arg(),
            buffers.factors.arg(),
            buffers.residual.arg(),
            buffers.residual_factors.arg(),
            buffers.table.arg(),
            buffers.slopes.arg(),
            dy.arg(),
            dsum.arg(),
            partial.arg(),
            residual_partial.arg(),
            rows.width,
            rows.residual,
            rows.slope,
            self.blocks(),
            *self,
        );
    }
}
