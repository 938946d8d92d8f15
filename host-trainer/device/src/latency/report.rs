//! The result of a latency run.

use serde::Serialize;
use supernano_base::cycles::{Cycles, ESTIMATED, FlashReads, Milliseconds};
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
    /// Vector instructions, on an emulator of a core with Helium. They are part of the count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector_instructions: Option<u64>,
    /// Estimated cycles, the reads of the meter included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cycles_estimated: Option<Cycles>,
    /// Reads of flash that a core with wait states would wait for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flash_reads: Option<FlashReads>,
}

/// Estimated cycles of a whole inference, and the times that follow from them.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct Estimate {
    /// Core of the timings.
    pub core: String,
    /// `by instruction` if QEMU's plugin has added up every executed instruction, `modelled` if a
    /// table gives the cycles.
    pub method: &'static str,
    /// Instructions that the plugin has added up; `None` if a table gives the cycles.
    pub instructions: Option<u64>,
    /// Estimated cycles without wait states.
    pub cycles_estimated: Cycles,
    /// Largest relative error of the table against the plugin, a fraction; `None` without a table.
    pub largest_error: Option<f64>,
    /// Reads of flash that a core with wait states would wait for.
    pub flash_reads: Option<FlashReads>,
    /// Clock of the times, Hz.
    pub clock_hz: Option<u64>,
    /// Chip of the clock and the flash, if one was named.
    pub chip: Option<String>,
    /// Estimated time without wait states, ms.
    pub milliseconds: Option<Milliseconds>,
    /// Estimated time with the wait states of the chip's flash.
    pub with_flash: Option<FlashTime>,
    /// What the times are.
    pub note: &'static str,
}

/// An estimated time with the wait states of a flash.
#[derive(Clone, Copy, Debug, Serialize, PartialEq)]
pub struct FlashTime {
    /// Cycles that the core waits for one line.
    pub wait_states: u64,
    /// Estimated cycles with all waits.
    pub cycles_estimated: u64,
    /// The same, ms.
    pub milliseconds: f64,
}

impl Estimate {
    /// An estimate from every executed instruction, without times.
    pub fn counted(core: &str, instructions: u64, cycles: Cycles, reads: FlashReads) -> Self {
        Self {
            core: core.to_owned(),
            method: "by instruction",
            instructions: Some(instructions),
            cycles_estimated: cycles,
            largest_error: None,
            flash_reads: Some(reads),
            clock_hz: None,
            chip: None,
            milliseconds: None,
            with_flash: None,
            note: ESTIMATED,
        }
    }

    /// An estimate from a table with this largest error, without times.
    pub fn modelled(core: &str, cycles: Cycles, largest_error: f64) -> Self {
        Self {
            method: "modelled",
            instructions: None,
            largest_error: Some(largest_error),
            flash_reads: None,
            ..Self::counted(core, 0, cycles, FlashReads::default())
        }
    }

    /// The same estimate with times at a clock, and with the wait states of a flash if both they and
    /// the reads are known.
    pub fn at(mut self, clock_hz: u64, wait_states: Option<u64>) -> Self {
        self.clock_hz = Some(clock_hz);
        self.milliseconds = Some(self.cycles_estimated.milliseconds(clock_hz));
        self.with_flash = wait_states.zip(self.flash_reads).map(|(wait_states, reads)| {
            let cycles = self.cycles_estimated.mid + reads.waits(wait_states);
            let all = Cycles { low: cycles, mid: cycles, high: cycles };
            let milliseconds = all.milliseconds(clock_hz).mid;
            FlashTime { wait_states, cycles_estimated: cycles, milliseconds }
        });
        self
    }
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
    /// Vector instructions of one inference, on an emulator of a core with Helium. They are part of the
    /// count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector_instructions: Option<u64>,
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
    /// Estimated cycles, for an emulator of a core with published timings.
    pub estimate: Option<Estimate>,
    /// The conversion of the image, then every operation.
    pub layers: Vec<LayerCount>,
}
