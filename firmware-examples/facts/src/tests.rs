//! Facts that the types do not imply.

extern crate std;

use std::collections::BTreeSet;

use super::{BOARDS, CHIPS, MACHINES, MICROBIT, packages};

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
