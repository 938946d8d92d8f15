//! Messages between host and device (`core/docs/wire-format.md`).
//!
//! The host sends a [`Request`], and the device answers it with a [`Reply`]. [`encode`] and
//! [`decode`] convert messages to frames and back; a [`Collector`] finds the frames in a byte
//! stream. [`placed`] describes the memory that holds a blob and images before the device starts.

mod frame;
pub mod placed;

pub use frame::{Collector, FrameError, checksum, decode, encode, message, stale, unframe};

use heapless::Vec;
use serde::{Deserialize, Serialize};

/// Version of the protocol. Both sides must have the same.
pub const VERSION: u16 = 4;
/// Maximum number of bytes of a blob or an image in one message.
pub const CHUNK: usize = 1024;
/// Maximum length of a frame, its closing zero included.
pub const MAX_FRAME: usize = 2304;
/// Maximum number of logits in a reply. More are read page by page ([`Request::Logits`]).
pub const MAX_LOGITS: usize = 256;
/// Maximum number of counts in a reply: one for the image, and one per operation.
pub const MAX_COUNTS: usize = crate::graph::MAX_OPS + 1;

/// A request of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request<'a> {
    /// Asks for the device's identity.
    Hello {
        /// The host's [`VERSION`].
        version: u16,
    },
    /// Sends a part of a blob.
    Blob {
        /// Byte offset of the part.
        offset: u32,
        /// Length of the whole blob in bytes.
        length: u32,
        /// At most [`CHUNK`] bytes.
        data: &'a [u8],
    },
    /// Checks the blob that was sent, and uses it.
    Open,
    /// Checks a blob that was placed in memory before the start, and uses it with its images.
    OpenPlaced {
        /// Index of the set of blob and images.
        set: u16,
    },
    /// Sends a part of an image, u8 `[height][width][channels]`.
    Image {
        /// Byte offset of the part.
        offset: u32,
        /// At most [`CHUNK`] bytes.
        data: &'a [u8],
    },
    /// Classifies the image that was sent.
    Run {
        /// CRC-32 of the image ([`checksum`]). The device refuses any other image.
        checksum: u32,
    },
    /// Classifies a placed image.
    RunPlaced {
        /// Index of the image.
        index: u32,
    },
    /// Counts one inference of the image that was sent, or of the first placed image if none was, as a
    /// whole and by operation, with interrupts masked.
    Measure,
    /// Digests all values of an inference of a placed image
    /// ([`exec::Digest`](crate::exec::Digest)).
    Digest {
        /// Index of the image.
        index: u32,
    },
    /// Compares the primitives of the kernels with plain code
    /// ([`kernel::check`](crate::kernel::check())).
    SelfTest,
    /// Reads the logits of the latest run from this one on.
    Logits {
        /// Index of the first logit.
        first: u32,
    },
}

/// The unit of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CountUnit {
    /// Clock cycles of a chip.
    Cycles,
    /// Retired instructions of an emulated core.
    Instructions,
}

/// A reply of the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "no allocator to box the logits with")]
pub enum Reply<'a> {
    /// The device's identity.
    Hello {
        /// The device's [`VERSION`].
        version: u16,
        /// Name of the chip or of the emulated machine.
        chip: &'a str,
        /// Name of the core.
        core: &'a str,
        /// Frequency of the core's clock, Hz.
        clock_hz: u32,
        /// Unit of the device's counts.
        unit: CountUnit,
        /// Name of its kernels.
        kernels: &'a str,
        /// Capacity for a blob that is sent, bytes.
        blob_capacity: u32,
        /// Capacity for the arena, bytes.
        arena_capacity: u32,
        /// Capacity for an image that is sent, bytes.
        image_capacity: u32,
        /// Unused RAM, the stack's region included, bytes; 0 if the device cannot tell.
        free_ram: u32,
        /// CRC-32 of the blob in use, else of the placed blob; 0 if there is none.
        blob_checksum: u32,
    },
    /// The request was carried out.
    Done,
    /// A blob is in use.
    Opened {
        /// CRC-32 of the blob.
        checksum: u32,
        /// Bytes of the blob's arena.
        arena_bytes: u32,
        /// Number of operations.
        ops: u32,
        /// Number of images that were placed with the blob.
        images: u32,
    },
    /// Logits in the order of the classes: all of a run, or the next [`MAX_LOGITS`].
    Logits(Vec<i32, MAX_LOGITS>),
    /// Counts of one inference.
    Counts {
        /// Count of the inference as a whole.
        total: u32,
        /// Counts of loading the image, then of each operation.
        parts: Vec<u32, MAX_COUNTS>,
        /// Bytes of stack that an inference used; 0 if the device cannot measure them.
        stack_bytes: u32,
        /// Bytes of stack that opening the network used; 0 if the device cannot measure them.
        open_stack_bytes: u32,
    },
    /// Digest of all values of an inference.
    Digest(u32),
    /// All primitives are correct, in this many cases.
    Tested(u32),
    /// The device refuses the request.
    Refused(Refusal),
}

/// The reason why a device refuses a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Refusal {
    /// The versions of the protocol differ.
    Version {
        /// Version of the device.
        expected: u16,
        /// Version of the host.
        found: u16,
    },
    /// The message is unknown to this version, a part is longer than [`CHUNK`], or a part exceeds
    /// its blob.
    Malformed,
    /// A buffer of the device is too small.
    TooLarge {
        /// The buffer: 0 for blobs, 1 for images, 2 for the arena (with logits behind it).
        what: u8,
        /// Bytes needed.
        needed: u32,
        /// Bytes available.
        capacity: u32,
    },
    /// The blob did not pass its check.
    BadBlob,
    /// No blob is in use.
    NoBlob,
    /// There is no image of this index.
    NoImage {
        /// Number of images.
        images: u32,
    },
    /// A primitive of the kernels computes a wrong value.
    WrongKernel,
    /// The length of the image that was sent differs from that of the network's input.
    ImageLength {
        /// Bytes of the network's input.
        expected: u32,
        /// Bytes sent.
        found: u32,
    },
    /// The image that was sent is not the requested one: a part was lost, or a part of another
    /// image arrived late.
    ImageChecksum {
        /// CRC-32 in the request.
        expected: u32,
        /// CRC-32 of the device's image.
        found: u32,
    },
    /// No run precedes the request, so there are no logits to read.
    NoLogits,
}

#[cfg(test)]
mod tests;
