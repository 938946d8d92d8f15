//! Sets of kernels.
//!
//! A [`KernelSet`] names the kernels that a network needs, and those that a firmware links. As a
//! constant it selects the code that the compiler keeps.

use super::KernelKind;

/// A set of kernels. The compiler drops every kernel that is not in the set of a
/// [`MicroKernel`](crate::kernel::MicroKernel).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct KernelSet(u32);

/// Bits of the direct convolutions: 1x1 of any stride, then kernel sizes 3, 5, 7 of stride 1, then
/// of stride 2.
const DIRECT: u32 = 0x7f;
const WINOGRAD: u32 = 1 << 7;
const ONLINE: u32 = 1 << 8;

impl KernelSet {
    /// No kernels.
    pub const NONE: Self = Self(0);
    /// All kernels.
    pub const ALL: Self = Self(DIRECT | WINOGRAD | ONLINE);

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

    /// The kernel of a convolution; no kernel for a kernel size that no checked network has.
    pub const fn of(kernel: u8, stride: u8, kind: KernelKind) -> Self {
        let bit = match kind {
            KernelKind::Winograd => WINOGRAD,
            KernelKind::WinogradOnline => ONLINE,
            KernelKind::Direct => match (kernel, stride) {
                (1, _) => 1,
                (3, 1) => 1 << 1,
                (5, 1) => 1 << 2,
                (7, 1) => 1 << 3,
                (3, _) => 1 << 4,
                (5, _) => 1 << 5,
                (7, _) => 1 << 6,
                _ => 0,
            },
        };
        Self(bit)
    }

    /// True if the set has the direct convolution of this kernel size and stride.
    #[inline(always)]
    pub const fn direct(self, kernel: u8, stride: u8) -> bool {
        let one = Self::of(kernel, stride, KernelKind::Direct);
        one.0 != 0 && self.contains(one)
    }

    /// True if the set has Winograd's algorithm on transformed weights.
    #[inline(always)]
    pub const fn winograd(self) -> bool {
        self.0 & WINOGRAD != 0
    }

    /// True if the set has Winograd's algorithm on weights transformed during execution.
    #[inline(always)]
    pub const fn online(self) -> bool {
        self.0 & ONLINE != 0
    }

    /// The union with another set.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
