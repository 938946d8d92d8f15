//! Errors of the core.
//!
//! Each error is `Copy`, carries the numbers that explain it, and prints without an allocator.
//! Hosts wrap it with the file that it concerns; a device reports it or answers with a refusal.

use core::fmt;

/// An error in a code, a search space, a blob or a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The number of parts of a code differs from that of the space.
    CodeLength {
        /// Parts expected (one more if the space ignores a trailing number).
        expected: usize,
        /// Parts found.
        found: usize,
    },
    /// An element of a code is not a decimal number.
    CodeSyntax {
        /// Index of the element, from 0.
        position: usize,
    },
    /// A layer does not offer this width.
    WidthNotOffered {
        /// Index of the layer, from 0.
        layer: usize,
        /// The width found.
        width: u32,
        /// Smallest width that the layer offers.
        smallest: u16,
        /// Largest width that the layer offers.
        largest: u16,
    },
    /// A choice of a code other than a width does not offer this option.
    OptionNotOffered {
        /// Index of the part of the text, or of the option, from 0.
        position: usize,
        /// The number found.
        found: u32,
    },
    /// A mixed-radix code is not below the size of the space. Numbers above 2^64 - 1 are given as
    /// 2^64 - 1.
    CodeOutOfRange {
        /// Number of codes of the space.
        size: u64,
        /// The code found.
        found: u64,
    },
    /// A search space is invalid.
    Space {
        /// Layer at which the problem was found, from 0.
        layer: usize,
        /// The problem.
        problem: SpaceProblem,
    },
    /// A blob is shorter than its header says, or than the fixed part.
    BlobTruncated {
        /// Bytes expected.
        needed: usize,
        /// Bytes found.
        found: usize,
    },
    /// A blob does not start at a multiple of 4 bytes.
    BlobMisaligned {
        /// Remainder of the address, 1 to 3.
        remainder: usize,
    },
    /// The bytes are not a blob.
    BlobMagic {
        /// The first four bytes, little-endian.
        found: u32,
    },
    /// A blob has another format version.
    BlobVersion {
        /// Version that this library reads.
        expected: u16,
        /// The version found.
        found: u16,
    },
    /// A blob is damaged.
    BlobChecksum {
        /// CRC-32 in the header.
        expected: u32,
        /// CRC-32 of the bytes.
        found: u32,
    },
    /// The header of a blob cannot be decoded, or its parts exceed the blob's length.
    BlobHeader,
    /// The labels of a blob are not UTF-8, or their number is neither 0 nor the number of classes.
    BlobLabels {
        /// Number of classes.
        expected: usize,
        /// Number of labels.
        found: usize,
    },
    /// A tensor of a blob is invalid.
    BlobTensor {
        /// Index of the tensor.
        tensor: usize,
        /// The problem.
        problem: GraphProblem,
    },
    /// An operation of a blob is invalid.
    BlobOp {
        /// Index of the operation.
        op: usize,
        /// The problem.
        problem: GraphProblem,
    },
    /// An output buffer is too small.
    BufferTooSmall {
        /// Bytes needed.
        needed: usize,
        /// Bytes found.
        found: usize,
    },
    /// An arena is too small.
    ArenaTooSmall {
        /// Bytes needed.
        needed: usize,
        /// Bytes found.
        found: usize,
    },
    /// The size of an image differs from that of the network's input.
    ImageLength {
        /// Bytes expected: height x width x channels.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// The length of a slice of logits, weights or parameters is wrong.
    SliceLength {
        /// Elements expected.
        expected: usize,
        /// Elements found.
        found: usize,
    },
}

/// The reason why a blob's graph is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum GraphProblem {
    /// A side, a number of channels or a number of classes is 0 or exceeds its limit.
    Size,
    /// A scale is not a positive number.
    Scale,
    /// An operation names a tensor that does not exist.
    Unknown,
    /// A tensor is read before it is written.
    Unwritten,
    /// A tensor is written twice or never.
    Written,
    /// The shapes of input, output and residual do not match.
    Shape,
    /// The kernel size or the stride is outside of its range.
    Kernel,
    /// The operation cannot have this activation, or must or must not have an added tensor.
    Form,
    /// The output cannot roll into the next operation.
    Rolls,
    /// A section is misaligned or exceeds the data.
    Section,
    /// A weight of a padding channel is not 0.
    Padding,
    /// A sum may exceed 32 bits.
    Overflow,
    /// The output of a ReLU has a zero point other than -128.
    Zero,
    /// The classifier is missing, or is not the last operation.
    Classifier,
    /// The image is added or classified. Only convolutions read the image.
    Image,
    /// The kind of kernel cannot execute the convolution.
    Kind,
    /// Transformed weights are not the transform of 8-bit weights.
    Transform,
    /// Places in the arena overlap or exceed it.
    Arena,
}

/// The reason why a search space is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SpaceProblem {
    /// There are more layers and projections than [`crate::space::MAX_LAYERS`].
    TooManyLayers,
    /// The blocks consume more or fewer layers than there are.
    BlockCount,
    /// The layers of a block have other operations than the block's kind.
    Block,
    /// The widths of a layer are empty, 0, above 1024 or not ascending, or a depthwise layer or a
    /// pool has widths.
    Widths,
    /// The expansions of a block are empty, 0 or not ascending, or give more than 1024 channels.
    Expansion,
    /// A kernel is outside of its range, is even with padding of half its size, or does not contain
    /// the smaller one in its centre.
    Kernel,
    /// The stride is outside of its range, or the second layer of a residual block has one.
    Stride,
    /// A pool has an activation.
    Activation,
    /// A window leaves no row or no column at some resolution.
    Window,
    /// A map takes more than 2^24 bytes.
    Memory,
    /// A dense layer reads maps of different sizes.
    Dense,
    /// A depthwise layer or a pool reads the image.
    Image,
    /// `same_as` names a layer that is not earlier, is tied itself, has other widths, or may be left
    /// out.
    Tie,
    /// An identity shortcut spans a change of width or resolution.
    Identity,
    /// Stages are too many, overlap or leave the blocks, or depths are empty, 0 or not ascending.
    Stage,
    /// A block that may be left out changes the resolution.
    Depth,
    /// Resolutions are not ascending, or the last is not that of the input.
    Resolution,
    /// The rule of enhancement is not ascending, or lets a wider option compute with fewer channels.
    Enhancement,
    /// The space has more than 2^128 - 1 codes.
    Size,
    /// The input has no elements, or there are no classes or layers, or too many.
    Empty,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::CodeLength { expected, found } => {
                write!(f, "code: expected {expected} parts, found {found}")
            }
            Self::CodeSyntax { position } => {
                write!(f, "code: expected a number at position {position}")
            }
            Self::WidthNotOffered { layer, width, smallest, largest } => write!(
                f,
                "code, layer {}: expected one of its widths ({smallest} to {largest}), found {width}",
                layer + 1
            ),
            Self::OptionNotOffered { position, found } => {
                write!(f, "code, part {}: the choice has no option {found}", position + 1)
            }
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
                write!(f, "blob: expected format version {expected}, found {found}")?;
                match (expected, found) {
                    (3, 2) => f.write_str(" (`supernano dev upgrade` converts it)"),
                    _ => Ok(()),
                }
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
            Self::TooManyLayers => "too many layers (63 at most, projections included)",
            Self::BlockCount => "blocks consume another number of layers than there are",
            Self::Block => "the block cannot have this layer",
            Self::Widths => "expected ascending widths from 1 to 1024, none for depthwise layers and pools",
            Self::Expansion => "expected ascending expansions above 0, and at most 1024 channels",
            Self::Kernel => {
                "expected kernels of 1 to 16 rows and 1 to 7 columns, odd for padding of half of them, \
                 each in the centre of the next"
            }
            Self::Stride => "expected a stride of 1 to 4 in rows and 1 or 2 in columns, 1 inside blocks",
            Self::Activation => "a pool has no activation",
            Self::Window => "the window leaves no row or column at some resolution",
            Self::Memory => "the map takes more than 2^24 bytes",
            Self::Dense => "a dense layer needs an input of one size; put a global pool before it",
            Self::Image => "a depthwise layer or a pool cannot read the image",
            Self::Tie => "`same_as` must name an earlier, free layer with the same widths",
            Self::Identity => "an identity shortcut needs equal widths (`same_as`) and stride 1",
            Self::Stage => "expected at most 16 stages that do not overlap, with ascending depths above 0",
            Self::Depth => "a block that may be left out must keep the resolution",
            Self::Resolution => "expected ascending resolutions up to that of the input",
            Self::Enhancement => "the enhancement must keep the order of widths",
            Self::Size => "more than 2^128 - 1 codes",
            Self::Empty => "expected an input shape, layers and 1 to 4096 outputs",
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
            Self::Kernel => "the kernel size or the stride is outside of its range",
            Self::Form => "this operation cannot have this activation or added tensor",
            Self::Rolls => "the output cannot roll into the next operation",
            Self::Section => "a section is misaligned or leaves the data",
            Self::Padding => "expected weights of 0 for padding channels",
            Self::Overflow => "sums could leave 32 bits",
            Self::Zero => "a ReLU's output needs zero point -128, a maximum that of its input",
            Self::Classifier => "expected one classifier, at the end",
            Self::Image => "only convolutions and dense layers can read the image",
            Self::Kind => "this kind of kernel needs a 3 x 3 convolution of stride 1, or the image",
            Self::Transform => "transformed weights that come from no 8-bit weights",
            Self::Arena => "places in the arena overlap or leave it",
        })
    }
}

impl core::error::Error for Error {}
