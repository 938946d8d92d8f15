//! Real boards.

use crate::chips::{begins_with, named};
use crate::packages::package;
use crate::{Access, Chip, Package, THUMBV6M, THUMBV7EM_HARD_FLOAT, THUMBV8M_HARD_FLOAT};

/// A region of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First address.
    pub start: u32,
    /// Length, bytes.
    pub bytes: u32,
}

const fn kib(start: u32, kib: u32) -> Region {
    Region { start, bytes: kib << 10 }
}

/// A machine of QEMU that runs a board's program without its clocks and its cycle counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emulator {
    /// QEMU's name of the machine.
    pub board: &'static str,
    /// Index of the serial port that the program uses.
    pub port: usize,
}

/// A board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board {
    /// Package of the firmware.
    pub package: Package,
    /// Chip. The firmware sets the chip's highest clock rate.
    pub chip: Chip,
    /// Beginning of the names of all chips that can run the board's firmware.
    pub family: &'static str,
    /// Flash of the chip, or of the board if the chip has none.
    pub flash: Region,
    /// The end of the flash, which may hold a network. The firmware occupies the flash before it.
    pub blob: Region,
    /// RAM of the statics.
    pub ram: Region,
    /// RAM of the stack: the rest of [`Self::ram`], or a memory of its own.
    pub stack: Region,
    /// Emulator of the `classify` program, if any.
    pub emulator: Option<Emulator>,
}

impl Board {
    /// Clock rate of the core after the set-up, Hz. If revisions of the chip differ, it is that of
    /// the newest.
    pub const fn clock_hz(&self) -> u32 {
        self.chip.clock_mhz * 1_000_000
    }
}

/// Flash that the firmware of a board occupies at most, KiB.
const PROGRAM_KIB: u32 = 256;

/// The flash after the firmware.
const fn after_program(flash: Region, program_kib: u32) -> Region {
    let program = program_kib << 10;
    Region { start: flash.start + program, bytes: flash.bytes - program }
}

/// A board that has the flash and the RAM of its chip at these addresses, with the stack above the
/// statics.
const fn board(package: Package, chip: &str, family: &'static str, flash: u32, ram: u32) -> Board {
    let chip = named(chip);
    assert!(begins_with(chip.name, family), "the chip is not of the family");
    let (flash, ram) = (kib(flash, chip.flash_kib), kib(ram, chip.ram_kib));
    let blob = after_program(flash, PROGRAM_KIB);
    Board { package, chip, family, flash, blob, ram, stack: ram, emulator: None }
}

const fn access(name: &'static str, feature: &'static str) -> Option<Access> {
    Some(Access { name, feature })
}

/// ST NUCLEO-F446RE.
pub const NUCLEO_F446RE: Board = board(
    package!("nucleo-f446re": [Agent, Classify], THUMBV7EM_HARD_FLOAT, Rtt,
        access("stm32-metapac", "stm32f446re")),
    "STM32F446RETx",
    "STM32F446RE",
    0x0800_0000,
    0x2000_0000,
);

/// STM32F4-Discovery. QEMU's `netduinoplus2` has an STM32F405, whose core, memory and USARTs are the
/// same.
pub const F4_DISCOVERY: Board = Board {
    emulator: Some(Emulator { board: "netduinoplus2", port: 1 }),
    ..board(
        package!("f4-discovery": [Agent, Classify], THUMBV7EM_HARD_FLOAT, Rtt,
            access("stm32-metapac", "stm32f407vg")),
        "STM32F407VGTx",
        "STM32F407VG",
        0x0800_0000,
        0x2000_0000,
    )
};

/// nRF52840-DK.
pub const NRF52840_DK: Board = board(
    package!("nrf52840-dk": [Agent, Classify], THUMBV7EM_HARD_FLOAT, Rtt,
        access("nrf-pac", "nrf52840")),
    "nRF52840_xxAA",
    "nRF52840_",
    0,
    0x2000_0000,
);

/// BBC micro:bit v2.
pub const MICROBIT_V2: Board = board(
    package!("microbit-v2": [Agent, Classify], THUMBV7EM_HARD_FLOAT, Rtt,
        access("nrf-pac", "nrf52833")),
    "nRF52833_xxAA",
    "nRF52833_",
    0,
    0x2000_0000,
);

/// ST NUCLEO-H743ZI. The stack lies in the data TCM.
pub const NUCLEO_H743ZI: Board = Board {
    stack: kib(0x2000_0000, 128),
    ..board(
        package!("nucleo-h743zi": [Agent, Classify], THUMBV7EM_HARD_FLOAT, Rtt,
            access("stm32-metapac", "stm32h743zi")),
        "STM32H743ZITx",
        "STM32H743ZI",
        0x0800_0000,
        0x2400_0000,
    )
};

/// Raspberry Pi Pico.
pub const PICO: Board = board(
    package!("pico": [Agent, Classify], THUMBV6M, Rtt, access("rp-pac", "rp2040")),
    "RP2040",
    "RP2040",
    0x1000_0000,
    0x2000_0000,
);

/// Raspberry Pi Pico 2. The board has 4 MiB of flash.
pub const PICO2: Board = {
    let flash = kib(0x1000_0000, 4096);
    let package =
        package!("pico2": [Agent, Classify], THUMBV8M_HARD_FLOAT, Rtt, access("rp-pac", "rp235x"));
    Board {
        flash,
        blob: after_program(flash, PROGRAM_KIB),
        ..board(package, "RP235x", "RP235", flash.start, 0x2000_0000)
    }
};

/// BBC micro:bit v1. Its 16 KiB of RAM hold no agent.
pub const MICROBIT: Board = {
    let chip = named("nRF51822_xxAA");
    let (flash, ram) = (kib(0, chip.flash_kib), kib(0x2000_0000, chip.ram_kib));
    Board {
        package: package!("microbit": [Classify], THUMBV6M, None, None),
        chip,
        family: "nRF51822_",
        flash,
        blob: after_program(flash, 128),
        ram,
        stack: ram,
        emulator: Some(Emulator { board: "microbit", port: 0 }),
    }
};

/// Every board that has an agent.
pub const BOARDS: [Board; 7] =
    [NUCLEO_F446RE, F4_DISCOVERY, NRF52840_DK, MICROBIT_V2, NUCLEO_H743ZI, PICO, PICO2];
