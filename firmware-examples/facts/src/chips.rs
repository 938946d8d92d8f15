//! Chips: core, flash, RAM and clock, by the names that probe-rs gives them, or else their makers.
//!
//! The flash of an STM32N657, which has none inside, is that of the Nucleo board: 64 MiB.

use crate::Core::{self, M0, M0Plus, M3, M4, M7, M33, M55, M85};

/// A microcontroller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chip {
    /// Name in probe-rs; of a chip that probe-rs does not know, the maker's.
    pub name: &'static str,
    /// Core that runs the firmware.
    pub core: Core,
    /// Internal flash, KiB; of a chip without one, the flash of its maker's board.
    pub flash_kib: u32,
    /// Largest contiguous block of RAM, KiB: an arena must lie in one block.
    pub ram_kib: u32,
    /// Highest clock rate of the core in the maker's data sheet, MHz.
    pub clock_mhz: u32,
}

/// Every known chip. The source is the maker's data sheet. Closely coupled memories and
/// second cores are left out. Sources of the chips with a Cortex-M55 or M85 are the memory maps of
/// probe-rs and, for the Alif Ensemble E7, those of its maker's device pack.
///
/// Each row has the name, the core, the flash in KiB, the RAM in KiB and the clock in MHz.
pub const CHIPS: [Chip; 49] = [
    chip("AE722F80F55D5LS", M55, 5632, 4096, 400), // Alif Ensemble E7, the fast core
    chip("nRF51822_xxAA", M0, 256, 16, 16),
    chip("nRF51822_xxAB", M0, 128, 16, 16),
    chip("nRF51822_xxAC", M0, 256, 32, 16),
    chip("nRF52805_xxAA", M4, 192, 24, 64),
    chip("nRF52810_xxAA", M4, 192, 24, 64),
    chip("nRF52811_xxAA", M4, 192, 24, 64),
    chip("nRF52820_xxAA", M4, 256, 32, 64),
    chip("nRF52832_xxAA", M4, 512, 64, 64),
    chip("nRF52833_xxAA", M4, 512, 128, 64),
    chip("nRF52840_xxAA", M4, 1024, 256, 64),
    chip("nRF5340_xxAA", M33, 1024, 512, 128),
    chip("nRF9160_xxAA", M33, 1024, 256, 64),
    chip("R7FA8D1BH", M85, 2016, 896, 480),
    chip("R7FA8M1AH", M85, 2016, 896, 480),
    chip("RP2040", M0Plus, 2048, 256, 133),
    chip("RP235x", M33, 2048, 512, 150),
    chip("STM32F103C8", M3, 64, 20, 72),
    chip("STM32F103RB", M3, 128, 20, 72),
    chip("STM32F303RETx", M4, 512, 64, 72),
    chip("STM32F401CCUx", M4, 256, 64, 84),
    chip("STM32F401RETx", M4, 512, 96, 84),
    chip("STM32F407VGTx", M4, 1024, 128, 168),
    chip("STM32F411CEUx", M4, 512, 128, 100),
    chip("STM32F411RETx", M4, 512, 128, 100),
    chip("STM32F429ZITx", M4, 2048, 192, 180),
    chip("STM32F446RETx", M4, 512, 128, 180),
    chip("STM32F746ZGTx", M7, 1024, 320, 216),
    chip("STM32F767ZITx", M7, 2048, 512, 216),
    chip("STM32G071RBTx", M0Plus, 128, 36, 64),
    chip("STM32G431RBTx", M4, 128, 32, 170),
    chip("STM32G474RETx", M4, 512, 128, 170),
    chip("STM32H563ZITx", M33, 2048, 640, 250),
    chip("STM32H743ZITx", M7, 2048, 512, 480),
    chip("STM32L053R8Tx", M0Plus, 64, 8, 32),
    chip("STM32L072CZTx", M0Plus, 192, 20, 32),
    chip("STM32L432KCUx", M4, 256, 64, 80),
    chip("STM32L476RGTx", M4, 1024, 96, 80),
    chip("STM32L4R5ZITx", M4, 2048, 640, 120),
    chip("STM32L552ZETxQ", M33, 512, 256, 110),
    chip("STM32N657", M55, 65_536, 3840, 800),
    chip("STM32U575ZITxQ", M33, 2048, 768, 160),
    chip("STM32U585AIIx", M33, 2048, 768, 160),
    chip("STM32WB55RGVx", M4, 1024, 192, 64),
    chip("STM32WL55JCIx", M4, 256, 64, 48),
    chip("ATSAMD21G18A", M0Plus, 256, 32, 48),
    chip("ATSAMD51J19A", M4, 512, 192, 120),
    chip("ATSAMD51P19A", M4, 512, 192, 120),
    chip("ATSAME54P20A", M4, 1024, 256, 120),
];

const fn chip(
    name: &'static str,
    core: Core,
    flash_kib: u32,
    ram_kib: u32,
    clock_mhz: u32,
) -> Chip {
    Chip { name, core, flash_kib, ram_kib, clock_mhz }
}

/// The chip of this name.
///
/// # Panics
/// If [`CHIPS`] has no such chip. The boards are constants, so this is a compile error.
pub(crate) const fn named(name: &str) -> Chip {
    let mut i = 0;
    while i < CHIPS.len() {
        if same(CHIPS[i].name, name) {
            return CHIPS[i];
        }
        i += 1;
    }
    panic!("CHIPS has no chip of this name")
}

const fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && begins_with(a, b)
}

/// True if `text` begins with `start`, byte for byte.
pub(crate) const fn begins_with(text: &str, start: &str) -> bool {
    let (text, start) = (text.as_bytes(), start.as_bytes());
    let mut i = 0;
    while i < start.len() {
        if i >= text.len() || text[i] != start[i] {
            return false;
        }
        i += 1;
    }
    true
}
