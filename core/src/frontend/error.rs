//! Errors of front ends.

use core::fmt;

/// An error in a description, in a number of samples or in a size of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum FrontEndError {
    /// A description is shorter than its fixed part or than its length.
    Truncated {
        /// Bytes expected.
        needed: usize,
        /// Bytes found.
        found: usize,
    },
    /// A description does not start at a multiple of 4 bytes.
    Misaligned {
        /// Remainder of the address, 1 to 3.
        remainder: usize,
    },
    /// The bytes are not a description.
    Magic {
        /// The first four bytes, little-endian.
        found: u32,
    },
    /// A description has another format version.
    Version {
        /// Version that this library reads.
        expected: u16,
        /// The version found.
        found: u16,
    },
    /// A description has an unknown kind.
    Kind {
        /// The kind found.
        found: u8,
    },
    /// The length of a description differs from the sum of its parts.
    Length {
        /// Bytes expected.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// A field is out of its range.
    Field {
        /// The field.
        field: Field,
        /// Smallest valid value.
        smallest: u32,
        /// Largest valid value.
        largest: u32,
        /// The value found.
        found: u32,
    },
    /// An entry of a table is out of its range.
    Entry {
        /// The table.
        table: Table,
        /// Index of the entry.
        index: usize,
        /// Smallest valid value.
        smallest: u32,
        /// Largest valid value.
        largest: u32,
        /// The value found.
        found: u32,
    },
    /// There are too few samples, or a sample has the wrong number of axes.
    Samples {
        /// Samples needed.
        needed: usize,
        /// Samples found.
        found: usize,
    },
    /// A memory is too small.
    TooSmall {
        /// The memory.
        memory: Memory,
        /// Elements needed.
        needed: usize,
        /// Elements found.
        found: usize,
    },
    /// The stream has not made all rows of the input yet.
    NotReady {
        /// Rows needed.
        needed: usize,
        /// Rows made.
        found: usize,
    },
}

/// A field of a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Field {
    /// Samples in a second.
    Rate,
    /// Samples of a frame.
    Window,
    /// Samples between the starts of two frames.
    Hop,
    /// Points of the Fourier transform.
    Fft,
    /// Frames of the input.
    Frames,
    /// Mel bands.
    Bands,
    /// Features of a frame.
    Features,
    /// The step from bands to features.
    Transform,
    /// Rounding of a feature.
    Rounding,
    /// Right shift of a feature or of an axis.
    Shift,
    /// The origin of the scale of samples.
    PeakMode,
    /// The fixed largest sample.
    Peak,
    /// Bytes that must be 0.
    Reserved,
    /// Rows of the input.
    Rows,
    /// Axes of a sample.
    Axes,
}

/// A table of a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Table {
    /// Coefficients of the window.
    Window,
    /// First bins of the segments between the centres of bands.
    Edges,
    /// Parameters of the axes.
    Axes,
    /// Zeros behind a table.
    Padding,
}

/// A memory that the caller lends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Memory {
    /// Words of working memory.
    Work,
    /// Samples that wait for their frame.
    Samples,
    /// Bytes of the rows that a stream keeps.
    Rows,
    /// Bytes of the network's input.
    Output,
    /// Bytes of a description that is written.
    Description,
}

impl fmt::Display for FrontEndError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("front end: ")?;
        match *self {
            Self::Truncated { needed, found } => {
                write!(f, "expected {needed} bytes, found {found}")
            }
            Self::Misaligned { remainder } => {
                write!(f, "expected an address that is a multiple of 4, found {remainder} more")
            }
            Self::Magic { found } => write!(f, "not a description (starts {found:#010x})"),
            Self::Version { expected, found } => {
                write!(f, "expected format version {expected}, found {found}")
            }
            Self::Kind { found } => write!(f, "expected kind 1 or 2, found {found}"),
            Self::Length { expected, found } => {
                write!(f, "expected a length of {expected} bytes, found {found}")
            }
            Self::Field { field, smallest, largest, found } => {
                write!(f, "{field}: expected {smallest} to {largest}, found {found}")
            }
            Self::Entry { table, index, smallest, largest, found } => {
                write!(f, "{table}, entry {index}: expected {smallest} to {largest}, found {found}")
            }
            Self::Samples { needed, found } => {
                write!(f, "expected {needed} samples, found {found}")
            }
            Self::TooSmall { memory, needed, found } => {
                write!(f, "{memory}: expected {needed} elements or more, found {found}")
            }
            Self::NotReady { needed, found } => {
                write!(f, "expected {needed} rows of input, found {found}")
            }
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rate => "rate",
            Self::Window => "window",
            Self::Hop => "hop",
            Self::Fft => "points of the Fourier transform",
            Self::Frames => "frames",
            Self::Bands => "bands",
            Self::Features => "features",
            Self::Transform => "transform",
            Self::Rounding => "rounding",
            Self::Shift => "shift",
            Self::PeakMode => "origin of the scale",
            Self::Peak => "largest sample",
            Self::Reserved => "reserved bytes",
            Self::Rows => "rows",
            Self::Axes => "axes",
        })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Window => "window",
            Self::Edges => "edges of bands",
            Self::Axes => "offsets of axes",
            Self::Padding => "padding",
        })
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Work => "working memory",
            Self::Samples => "memory for samples",
            Self::Rows => "memory for rows",
            Self::Output => "output",
            Self::Description => "memory for a description",
        })
    }
}

impl core::error::Error for FrontEndError {}
