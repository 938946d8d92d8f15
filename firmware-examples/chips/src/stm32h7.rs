//! STM32H743 (RM0433): 400 MHz in voltage scale 1, which every revision of the chip allows, and
//! USART3 on PD8 and PD9.

use crate::{BAUD, Bus, Stuck};

const PWR: u32 = 0x5802_4800;
pub(crate) const PWR_CSR1: u32 = PWR + 0x04;
pub(crate) const PWR_CR3: u32 = PWR + 0x0c;
pub(crate) const PWR_D3CR: u32 = PWR + 0x18;
pub(crate) const CR: u32 = 0x5802_4400;
pub(crate) const CFGR: u32 = CR + 0x10;
pub(crate) const D1CFGR: u32 = CR + 0x18;
pub(crate) const D2CFGR: u32 = CR + 0x1c;
const D3CFGR: u32 = CR + 0x20;
pub(crate) const PLLCKSELR: u32 = CR + 0x28;
pub(crate) const PLLCFGR: u32 = CR + 0x2c;
pub(crate) const PLL1DIVR: u32 = CR + 0x30;
const AHB4ENR: u32 = CR + 0xe0;
const APB1LENR: u32 = CR + 0xe8;
pub(crate) const ACR: u32 = 0x5200_2000;
const GPIOD: u32 = 0x5802_0c00;
const USART3: u32 = 0x4000_4800;
pub(crate) const BRR: u32 = USART3 + 0x0c;

/// Clock of the chip after reset, Hz.
pub const RESET_HZ: u32 = 64_000_000;

/// The chip's clocks.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// External clock, Hz: a clock, no crystal.
    pub external: u32,
    /// Divider of the external clock.
    pub m: u32,
    /// Multiplier.
    pub n: u32,
    /// Divider of the core's clock.
    pub p: u32,
    /// Wait states of the flash.
    pub wait_states: u32,
    /// Programming delay of the flash.
    pub delay: u32,
}

/// 400 MHz from the 8 MHz that a NUCLEO's debugger gives.
pub const H743: Clocks =
    Clocks { external: 8_000_000, m: 2, n: 200, p: 2, wait_states: 2, delay: 2 };

impl Clocks {
    /// Rate of the PLL's oscillator, Hz.
    pub const fn vco(&self) -> u32 {
        self.external / self.m * self.n
    }

    /// Rate of the core, Hz.
    pub const fn core(&self) -> u32 {
        self.vco() / self.p
    }

    /// Rate of flash and bus matrix, Hz.
    pub const fn axi(&self) -> u32 {
        self.core() / 2
    }

    /// Rate of USART3: that of APB1, Hz.
    pub const fn apb1(&self) -> u32 {
        self.axi() / 2
    }

    /// Starts the clocks: supply and voltage, PLL, wait states and prescalers, then the core's.
    ///
    /// # Errors
    /// [`Stuck`] where a clock does not come up; the core then still runs at [`RESET_HZ`].
    pub fn start(&self, bus: &mut impl Bus) -> Result<(), Stuck> {
        bus.modify(PWR_CR3, 1, 1 << 1 | 1 << 2); // the linear regulator
        bus.wait(PWR_CSR1, 1 << 13, 1 << 13)?;
        bus.modify(PWR_D3CR, 0, 3 << 14); // scale 1
        bus.wait(PWR_D3CR, 1 << 13, 1 << 13)?;
        bus.modify(CR, 0, 1 << 16 | 1 << 18);
        bus.wait(CR, 1 << 17, 1 << 17)?;
        bus.write(PLLCKSELR, 2 | self.m << 4);
        // Wide oscillator, 4 to 8 MHz at its input, output P alone.
        bus.write(PLLCFGR, 2 << 2 | 1 << 16);
        bus.write(PLL1DIVR, (self.n - 1) | (self.p - 1) << 9 | 1 << 16 | 1 << 24);
        bus.modify(CR, 0, 1 << 24);
        bus.wait(CR, 1 << 25, 1 << 25)?;
        bus.write(ACR, self.wait_states | self.delay << 4);
        bus.wait(ACR, 15, self.wait_states)?;
        bus.write(D1CFGR, 8 | 4 << 4);
        bus.write(D2CFGR, 4 << 4 | 4 << 8);
        bus.write(D3CFGR, 4 << 4);
        bus.modify(CFGR, 7, 3);
        bus.wait(CFGR, 7 << 3, 3 << 3)
    }
}

/// Starts USART3 where APB1 runs at `hz`.
pub fn start_port(bus: &mut impl Bus, hz: u32) {
    bus.modify(AHB4ENR, 0, 1 << 3);
    bus.modify(APB1LENR, 0, 1 << 18);
    bus.read(APB1LENR); // the clock is there after a read
    bus.modify(GPIOD + 0x24, 0xff, 0x77);
    bus.modify(GPIOD, 15 << 16, 10 << 16);
    bus.write(BRR, (hz + BAUD / 2) / BAUD);
    bus.write(USART3 + 8, 1 << 12); // a lost byte does not stop the port
    bus.write(USART3, 1 | 1 << 2 | 1 << 3);
}

/// The next byte received, if any.
pub fn receive(bus: &mut impl Bus) -> Option<u8> {
    (bus.read(USART3 + 0x1c) & 1 << 5 != 0).then(|| bus.read(USART3 + 0x24) as u8)
}

/// True where a byte can be sent.
pub fn ready(bus: &mut impl Bus) -> bool {
    bus.read(USART3 + 0x1c) & 1 << 7 != 0
}

/// Sends a byte.
pub fn send(bus: &mut impl Bus, byte: u8) {
    bus.write(USART3 + 0x28, u32::from(byte));
}
