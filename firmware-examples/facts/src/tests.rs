//! Facts that the types do not imply.

extern crate std;

use std::collections::BTreeSet;

use super::{BOARDS, CHIPS, MACHINES, MICROBIT, PLACED_BYTES, Region, packages};

#[test]
fn names_are_unique() {
    let chips: BTreeSet<_> = CHIPS.iter().map(|chip| chip.name.to_ascii_lowercase()).collect();
    assert_eq!(chips.len(), CHIPS.len());
    let names: BTreeSet<_> = packages().map(|package| package.name).collect();
    assert_eq!(names.len(), packages().count());
}

#[test]
fn a_machine_has_the_name_of_its_package() {
    for machine in MACHINES {
        assert_eq!(machine.name, machine.package.name);
    }
}

#[test]
fn a_network_has_the_flash_after_the_firmware() {
    for board in BOARDS.iter().chain([&MICROBIT]) {
        let (flash, blob) = (board.flash, board.blob);
        assert!(blob.start >= flash.start + (64 << 10), "{}", board.package.name);
        assert_eq!(blob.start + blob.bytes, flash.start + flash.bytes, "{}", board.package.name);
    }
}

/// Firmware reads the region for a network as words.
#[test]
fn a_region_for_a_network_consists_of_words() {
    for Region { start, bytes } in BOARDS.iter().chain([&MICROBIT]).map(|board| board.blob) {
        assert!(start.is_multiple_of(4) && bytes.is_multiple_of(4), "{start:#x}");
    }
    assert!(MACHINES.iter().all(|m| m.placed.is_multiple_of(4)) && PLACED_BYTES.is_multiple_of(4));
}

/// The host finds the agent of a chip by the family.
#[test]
fn a_chip_belongs_to_one_board() {
    for board in BOARDS {
        let of = |family: &str| board.chip.name.starts_with(family);
        let count = BOARDS.iter().filter(|other| of(other.family)).count();
        assert_eq!(count, 1, "{}", board.chip.name);
        assert!(board.package.agent().is_some() && board.package.access.is_some());
    }
}
