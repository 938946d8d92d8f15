//! Batch norm: factors from the records of a convolution, and coefficients of its gradient.
//!
//! A cube reduces the records of a channel of a path.

use cubecl::prelude::*;

use crate::buffer::Buffer;
use crate::convolve::RECORD;
use crate::pending::FACTORS;
use crate::sums::sum_units;

const UNITS: u32 = 64;

/// A batch norm of the channels of several paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Norm {
    /// Number of paths.
    pub paths: u32,
    /// Channels of the map.
    pub channels: u32,
    /// Row of the table with the widths.
    pub width: u32,
    /// Row with the offsets of gamma in the parameters.
    pub gamma: u32,
    /// Row with the offsets of beta.
    pub beta: u32,
}

#[cube]
fn sum_records(
    partial: &Array<f32>,
    first: u32,
    blocks: u32,
    scratch: &mut SharedMemory<f32>,
    totals: &mut SharedMemory<f32>,
    sums: &mut Array<f32>,
) {
    #[unroll]
    for v in 0..RECORD {
        sums[v as usize] = 0.0f32;
    }
    for block in range_stepped(UNIT_POS, blocks, UNITS) {
        #[unroll]
        for v in 0..RECORD {
            sums[v as usize] += partial[(first + block * RECORD + v) as usize];
        }
    }
    sum_units(sums, scratch, totals, RECORD, UNITS);
}

#[cube(launch)]
#[allow(clippy::too_many_arguments)]
fn norm_factors(
    partial: &Array<f32>,
    parameters: &Array<f32>,
    table: &Array<u32>,
    factors: &mut Array<f32>,
    row_width: u32,
    row_gamma: u32,
    row_beta: u32,
    paths: u32,
    channels: u32,
    blocks: u32,
    epsilon: f32,
) {
    let channel = CUBE_POS_X;
    let path = CUBE_POS_Y;
    if channel >= table[(row_width * paths + path) as usize] {
        terminate!();
    }
    let mut scratch = SharedMemory::<f32>::new(comptime!(((RECORD + 1) * UNITS) as usize));
    let mut totals = SharedMemory::<f32>::new(comptime!(RECORD as usize));
    let mut sums = Array::<f32>::new(comptime!(RECORD as usize));
    let at = path * channels + channel;
    let first = at * blocks * RECORD;
    sum_records(partial, first, blocks, &mut scratch, &mut totals, &mut sums);
    let count = totals[2];
    let mean = totals[0] / count;
    // The squared differences from the means of the blocks, and those of the blocks' means.
    sums[0] = 0.0f32;
    sums[1] = 0.0f32;
    for block in range_stepped(UNIT_POS, blocks, UNITS) {
        let record = first + block * RECORD;
        let n = partial[(record + 2) as usize];
        let distance = partial[record as usize] / max(n, 1.0f32) - mean;
        sums[1] += partial[(record + 1) as usize] + n * distance * distance;
    }
    sum_units(&sums, &mut scratch, &mut totals, RECORD, UNITS);
    if UNIT_POS == 0 {
        let variance = totals[1] / count;
        let inverse = 1.0f32 / f32::sqrt(variance + epsilon);
        let gamma = parameters[(table[(row_gamma * paths + path) as usize] + channel) as usize];
        let beta = parameters[(table[(row_beta * paths + path) as usize] + channel) as usize];
        let scale = gamma * inverse;
        let to = at * FACTORS;
        factors[to as usize] = scale;
        factors[(to + 1) as usize] = beta - mean * scale;
        factors[(to + 2) as usize] = mean;
        factors[(to + 3) as usize] = inverse;
    }
}

#[cube(launch)]
#[allow(clippy::too_many_arguments)]
fn norm_gradients(
    partial: &Array<f32>,
    factors: &Array<f32>,
    table: &Array<u32>,
    coefficients: &mut Array<f32>,
    sides: &mut Array<f32>,
    side_first: u32,
    row_width: u32,
    paths: u32,
    channels: u32,
    blocks: u32,
    count: f32,
) {
    let channel = CUBE_POS_X;
    let path = CUBE_POS_Y;
    if channel >= table[(row_width * paths + path) as usize] {
        terminate!();
    }
    let mut scratch = SharedMemory::<f32>::new(comptime!(((RECORD + 1) * UNITS) as usize));
    let mut totals = SharedMemory::<f32>::new(comptime!(RECORD as usize));
    let mut sums = Array::<f32>::new(comptime!(RECORD as usize));
    let at = path * channels + channel;
    sum_records(partial, at * blocks * RECORD, blocks, &mut scratch, &mut totals, &mut sums);
    if UNIT_POS == 0 {
        let of = at * FACTORS;
        let scale = factors[of as usize];
        let mean = factors[(of + 2) as usize];
        let inverse = factors[(of + 3) as usize];
        coefficients[of as usize] = scale;
        coefficients[(of + 1) as usize] = -scale * inverse * inverse * totals[1] / count;
        coefficients[(of + 2) as usize] = -scale * totals[0] / count;
        coefficients[(of + 3) as usize] = mean;
        let side = side_first + at * RECORD;
        sides[side as usize] = totals[1] * inverse;
        sides[(side + 1) as usize] = totals[0];
        sides[(side + 2) as usize] = totals[2];
    }
}

/// Adds mean and unbiased variance of every channel of every path to sums, `[paths, channels, 2]`;
/// with `first`, the sums start there.
#[cube(launch)]
fn add_statistics(
    factors: &Array<f32>,
    sums: &mut Array<f32>,
    values: u32,
    unbias: f32,
    epsilon: f32,
    #[comptime] first: bool,
) {
    let i = ABSOLUTE_POS as u32;
    if i < values {
        let mut mean = factors[(i * FACTORS + 2) as usize];
        let inverse = factors[(i * FACTORS + 3) as usize];
        let mut variance = (1.0f32 / (inverse * inverse) - epsilon) * unbias;
        if !first {
            mean += sums[(2 * i) as usize];
            variance += sums[(2 * i + 1) as usize];
        }
        sums[(2 * i) as usize] = mean;
        sums[(2 * i + 1) as usize] = variance;
    }
}

/// Computes factors from sums of statistics, which `share` divides.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
fn average_factors(
    sums: &Array<f32>,
    parameters: &Array<f32>,
    table: &Array<u32>,
    factors: &mut Array<f32>,
    row_width: u32,
    row_gamma: u32,
    row_beta: u32,
    paths: u32,
    channels: u32,
    share: f32,
    epsilon: f32,
) {
    let i = ABSOLUTE_POS as u32;
    if i < paths * channels {
        let path = i / channels;
        let channel = i % channels;
        if channel < table[(row_width * paths + path) as usize] {
            let mean = sums[(2 * i) as usize] * share;
            let variance = sums[(2 * i + 1) as usize] * share;
            let gamma = parameters[(table[(row_gamma * paths + path) as usize] + channel) as usize];
            let beta = parameters[(table[(row_beta * paths + path) as usize] + channel) as usize];
            let scale = gamma / f32::sqrt(variance + epsilon);
            factors[(i * FACTORS) as usize] = scale;
            factors[(i * FACTORS + 1) as usize] = beta - mean * scale;
        }
    }
}

/// Numbers of a norm in the list of [`norm_totals`]: first side, channels, row of the widths, of
/// gamma, of beta, of the slopes' flags, and of the slopes' offsets.
pub const LISTED: u32 = 7;
/// The row of slopes of a norm without one.
pub const NO_SLOPE: u32 = u32::MAX;

#[cube(launch)]
fn totals(
    sides: &Array<f32>,
    list: &Array<u32>,
    table: &Array<u32>,
    gradient: &mut Array<f32>,
    paths: u32,
) {
    let at = CUBE_POS_X * LISTED;
    let first = list[at as usize];
    let channels = list[(at + 1) as usize];
    let row_width = list[(at + 2) as usize];
    let row_gamma = list[(at + 3) as usize];
    let row_beta = list[(at + 4) as usize];
    let row_flag = list[(at + 5) as usize];
    let row_slope = list[(at + 6) as usize];
    for channel in range_stepped(UNIT_POS, channels, UNITS) {
        for path in 0..paths {
            if channel < table[(row_width * paths + path) as usize] {
                let side = first + (path * channels + channel) * RECORD;
                let gamma = (table[(row_gamma * paths + path) as usize] + channel) as usize;
                let beta = (table[(row_beta * paths + path) as usize] + channel) as usize;
                gradient[gamma] += sides[side as usize];
                gradient[beta] += sides[(side + 1) as usize];
            }
        }
    }
    if UNIT_POS == 0 && row_slope != NO_SLOPE {
        for path in 0..paths {
            if table[(row_flag * paths + path) as usize] == 1 {
                let mut sum = 0.0f32;
                for channel in 0..table[(row_width * paths + path) as usize] {
                    let side = first + (path * channels + channel) * RECORD;
                    sum += sides[(side + 2) as usize];
                }
                let slope = table[(row_slope * paths + path) as usize] as usize;
                gradient[slope] += sum;
            }
        }
    }
}

/// Adds the sides of all norms of a list to the gradient of the parameters. The list has
/// [`LISTED`] numbers for each of `norms` norms.
pub fn norm_totals<R: Runtime>(
    client: &ComputeClient<R>,
    (sides, list, table): (&Buffer<f32>, &Buffer<u32>, &Buffer<u32>),
    gradient: &Buffer<f32>,
    paths: u32,
    norms: u32,
) {
    totals::launch::<R>(
        client,
        CubeCount::Static(norms, 1, 1),
        CubeDim::new_1d(UNITS),
        sides.arg(),
        list.arg(),
        table.arg(),
        gradient.arg(),
        paths,
    );
}

impl Norm {
    /// Values of the factors, and of the coefficients.
    #[must_use]
    pub const fn factors(&self) -> usize {
        (self.paths * self.channels * FACTORS) as usize
    }

    /// Values of the sides: the gradients of gamma and beta, and that of the slope, for every
    /// channel of every path.
    #[must_use]
    pub const fn sides(&self) -> usize {
        (self.paths * self.channels * RECORD) as usize
    }

    /// Computes factors from the records of [`Writing::Statistics`](crate::convolve::Writing).
    pub fn factors_of<R: Runtime>(
        &self,
        client: &ComputeClient<R>,
        (partial, blocks): (&Buffer<f32>, u32),
        parameters: &Buffer<f32>,
        table: &Buffer<u32>,
        factors: &Buffer<f32>,
        epsilon: f32,
    ) {
        norm_factors::launch::<R>(
            client,
            CubeCount::Static(self.channels, self.paths, 1),
            CubeDim::new_1d(UNITS),
            partial.arg(),
            parameters.arg(),
            table.arg(),
            factors.arg(),
            self.width,
            self.gamma,
            self.beta,
            self.paths,
            self.channels,
            blocks,
            epsilon,
        );
    }

    /// Values of the sums of statistics: mean and variance of every channel of every path.
    #[must_use]
    pub const fn statistics(&self) -> usize {
        (self.paths * self.channels * 2) as usize
    }

    /// Adds the mean and the unbiased variance behind the factors to sums, or starts the sums with
    /// them. A channel of a path has `count` values.
    pub fn add_statistics<R: Runtime>(
        &self,
        client: &ComputeClient<R>,
        factors: &Buffer<f32>,
        sums: &Buffer<f32>,
        (count, epsilon): (f32, f32),
        first: bool,
    ) {
        let values = self.paths * self.channels;
        add_statistics::launch::<R>(
            client,
            CubeCount::Static(values.div_ceil(UNITS), 1, 1),
            CubeDim::new_1d(UNITS),
            factors.arg(),
            sums.arg(),
            values,
            count / (count - 1.0).max(1.0),
            epsilon,
            first,
        );
    }

    /// Computes factors from the sums of the statistics of `batches` batches.
    pub fn average<R: Runtime>(
        &self,
        client: &ComputeClient<R>,
        (sums, batches): (&Buffer<f32>, u32),
        (parameters, table): (&Buffer<f32>, &Buffer<u32>),
        factors: &Buffer<f32>,
        epsilon: f32,
    ) {
        average_factors::launch::<R>(
            client,
            CubeCount::Static((self.paths * self.channels).div_ceil(UNITS), 1, 1),
            CubeDim::new_1d(UNITS),
            sums.arg(),
            parameters.arg(),
            table.arg(),
            factors.arg(),
            self.width,
            self.gamma,
            self.beta,
            self.paths,
            self.channels,
            1.0 / batches as f32,
            epsilon,
        );
    }

    /// Computes the coefficients of the gradient before the norm, and the sides, from the records of
    /// the gradient behind it. A channel of a path has `count` values.
    pub fn gradients_of<R: Runtime>(
        &self,
        client: &ComputeClient<R>,
        (partial, blocks): (&Buffer<f32>, u32),
        (factors, table): (&Buffer<f32>, &Buffer<u32>),
        coefficients: &Buffer<f32>,
        (sides, first): (&Buffer<f32>, u32),
        count: f32,
    ) {
        norm_gradients::launch::<R>(
            client,
            CubeCount::Static(self.channels, self.paths, 1),
            CubeDim::new_1d(UNITS),
            partial.arg(),
            factors.arg(),
            table.arg(),
            coefficients.arg(),
            sides.arg(),
            first,
            self.width,
            self.paths,
            self.channels,
            blocks,
            count,
        );
    }
}
