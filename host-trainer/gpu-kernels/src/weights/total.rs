//! The sums of partial weight gradients over blocks and paths.

use cubecl::prelude::*;

use super::{WeightBuffers, WeightGradient};
use crate::shape::{Rows, has_column, has_row};

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
    row_kernel: u32,
    paths: u32,
    records: u32,
    channels_in: u32,
    weights: u32,
    #[comptime] kernel: [u32; 2],
    #[comptime] elastic: bool,
) {
    let taps = comptime!(kernel[0] * kernel[1]);
    let wide = comptime!(REDUCE[0]);
    let lanes = comptime!(REDUCE[1]);
    let weight = CUBE_POS_X * wide + UNIT_POS % wide;
    let lane = UNIT_POS / wide;
    let channel_in = weight / taps % channels_in;
    let channel_out = weight / taps / channels_in;
    let mut shared = SharedMemory::<f32>::new(comptime!((REDUCE[0] * REDUCE[1]) as usize));
    for path in 0..paths {
        let mut present = weight < weights
            && channel_in < table[(row_input * paths + path) as usize]
            && channel_out < table[(row_output * paths + path) as usize];
        if elastic {
            let packed = table[(row_kernel * paths + path) as usize];
            let tap = weight % taps;
            present = present
                && has_row(tap / comptime!(kernel[1]), packed)
                && has_column(tap % comptime!(kernel[1]), packed);
        }
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

/// Adds the launch to the device's queue.
pub(super) fn launch<M, R: Runtime>(
    g: &WeightGradient,
    client: &ComputeClient<R>,
    buffers: &WeightBuffers<M>,
    rows: Rows,
) {
    let s = &g.shape;
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
        rows.kernel,
        s.paths,
        g.partial(),
        s.weight_inputs(),
        s.weights() as u32,
        s.kernel,
        s.elastic,
    );
}
