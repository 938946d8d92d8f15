//! The launches that a step records.

use cubecl::prelude::*;

use crate::add::{BlockEnd, EndBuffers, EndRows};
use crate::buffer::Buffer;
use crate::convolve::{Convolve, ConvolveBuffers, ConvolveNumbers};
use crate::norm::{Norm, norm_totals};
use crate::pool::{Pool, PoolBuffers};
use crate::sgd::slopes;
use crate::shape::Rows;
use crate::weights::{WeightBuffers, WeightGradient};

/// Buffers of a batch norm.
#[derive(Clone, Debug)]
pub struct NormBuffers {
    /// Records of the reduction.
    pub partial: Buffer<f32>,
    /// Parameters.
    pub parameters: Buffer<f32>,
    /// Table of the update.
    pub table: Buffer<u32>,
    /// Factors of the norm.
    pub factors: Buffer<f32>,
    /// Coefficients of its gradient.
    pub coefficients: Buffer<f32>,
    /// Gradients of gamma, beta and slope of all norms.
    pub sides: Buffer<f32>,
}

/// A recorded launch.
#[derive(Clone, Debug)]
pub enum Launch<M> {
    /// Reads the slopes: parameters, table, slopes; rows; number of rows and paths; bounds.
    Slopes([Buffer<f32>; 2], Buffer<u32>, [u32; 2], [u32; 2], bool),
    /// A convolution or an input gradient.
    Convolve(Convolve, ConvolveBuffers<M>, ConvolveNumbers),
    /// A weight gradient, with the row of the input's slopes.
    Weights(WeightGradient, WeightBuffers<M>, Rows, u32),
    /// Factors of a norm from a number of records, with the number of values of a channel and the
    /// epsilon.
    Factors(Norm, NormBuffers, u32, [f32; 2]),
    /// The gradient of a norm from a number of records, with its first side and the number of values
    /// of a channel.
    NormGradient(Norm, NormBuffers, u32, u32, f32),
    /// The end of a block.
    End(BlockEnd, EndBuffers<M>, Buffer<M>, EndRows),
    /// Its gradient.
    EndGradient(BlockEnd, EndBuffers<M>, [Buffer<M>; 2], [Buffer<f32>; 2], EndRows),
    /// A pool, with the row of its widths.
    Pool(Pool, PoolBuffers<M>, u32),
    /// Its gradient.
    PoolGradient(Pool, PoolBuffers<M>, [Buffer<M>; 2], u32),
    /// Adds the sides to the gradient: sides and gradient, list, table; number of paths and norms.
    Sides([Buffer<f32>; 2], [Buffer<u32>; 2], [u32; 2]),
}

impl<M: Float + CubeElement> Launch<M> {
    /// Adds the launch to the device's queue.
    pub(super) fn run<R: Runtime>(&self, client: &ComputeClient<R>) {
        match self {
            Self::Slopes([parameters, values], table, rows, size, bounds) => {
                slopes(client, (parameters, table, values), *rows, *size, *bounds);
            }
            Self::Convolve(launch, buffers, numbers) => launch.launch(client, buffers, numbers),
            Self::Weights(launch, buffers, rows, slope) => {
                launch.launch(client, buffers, *rows, *slope);
            }
            Self::Factors(norm, b, blocks, [_, epsilon]) => {
                let partial = (&b.partial, *blocks);
                norm.factors_of(client, partial, &b.parameters, &b.table, &b.factors, *epsilon);
            }
            Self::NormGradient(norm, b, blocks, side, count) => norm.gradients_of(
                client,
                (&b.partial, *blocks),
                (&b.factors, &b.table),
                &b.coefficients,
                (&b.sides, *side),
                *count,
            ),
            Self::End(end, buffers, y, rows) => end.launch(client, buffers, y, *rows),
            Self::EndGradient(end, buffers, [dy, dsum], [own, residual], rows) => {
                end.launch_gradient(client, buffers, [dy, dsum], [own, residual], *rows);
            }
            Self::Pool(pool, buffers, width) => pool.launch(client, buffers, *width),
            Self::PoolGradient(pool, buffers, [dy, dx], width) => {
                pool.launch_gradient(client, buffers, [dy, dx], *width);
            }
            Self::Sides([sides, gradient], [list, table], [paths, norms]) => {
                norm_totals(client, (sides, list, table), gradient, *paths, *norms);
            }
        }
    }
}
