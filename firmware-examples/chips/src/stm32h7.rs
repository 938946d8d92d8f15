//! STM32H743 (RM0433): 480 MHz on a chip of revision V and 400 MHz on an earlier one, USART3 on PD8
//! and PD9.

use stm32_metapac::gpio::vals::Moder;
use stm32_metapac::pwr::vals::Vos;
use stm32_metapac::rcc::vals::{Hpre, Plldiv, Pllm, Plln, Pllrge, Pllsrc, Pllvcosel, Ppre, Sw};
use stm32_metapac::{DBGMCU, FLASH, GPIOD, PWR, RCC, SYSCFG, USART3};

use crate::{BAUD, Board, Bus, Chip, Stuck};

/// Frequency of the clock signal of a NUCLEO's debugger, Hz.
const EXTERNAL_HZ: u32 = 8_000_000;

/// `REV_ID` of a chip of revision V (RM0433, 60.5.8).
pub(crate) const REVISION_V: u16 = 0x2003;

/// Settings for a clock rate. The flash and the bus matrix run at half of it (RM0433, table 17).
struct Clocks {
    /// Multiplier of 4 MHz. The core runs at half the product.
    n: u16,
    /// Over-drive, which gives voltage scale 0.
    over_drive: bool,
    /// Wait states of the flash.
    wait_states: u8,
    /// Programming delay of the flash.
    delay: u8,
}

/// 480 MHz. The data sheet allows it for revision V only.
const FAST: Clocks = Clocks { n: 240, over_drive: true, wait_states: 4, delay: 2 };
/// 400 MHz at voltage scale 1. The data sheet allows it for every revision.
const SLOW: Clocks = Clocks { n: 200, over_drive: false, wait_states: 2, delay: 2 };

impl Clocks {
    const fn core(&self) -> u32 {
        EXTERNAL_HZ / 2 * self.n as u32 / 2
    }
}

const _: () = assert!(FAST.core() == Stm32H7::BOARD.clock_hz());

/// The chip.
#[derive(Debug)]
pub enum Stm32H7 {}

impl Chip for Stm32H7 {
    const BOARD: Board = supernano_facts::NUCLEO_H743ZI;

    const RESET_HZ: u32 = 64_000_000;

    /// The order is supply and voltage, PLL, wait states and prescalers, clock of the core.
    fn start_clocks(bus: &mut impl Bus) -> Result<u32, Stuck> {
        let revision = bus.read(DBGMCU.idc()).rev_id();
        let clocks = if revision == REVISION_V { FAST } else { SLOW };
        // The linear regulator. These fields can be written once after power-on.
        bus.modify(PWR.cr3(), |w| {
            w.set_bypass(false);
            w.set_ldoen(true);
            w.set_scuen(true);
        });
        bus.wait(PWR.csr1(), |r| r.actvosrdy())?;
        bus.modify(PWR.d3cr(), |w| w.set_vos(Vos::SCALE1));
        bus.wait(PWR.d3cr(), |r| r.vosrdy())?;
        if clocks.over_drive {
            // Scale 0 is scale 1 with over-drive (RM0433, 6.6.2).
            bus.modify(RCC.apb4enr(), |w| w.set_syscfgen(true));
            bus.read(RCC.apb4enr()); // the read waits for the clock
            bus.modify(SYSCFG.pwrcr(), |w| w.set_oden(1));
            bus.wait(PWR.d3cr(), |r| r.vosrdy())?;
        }
        bus.modify(RCC.cr(), |w| {
            w.set_hsebyp(true);
            w.set_hseon(true);
        });
        bus.wait(RCC.cr(), |r| r.hserdy())?;
        bus.write(RCC.pllckselr(), |w| {
            w.set_pllsrc(Pllsrc::HSE);
            w.set_divm(0, Pllm::DIV2);
        });
        bus.write(RCC.pllcfgr(), |w| {
            w.set_pllvcosel(0, Pllvcosel::WIDE_VCO);
            w.set_pllrge(0, Pllrge::RANGE4);
            w.set_divpen(0, true);
        });
        bus.write(RCC.plldivr(0), |w| {
            w.set_plln(Plln::from_bits(clocks.n - 1));
            w.set_pllp(Plldiv::DIV2);
            w.set_pllq(Plldiv::DIV2);
            w.set_pllr(Plldiv::DIV2);
        });
        bus.modify(RCC.cr(), |w| w.set_pllon(0, true));
        bus.wait(RCC.cr(), |r| r.pllrdy(0))?;
        bus.write(FLASH.acr(), |w| {
            w.set_latency(clocks.wait_states);
            w.set_wrhighfreq(clocks.delay);
        });
        bus.wait(FLASH.acr(), |r| r.latency() == clocks.wait_states)?;
        bus.write(RCC.d1cfgr(), |w| {
            w.set_d1cpre(Hpre::DIV1);
            w.set_hpre(Hpre::DIV2);
            w.set_d1ppre(Ppre::DIV2);
        });
        bus.write(RCC.d2cfgr(), |w| {
            w.set_d2ppre1(Ppre::DIV2);
            w.set_d2ppre2(Ppre::DIV2);
        });
        bus.write(RCC.d3cfgr(), |w| w.set_d3ppre(Ppre::DIV2));
        bus.modify(RCC.cfgr(), |w| w.set_sw(Sw::PLL1_P));
        bus.wait(RCC.cfgr(), |r| r.sws() == Sw::PLL1_P)?;
        Ok(clocks.core())
    }

    /// Starts USART3. APB1 runs at a quarter of the core's clock rate, or at all of it after a reset.
    /// No step waits.
    fn start_port(bus: &mut impl Bus, hz: u32) -> Result<(), Stuck> {
        let apb1 = if hz == Self::RESET_HZ { hz } else { hz / 4 };
        bus.modify(RCC.ahb4enr(), |w| w.set_gpioden(true));
        bus.modify(RCC.apb1lenr(), |w| w.set_usart3en(true));
        bus.read(RCC.apb1lenr()); // the read waits for the clock
        bus.modify(GPIOD.afr(1), |w| (0..2).for_each(|pin| w.set_afr(pin, 7)));
        bus.modify(GPIOD.moder(), |w| (8..10).for_each(|pin| w.set_moder(pin, Moder::ALTERNATE)));
        bus.write(USART3.brr(), |w| w.set_brr(((apb1 + BAUD / 2) / BAUD) as u16));
        bus.write(USART3.cr3(), |w| w.set_ovrdis(true)); // an overrun does not stop the port
        bus.write(USART3.cr1(), |w| {
            w.set_ue(true);
            w.set_te(true);
            w.set_re(true);
        });
        Ok(())
    }

    fn receive(bus: &mut impl Bus) -> Option<u8> {
        bus.read(USART3.isr()).rxne().then(|| bus.read(USART3.rdr()).dr() as u8)
    }

    fn send(bus: &mut impl Bus, byte: u8) {
        while !bus.read(USART3.isr()).txe() {}
        bus.write(USART3.tdr(), |w| w.set_dr(byte.into()));
    }
}
