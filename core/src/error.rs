//! Errors of the core: `Copy`, with numbers, printable without an allocator.

use core::fmt;

/// What went wrong in a code, a search space, a plan, a blob or an arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// A code has another number of widths than the space has searchable layers.
    CodeLength {
        /// Widths that the space needs (one more where it ignores a trailing number).
        expected: usize,
        /// Widths found.
        found: usize,
    },
    /// A part of a code is no decimal number; `position` counts from 0.
    CodeSyntax {
        /// Which of the numbers, from 0.
        position: usize,
    },
    /// A width that its layer does not offer.
    WidthNotOffered {
        /// Searchable layer, from 0.
        layer: usize,
        /// The width found.
        width: u32,
        /// Smallest width that the layer offers.
        smallest: u16,
        /// Largest width that the layer offers.
        largest: u16,
    },
    /// A mixed-radix code beyond the last sub-network of the space.
    CodeOutOfRange {
        /// Sub-networks in the space.
        size: u64,
        /// The code found.
        found: u64,
    },
    /// A search space that cannot be built; `layer` is where it was noticed.
    Space {
        /// Layer, from 0.
        layer: usize,
        /// What is wrong with it.
        problem: SpaceProblem,
    },
}

/// Why a search space is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SpaceProblem {
    /// More layers than [`crate::space::MAX_LAYERS`].
    TooManyLayers,
    /// The blocks consume another number of layers than there are.
    BlockCount,
    /// No widths, widths of 0, or widths that do not ascend.
    Widths,
    /// A kernel that is even, 0 or larger than 7.
    Kernel,
    /// A stride that is neither 1 nor 2.
    Stride,
    /// `same_as` names a layer that is not earlier, is tied itself or has other widths.
    Tie,
    /// An identity shortcut around a layer that changes width or resolution.
    Identity,
    /// Strides leave no pixel.
    Resolution,
    /// More than 2^64 - 1 sub-networks.
    Size,
    /// Input or classes of 0.
    Empty,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::CodeLength { expected, found } => {
                write!(f, "code: expected {expected} widths, found {found}")
            }
            Self::CodeSyntax { position } => {
                write!(f, "code: expected a number at position {position}")
            }
            Self::WidthNotOffered { layer, width, smallest, largest } => write!(
                f,
                "code, layer {}: expected one of its widths ({smallest} to {largest}), found {width}",
                layer + 1
            ),
            Self::CodeOutOfRange { size, found } => {
                write!(f, "code: expected a number below {size}, found {found}")
            }
            Self::Space { layer, problem } => write!(f, "space, layer {}: {problem}", layer + 1),
        }
    }
}

impl fmt::Display for SpaceProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyLayers => "too many layers (40 at most)",
            Self::BlockCount => "blocks consume another number of layers than there are",
            Self::Widths => "expected ascending widths above 0",
            Self::Kernel => "expected an odd kernel size from 1 to 7",
            Self::Stride => "expected a stride of 1 or 2",
            Self::Tie => "`same_as` must name an earlier, free layer with the same widths",
            Self::Identity => "an identity shortcut needs equal widths (`same_as`) and stride 1",
            Self::Resolution => "strides leave no pixel",
            Self::Size => "more than 2^64 - 1 sub-networks",
            Self::Empty => "expected an input shape and classes above 0",
        })
    }
}

impl core::error::Error for Error {}
