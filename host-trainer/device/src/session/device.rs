//! What a device says of itself, of a blob and of an inference.

use serde::Serialize;
use supernano_core::wire::Unit;

/// Who answered the hello.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Version of the protocol that it speaks.
    pub protocol: u16,
    /// Chip or machine.
    pub chip: String,
    /// Core whose code runs.
    pub core: String,
    /// Clock, Hz.
    pub clock_hz: u32,
    /// What its counts count.
    #[serde(serialize_with = "unit")]
    pub unit: Unit,
    /// Name of its kernels.
    pub kernels: String,
    /// Longest blob that can be sent, bytes.
    pub blob_capacity: u32,
    /// Largest arena, bytes.
    pub arena_capacity: u32,
    /// Longest image that can be sent, bytes.
    pub image_capacity: u32,
    /// RAM that nothing uses, bytes; 0 where the device cannot tell.
    pub free_ram: u32,
    /// CRC-32 of the blob that it has; 0 where it has none.
    pub blob_checksum: u32,
}

impl Default for Device {
    fn default() -> Self {
        Self {
            protocol: 0,
            chip: String::new(),
            core: String::new(),
            clock_hz: 0,
            unit: Unit::Instructions,
            kernels: String::new(),
            blob_capacity: 0,
            arena_capacity: 0,
            image_capacity: 0,
            free_ram: 0,
            blob_checksum: 0,
        }
    }
}

/// How a unit is written.
pub fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Cycles => "cycles",
        Unit::Instructions => "instructions",
    }
}

fn unit<S: serde::Serializer>(unit: &Unit, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(unit_name(*unit))
}

/// What a device says of a blob that it has opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// CRC-32 of the blob.
    pub checksum: u32,
    /// Bytes of arena that it needs.
    pub arena_bytes: u32,
    /// Images placed with it.
    pub images: u32,
}

/// Counts of one inference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// In one piece.
    pub total: u32,
    /// Of the image, then of every operation.
    pub parts: Vec<u32>,
    /// Bytes of stack that it took; 0 where the device cannot tell.
    pub stack_bytes: u32,
    /// Bytes of stack that it took to open the network.
    pub open_stack_bytes: u32,
}
