//! RP2040 and RP2350: core clock from the crystal's PLL, UART 0 on GPIO 0 and 1.

use crate::{BAUD, Bus, Stuck};

/// Where a chip has its blocks, and its PLL's numbers.
#[derive(Clone, Copy, Debug)]
pub struct Chip {
    /// Base of the clocks.
    pub clocks: u32,
    /// Base of the crystal oscillator.
    pub crystal: u32,
    /// Base of the core's PLL.
    pub pll: u32,
    /// Base of the resets.
    pub resets: u32,
    /// Bit of the PLL's reset.
    pub pll_reset: u32,
    /// Bits of the resets of pins, pads, UART and timer.
    pub port_resets: u32,
    /// Base of the pins.
    pub pins: u32,
    /// Base of the pads.
    pub pads: u32,
    /// Base of the UART.
    pub uart: u32,
    /// Register that divides the crystal to the timer's microseconds.
    pub tick: Option<u32>,
    /// Crystal, Hz.
    pub external: u32,
    /// Multiplier of the PLL.
    pub n: u32,
    /// Its two dividers.
    pub dividers: [u32; 2],
}

/// RP2040 at 133 MHz.
pub const RP2040: Chip = Chip {
    clocks: 0x4000_8000,
    crystal: 0x4002_4000,
    pll: 0x4002_8000,
    resets: 0x4000_c000,
    pll_reset: 1 << 12,
    port_resets: 1 << 5 | 1 << 8 | 1 << 21 | 1 << 22,
    pins: 0x4001_4000,
    pads: 0x4001_c000,
    uart: 0x4003_4000,
    tick: Some(0x4005_802c),
    external: 12_000_000,
    n: 133,
    dividers: [6, 2],
};

/// RP2350 at 150 MHz.
pub const RP2350: Chip = Chip {
    clocks: 0x4001_0000,
    crystal: 0x4004_8000,
    pll: 0x4005_0000,
    resets: 0x4002_0000,
    pll_reset: 1 << 14,
    port_resets: 1 << 6 | 1 << 9 | 1 << 26,
    pins: 0x4002_8000,
    pads: 0x4003_8000,
    uart: 0x4007_0000,
    tick: None,
    external: 12_000_000,
    n: 125,
    dividers: [5, 2],
};

/// Low word of the RP2040's timer, microseconds.
pub const RP2040_MICROSECONDS: u32 = 0x4005_4028;

impl Chip {
    /// Rate of the PLL's oscillator, Hz.
    pub const fn vco(&self) -> u32 {
        self.external * self.n
    }

    /// Rate of the core, Hz.
    pub const fn core(&self) -> u32 {
        self.vco() / self.dividers[0] / self.dividers[1]
    }

    /// Starts crystal, PLL, clocks, and the timer's tick.
    ///
    /// # Errors
    /// [`Stuck`] where one does not come up; the core then runs from its ring oscillator, whose
    /// rate nobody knows.
    pub fn start(&self, bus: &mut impl Bus) -> Result<(), Stuck> {
        let (reference, system) = (self.clocks + 0x30, self.clocks + 0x3c);
        bus.modify(system, 1, 0); // the core from the reference while the PLL changes
        bus.wait(system + 8, 15, 1)?;
        bus.write(self.crystal, 0xaa0);
        bus.write(self.crystal + 0x0c, 47); // a millisecond to settle
        bus.write(self.crystal, 0xfa_baa0);
        bus.wait(self.crystal + 4, 1 << 31, 1 << 31)?;
        bus.write(reference, 2);
        bus.wait(reference + 8, 15, 4)?;
        bus.modify(self.resets, 0, self.pll_reset);
        bus.modify(self.resets, self.pll_reset, 0);
        bus.wait(self.resets + 8, self.pll_reset, self.pll_reset)?;
        bus.write(self.pll, 1);
        bus.write(self.pll + 8, self.n);
        bus.modify(self.pll + 4, 1 | 1 << 5, 0);
        bus.wait(self.pll, 1 << 31, 1 << 31)?;
        bus.write(self.pll + 12, self.dividers[0] << 16 | self.dividers[1] << 12);
        bus.modify(self.pll + 4, 1 << 3, 0);
        bus.modify(system, 7 << 5, 0);
        bus.modify(system, 0, 1);
        bus.wait(system + 8, 15, 2)?;
        if let Some(tick) = self.tick {
            bus.write(tick, (self.external / 1_000_000) | 1 << 9);
        }
        Ok(())
    }

    /// Starts the UART.
    ///
    /// # Errors
    /// [`Stuck`] where a block does not leave its reset.
    pub fn start_port(&self, bus: &mut impl Bus) -> Result<(), Stuck> {
        bus.write(self.clocks + 0x48, 1 << 11);
        bus.modify(self.resets, self.port_resets, 0);
        bus.wait(self.resets + 8, self.port_resets, self.port_resets)?;
        for pin in 0..2 {
            bus.write(self.pads + 4 + 4 * pin, 0x5a);
            bus.write(self.pins + 4 + 8 * pin, 2);
        }
        let divisor = 8 * self.core() / BAUD;
        bus.write(self.uart + 0x24, divisor >> 7);
        bus.write(self.uart + 0x28, (divisor & 0x7f).div_ceil(2));
        bus.write(self.uart + 0x2c, 0x70);
        bus.write(self.uart + 0x30, 0x301);
        Ok(())
    }

    /// The next byte received, if any.
    pub fn receive(&self, bus: &mut impl Bus) -> Option<u8> {
        (bus.read(self.uart + 0x18) & 1 << 4 == 0).then(|| bus.read(self.uart) as u8)
    }

    /// True where a byte can be sent.
    pub fn ready(&self, bus: &mut impl Bus) -> bool {
        bus.read(self.uart + 0x18) & 1 << 5 == 0
    }

    /// Sends a byte.
    pub fn send(&self, bus: &mut impl Bus, byte: u8) {
        bus.write(self.uart, u32::from(byte));
    }
}
