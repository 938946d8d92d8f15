//! Stochastic gradient descent over all tensors in one launch.

use cubecl::prelude::*;

use crate::buffer::Buffer;
use crate::network::{NONE, PRELU, RELU6};
use crate::sums::sum_units;

const UNITS: u32 = 256;
/// Cubes that sum the squares of the gradient.
const CUBES: u32 = 64;

/// Numbers of an update: `v = momentum v + g + weight_decay p; p -= rate v`.
#[derive(Clone, Copy, Debug)]
pub struct Sgd {
    /// Learning rate.
    pub rate: f32,
    /// Momentum.
    pub momentum: f32,
    /// Weight decay.
    pub weight_decay: f32,
    /// Limit of the L2 norm of all gradients.
    pub clip: Option<f32>,
}

/// Buffers of the parameters.
#[derive(Clone, Debug)]
pub struct SgdBuffers {
    /// Values.
    pub values: Buffer<f32>,
    /// Momentum, 0 for tensors that had no gradient.
    pub momentum: Buffer<f32>,
    /// Summed gradients, which the update clears.
    pub gradient: Buffer<f32>,
    /// Tensor of each value.
    pub tensors: Buffer<u32>,
    /// 1 for every tensor that a path of the update has used; the others do not change.
    pub used: Buffer<u32>,
    /// Squares of the gradient, 65 values: sums by cube, then the factor of the gradient.
    pub squares: Buffer<f32>,
}

impl SgdBuffers {
    /// Values of the squares.
    pub const SQUARES: usize = CUBES as usize + 1;
}

#[cube(launch)]
fn squares_of(gradient: &Array<f32>, squares: &mut Array<f32>, values: u32) {
    let mut scratch = SharedMemory::<f32>::new(comptime!((2 * UNITS) as usize));
    let mut totals = SharedMemory::<f32>::new(1usize);
    let mut sums = Array::<f32>::new(1usize);
    sums[0] = 0.0f32;
    for i in range_stepped(ABSOLUTE_POS as u32, values, comptime!(CUBES * UNITS)) {
        let g = gradient[i as usize];
        sums[0] += g * g;
    }
    sum_units(&sums, &mut scratch, &mut totals, 1u32, UNITS);
    if UNIT_POS == 0 {
        squares[CUBE_POS_X as usize] = totals[0];
    }
}

#[cube(launch)]
fn factor_of(squares: &mut Array<f32>, clip: f32) {
    if UNIT_POS == 0 {
        let mut sum = 0.0f32;
        for i in 0..CUBES {
            sum += squares[i as usize];
        }
        squares[comptime!(CUBES as usize)] = clip / max(f32::sqrt(sum), clip);
    }
}

#[cube(launch)]
#[allow(clippy::too_many_arguments)]
fn descend(
    values: &mut Array<f32>,
    momentum: &mut Array<f32>,
    gradient: &mut Array<f32>,
    tensors: &Array<u32>,
    used: &Array<u32>,
    squares: &Array<f32>,
    count: u32,
    rate: f32,
    momentum_factor: f32,
    weight_decay: f32,
    #[comptime] clipped: bool,
) {
    let i = ABSOLUTE_POS;
    if (i as u32) < count && used[tensors[i] as usize] == 1 {
        let mut g = gradient[i];
        if clipped {
            g *= squares[comptime!(CUBES as usize)];
        }
        let value = values[i];
        let step = momentum[i] * momentum_factor + (g + value * weight_decay);
        momentum[i] = step;
        values[i] = value - step * rate;
        gradient[i] = 0.0f32;
    }
}

impl Sgd {
    /// Updates the parameters and clears the gradient.
    pub fn launch<R: Runtime>(&self, client: &ComputeClient<R>, buffers: &SgdBuffers) {
        let count = buffers.values.len() as u32;
        if let Some(clip) = self.clip {
            let cubes = CubeCount::Static(CUBES, 1, 1);
            let units = CubeDim::new_1d(UNITS);
            let (gradient, squares) = (buffers.gradient.arg(), buffers.squares.arg());
            squares_of::launch::<R>(client, cubes, units, gradient, squares, count);
            let one = CubeCount::Static(1, 1, 1);
            factor_of::launch::<R>(client, one, CubeDim::new_1d(1), buffers.squares.arg(), clip);
        }
        descend::launch::<R>(
            client,
            CubeCount::Static(count.div_ceil(UNITS), 1, 1),
            CubeDim::new_1d(UNITS),
            buffers.values.arg(),
            buffers.momentum.arg(),
            buffers.gradient.arg(),
            buffers.tensors.arg(),
            buffers.used.arg(),
            buffers.squares.arg(),
            count,
            self.rate,
            self.momentum,
            self.weight_decay,
            self.clip.is_some(),
        );
    }
}

/// Slopes of negative values, `[rows, paths]`: the parameter at the path's offset with a PReLU, 1
/// without an activation, else 0. With bounds, those of all rows follow.
#[cube(launch)]
fn slopes_of(
    parameters: &Array<f32>,
    table: &Array<u32>,
    slopes: &mut Array<f32>,
    row_flags: u32,
    row_offsets: u32,
    paths: u32,
    values: u32,
    #[comptime] bounds: bool,
) {
    let i = ABSOLUTE_POS as u32;
    if i < values {
        let mut slope = 0.0f32;
        let activation = table[(row_flags * paths + i) as usize];
        if activation == NONE {
            slope = 1.0f32;
        }
        if activation == PRELU {
            let offset = table[(row_offsets * paths + i) as usize];
            slope = parameters[offset as usize];
        }
        slopes[i as usize] = slope;
        if bounds {
            slopes[(values + i) as usize] = select(activation == RELU6, 6.0f32, f32::MAX);
        }
    }
}

/// Reads the slopes of all layers, and the bounds if there are any. The activations and the offsets of
/// `rows` layers are adjacent rows of the table.
pub fn slopes<R: Runtime>(
    client: &ComputeClient<R>,
    (parameters, table, slopes): (&Buffer<f32>, &Buffer<u32>, &Buffer<f32>),
    [flags, offsets]: [u32; 2],
    [rows, paths]: [u32; 2],
    bounds: bool,
) {
    slopes_of::launch::<R>(
        client,
        CubeCount::Static((rows * paths).div_ceil(UNITS), 1, 1),
        CubeDim::new_1d(UNITS),
        parameters.arg(),
        table.arg(),
        slopes.arg(),
        flags,
        offsets,
        paths,
        rows * paths,
        bounds,
    );
}
