//! RP2040 and RP2350: core clock from the crystal's PLL, UART 0 on GPIO 0 and 1.

use rp_pac::clocks::vals::{ClkPeriCtrlAuxsrc, ClkRefCtrlSrc, ClkSysCtrlAuxsrc, ClkSysCtrlSrc};
use rp_pac::io::vals::{Gpio0ctrlFuncsel, Gpio1ctrlFuncsel};
use rp_pac::pads::vals::Drive;
use rp_pac::resets::regs::Peripherals;
use rp_pac::xosc::vals::{CtrlFreqRange, Enable};
use rp_pac::{CLOCKS, IO_BANK0, PADS_BANK0, PLL_SYS, RESETS, UART0, XOSC};

use crate::{BAUD, Board, Bus, Chip, Stuck};

/// Frequency of the crystal, Hz.
const CRYSTAL_HZ: u32 = 12_000_000;
/// Multiplier of the PLL.
const N: u16 = if cfg!(feature = "rp2040") { 133 } else { 125 };
/// The two dividers after the PLL.
const DIVIDERS: [u8; 2] = if cfg!(feature = "rp2040") { [6, 2] } else { [5, 2] };

/// Clock rate of the core, Hz.
const CORE_HZ: u32 = CRYSTAL_HZ * N as u32 / DIVIDERS[0] as u32 / DIVIDERS[1] as u32;
const _: () = assert!(CORE_HZ == Rp2::BOARD.clock_hz());

/// The bits of a register that shows the selected clock source. The access crate has a plain `u32`
/// for one chip and a wrapper for the other.
macro_rules! bits {
    ($value:expr) => {{
        #[cfg(feature = "rp2040")]
        let bits: u32 = $value;
        #[cfg(feature = "rp235x")]
        let bits: u32 = $value.0;
        bits
    }};
}

/// Sets the reset bits of the port's peripherals and of the RP2040's timer.
fn port(w: &mut Peripherals, reset: bool) {
    w.set_io_bank0(reset);
    w.set_pads_bank0(reset);
    w.set_uart0(reset);
    #[cfg(feature = "rp2040")]
    w.set_timer(reset);
}

/// Microseconds since the timer started, modulo 2^32.
#[cfg(feature = "rp2040")]
pub fn microseconds(bus: &mut impl Bus) -> u32 {
    bus.read(rp_pac::TIMER.timerawl())
}

/// The selected chip of the family.
#[derive(Debug)]
pub enum Rp2 {}

impl Chip for Rp2 {
    #[cfg(feature = "rp2040")]
    const BOARD: Board = supernano_facts::PICO;
    #[cfg(feature = "rp235x")]
    const BOARD: Board = supernano_facts::PICO2;

    /// The ring oscillator drives the core after a reset. Its frequency differs from chip to chip.
    const RESET_HZ: u32 = if cfg!(feature = "rp2040") { 6_500_000 } else { 11_000_000 };

    /// Starts the crystal, the PLL, the clocks, and the timer of the RP2040. If a step fails, the core
    /// runs from its ring oscillator or from the crystal.
    fn start_clocks(bus: &mut impl Bus) -> Result<u32, Stuck> {
        // The reference clock drives the core while the PLL changes.
        bus.modify(CLOCKS.clk_sys_ctrl(), |w| w.set_src(ClkSysCtrlSrc::CLK_REF));
        bus.wait(CLOCKS.clk_sys_selected(), |r| bits!(r) == 1)?;
        bus.write(XOSC.ctrl(), |w| w.set_freq_range(CtrlFreqRange::_1_15MHZ));
        bus.write(XOSC.startup(), |w| w.set_delay(47)); // the crystal settles in 1 ms
        bus.modify(XOSC.ctrl(), |w| w.set_enable(Enable::ENABLE));
        bus.wait(XOSC.status(), |r| r.stable())?;
        bus.write(CLOCKS.clk_ref_ctrl(), |w| w.set_src(ClkRefCtrlSrc::XOSC_CLKSRC));
        bus.wait(CLOCKS.clk_ref_selected(), |r| bits!(r) == 1 << 2)?;
        bus.modify(RESETS.reset(), |w| w.set_pll_sys(true));
        bus.modify(RESETS.reset(), |w| w.set_pll_sys(false));
        bus.wait(RESETS.reset_done(), |r| r.pll_sys())?;
        bus.write(PLL_SYS.cs(), |w| w.set_refdiv(1));
        bus.write(PLL_SYS.fbdiv_int(), |w| w.set_fbdiv_int(N));
        bus.modify(PLL_SYS.pwr(), |w| {
            w.set_pd(false);
            w.set_vcopd(false);
        });
        bus.wait(PLL_SYS.cs(), |r| r.lock())?;
        bus.write(PLL_SYS.prim(), |w| {
            w.set_postdiv1(DIVIDERS[0]);
            w.set_postdiv2(DIVIDERS[1]);
        });
        bus.modify(PLL_SYS.pwr(), |w| w.set_postdivpd(false));
        bus.modify(CLOCKS.clk_sys_ctrl(), |w| w.set_auxsrc(ClkSysCtrlAuxsrc::CLKSRC_PLL_SYS));
        bus.modify(CLOCKS.clk_sys_ctrl(), |w| w.set_src(ClkSysCtrlSrc::CLKSRC_CLK_SYS_AUX));
        bus.wait(CLOCKS.clk_sys_selected(), |r| bits!(r) == 1 << 1)?;
        #[cfg(feature = "rp2040")]
        bus.write(rp_pac::WATCHDOG.tick(), |w| {
            w.set_cycles((CRYSTAL_HZ / 1_000_000) as u16);
            w.set_enable(true);
        });
        Ok(CORE_HZ)
    }

    fn start_port(bus: &mut impl Bus, hz: u32) -> Result<(), Stuck> {
        bus.write(CLOCKS.clk_peri_ctrl(), |w| {
            w.set_auxsrc(ClkPeriCtrlAuxsrc::CLK_SYS);
            w.set_enable(true);
        });
        bus.modify(RESETS.reset(), |w| port(w, false));
        let mut needed = Peripherals::default();
        port(&mut needed, true);
        bus.wait(RESETS.reset_done(), |r| r.0 & needed.0 == needed.0)?;
        let functions =
            [Gpio0ctrlFuncsel::UART0_TX.to_bits(), Gpio1ctrlFuncsel::UART0_RX.to_bits()];
        for (pin, function) in functions.into_iter().enumerate() {
            bus.write(PADS_BANK0.gpio(pin), |w| {
                w.set_schmitt(true);
                w.set_pue(true);
                w.set_drive(Drive::_4M_A);
                w.set_ie(true);
            });
            bus.write(IO_BANK0.gpio(pin).ctrl(), |w| w.set_funcsel(function));
        }
        let divisor = 8 * hz / BAUD;
        bus.write(UART0.uartibrd(), |w| w.set_baud_divint((divisor >> 7) as u16));
        bus.write(UART0.uartfbrd(), |w| w.set_baud_divfrac((divisor & 0x7f).div_ceil(2) as u8));
        bus.write(UART0.uartlcr_h(), |w| {
            w.set_wlen(3); // 8 bits
            w.set_fen(true);
        });
        bus.write(UART0.uartcr(), |w| {
            w.set_uarten(true);
            w.set_txe(true);
            w.set_rxe(true);
        });
        Ok(())
    }

    fn receive(bus: &mut impl Bus) -> Option<u8> {
        (!bus.read(UART0.uartfr()).rxfe()).then(|| bus.read(UART0.uartdr()).data())
    }

    fn send(bus: &mut impl Bus, byte: u8) {
        while bus.read(UART0.uartfr()).txff() {}
        bus.write(UART0.uartdr(), |w| w.set_data(byte));
    }
}
