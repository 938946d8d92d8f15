//! The boards: one constant each.

use crate::{Bus, Stuck, nrf52, rp2, stm32f4, stm32h7};

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

/// Family of a chip, and what its family must know.
#[derive(Clone, Copy, Debug)]
pub enum Setup {
    /// STM32F4.
    Stm32F4(stm32f4::Clocks),
    /// STM32H7.
    Stm32H7(stm32h7::Clocks),
    /// nRF52.
    Nrf52(nrf52::Pins),
    /// RP2040 or RP2350.
    Rp2(rp2::Chip),
}

/// What counts cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// The DWT's cycle counter.
    Dwt,
    /// SysTick's 24 bits, and a timer of microseconds at this address for those above.
    SysTick(u32),
}

/// A board.
#[derive(Clone, Copy, Debug)]
pub struct Board {
    /// Its package.
    pub package: &'static str,
    /// Its chip, as probe-rs calls it.
    pub chip: &'static str,
    /// Its core.
    pub core: &'static str,
    /// Flash of the chip, or of the board.
    pub flash: Region,
    /// The part of the flash that holds a network; the firmware has what lies before.
    pub blob: Region,
    /// Memory of statics.
    pub ram: Region,
    /// Memory of the stack: what the statics leave, or memory of its own.
    pub stack: Region,
    /// How its clocks and port are set up.
    pub setup: Setup,
    /// What counts cycles.
    pub counter: Counter,
}

/// ST NUCLEO-F446RE.
pub const NUCLEO_F446RE: Board = Board {
    package: "nucleo-f446re",
    chip: "STM32F446RETx",
    core: "cortex-m4",
    flash: kib(0x0800_0000, 512),
    blob: kib(0x0804_0000, 256),
    ram: kib(0x2000_0000, 128),
    stack: kib(0x2000_0000, 128),
    setup: Setup::Stm32F4(stm32f4::F446),
    counter: Counter::Dwt,
};

/// STM32F4-Discovery.
pub const F4_DISCOVERY: Board = Board {
    package: "f4-discovery",
    chip: "STM32F407VGTx",
    core: "cortex-m4",
    flash: kib(0x0800_0000, 1024),
    blob: kib(0x0804_0000, 768),
    ram: kib(0x2000_0000, 128),
    stack: kib(0x2000_0000, 128),
    setup: Setup::Stm32F4(stm32f4::F407),
    counter: Counter::Dwt,
};

/// nRF52840-DK.
pub const NRF52840_DK: Board = Board {
    package: "nrf52840-dk",
    chip: "nRF52840_xxAA",
    core: "cortex-m4",
    flash: kib(0, 1024),
    blob: kib(0x4_0000, 768),
    ram: kib(0x2000_0000, 256),
    stack: kib(0x2000_0000, 256),
    setup: Setup::Nrf52(nrf52::Pins { send: 6, receive: 8 }),
    counter: Counter::Dwt,
};

/// BBC micro:bit v2.
pub const MICROBIT_V2: Board = Board {
    package: "microbit-v2",
    chip: "nRF52833_xxAA",
    core: "cortex-m4",
    flash: kib(0, 512),
    blob: kib(0x4_0000, 256),
    ram: kib(0x2000_0000, 128),
    stack: kib(0x2000_0000, 128),
    setup: Setup::Nrf52(nrf52::Pins { send: 6, receive: 32 + 8 }),
    counter: Counter::Dwt,
};

/// ST NUCLEO-H743ZI.
pub const NUCLEO_H743ZI: Board = Board {
    package: "nucleo-h743zi",
    chip: "STM32H743ZITx",
    core: "cortex-m7",
    flash: kib(0x0800_0000, 2048),
    blob: kib(0x0804_0000, 1792),
    ram: kib(0x2400_0000, 512),
    stack: kib(0x2000_0000, 128),
    setup: Setup::Stm32H7(stm32h7::H743),
    counter: Counter::Dwt,
};

/// Raspberry Pi Pico.
pub const PICO: Board = Board {
    package: "pico",
    chip: "RP2040",
    core: "cortex-m0+",
    flash: kib(0x1000_0000, 2048),
    blob: kib(0x1004_0000, 1792),
    ram: kib(0x2000_0000, 256),
    stack: kib(0x2000_0000, 256),
    setup: Setup::Rp2(rp2::RP2040),
    counter: Counter::SysTick(rp2::RP2040_MICROSECONDS),
};

/// Raspberry Pi Pico 2.
pub const PICO2: Board = Board {
    package: "pico2",
    chip: "RP235x",
    core: "cortex-m33",
    flash: kib(0x1000_0000, 4096),
    blob: kib(0x1004_0000, 3840),
    ram: kib(0x2000_0000, 512),
    stack: kib(0x2000_0000, 512),
    setup: Setup::Rp2(rp2::RP2350),
    counter: Counter::Dwt,
};

/// All of them.
pub const BOARDS: [Board; 7] =
    [NUCLEO_F446RE, F4_DISCOVERY, NRF52840_DK, MICROBIT_V2, NUCLEO_H743ZI, PICO, PICO2];

impl Board {
    /// Clock of the core once it is set up, Hz.
    pub const fn clock_hz(&self) -> u32 {
        match self.setup {
            Setup::Stm32F4(clocks) => clocks.core(),
            Setup::Stm32H7(clocks) => clocks.core(),
            Setup::Nrf52(_) => nrf52::HZ,
            Setup::Rp2(chip) => chip.core(),
        }
    }

    /// Sets up clocks and serial port. Where the clocks fail the port still starts, at the rate
    /// after reset, so that it can be said.
    ///
    /// # Errors
    /// [`Stuck`], with the register that did not answer.
    pub fn start(&self, bus: &mut impl Bus) -> Result<(), Stuck> {
        match self.setup {
            Setup::Stm32F4(clocks) => {
                let started = clocks.start(bus);
                let hz = if started.is_ok() { clocks.apb1() } else { stm32f4::RESET_HZ };
                stm32f4::start_port(bus, hz);
                started
            }
            Setup::Stm32H7(clocks) => {
                let started = clocks.start(bus);
                let hz = if started.is_ok() { clocks.apb1() } else { stm32h7::RESET_HZ };
                stm32h7::start_port(bus, hz);
                started
            }
            Setup::Nrf52(pins) => {
                let started = nrf52::start(bus);
                nrf52::start_port(bus, pins);
                started
            }
            Setup::Rp2(chip) => {
                let started = chip.start(bus);
                started.and(chip.start_port(bus))
            }
        }
    }

    /// The next byte received, if any.
    pub fn receive(&self, bus: &mut impl Bus) -> Option<u8> {
        match self.setup {
            Setup::Stm32F4(_) => stm32f4::receive(bus),
            Setup::Stm32H7(_) => stm32h7::receive(bus),
            Setup::Nrf52(_) => nrf52::receive(bus),
            Setup::Rp2(chip) => chip.receive(bus),
        }
    }

    /// Sends a byte.
    pub fn send(&self, bus: &mut impl Bus, byte: u8) {
        match self.setup {
            Setup::Stm32F4(_) => {
                while !stm32f4::ready(bus) {}
                stm32f4::send(bus, byte);
            }
            Setup::Stm32H7(_) => {
                while !stm32h7::ready(bus) {}
                stm32h7::send(bus, byte);
            }
            Setup::Nrf52(_) => nrf52::send(bus, byte),
            Setup::Rp2(chip) => {
                while !chip.ready(bus) {}
                chip.send(bus, byte);
            }
        }
    }
}
