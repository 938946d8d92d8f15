//! Counts of one inference, operation by operation.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use supernano_base::blob::{self, Blob};
use supernano_base::error::{Error, Result};
use supernano_base::images::Images;
use supernano_core::wire::{self, Refusal, Request, Unit};

use super::connection::{Connection, Loaded, Patience};
use super::link::{open, over_tcp};
use super::placed::{placed_bytes, placed_file};
use super::qemu::Qemu;
use super::session::{Counts, Device, Traffic, unit_name};
use super::target::{Target, known};

/// Longest time of one counted inference.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A count and what it counts. In JSON the unit is the number's name.
#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Count {
    /// Clock cycles of real hardware.
    Cycles(u32),
    /// Retired instructions of an emulator.
    Instructions(u32),
}

impl Count {
    fn new(unit: Unit, value: u32) -> Self {
        match unit {
            Unit::Cycles => Self::Cycles(value),
            Unit::Instructions => Self::Instructions(value),
        }
    }

    /// The number.
    pub fn value(self) -> u32 {
        let (Self::Cycles(value) | Self::Instructions(value)) = self;
        value
    }
}

/// Count of one operation.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct LayerCount {
    /// What it is.
    pub name: String,
    /// Median over the repeats.
    #[serde(flatten)]
    pub count: Count,
    /// Largest less smallest count.
    pub spread: u32,
    /// Multiply-accumulates.
    pub macs: u64,
}

/// Time at a clock that nothing was measured at.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct Scaled {
    /// The clock, Hz.
    pub clock_hz: u64,
    /// Cycles over that clock, ms.
    pub milliseconds: f64,
    /// `scaled, not measured`.
    pub note: &'static str,
}

/// What a latency run counted.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct LatencyReport {
    /// Where the network ran.
    pub target: String,
    /// Who counted.
    pub device: Device,
    /// Sub-network.
    pub code: String,
    /// Unit of all counts.
    pub unit: &'static str,
    /// Of one inference, counted in one piece: the median over the repeats.
    #[serde(flatten)]
    pub total: Count,
    /// Largest less smallest count.
    pub spread: u32,
    /// How often it was counted.
    pub repeats: usize,
    /// Cycles over the device's clock, ms; none for instructions.
    pub milliseconds: Option<f64>,
    /// The same at another clock, where one was asked for.
    pub scaled: Option<Scaled>,
    /// Where the device had the network from.
    pub network: Option<Loaded>,
    /// What went over the line.
    pub traffic: Traffic,
    /// Bytes of arena.
    pub arena_bytes: u32,
    /// Bytes of stack that one inference took.
    pub stack_bytes: u32,
    /// Bytes of stack that it took to open the network: checks and arena plan.
    pub open_stack_bytes: u32,
    /// CRC-32 of the network.
    pub checksum: u32,
    /// The image's conversion, then every operation.
    pub layers: Vec<LayerCount>,
}

/// How a count is taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// An emulator's agent, instead of the one found beside the executable.
    pub elf: Option<&'a Path>,
    /// How often; 0 counts as 1.
    pub repeats: usize,
    /// Another clock, Hz, to scale cycles to.
    pub clock_hz: Option<u64>,
    /// How long a board whose line is lost is waited for.
    pub patience: Patience<'a>,
    /// The board that must answer: it is waited for from the beginning.
    pub device: Option<&'a Device>,
}

/// Counts inferences on `target`, with interrupts masked.
///
/// # Errors
/// [`Error::Invalid`] for the host, and for a clock where instructions are counted;
/// [`Error::Line`], [`Error::Firmware`], [`Error::Refused`] or [`Error::Tool`] where the device
/// fails, [`Error::No`] where it counts a wrong answer.
pub fn latency(blob: &Blob, target: &Target, options: &Options<'_>) -> Result<LatencyReport> {
    match target {
        Target::Host => {
            let expected = format!("a device, one of {}", known());
            Err(Error::invalid("option --target", "target", expected, target))
        }
        Target::Qemu(machine) => {
            let len = blob.view()?.image_len();
            let placed = placed_file(&placed_bytes(blob.bytes(), &[], len))?;
            let qemu = Qemu::start(machine, options.elf, Some(placed.path()), true)?;
            // An emulator that ends has failed: there is nothing to wait for.
            let patience = Patience { limit: Duration::ZERO, ..options.patience };
            let open = &mut || over_tcp(qemu.stream()?);
            let mut connection = Connection::new(open, blob, TIMEOUT, patience, options.device)?;
            drop(placed); // it is in the board's memory
            counted(blob, target, options, &mut connection)
        }
        _ => {
            let open = &mut || open(target);
            let mut connection =
                Connection::new(open, blob, TIMEOUT, options.patience, options.device)?;
            counted(blob, target, options, &mut connection)
        }
    }
}

fn counted(
    blob: &Blob,
    target: &Target,
    options: &Options<'_>,
    connection: &mut Connection<'_>,
) -> Result<LatencyReport> {
    let view = blob.view()?;
    let device = connection.device().clone();
    let unit = device.unit;
    if options.clock_hz.is_some() && unit == Unit::Instructions {
        let expected = "a device that counts cycles; an emulator's instructions have no clock";
        return Err(Error::invalid("option --clock", "target", expected, target));
    }
    let pixels: Vec<u8> = (0..view.image_len()).map(|i| (i * 37 % 251) as u8).collect();
    let run = Request::Run { checksum: wire::checksum(&pixels) };
    let image = Images { shape: view.header().input(), pixels, labels: vec![0] };
    let expected = blob.logits(&image)?;
    let right = |found: Vec<i32>| {
        let wrong = || Error::No("the device's answer differs from the host's".into());
        (found == expected).then_some(()).ok_or_else(wrong)
    };
    let ops = &view.header().ops;
    let (mut totals, mut parts) = (Vec::new(), vec![Vec::new(); ops.len() + 1]);
    let (mut stack, mut open_stack) = (0, 0);
    // The network that the image was sent to: one that was loaded anew has none.
    let mut sent = None;
    for _ in 0..options.repeats.max(1) {
        let counts = connection.run(|session, loads| {
            if sent != Some(loads) {
                right(session.classify(&image.pixels)?)?;
                sent = Some(loads);
            }
            let counts = match session.counts() {
                // the device began anew, with a network in its flash and without an image
                Err(Error::Refused { refusal: Refusal::ImageLength { .. }, .. }) => {
                    right(session.classify(&image.pixels)?)?;
                    session.counts()?
                }
                counts => counts?,
            };
            // the image that was counted is still there, and so is its answer
            right(session.logits(&run)?)?;
            Ok(counts)
        })?;
        let Counts { total, parts: each, stack_bytes, open_stack_bytes } = counts;
        if each.len() != parts.len() {
            let problem = format!("{} counts for {} operations", each.len(), ops.len());
            return Err(Error::tool("device", problem));
        }
        totals.push(total);
        parts.iter_mut().zip(each).for_each(|(all, count)| all.push(count));
        (stack, open_stack) = (stack.max(stack_bytes), open_stack.max(open_stack_bytes));
    }
    let loaded = connection.first_load();
    let repeats = totals.len();
    let (total, spread) = median(&mut totals);
    let milliseconds = |hertz: u64| f64::from(total) / hertz as f64 * 1e3;
    let named = std::iter::once(("image".to_owned(), 0))
        .chain(ops.iter().map(|op| (blob::kind(op), supernano_core::exec::macs(&view, op))));
    Ok(LatencyReport {
        target: target.to_string(),
        code: view.header().code.to_owned(),
        unit: unit_name(unit),
        total: Count::new(unit, total),
        spread,
        repeats,
        milliseconds: (unit == Unit::Cycles && device.clock_hz > 0)
            .then(|| milliseconds(device.clock_hz.into())),
        scaled: options.clock_hz.filter(|&hertz| hertz > 0).map(|clock_hz| Scaled {
            clock_hz,
            milliseconds: milliseconds(clock_hz),
            note: "scaled, not measured",
        }),
        device,
        network: loaded,
        traffic: connection.traffic(),
        arena_bytes: loaded.map_or(0, |l| l.opened.arena_bytes),
        stack_bytes: stack,
        open_stack_bytes: open_stack,
        checksum: view.checksum(),
        layers: named
            .zip(&mut parts)
            .map(|((name, macs), counts)| {
                let (count, spread) = median(counts);
                LayerCount { name, count: Count::new(unit, count), spread, macs }
            })
            .collect(),
    })
}

/// Median (the lower of two) and largest less smallest; of nothing, zeros.
fn median(counts: &mut [u32]) -> (u32, u32) {
    counts.sort_unstable();
    match (counts.first(), counts.get(counts.len().saturating_sub(1) / 2), counts.last()) {
        (Some(least), Some(&middle), Some(most)) => (middle, most - least),
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_spread() {
        assert_eq!(median(&mut []), (0, 0));
        assert_eq!(median(&mut [7]), (7, 0));
        assert_eq!(median(&mut [9, 1]), (1, 8));
        assert_eq!(median(&mut [5, 100, 4]), (5, 96));
    }

    #[test]
    fn the_unit_is_the_numbers_name() {
        let layer = LayerCount { name: "x".into(), count: Count::Cycles(3), spread: 1, macs: 2 };
        let json = serde_json::to_value(&layer).unwrap();
        assert_eq!((&json["cycles"], json.get("instructions")), (&3.into(), None));
    }
}
