//! Maps whose normalisation and activation are applied by the kernel that reads them.

use cubecl::prelude::*;

/// What a kernel applies to a map while it reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    /// Nothing.
    Plain,
    /// Batch norm `scale x + offset`, then the activation. Factors are `[paths, channels, 4]`:
    /// scale, offset, mean, inverse standard deviation.
    Activated,
    /// The gradient before a batch norm, from the gradient `g` behind it and the input `x` of the
    /// norm: `a g + b (x - mean) + c`. Factors are `[paths, channels, 4]`: a, b, c, mean.
    NormGradient,
}

/// Factors of a channel of a path in all tables of factors and sums.
pub const FACTORS: u32 = 4;

/// `v` for v >= 0, `slope v` below.
#[cube]
pub(crate) fn leaky(v: f32, slope: f32) -> f32 {
    select(v < 0.0f32, v * slope, v)
}

/// The value `index` of a map as `reading` says. `factor` is the index of the channel's factors.
#[cube]
pub(crate) fn read_value<M: Float>(
    map: &Array<M>,
    norm_input: &Array<M>,
    factors: &Array<f32>,
    index: u32,
    factor: u32,
    slope: f32,
    #[comptime] reading: Reading,
) -> f32 {
    let v = f32::cast_from(map[index as usize]);
    let mut value = v;
    if comptime!(reading == Reading::Activated) {
        let scale = factors[factor as usize];
        let offset = factors[(factor + 1) as usize];
        value = leaky(v * scale + offset, slope);
    }
    if comptime!(reading == Reading::NormGradient) {
        let x = f32::cast_from(norm_input[index as usize]);
        let a = factors[factor as usize];
        let b = factors[(factor + 1) as usize];
        let c = factors[(factor + 2) as usize];
        let mean = factors[(factor + 3) as usize];
        value = a * v + b * (x - mean) + c;
    }
    value
}
