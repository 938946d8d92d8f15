//! Pools: the largest or the average value of windows, and their gradients.
//!
//! A cube handles some pixels of a path for up to 64 channels, adjacent channels in adjacent units.

use cubecl::prelude::*;

use crate::add::{SPAN, UNITS, channels_of_cube};
use crate::buffer::Buffer;
use crate::shape::ConvShape;

/// Constants of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pool {
    /// Maps and windows, as those of a depthwise convolution.
    pub shape: ConvShape,
    /// True for the largest values, for the first of several. Pixels beyond the map do not count. An
    /// average takes them as zeros.
    pub maximum: bool,
    /// True if the gradient is that of the mean of each image, `[paths, images, channels]`.
    pub pooled: bool,
}

/// Buffers of a pool.
#[derive(Clone, Debug)]
pub struct PoolBuffers<M> {
    /// Input map.
    pub x: Buffer<M>,
    /// Output map.
    pub y: Buffer<M>,
    /// Pixel of each largest value in its image, of the shape of `y`; any length for averages.
    pub places: Buffer<u32>,
    /// Table of the update.
    pub table: Buffer<u32>,
}

#[cube(launch)]
fn pool_values<M: Float>(
    x: &Array<M>,
    table: &Array<u32>,
    y: &mut Array<M>,
    places: &mut Array<u32>,
    row_width: u32,
    #[comptime] p: Pool,
) {
    let s = comptime!(p.shape);
    let channels = comptime!(s.channels_out);
    let wide = comptime!(channels_of_cube(s.channels_out));
    let lanes = comptime!(UNITS / channels_of_cube(s.channels_out));
    let rows_out = comptime!(s.rows_out());
    let columns_out = comptime!(s.columns_out());
    let path = CUBE_POS_Z;
    let channel = CUBE_POS_Y * wide + UNIT_POS % wide;
    if channel < table[(row_width * s.paths + path) as usize] {
        let first = CUBE_POS_X * comptime!(SPAN) * lanes + UNIT_POS / wide;
        for i in 0..SPAN {
            let pixel = first + i * lanes;
            if pixel < comptime!(s.images * s.rows_out() * s.columns_out()) {
                let column = (pixel % columns_out * comptime!(s.stride[1])) as i32
                    - comptime!(s.padding[2] as i32);
                let row = (pixel / columns_out % rows_out * comptime!(s.stride[0])) as i32
                    - comptime!(s.padding[0] as i32);
                let image = path * s.images + pixel / comptime!(s.rows_out() * s.columns_out());
                let map = image * comptime!(s.rows * s.columns);
                let mut most = f32::MIN.runtime();
                let mut place = 0u32;
                let mut sum = 0.0f32;
                for ky in 0..comptime!(s.kernel[0]) {
                    for kx in 0..comptime!(s.kernel[1]) {
                        let r = row + ky as i32;
                        let q = column + kx as i32;
                        if r >= 0
                            && r < comptime!(s.rows as i32)
                            && q >= 0
                            && q < comptime!(s.columns as i32)
                        {
                            let at = r as u32 * s.columns + q as u32;
                            let value =
                                f32::cast_from(x[((map + at) * channels + channel) as usize]);
                            sum += value;
                            if value > most {
                                most = value;
                                place = at;
                            }
                        }
                    }
                }
                let to = (path * comptime!(s.images * s.rows_out() * s.columns_out()) + pixel)
                    * channels
                    + channel;
                if comptime!(p.maximum) {
                    y[to as usize] = M::cast_from(most);
                    places[to as usize] = place;
                } else {
                    y[to as usize] = M::cast_from(sum / comptime!(s.taps() as f32));
                }
            }
        }
    }
}

#[cube(launch)]
#[allow(clippy::manual_div_ceil, reason = "kernels have no such function")]
fn pool_gradients<M: Float>(
    dy: &Array<M>,
    places: &Array<u32>,
    table: &Array<u32>,
    dx: &mut Array<M>,
    row_width: u32,
    #[comptime] p: Pool,
) {
    let s = comptime!(p.shape);
    let channels = comptime!(s.channels_out);
    let wide = comptime!(channels_of_cube(s.channels_out));
    let lanes = comptime!(UNITS / channels_of_cube(s.channels_out));
    let path = CUBE_POS_Z;
    let channel = CUBE_POS_Y * wide + UNIT_POS % wide;
    let columns_out = comptime!(s.columns_out());
    let rows_out = comptime!(s.rows_out());
    if channel < table[(row_width * s.paths + path) as usize] {
        let first = CUBE_POS_X * comptime!(SPAN) * lanes + UNIT_POS / wide;
        for i in 0..SPAN {
            let pixel = first + i * lanes;
            if pixel < comptime!(s.images * s.rows * s.columns) {
                let image = path * s.images + pixel / comptime!(s.rows * s.columns);
                let at = pixel % comptime!(s.rows * s.columns);
                // The windows that cover the pixel: from the first whose end lies behind it.
                let r = at / s.columns + comptime!(s.padding[0]);
                let q = at % s.columns + comptime!(s.padding[2]);
                let down = comptime!(s.stride[0]);
                let across = comptime!(s.stride[1]);
                let behind = max(r + 1, comptime!(s.kernel[0]).runtime()) - s.kernel[0];
                let beside = max(q + 1, comptime!(s.kernel[1]).runtime()) - s.kernel[1];
                let row_end = min(r / down + 1, rows_out.runtime());
                let column_end = min(q / across + 1, columns_out.runtime());
                let mut sum = 0.0f32;
                for row in (behind + down - 1) / down..row_end {
                    for column in (beside + across - 1) / across..column_end {
                        let window =
                            ((image * rows_out + row) * columns_out + column) * channels + channel;
                        let mut from = window;
                        if comptime!(p.pooled) {
                            from = image * channels + channel;
                        }
                        let value = f32::cast_from(dy[from as usize]);
                        if comptime!(p.maximum) {
                            sum += select(places[window as usize] == at, value, 0.0f32);
                        } else {
                            sum += value / comptime!(s.taps() as f32);
                        }
                    }
                }
                let to =
                    (path * comptime!(s.images * s.rows * s.columns) + pixel) * channels + channel;
                dx[to as usize] = M::cast_from(sum);
            }
        }
    }
}

impl Pool {
    fn cubes(&self, pixels: u32) -> CubeCount {
        let wide = channels_of_cube(self.shape.channels_out);
        CubeCount::Static(
            (self.shape.images * pixels).div_ceil(SPAN * (UNITS / wide)),
            self.shape.channels_out.div_ceil(wide),
            self.shape.paths,
        )
    }

    /// Computes the output. `width` is the row of the widths in the table.
    pub fn launch<M: Float + CubeElement, R: Runtime>(
        &self,
        client: &ComputeClient<R>,
        buffers: &PoolBuffers<M>,
        width: u32,
    ) {
        pool_values::launch::<M, R>(
            client,
            self.cubes(self.shape.rows_out() * self.shape.columns_out()),
            CubeDim::new_1d(UNITS),
            buffers.x.arg(),
            buffers.table.arg(),
            buffers.y.arg(),
            buffers.places.arg(),
            width,
            *self,
        );
    }

    /// Computes the gradient `dx` of the input from that of the output.
    pub fn launch_gradient<M: Float + CubeElement, R: Runtime>(
        &self,
        client: &ComputeClient<R>,
        buffers: &PoolBuffers<M>,
        [dy, dx]: [&Buffer<M>; 2],
        width: u32,
    ) {
        pool_gradients::launch::<M, R>(
            client,
            self.cubes(self.shape.rows * self.shape.columns),
            CubeDim::new_1d(UNITS),
            dy.arg(),
            buffers.places.arg(),
            buffers.table.arg(),
            dx.arg(),
            width,
            *self,
        );
    }
}
