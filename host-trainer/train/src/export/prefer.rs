//! Which algorithm each convolution gets.

use supernano_core::graph::KernelKind;
use supernano_core::kernel::ConvShape;

/// What an export gives up the rest for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Prefer {
    /// Fewest instructions: weights transformed for Winograd's algorithm, 3.6 times their bytes.
    Speed,
    /// Few instructions without a byte more: weights transformed while running.
    Flash,
    /// The smallest arena: direct convolutions.
    #[default]
    Ram,
}

impl Prefer {
    /// The kind of a convolution of this shape. Counted on a Cortex-M4, Winograd's algorithm is the
    /// faster one at every width, the three channels of an image included.
    pub fn kind(self, shape: ConvShape) -> KernelKind {
        let kind = match self {
            Self::Speed => KernelKind::Winograd,
            Self::Flash => KernelKind::WinogradOnline,
            Self::Ram => KernelKind::Direct,
        };
        if kind.suits(shape.kernel, shape.stride) { kind } else { KernelKind::Direct }
    }
}
