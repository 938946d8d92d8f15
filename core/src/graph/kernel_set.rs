//! Sets of kernels.
//!
//! A [`KernelSet`] names the kernels that a network needs, and those that a firmware links. As a
//! constant it selects the code that the compiler keeps.

use super::{Activation, Conv, Form, Geometry, KernelKind};

/// A set of kernels. The compiler drops every kernel that is not in the set of a
/// [`MicroKernel`](crate::kernel::MicroKernel).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct KernelSet(u32);

/// Bits of the direct convolutions, by the columns of the kernel and the stride in columns: 1 of any
/// stride, then 3, 5, 7 of stride 1, then of stride 2.
const DIRECT: u32 = 0x7f;
const WINOGRAD: u32 = 1 << 7;
const ONLINE: u32 = 1 << 8;
const FLAT: u32 = 1 << 9;
/// Depthwise convolutions of 3 x 3 and strides of 1 and 2 without PReLU, then all others.
const DEPTHWISE: u32 = 7 << 10;
const DENSE: u32 = 1 << 13;
const MAXIMUM: u32 = 1 << 14;
const AVERAGE: u32 = 1 << 15;
const ADD: u32 = 1 << 16;
const ROLLED: u32 = 1 << 17;
const POINTWISE: u32 = 1 << 18;
/// Windows of convolutions that residual networks do not have.
const WINDOW: u32 = 1 << 19;
const TALL: u32 = 1 << 20;
const TALL_ONLINE: u32 = 1 << 21;

impl KernelSet {
    /// No kernels.
    pub const NONE: Self = Self(0);
    /// All kernels.
    pub const ALL: Self = Self(
        Self::RESIDUAL.0
            | FLAT
            | DEPTHWISE
            | DENSE
            | MAXIMUM
            | AVERAGE
            | ADD
            | ROLLED
            | POINTWISE
            | WINDOW,
    );
    /// The kernels of residual networks: the convolutions with square kernels of odd sizes, "same"
    /// padding and a stride of 1 or 2, but the flat and the pointwise ones.
    pub const RESIDUAL: Self = Self(DIRECT | WINOGRAD | ONLINE | TALL | TALL_ONLINE);

    /// The set with these bits. Unknown bits are dropped.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// The bits of the set, for a constant parameter.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// True if the set contains all kernels of the other set.
    pub const fn contains(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The kernels that a layer needs; none for a kernel size that no checked network has.
    pub const fn of(conv: &Conv) -> Self {
        let kernel = match conv.form {
            Form::Full => Self::convolution(&conv.geometry, conv.kind),
            Form::Depthwise if matches!(conv.activation, Activation::Prelu) => Self(1 << 12),
            Form::Depthwise => Self::depthwise_of(&conv.geometry),
            Form::Dense => Self(DENSE),
            Form::Maximum => Self(MAXIMUM),
            Form::Average => Self(AVERAGE),
            Form::Add => Self(ADD),
        };
        if conv.rolls { kernel.union(Self(ROLLED)) } else { kernel }
    }

    const fn convolution(geometry: &Geometry, kind: KernelKind) -> Self {
        match kind {
            KernelKind::Winograd => Self(WINOGRAD),
            KernelKind::WinogradOnline => Self(ONLINE),
            KernelKind::WinogradTall => Self(TALL),
            KernelKind::WinogradTallOnline => Self(TALL_ONLINE),
            KernelKind::Flat => Self(FLAT),
            KernelKind::Pointwise => Self(POINTWISE),
            KernelKind::Direct => {
                let kernel = Self::columns(geometry.kernel[1] | 1, geometry.stride[1]);
                if geometry.is_residual() { kernel } else { kernel.union(Self(WINDOW)) }
            }
        }
    }

    /// The direct convolution whose kernel has this number of columns, with this stride along a row.
    const fn columns(columns: u8, stride: u8) -> Self {
        Self(match (columns, stride) {
            (1, _) => 1,
            (3, 1) => 1 << 1,
            (5, 1) => 1 << 2,
            (7, 1) => 1 << 3,
            (3, _) => 1 << 4,
            (5, _) => 1 << 5,
            (7, _) => 1 << 6,
            _ => 0,
        })
    }

    const fn depthwise_of(geometry: &Geometry) -> Self {
        Self(match (geometry.kernel, geometry.stride[1]) {
            ([3, 3], 1) => 1 << 10,
            ([3, 3], 2) => 1 << 11,
            _ => 1 << 12,
        })
    }

    /// True if the set has the direct convolution of these kernel columns and this stride in
    /// columns.
    #[inline(always)]
    pub const fn direct(self, columns: u8, stride: u8) -> bool {
        let one = Self::columns(columns, stride);
        one.0 != 0 && self.contains(one)
    }

    /// True if the set has Winograd's algorithm.
    #[inline(always)]
    pub const fn tiles(self) -> bool {
        self.square() || self.tall()
    }

    /// True if the set has Winograd's F(2x2, 3x3).
    #[inline(always)]
    pub const fn square(self) -> bool {
        self.0 & (WINOGRAD | ONLINE) != 0
    }

    /// True if the set has Winograd's F(4x2, 3x3).
    #[inline(always)]
    pub const fn tall(self) -> bool {
        self.0 & (TALL | TALL_ONLINE) != 0
    }

    /// True if the set has Winograd's algorithm on transformed weights.
    #[inline(always)]
    pub const fn winograd(self) -> bool {
        self.0 & (WINOGRAD | TALL) != 0
    }

    /// True if the set has Winograd's algorithm on weights transformed during execution.
    #[inline(always)]
    pub const fn online(self) -> bool {
        self.0 & (ONLINE | TALL_ONLINE) != 0
    }

    /// True if the set has flat convolutions.
    #[inline(always)]
    pub const fn flat(self) -> bool {
        self.0 & FLAT != 0
    }

    /// True if the set has pointwise convolutions.
    #[inline(always)]
    pub const fn pointwise(self) -> bool {
        self.0 & POINTWISE != 0
    }

    /// True if the set has flat or pointwise convolutions, whose ring buffers hold tiles.
    #[inline(always)]
    pub const fn tiled(self) -> bool {
        self.0 & (FLAT | POINTWISE) != 0
    }

    /// True if the set has a depthwise convolution.
    #[inline(always)]
    pub const fn depthwise(self) -> bool {
        self.0 & DEPTHWISE != 0
    }

    /// True if the set has the depthwise convolution of 3 x 3 and this stride in columns.
    #[inline(always)]
    pub const fn depthwise3(self, stride: u8) -> bool {
        self.0 & Self::depthwise_of(&Geometry::same(3, stride)).0 != 0
    }

    /// True if the set has the depthwise convolutions of other sizes than 3 x 3, and those with
    /// PReLU.
    #[inline(always)]
    pub const fn depthwise_other(self) -> bool {
        self.0 & (1 << 12) != 0
    }

    /// True if the set has dense layers.
    #[inline(always)]
    pub const fn dense(self) -> bool {
        self.0 & DENSE != 0
    }

    /// True if the set has maximum pools.
    #[inline(always)]
    pub const fn maximum(self) -> bool {
        self.0 & MAXIMUM != 0
    }

    /// True if the set has average pools.
    #[inline(always)]
    pub const fn average(self) -> bool {
        self.0 & AVERAGE != 0
    }

    /// True if the set has additions.
    #[inline(always)]
    pub const fn addition(self) -> bool {
        self.0 & ADD != 0
    }

    /// True if the set has rolled units.
    #[inline(always)]
    pub const fn rolled(self) -> bool {
        self.0 & ROLLED != 0
    }

    /// True if the set has a layer that is no convolution over all channels.
    #[inline(always)]
    pub const fn other(self) -> bool {
        self.0 & (DEPTHWISE | DENSE | MAXIMUM | AVERAGE | ADD) != 0
    }

    /// True if the set has a kernel that is not in [`Self::RESIDUAL`].
    #[inline(always)]
    pub const fn beyond_residual(self) -> bool {
        !Self::RESIDUAL.contains(self)
    }

    /// The union with another set.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::NO_CONV;

    /// A residual firmware takes the kernel and the stride of a window from its rows, so no other window
    /// may be in its set.
    #[test]
    fn residual_networks_have_square_windows() {
        let in_set =
            |geometry| KernelSet::RESIDUAL.contains(KernelSet::of(&Conv { geometry, ..NO_CONV }));
        for kernel in [1, 3, 5, 7] {
            for stride in [1, 2] {
                assert!(in_set(Geometry::same(kernel, stride)), "{kernel} {stride}");
            }
            let same = Geometry::same(kernel, 1);
            let [above, below, left, right] = same.padding;
            let others = [
                Geometry { stride: [1, 2], ..same },
                Geometry { stride: [3, 3], ..same },
                Geometry { kernel: [kernel + 1, kernel], ..same },
                Geometry { kernel: [kernel, kernel + 2], ..same },
                Geometry { padding: [above + 1, below, left, right], ..same },
                Geometry { padding: [above, below, left, right + 1], ..same },
            ];
            assert!(!others.into_iter().any(in_set), "{kernel}");
        }
    }
}
