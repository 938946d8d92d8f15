use super::{Budget, BudgetOptions};
use crate::chip;
use crate::cost::instructions::InstructionTable;

fn refused(options: BudgetOptions<'_>) -> String {
    let error = Budget::new(&options).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
    error.to_string()
}

#[test]
fn a_chip_sets_the_limits_that_no_option_sets() {
    let options = BudgetOptions {
        chip: Some("nrf52840_xxaa"),
        ram: Some("24KiB"),
        ..BudgetOptions::default()
    };
    let budget = Budget::new(&options).unwrap();
    assert_eq!(budget.limits.values(), [Some(1 << 20), Some(24 << 10), None]);
    assert_eq!(budget.table.core, "cortex-m4");
    assert_eq!(budget.chip.unwrap().name, "nRF52840_xxAA");
    let none = Budget::new(&BudgetOptions::default()).unwrap();
    assert_eq!(none.limits.values(), [None; 3]);
}

#[test]
fn every_chip_has_a_core_with_a_table_and_a_unique_name() {
    let chips = chip::all();
    for chip in &chips {
        assert!(chip.flash >= chip.ram && chip.ram > 0 && chip.clock > 0, "{}", chip.name);
        InstructionTable::of_core(&format!("cortex-{}", chip.core)).unwrap();
        assert_eq!(chips.iter().filter(|c| c.name.eq_ignore_ascii_case(&chip.name)).count(), 1);
    }
}

#[test]
fn an_unknown_chip_lists_the_nearest_names() {
    for (typed, meant) in
        [("nRF52480_xxAA", "nRF52840_xxAA"), ("stm32f446", "STM32F446RETx"), ("rp2045", "RP2040")]
    {
        let says = refused(BudgetOptions { chip: Some(typed), ..BudgetOptions::default() });
        assert!(says.contains(meant) && says.contains(typed), "{says}");
    }
}

#[test]
fn limits_beyond_the_chip_or_the_table_are_refused() {
    let chip = Some("STM32F103C8");
    let says = refused(BudgetOptions { chip, flash: Some("1MiB"), ..BudgetOptions::default() });
    assert!(says.contains("65536") && says.contains("STM32F103C8"), "{says}");
    let says = refused(BudgetOptions { chip, core: Some("m4"), ..BudgetOptions::default() });
    assert!(says.contains("m3"), "{says}");
    let says = refused(BudgetOptions { core: Some("m5"), ..BudgetOptions::default() });
    assert!(says.contains("cortex-m33") && says.contains("m5"), "{says}");
    let says = refused(BudgetOptions { chip, latency: Some("60"), ..BudgetOptions::default() });
    assert!(says.contains("ms"), "{says}");
    // A Cortex-M7 has no published timings. The message names the alternatives.
    let m7 = Some("STM32F746ZGTx");
    let says =
        refused(BudgetOptions { chip: m7, latency: Some("60ms"), ..BudgetOptions::default() });
    for part in ["calibrate", "--table", "--instructions", "cortex-m7", "cortex-m0+, cortex-m3"] {
        assert!(says.contains(part), "{part} in {says}");
    }
    // A core has no clock.
    let says = refused(BudgetOptions {
        core: Some("m4"),
        latency: Some("60ms"),
        ..BudgetOptions::default()
    });
    assert!(says.contains("--chip"), "{says}");
}

#[test]
fn a_chip_turns_time_into_estimated_cycles() {
    let options = BudgetOptions {
        chip: Some("STM32F446RETx"),
        latency: Some("60ms"),
        ..BudgetOptions::default()
    };
    let budget = Budget::new(&options).unwrap();
    assert_eq!(budget.limits.instructions, Some(10_800_000));
    assert_eq!(budget.limit_cycles(), Some(10_800_000));
    assert_eq!(budget.table.unit, "estimated cycles");
    let shipped = InstructionTable::of_core("cortex-m4").unwrap();
    assert_eq!(budget.table.overhead, shipped.overhead);
    let summary = budget.time.as_ref().unwrap().summary(budget.limit_cycles());
    assert_eq!((summary.core.as_str(), summary.clock_hz), ("cortex-m4", Some(180_000_000)));
    assert!(summary.note.starts_with("estimated") && !summary.note.contains("measured"));
    // A limit of instructions leaves the unit alone.
    let counted = BudgetOptions { instructions: Some("5M"), latency: None, ..options };
    let budget = Budget::new(&counted).unwrap();
    assert_eq!((budget.limit_cycles(), budget.table.unit.as_str()), (None, "instructions"));
    assert!(budget.time.is_some());
    // A chip tells a Cortex-M0+ from a Cortex-M0.
    let core = |chip| {
        let options = BudgetOptions { chip: Some(chip), ..BudgetOptions::default() };
        Budget::new(&options).unwrap().time.map(|time| time.table.cycles.core)
    };
    assert_eq!(core("RP2040").as_deref(), Some("cortex-m0+"));
    assert_eq!(core("nRF51822_xxAA"), None);
}

#[test]
fn a_table_of_cycles_turns_time_into_a_limit() {
    let shipped = include_str!("../../../tables/cortex-m4.toml");
    let text =
        shipped.replacen("unit = \"instructions\"", "unit = \"cycles\"\nclock_hz = 64000000", 1);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let table = Some(file.path());
    let options = BudgetOptions { table, latency: Some("60ms"), ..BudgetOptions::default() };
    let budget = Budget::new(&options).unwrap();
    assert_eq!(budget.limits.instructions, Some(3_840_000));
    // What a board has measured replaces every estimate.
    assert_eq!((budget.limit_cycles(), budget.time), (None, None));
    let says = refused(BudgetOptions { chip: Some("STM32F103C8"), ..options });
    assert!(says.contains("cortex-m3") && says.contains("cortex-m4"), "{says}");
    let missing = BudgetOptions { table: Some(std::path::Path::new("no such table")), ..options };
    assert!(refused(missing).contains("no such table"));
}
