//! Which algorithm each convolution gets.

use supernano_core::graph::KernelKind;
use supernano_core::kernel::ConvShape;

/// What an export gives up the rest for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Prefer {
    /// Fewest instructions: weights transformed for Winograd's algorithm, 3.6 times their bytes.
    Speed,
    /// Few instructions without a byte more: weights transformed while running, where that pays.
    Flash,
    /// The smallest arena: direct convolutions.
    #[default]
    Ram,
}

impl Prefer {
    /// The kind of a convolution of this shape.
    pub fn kind(self, shape: ConvShape) -> KernelKind {
        let wide = shape.input.channels.min(shape.output.channels);
        let kind = match self {
            Self::Speed if wide >= 12 => KernelKind::Winograd,
            Self::Flash if wide >= 12 => KernelKind::WinogradOnline,
            _ => KernelKind::Direct,
        };
        if kind.suits(shape.kernel, shape.stride) { kind } else { KernelKind::Direct }
    }
}
