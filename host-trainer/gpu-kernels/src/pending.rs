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
    /// The same with an upper bound for each path, in a row of the slopes' table this number behind the
    /// path's slopes.
    Clipped(u32),
    /// The gradient before a batch norm, from the gradient `g` behind it and the input `x` of the
    /// norm: `a g + b (x - mean) + c`. Factors are `[paths, channels, 4]`: a, b, c, mean.
    NormGradient,
}

/// Factors of a channel of a path in all tables of factors and sums.
pub const FACTORS: u32 = 4;

impl Reading {
    /// The reading of a map behind a norm and an activation. `bounds` is the number of rows between
    /// slopes and bounds, or 0 if no path has a bound.
    #[must_use]
    pub const fn activated(bounds: u32) -> Self {
        if bounds > 0 { Self::Clipped(bounds) } else { Self::Activated }
    }

    /// Rows between slopes and bounds; 0 without bounds.
    pub(crate) const fn bounds(self) -> u32 {
        if let Self::Clipped(bounds) = self { bounds } else { 0 }
    }

    const fn activates(self) -> bool {
        matches!(self, Self::Activated | Self::Clipped(_))
    }
}

/// The bound of a path that is `bounds` rows behind its slope; without bounds, any value.
#[cube]
pub(crate) fn bound_of(
    slopes: &Array<f32>,
    row: u32,
    paths: u32,
    path: u32,
    #[comptime] bounds: u32,
) -> f32 {
    let mut bound = 0.0f32;
    if comptime!(bounds > 0) {
        bound = slopes[((row + bounds) * paths + path) as usize];
    }
    bound
}

/// `v` for v >= 0, `slope v` below.
#[cube]
pub(crate) fn leaky(v: f32, slope: f32) -> f32 {
    select(v < 0.0f32, v * slope, v)
}

/// The value `index` of a map as `reading` says. `factor` is the index of the channel's factors.
#[cube]
#[allow(clippy::too_many_arguments)]
pub(crate) fn read_value<M: Float>(
    map: &Array<M>,
    norm_input: &Array<M>,
    factors: &Array<f32>,
    index: u32,
    factor: u32,
    slope: f32,
    bound: f32,
    #[comptime] reading: Reading,
) -> f32 {
    let v = f32::cast_from(map[index as usize]);
    let mut value = v;
    if comptime!(reading.activates()) {
        let scale = factors[factor as usize];
        let offset = factors[(factor + 1) as usize];
        value = leaky(v * scale + offset, slope);
        if comptime!(reading.bounds() > 0) {
            value = min(value, bound);
        }
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
