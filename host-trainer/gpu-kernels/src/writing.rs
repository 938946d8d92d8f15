//! What convolutions do with their results.

use cubecl::prelude::*;

/// What a convolution does with its results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Writing {
    /// It writes them.
    Plain,
    /// It writes them, and for every channel and block their sum, the sum of the squared
    /// differences from the block's mean, and their number.
    Statistics,
    /// It adds another map.
    Added,
    /// It adds another map of this number of channels, of which a path has as many as the table says;
    /// none if the path adds nothing.
    AddedPart(u32),
    /// It writes the gradient before the activation and behind the norm of another map. For every
    /// channel and block, it writes the sum of these gradients, and their sum multiplied by the
    /// difference of the map from its mean. The third values of a block's channels add up to the
    /// gradient of the slope.
    ActivationGradient,
    /// The same for an activation with bounds, which lie this number of rows behind the slopes.
    ClippedGradient(u32),
}

impl Writing {
    /// The writing of a gradient before an activation. `bounds` is the number of rows between slopes
    /// and bounds, or 0 if no path has a bound.
    #[must_use]
    pub const fn gradient(bounds: u32) -> Self {
        if bounds > 0 { Self::ClippedGradient(bounds) } else { Self::ActivationGradient }
    }

    /// True for a gradient before an activation.
    pub(crate) const fn is_gradient(self) -> bool {
        matches!(self, Self::ActivationGradient | Self::ClippedGradient(_))
    }

    /// Rows between slopes and bounds; 0 without bounds.
    pub(crate) const fn bounds(self) -> u32 {
        if let Self::ClippedGradient(bounds) = self { bounds } else { 0 }
    }

    /// Channels of a map of which a path adds a part; 0 for another writing.
    pub(crate) const fn part(self) -> u32 {
        if let Self::AddedPart(channels) = self { channels } else { 0 }
    }

    /// True if the launch writes records.
    pub(crate) const fn records(self) -> bool {
        matches!(self, Self::Statistics) || self.is_gradient()
    }
}

/// Slope and bound of a path for the results, or the channels that it adds.
#[derive(CubeType, Clone, Copy)]
pub(crate) struct PathResults {
    slope: f32,
    bound: f32,
    added: u32,
}

/// Reads what a path does with its results. `row` is the row of the slopes, or that of the table with
/// the numbers of channels that paths add.
#[cube]
pub(crate) fn path_results(
    table: &Array<u32>,
    slopes: &Array<f32>,
    row: u32,
    paths: u32,
    path: u32,
    #[comptime] writing: Writing,
) -> PathResults {
    let mut slope = 0.0f32;
    let mut bound = 0.0f32;
    let mut added = 0u32;
    if comptime!(writing.is_gradient()) {
        slope = slopes[(row * paths + path) as usize];
    }
    if comptime!(writing.bounds() > 0) {
        bound = slopes[((row + comptime!(writing.bounds())) * paths + path) as usize];
    }
    if comptime!(writing.part() > 0) {
        added = table[(row * paths + path) as usize];
    }
    PathResults { slope, bound, added }
}

/// The value that a convolution writes for a result. `at` is its index in the map, `pixel` that of its
/// pixel, `factor` that of the channel's factors. In a gradient, it adds to the `o`-th of the first and
/// second sums, and to the sum of the slope's gradient.
#[cube]
#[allow(clippy::too_many_arguments, clippy::collapsible_if)]
pub(crate) fn result<M: Float>(
    sum: f32,
    other: &Array<M>,
    factors: &Array<f32>,
    at: u32,
    pixel: u32,
    channel: u32,
    factor: u32,
    results: &PathResults,
    first: &mut Array<f32>,
    second: &mut Array<f32>,
    third: &mut Array<f32>,
    #[comptime] o: u32,
    #[comptime] writing: Writing,
) -> f32 {
    let mut value = sum;
    if comptime!(writing == Writing::Added) {
        value += f32::cast_from(other[at as usize]);
    }
    if comptime!(writing.part() > 0) {
        if channel < results.added {
            value += f32::cast_from(other[(pixel * comptime!(writing.part()) + channel) as usize]);
        }
    }
    if comptime!(writing.is_gradient()) {
        let scale = factors[factor as usize];
        let offset = factors[(factor + 1) as usize];
        let mean = factors[(factor + 2) as usize];
        let raw = f32::cast_from(other[at as usize]);
        let normed = raw * scale + offset;
        let negative = normed < 0.0f32;
        third[0] += select(negative, value * normed, 0.0f32);
        value = select(negative, value * results.slope, value);
        if comptime!(writing.bounds() > 0) {
            value = select(normed > results.bound, 0.0f32, value);
        }
        first[o as usize] += value;
        second[o as usize] += value * (raw - mean);
    }
    value
}
