//! The weight gradient: partial sums of blocks of images, and their sums over blocks and paths.
//!
//! A cube computes the taps for a block of input and output channels of one path, over the strips of
//! some images. Operands have the type of the maps; products and sums have 32 bits.

mod depthwise;
mod full;
mod total;

use cubecl::prelude::*;

use crate::buffer::Buffer;
use crate::pending::Reading;
use crate::shape::{ConvShape, Rows};
use crate::tile::{SHARED_BYTES, depthwise_channels};

/// Output columns that a unit reads at a time.
const RUN: u32 = 4;
/// Most output columns of a strip.
const SPAN: u32 = 32;
/// Most taps of a pair of channels in a unit's registers.
const TAPS: u32 = 49;

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
    /// Output columns of a strip, a multiple of those that a unit reads at a time.
    pub span: u32,
    /// Kernel rows of a cube.
    pub tap_rows: u32,
    /// Cubes that share out the images of a path.
    pub blocks: u32,
}

impl WeightGradient {
    /// The constants for a shape. `cubes` is the number of cubes that fill the device.
    #[must_use]
    pub fn new(shape: ConvShape, readings: [Reading; 2], cubes: u32) -> Self {
        let unit = match shape.taps() {
            _ if shape.depthwise => [1, 1],
            0..=9 => [2, 4],
            10..=25 => [1, 2],
            _ => [1, 1],
        };
        let most = unit.map(|channels| (8 * channels).min(16));
        let cube = if shape.depthwise {
            [1, depthwise_channels(shape.channels_out)]
        } else {
            [
                shape.channels_in.next_multiple_of(unit[0]).min(most[0]),
                shape.channels_out.next_multiple_of(unit[1]).min(most[1]),
            ]
        };
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
            span: shape.columns_out().next_multiple_of(RUN).min(SPAN),
            tap_rows: (TAPS / shape.kernel[1]).clamp(1, shape.kernel[0]),
            blocks: 1,
        };
        // The units of a channel share out the rows, and a square tile has the smallest edge.
        let least = if shape.depthwise { made.strip.next_multiple_of(RUN) } else { SPAN };
        while made.shared_bytes() > SHARED_BYTES && made.span > least {
            made.span -= RUN;
        }
        while made.shared_bytes() > SHARED_BYTES && made.strip > 1 {
            made.strip -= 1;
        }
        while made.shared_bytes() > SHARED_BYTES && made.span > RUN {
            made.span -= RUN;
        }
        made.parts = (128 / pairs).clamp(1, made.strip);
        let busy = made.channel_blocks() * shape.paths;
        made.blocks = cubes.div_ceil(busy.max(1)).clamp(1, shape.images.max(1));
        made
    }

    /// Strips beside each other.
    const fn spans(&self) -> u32 {
        self.shape.columns_out().div_ceil(self.span)
    }

    /// Cubes that share out the rows of the kernel.
    const fn tap_groups(&self) -> u32 {
        self.shape.kernel[0].div_ceil(self.tap_rows)
    }

    /// Rows and columns of the input that a strip reads for its rows of the kernel.
    const fn tile(&self) -> [u32; 2] {
        let [down, across] = self.shape.stride;
        let columns = (self.span - 1) * across + self.shape.kernel[1];
        [(self.strip - 1) * down + self.tap_rows, columns]
    }

    const fn cubes(&self) -> CubeCount {
        CubeCount::Static(self.blocks, self.channel_blocks(), self.shape.paths)
    }

    /// Units of a cube.
    #[must_use]
    pub const fn units(&self) -> u32 {
        self.cube[0] / self.unit[0] * (self.cube[1] / self.unit[1]) * self.parts
    }

    const fn channel_blocks(&self) -> u32 {
        self.shape.weight_inputs().div_ceil(self.cube[0])
            * self.shape.channels_out.div_ceil(self.cube[1])
            * self.tap_groups()
    }

    /// Shared memory of a cube, bytes.
    #[must_use]
    pub const fn shared_bytes(&self) -> u32 {
        let [rows, columns] = self.tile();
        let channels = if self.shape.depthwise { self.cube[1] } else { self.cube[0] };
        4 * (rows * columns * channels + self.strip * self.span * self.cube[1])
    }

    /// Sums of a path: `[partial sums, channels_out, channels_in, rows, columns]`.
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

impl WeightGradient {
    /// Adds both launches to the device's queue. `slope` is the row of the slopes for the input.
    pub fn launch<M: Float + CubeElement, R: Runtime>(
        &self,
        client: &ComputeClient<R>,
        buffers: &WeightBuffers<M>,
        rows: Rows,
        slope: u32,
    ) {
        if self.shape.images == 0 {
            return;
        }
        if self.shape.depthwise {
            depthwise::launch(self, client, buffers, rows, slope);
        } else {
            full::launch(self, client, buffers, rows, slope);
        }
        total::launch(self, client, buffers, rows);
    }
}
