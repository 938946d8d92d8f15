//! Activations.

/// A piecewise linear activation: `slope v` for v < 0, `v` up to the bound, and the bound above it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Activation {
    /// Slope for negative values: 1 for none, 0 for ReLU.
    pub slope: f32,
    /// The largest value; infinite for none, 6 for ReLU6.
    pub bound: f32,
}

impl Activation {
    /// Leaves a value as it is.
    pub const NONE: Self = Self { slope: 1.0, bound: f32::INFINITY };

    /// `min(max(v, 0), bound)`.
    pub const fn clipped(bound: f32) -> Self {
        Self { slope: 0.0, bound }
    }

    /// True if it leaves a value as it is.
    pub(crate) fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// True if it has a bound.
    #[inline(always)]
    pub(crate) fn is_bounded(self) -> bool {
        self.bound < f32::INFINITY
    }

    /// The activation of `v`.
    #[inline(always)]
    pub(crate) fn of(self, v: f32) -> f32 {
        let v = if v < 0.0 { v * self.slope } else { v };
        if v > self.bound { self.bound } else { v }
    }

    /// The gradient before the activation at `v`, from that behind it.
    #[inline(always)]
    pub(crate) fn gradient(self, v: f32, behind: f32) -> f32 {
        let g = if v < 0.0 { behind * self.slope } else { behind };
        if v > self.bound { 0.0 } else { g }
    }
}

/// A leaky activation without a bound, from its slope.
impl From<f32> for Activation {
    fn from(slope: f32) -> Self {
        Self { slope, ..Self::NONE }
    }
}
