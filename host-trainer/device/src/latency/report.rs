//! The result of a latency run.

use serde::Serialize;
use supernano_core::wire::CountUnit;

use crate::connection::LoadedNetwork;
use crate::session::{DeviceInfo, Traffic};

/// A count with its unit. In JSON the unit is the name of the number.
#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Count {
    /// Clock cycles of real hardware.
    Cycles(u32),
    /// Retired instructions of an emulator.
    Instructions(u32),
}

impl Count {
    pub(super) fn new(unit: CountUnit, value: u32) -> Self {
        match unit {
            CountUnit::Cycles => Self::Cycles(value),
            CountUnit::Instructions => Self::Instructions(value),
        }
    }

    /// The number without its unit.
    pub fn value(self) -> u32 {
        let (Self::Cycles(value) | Self::Instructions(value)) = self;
        value
    }
}

/// Count of one operation.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct LayerCount {
    /// `image` for the conversion of the image, else the kind of the operation.
    pub name: String,
    /// Median over the repeats.
    #[serde(flatten)]
    pub count: Count,
    /// Largest count minus smallest count.
    pub spread: u32,
    /// Multiply-accumulates.
    pub macs: u64,
}

/// Measured cycles scaled to another clock.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct ScaledTime {
    /// The other clock, Hz.
    pub clock_hz: u64,
    /// Cycles divided by that clock, ms.
    pub milliseconds: f64,
    /// `scaled, not measured`.
    pub note: &'static str,
}

/// The result of a latency run.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct LatencyReport {
    /// The target on which the network ran.
    pub target: String,
    /// The device that counted.
    pub device: DeviceInfo,
    /// Code of the sub-network.
    pub code: String,
    /// Unit of all counts.
    pub unit: &'static str,
    /// Count of one whole inference: the median over the repeats.
    #[serde(flatten)]
    pub total: Count,
    /// Largest count minus smallest count of a whole inference.
    pub spread: u32,
    /// Inferences counted.
    pub repeats: usize,
    /// Cycles divided by the device's clock, ms; `None` for instructions.
    pub milliseconds: Option<f64>,
    /// The time at another clock, if one was requested.
    pub scaled: Option<ScaledTime>,
    /// The network that the device used, with its origin.
    pub network: Option<LoadedNetwork>,
    /// Traffic of the line.
    pub traffic: Traffic,
    /// Bytes of arena.
    pub arena_bytes: u32,
    /// Bytes of stack that one inference took.
    pub stack_bytes: u32,
    /// Bytes of stack that opening the network took: checks and arena plan.
    pub open_stack_bytes: u32,
    /// CRC-32 of the network.
    pub checksum: u32,
    /// The conversion of the image, then every operation.
    pub layers: Vec<LayerCount>,
}
