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
    /// A blob shorter than it says, or than its fixed part; bytes.
    BlobTruncated {
        /// Bytes needed.
        needed: usize,
        /// Bytes found.
        found: usize,
    },
    /// A blob that does not start at a multiple of 4 bytes.
    BlobMisaligned {
        /// The address's remainder, 1 to 3.
        remainder: usize,
    },
    /// No blob at all: the first four bytes, little-endian.
    BlobMagic {
        /// What was found.
        found: u32,
    },
    /// A blob of another format version.
    BlobVersion {
        /// The version that this library reads.
        expected: u16,
        /// The version found.
        found: u16,
    },
    /// A blob whose bytes have changed.
    BlobChecksum {
        /// CRC-32 that the blob names.
        expected: u32,
        /// CRC-32 of its bytes.
        found: u32,
    },
    /// A blob whose header cannot be decoded, or whose parts do not fit into its length.
    BlobHeader,
    /// Labels that are no UTF-8, hold a line break or are neither none nor one a class.
    BlobLabels {
        /// Classes.
        expected: usize,
        /// Labels found.
        found: usize,
    },
    /// A tensor that cannot be.
    BlobTensor {
        /// Tensor, from 0.
        tensor: usize,
        /// What is wrong with it.
        problem: GraphProblem,
    },
    /// An operation that cannot be.
    BlobOp {
        /// Operation, from 0.
        op: usize,
        /// What is wrong with it.
        problem: GraphProblem,
    },
    /// An output buffer that is too small; bytes.
    BufferTooSmall {
        /// Bytes needed.
        needed: usize,
        /// Bytes found.
        found: usize,
    },
    /// An arena that is too small; bytes.
    ArenaTooSmall {
        /// Bytes needed.
        needed: usize,
        /// Bytes found.
        found: usize,
    },
    /// An image of another size than the network's input; bytes.
    ImageLength {
        /// Bytes needed: height x width x channels.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// A slice for logits or weights of another length; elements.
    SliceLength {
        /// Elements needed.
        expected: usize,
        /// Elements found.
        found: usize,
    },
}

/// Why a blob's graph is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum GraphProblem {
    /// A side, a channel count or a class count of 0 or beyond its limit.
    Size,
    /// A scale that is not a positive number.
    Scale,
    /// A tensor that does not exist.
    Unknown,
    /// A tensor that is read before it is written.
    Unwritten,
    /// A tensor that is written twice or never.
    Written,
    /// Shapes of input, output or residual that do not fit together.
    Shape,
    /// A kernel that is even or larger than 7, or a stride that is neither 1 nor 2.
    Kernel,
    /// A section that is misaligned or leaves the data.
    Section,
    /// Weights of padding channels that are not 0.
    Padding,
    /// Sums that could leave 32 bits.
    Overflow,
    /// A ReLU whose output has another zero point than -128.
    Zero,
    /// A classifier that is missing, or not the last operation.
    Classifier,
    /// The image is added or classified: only convolutions read it.
    Image,
    /// A kind of kernel that cannot execute the convolution.
    Kind,
    /// Transformed weights that are no transform of 8-bit weights.
    Transform,
    /// Places in the arena that overlap or leave it.
    Arena,
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
            Self::BlobTruncated { needed, found } => {
                write!(f, "blob: expected {needed} bytes, found {found}")
            }
            Self::BlobMisaligned { remainder } => {
                write!(
                    f,
                    "blob: expected an address that is a multiple of 4, found {remainder} more"
                )
            }
            Self::BlobMagic { found } => {
                write!(f, "blob: not a network file (starts {found:#010x})")
            }
            Self::BlobVersion { expected, found } => {
                write!(f, "blob: expected format version {expected}, found {found}")
            }
            Self::BlobChecksum { expected, found } => {
                write!(f, "blob: damaged (CRC-32 {expected:#010x} expected, {found:#010x} found)")
            }
            Self::BlobHeader => f.write_str("blob: header cannot be decoded"),
            Self::BlobLabels { expected, found } => {
                write!(f, "blob: expected no labels or {expected} lines of text, found {found}")
            }
            Self::BlobTensor { tensor, problem } => write!(f, "blob, tensor {tensor}: {problem}"),
            Self::BlobOp { op, problem } => write!(f, "blob, operation {op}: {problem}"),
            Self::BufferTooSmall { needed, found } => {
                write!(f, "buffer: expected {needed} bytes or more, found {found}")
            }
            Self::ArenaTooSmall { needed, found } => {
                write!(f, "arena: expected {needed} bytes or more, found {found}")
            }
            Self::ImageLength { expected, found } => {
                write!(f, "image: expected {expected} bytes, found {found}")
            }
            Self::SliceLength { expected, found } => {
                write!(f, "expected {expected} elements, found {found}")
            }
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

impl fmt::Display for GraphProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "a size of 0 or beyond its limit",
            Self::Scale => "expected a positive scale",
            Self::Unknown => "names a tensor that does not exist",
            Self::Unwritten => "reads a tensor that nothing has written",
            Self::Written => "a tensor must be written once",
            Self::Shape => "shapes do not fit together",
            Self::Kernel => "expected an odd kernel size from 1 to 7 and a stride of 1 or 2",
            Self::Section => "a section is misaligned or leaves the data",
            Self::Padding => "expected weights of 0 for padding channels",
            Self::Overflow => "sums could leave 32 bits",
            Self::Zero => "a ReLU's output needs zero point -128",
            Self::Classifier => "expected one classifier, at the end",
            Self::Image => "only convolutions can read the image",
            Self::Kind => "this kind of kernel needs a 3 x 3 convolution of stride 1",
            Self::Transform => "transformed weights that come from no 8-bit weights",
            Self::Arena => "places in the arena overlap or leave it",
        })
    }
}

impl core::error::Error for Error {}
