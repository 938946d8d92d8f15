//! The boards, emulated machines, chips and firmware packages as constants.
//!
//! This crate is the only list of them. The firmware takes addresses and names from it, the host
//! takes chips and targets, and `cargo xtask` takes the packages to build and the limits to check.
//!
//! To add a board: add its chip to [`CHIPS`] if it is not there, write a [`Board`] constant, and
//! list it in [`BOARDS`].
#![no_std]

mod boards;
mod chips;
mod flash;
mod footprints;
mod machines;
mod packages;
mod targets;

pub use boards::{
    BOARDS, Board, Emulator, F4_DISCOVERY, MICROBIT, MICROBIT_V2, NRF52840_DK, NUCLEO_F446RE,
    NUCLEO_H743ZI, PICO, PICO2, Region,
};
pub use chips::{CHIPS, Chip};
pub use flash::FlashTiming;
pub use footprints::{FOOTPRINTS, FirmwareBuild, FirmwareKernels, Footprint};
pub use machines::{
    MACHINES, Machine, PLACED_BYTES, QEMU_M0, QEMU_M3, QEMU_M4, QEMU_M4_LOG, QEMU_M7, QEMU_M33,
    QEMU_M55, Timer,
};
pub use packages::{Access, Kind, Log, Package, Program, packages};
pub use targets::{
    Core, RustTarget, TARGETS, THUMBV6M, THUMBV7EM_HARD_FLOAT, THUMBV7M, THUMBV8M_HARD_FLOAT,
    THUMBV8M_HELIUM,
};

#[cfg(test)]
mod tests;
