//! STM32F4 (RM0390, RM0090): external clock and PLL to the highest rate, flash accelerator, USART2
//! on PA2 and PA3.

use crate::{BAUD, Bus, Stuck};

pub(crate) const PWR_CR: u32 = 0x4000_7000;
pub(crate) const PWR_CSR: u32 = 0x4000_7004;
pub(crate) const CR: u32 = 0x4002_3800;
pub(crate) const PLLCFGR: u32 = 0x4002_3804;
pub(crate) const CFGR: u32 = 0x4002_3808;
const AHB1ENR: u32 = 0x4002_3830;
pub(crate) const APB1ENR: u32 = 0x4002_3840;
pub(crate) const ACR: u32 = 0x4002_3c00;
const GPIOA: u32 = 0x4002_0000;
const USART2: u32 = 0x4000_4400;
const SR: u32 = USART2;
const DR: u32 = USART2 + 4;
pub(crate) const BRR: u32 = USART2 + 8;
const CR1: u32 = USART2 + 12;

/// Clock of the chip after reset, Hz.
pub const RESET_HZ: u32 = 16_000_000;

/// A chip's clocks.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// External clock, Hz.
    pub external: u32,
    /// It is a clock, no crystal.
    pub bypass: bool,
    /// Divider of the external clock.
    pub m: u32,
    /// Multiplier.
    pub n: u32,
    /// Divider of the core's clock: 2, 4, 6 or 8.
    pub p: u32,
    /// Divider of the 48 MHz domain.
    pub q: u32,
    /// Voltage scale 1, as the bits of `PWR_CR` that hold it on this chip.
    pub scale: u32,
    /// Over-drive, which rates beyond 168 MHz need.
    pub over_drive: bool,
    /// Wait states of the flash.
    pub wait_states: u32,
}

/// STM32F446 at 180 MHz from the 8 MHz that a NUCLEO's debugger gives.
pub const F446: Clocks = Clocks {
    external: 8_000_000,
    bypass: true,
    m: 4,
    n: 180,
    p: 2,
    q: 8,
    scale: 3 << 14,
    over_drive: true,
    wait_states: 5,
};

/// STM32F407 at 168 MHz from an 8 MHz crystal.
pub const F407: Clocks = Clocks {
    external: 8_000_000,
    bypass: false,
    m: 4,
    n: 168,
    p: 2,
    q: 7,
    scale: 1 << 14,
    over_drive: false,
    wait_states: 5,
};

impl Clocks {
    /// Rate of the PLL's oscillator, Hz.
    pub const fn vco(&self) -> u32 {
        self.external / self.m * self.n
    }

    /// Rate of the core, Hz.
    pub const fn core(&self) -> u32 {
        self.vco() / self.p
    }

    /// Rate of USART2: that of APB1, a quarter of the core's, Hz.
    pub const fn apb1(&self) -> u32 {
        self.core() / 4
    }

    /// Starts the clocks, in the order of RM0390 5.1.3: voltage and over-drive, wait states and
    /// prescalers, and only then the core's clock.
    ///
    /// # Errors
    /// [`Stuck`] where a clock does not come up; the core then still runs at [`RESET_HZ`].
    pub fn start(&self, bus: &mut impl Bus) -> Result<(), Stuck> {
        bus.modify(CR, 0, 1 << 16 | (self.bypass as u32) << 18);
        bus.wait(CR, 1 << 17, 1 << 17)?;
        bus.modify(APB1ENR, 0, 1 << 28);
        bus.modify(PWR_CR, 3 << 14, self.scale);
        let p = self.p / 2 - 1;
        bus.write(PLLCFGR, self.m | self.n << 6 | p << 16 | 1 << 22 | self.q << 24 | 2 << 28);
        bus.modify(CR, 0, 1 << 24);
        if self.over_drive {
            bus.modify(PWR_CR, 0, 1 << 16);
            bus.wait(PWR_CSR, 1 << 16, 1 << 16)?;
            bus.modify(PWR_CR, 0, 1 << 17);
            bus.wait(PWR_CSR, 1 << 17, 1 << 17)?;
        }
        // Prefetch, instruction and data cache.
        bus.write(ACR, self.wait_states | 7 << 8);
        bus.wait(ACR, 15, self.wait_states)?;
        // APB1 a quarter, APB2 a half.
        bus.modify(CFGR, 0xfcf3, 5 << 10 | 4 << 13);
        bus.wait(CR, 1 << 25, 1 << 25)?;
        bus.modify(CFGR, 3, 2);
        bus.wait(CFGR, 3 << 2, 2 << 2)
    }
}

/// Starts USART2 where APB1 runs at `hz`.
pub fn start_port(bus: &mut impl Bus, hz: u32) {
    bus.modify(AHB1ENR, 0, 1);
    bus.modify(APB1ENR, 0, 1 << 17);
    bus.modify(GPIOA + 0x20, 0xff << 8, 0x77 << 8);
    bus.modify(GPIOA + 0x0c, 3 << 6, 1 << 6); // the receiving pin is pulled up
    bus.modify(GPIOA, 15 << 4, 10 << 4);
    bus.write(BRR, (hz + BAUD / 2) / BAUD);
    bus.write(CR1, 1 << 13 | 1 << 3 | 1 << 2);
}

/// The next byte received, if any.
pub fn receive(bus: &mut impl Bus) -> Option<u8> {
    (bus.read(SR) & 1 << 5 != 0).then(|| bus.read(DR) as u8)
}

/// True where a byte can be sent.
pub fn ready(bus: &mut impl Bus) -> bool {
    bus.read(SR) & 1 << 7 != 0
}

/// Sends a byte.
pub fn send(bus: &mut impl Bus, byte: u8) {
    bus.write(DR, u32::from(byte));
}
