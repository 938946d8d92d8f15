//! The boards as numbers, for their firmware and for what checks it.
#![no_std]

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

/// A board.
#[derive(Clone, Copy, Debug)]
pub struct Board {
    /// Its package.
    pub package: &'static str,
    /// Its chip, as probe-rs calls it.
    pub chip: &'static str,
    /// The feature of `supernano-chips` that chooses the chip.
    pub feature: &'static str,
    /// Its core.
    pub core: &'static str,
    /// Rate of the core after the set-up, Hz; of the chip's newest revision where they differ.
    pub clock_hz: u32,
    /// Flash of the chip, or of the board.
    pub flash: Region,
    /// The part of the flash that holds a network; the firmware has what lies before.
    pub blob: Region,
    /// Memory of statics.
    pub ram: Region,
    /// Memory of the stack: what the statics leave, or memory of its own.
    pub stack: Region,
}

/// ST NUCLEO-F446RE.
pub const NUCLEO_F446RE: Board = Board {
    package: "nucleo-f446re",
    chip: "STM32F446RETx",
    feature: "stm32f446re",
    core: "cortex-m4",
    clock_hz: 180_000_000,
    flash: kib(0x0800_0000, 512),
    blob: kib(0x0804_0000, 256),
    ram: kib(0x2000_0000, 128),
    stack: kib(0x2000_0000, 128),
};

/// STM32F4-Discovery.
pub const F4_DISCOVERY: Board = Board {
    package: "f4-discovery",
    chip: "STM32F407VGTx",
    feature: "stm32f407vg",
    core: "cortex-m4",
    clock_hz: 168_000_000,
    flash: kib(0x0800_0000, 1024),
    blob: kib(0x0804_0000, 768),
    ram: kib(0x2000_0000, 128),
    stack: kib(0x2000_0000, 128),
};

/// nRF52840-DK.
pub const NRF52840_DK: Board = Board {
    package: "nrf52840-dk",
    chip: "nRF52840_xxAA",
    feature: "nrf52840",
    core: "cortex-m4",
    clock_hz: 64_000_000,
    flash: kib(0, 1024),
    blob: kib(0x4_0000, 768),
    ram: kib(0x2000_0000, 256),
    stack: kib(0x2000_0000, 256),
};

/// BBC micro:bit v2.
pub const MICROBIT_V2: Board = Board {
    package: "microbit-v2",
    chip: "nRF52833_xxAA",
    feature: "nrf52833",
    core: "cortex-m4",
    clock_hz: 64_000_000,
    flash: kib(0, 512),
    blob: kib(0x4_0000, 256),
    ram: kib(0x2000_0000, 128),
    stack: kib(0x2000_0000, 128),
};

/// ST NUCLEO-H743ZI.
pub const NUCLEO_H743ZI: Board = Board {
    package: "nucleo-h743zi",
    chip: "STM32H743ZITx",
    feature: "stm32h743zi",
    core: "cortex-m7",
    clock_hz: 480_000_000,
    flash: kib(0x0800_0000, 2048),
    blob: kib(0x0804_0000, 1792),
    ram: kib(0x2400_0000, 512),
    stack: kib(0x2000_0000, 128),
};

/// Raspberry Pi Pico.
pub const PICO: Board = Board {
    package: "pico",
    chip: "RP2040",
    feature: "rp2040",
    core: "cortex-m0+",
    clock_hz: 133_000_000,
    flash: kib(0x1000_0000, 2048),
    blob: kib(0x1004_0000, 1792),
    ram: kib(0x2000_0000, 256),
    stack: kib(0x2000_0000, 256),
};

/// Raspberry Pi Pico 2.
pub const PICO2: Board = Board {
    package: "pico2",
    chip: "RP235x",
    feature: "rp235x",
    core: "cortex-m33",
    clock_hz: 150_000_000,
    flash: kib(0x1000_0000, 4096),
    blob: kib(0x1004_0000, 3840),
    ram: kib(0x2000_0000, 512),
    stack: kib(0x2000_0000, 512),
};

/// All of them.
pub const BOARDS: [Board; 7] =
    [NUCLEO_F446RE, F4_DISCOVERY, NRF52840_DK, MICROBIT_V2, NUCLEO_H743ZI, PICO, PICO2];

#[cfg(test)]
mod tests;
