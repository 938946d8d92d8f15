//! Estimated cycles and times beside the counted instructions.

use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result};
use supernano_base::numbers::grouped;
use supernano_device::{Estimate, Estimated, LatencyReport, MACHINES, Machine, Target};
use supernano_facts::{CHIPS, Chip, Core, FlashTiming};
use supernano_search::chip;
use supernano_search::cost::estimate::{CycleTable, FlashTable};

/// The chip of an option.
///
/// # Errors
/// The errors of [`chip::find`].
pub(crate) fn chip(name: Option<&str>) -> Result<Option<&'static Chip>> {
    let Some(name) = name else { return Ok(None) };
    let found = chip::find(name)?;
    let chips: &'static [Chip] = &CHIPS;
    Ok(chips.iter().find(|chip| chip.name == found.name))
}

/// The core and the flash that an emulated machine stands for; `None` for a board, and for a core
/// without published timings.
///
/// # Errors
/// [`Error::Invalid`] for a chip with another core than the machine's.
pub(crate) fn of_target(
    target: &Target,
    chip: Option<&'static Chip>,
) -> Result<Option<Estimated<'static>>> {
    let Target::Qemu(machine) = target else { return Ok(None) };
    if let Some(chip) = chip
        && machine.name.strip_prefix("qemu-") != Some(chip.core.short())
    {
        let expected = format!("a chip with the core of {}", machine.name);
        let found = format!("{}, a {}", chip.name, chip.core.name());
        return Err(Error::invalid("option --chip", "core", expected, found));
    }
    Ok(of_machine(machine, chip))
}

fn of_machine(machine: &Machine, chip: Option<&'static Chip>) -> Option<Estimated<'static>> {
    let timed = machine.timed?;
    let core = chip.map_or(timed, |chip| chip.core).name();
    let flash = chip.and_then(Chip::flash_timing).unwrap_or(FlashTiming::STM32F4);
    Some(Estimated { core, flash })
}

/// As [`of_target`], for the core that a board reports.
pub(crate) fn of_core(
    machine: &Machine,
    chip: Option<&'static Chip>,
    core: &str,
) -> Option<Estimated<'static>> {
    let estimated = of_machine(machine, chip)?;
    let reported = Core::TIMED.into_iter().find(|c| c.name() == core);
    Some(Estimated { core: reported.map_or(estimated.core, Core::name), ..estimated })
}

/// The emulated machine with the core that a board reports.
pub(crate) fn machine_of(core: &str) -> Option<&'static Machine> {
    let machines: &'static [Machine] = &MACHINES;
    let timed = |m: &&Machine| m.timed.is_some() && core.trim_end_matches('+') == table_core(m);
    machines.iter().find(timed)
}

fn table_core(machine: &Machine) -> String {
    format!("cortex-{}", machine.name.trim_start_matches("qemu-"))
}

/// Adds estimates to a report that has none, from the built-in table, and times to all estimates.
///
/// # Errors
/// [`Error::Core`], never for a checked blob.
pub(crate) fn complete(
    report: &mut LatencyReport,
    blob: &Blob,
    estimated: Option<Estimated<'_>>,
    (clock_hz, chip): (Option<u64>, Option<&Chip>),
) -> Result<()> {
    if let (None, Some(Estimated { core, flash })) = (&report.estimate, estimated)
        && let Some(table) = CycleTable::of_core(core)?
    {
        let view = blob.view()?;
        let header = view.header();
        // Layers without terms would cost nothing.
        if table.lacks(&header).is_some() {
            return Ok(());
        }
        let parts = table.parts(&header);
        let total = parts.iter().copied().sum();
        let mut estimate = Estimate::modelled(core, total, table.cycles.largest_error);
        let same = |t: &FlashTable| {
            (t.line_bytes, t.code_lines, t.constant_lines)
                == (flash.line_bytes, flash.code_lines, flash.constant_lines)
        };
        if table.flash.as_ref().is_some_and(same) {
            estimate.flash_reads = table.flash_reads(&header);
        }
        for (layer, cycles) in report.layers.iter_mut().zip(parts) {
            layer.cycles_estimated = Some(cycles);
        }
        report.estimate = Some(estimate);
    }
    let own = chip.map(|chip| u64::from(chip.clock_mhz) * 1_000_000);
    let Some(clock_hz) = clock_hz.or(own) else { return Ok(()) };
    // Wait states are those at the highest clock of the chip.
    let flash = chip.and_then(Chip::flash_timing).filter(|_| own == Some(clock_hz));
    report.estimate = report.estimate.take().map(|estimate| {
        let estimate = estimate.at(clock_hz, flash.map(|flash| flash.wait_states.into()));
        Estimate { chip: chip.map(|chip| chip.name.to_owned()), ..estimate }
    });
    Ok(())
}

/// The sentences about the estimate of a whole inference.
pub(crate) fn text(estimate: &Estimate) -> String {
    let cycles = estimate.cycles_estimated;
    let origin = match estimate.largest_error {
        None => "added up by instruction".to_owned(),
        Some(error) => format!("modelled, at most {:.2} % off on others", 100.0 * error),
    };
    let mut text = format!(
        "{} cycles ({} to {}) of a {}, estimated (core model, no wait states), {origin}",
        grouped(cycles.mid),
        grouped(cycles.low),
        grouped(cycles.high),
        estimate.core
    );
    if let (Some(time), Some(hertz)) = (estimate.milliseconds, estimate.clock_hz) {
        text += &format!(
            "\n{:.2} ms ({:.2} to {:.2}) at {:.1} MHz, {}",
            time.mid,
            time.low,
            time.high,
            hertz as f64 / 1e6,
            estimate.note
        );
    }
    if let (Some(flash), Some(chip)) = (estimate.with_flash, &estimate.chip) {
        text += &format!(
            "\n{:.2} ms with {} wait states of the flash of the {chip}, estimated (line buffers, no \
             prefetch; never compared with a board)",
            flash.milliseconds, flash.wait_states
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(name: &str) -> Target {
        name.parse().unwrap()
    }

    #[test]
    fn a_machine_stands_for_a_core_or_for_the_core_of_a_chip() {
        let core = |name: &str, chip_name: Option<&str>| {
            let found = of_target(&target(name), chip(chip_name).unwrap()).unwrap();
            found.map(|estimated| estimated.core)
        };
        assert_eq!(core("qemu-m4", None), Some("cortex-m4"));
        assert_eq!(core("qemu-m0", None), Some("cortex-m0+"));
        assert_eq!(core("qemu-m0", Some("nRF51822_xxAA")), Some("cortex-m0"));
        for without in ["qemu-m7", "qemu-m33", "tcp:a:1"] {
            assert_eq!(core(without, None), None);
        }
        let other = of_target(&target("qemu-m4"), chip(Some("RP2040")).unwrap()).unwrap_err();
        assert!(other.to_string().contains("RP2040, a cortex-m0+"), "{other}");
    }

    #[test]
    fn a_board_has_an_emulated_machine_with_its_core() {
        let name = |core| machine_of(core).map(|machine| machine.name);
        assert_eq!(name("cortex-m0+"), Some("qemu-m0"));
        assert_eq!(name("cortex-m4"), Some("qemu-m4"));
        assert_eq!(name("cortex-m7"), None);
    }
}
