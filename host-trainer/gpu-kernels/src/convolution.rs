//! What the launches of full and of depthwise convolutions have in common.

use crate::buffer::Buffer;
use crate::pending::Reading;
use crate::shape::Rows;
use crate::tile::Frame;
use crate::writing::Writing;

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
    /// Row of the slopes for the results, or of the table for [`Writing::AddedPart`].
    pub other: u32,
    /// Number of paths.
    pub paths: u32,
    /// First block of this launch in the records, and the number of all blocks.
    pub blocks: [u32; 2],
}
