//! What a device reports: its properties, a blob that it has opened, and the counts of an inference.

use serde::Serialize;
use supernano_core::wire::CountUnit;

/// Properties of a device, from its answer to a hello.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceInfo {
    /// Version of its protocol.
    pub protocol: u16,
    /// Name of the chip or of the emulated machine.
    pub chip: String,
    /// Core for which its code is compiled.
    pub core: String,
    /// Clock, Hz.
    pub clock_hz: u32,
    /// Unit of its counts.
    #[serde(serialize_with = "unit")]
    pub unit: CountUnit,
    /// Name of its kernel set.
    pub kernels: String,
    /// Largest blob that it can receive, bytes.
    pub blob_capacity: u32,
    /// Largest arena, bytes.
    pub arena_capacity: u32,
    /// Largest image that it can receive, bytes.
    pub image_capacity: u32,
    /// Unused RAM, bytes; 0 if the device cannot tell.
    pub free_ram: u32,
    /// CRC-32 of the blob in its memory; 0 without a blob.
    pub blob_checksum: u32,
}

impl Default for DeviceInfo {
    fn default() -> Self {
        Self {
            protocol: 0,
            chip: String::new(),
            core: String::new(),
            clock_hz: 0,
            unit: CountUnit::Instructions,
            kernels: String::new(),
            blob_capacity: 0,
            arena_capacity: 0,
            image_capacity: 0,
            free_ram: 0,
            blob_checksum: 0,
        }
    }
}

/// Name of a unit in reports.
pub fn unit_name(unit: CountUnit) -> &'static str {
    match unit {
        CountUnit::Cycles => "cycles",
        CountUnit::Instructions => "instructions",
    }
}

fn unit<S: serde::Serializer>(unit: &CountUnit, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(unit_name(*unit))
}

/// A device's answer to a request that opens a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// CRC-32 of the blob.
    pub checksum: u32,
    /// Bytes of arena that it needs.
    pub arena_bytes: u32,
    /// Images that lie in memory with the blob.
    pub images: u32,
}

/// Counts of one inference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Count of the whole inference, in one piece.
    pub total: u32,
    /// Counts of the image's conversion, then of every operation.
    pub parts: Vec<u32>,
    /// Bytes of stack that the inference took; 0 if the device cannot tell.
    pub stack_bytes: u32,
    /// Bytes of stack that opening the network took.
    pub open_stack_bytes: u32,
}
