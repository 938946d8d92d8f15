//! STM32F4 (RM0390, RM0090): external clock and PLL at the highest clock rate, flash accelerator,
//! USART2 on PA2 and PA3.

use stm32_metapac::flash::vals::Latency;
use stm32_metapac::gpio::vals::{Moder, Pupdr};
use stm32_metapac::pwr::vals::Vos;
use stm32_metapac::rcc::vals::{Hpre, Pllm, Plln, Pllp, Pllq, Pllr, Pllsrc, Ppre, Sw};
use stm32_metapac::{FLASH, GPIOA, PWR, RCC, USART2};

use crate::{BAUD, Board, Bus, Chip, Stuck};

/// Settings of a chip's clocks.
struct Clocks {
    /// Frequency of the external clock, Hz.
    external: u32,
    /// The external clock is a signal and not a crystal.
    bypass: bool,
    /// Divider of the external clock.
    m: u8,
    /// Multiplier of the PLL.
    n: u16,
    /// Divider of the 48 MHz domain.
    q: u8,
    /// Voltage scale 1. STM32F42x and later have two bits, earlier chips have the lower of them.
    scale: Vos,
    /// Over-drive. Clock rates above 168 MHz need it.
    over_drive: bool,
}

/// 180 MHz from the 8 MHz signal of a NUCLEO's debugger.
#[cfg(feature = "stm32f446re")]
const CLOCKS: Clocks = Clocks {
    external: 8_000_000,
    bypass: true,
    m: 4,
    n: 180,
    q: 8,
    scale: Vos::SCALE1,
    over_drive: true,
};

/// 168 MHz from an 8 MHz crystal.
#[cfg(feature = "stm32f407vg")]
const CLOCKS: Clocks = Clocks {
    external: 8_000_000,
    bypass: false,
    m: 4,
    n: 168,
    q: 7,
    scale: Vos::from_bits(1),
    over_drive: false,
};

/// Clock rate of the core, half that of the PLL's oscillator, Hz.
const CORE_HZ: u32 = CLOCKS.external / CLOCKS.m as u32 * CLOCKS.n as u32 / 2;
const _: () = assert!(CORE_HZ == Stm32F4::BOARD.clock_hz());

/// The selected chip of the family.
#[derive(Debug)]
pub enum Stm32F4 {}

impl Chip for Stm32F4 {
    #[cfg(feature = "stm32f446re")]
    const BOARD: Board = supernano_facts::NUCLEO_F446RE;
    #[cfg(feature = "stm32f407vg")]
    const BOARD: Board = supernano_facts::F4_DISCOVERY;

    const RESET_HZ: u32 = 16_000_000;

    /// The order is that of RM0390 5.1.3: first voltage and over-drive, then wait states and
    /// prescalers, then the clock of the core.
    fn start_clocks(bus: &mut impl Bus) -> Result<u32, Stuck> {
        bus.modify(RCC.cr(), |w| {
            w.set_hsebyp(CLOCKS.bypass);
            w.set_hseon(true);
        });
        bus.wait(RCC.cr(), |r| r.hserdy())?;
        bus.modify(RCC.apb1enr(), |w| w.set_pwren(true));
        bus.modify(PWR.cr1(), |w| w.set_vos(CLOCKS.scale));
        bus.write(RCC.pllcfgr(), |w| {
            w.set_pllsrc(Pllsrc::HSE);
            w.set_pllm(Pllm::from_bits(CLOCKS.m));
            w.set_plln(Plln::from_bits(CLOCKS.n));
            w.set_pllp(Pllp::DIV2);
            w.set_pllq(Pllq::from_bits(CLOCKS.q));
            w.set_pllr(Pllr::DIV2);
        });
        bus.modify(RCC.cr(), |w| w.set_pllon(true));
        if CLOCKS.over_drive {
            bus.modify(PWR.cr1(), |w| w.set_oden(true));
            bus.wait(PWR.csr1(), |r| r.odrdy())?;
            bus.modify(PWR.cr1(), |w| w.set_odswen(true));
            bus.wait(PWR.csr1(), |r| r.odswrdy())?;
        }
        bus.write(FLASH.acr(), |w| {
            w.set_latency(Latency::WS5);
            w.set_prften(true);
            w.set_icen(true);
            w.set_dcen(true);
        });
        bus.wait(FLASH.acr(), |r| r.latency() == Latency::WS5)?;
        bus.modify(RCC.cfgr(), |w| {
            w.set_hpre(Hpre::DIV1);
            w.set_ppre1(Ppre::DIV4);
            w.set_ppre2(Ppre::DIV2);
        });
        bus.wait(RCC.cr(), |r| r.pllrdy())?;
        bus.modify(RCC.cfgr(), |w| w.set_sw(Sw::PLL1_P));
        bus.wait(RCC.cfgr(), |r| r.sws() == Sw::PLL1_P)?;
        Ok(CORE_HZ)
    }

    /// Starts USART2. APB1 runs at a quarter of the core's clock rate, or at all of it after a reset.
    /// No step waits.
    fn start_port(bus: &mut impl Bus, hz: u32) -> Result<(), Stuck> {
        let apb1 = if hz == CORE_HZ { hz / 4 } else { hz };
        bus.modify(RCC.ahb1enr(), |w| w.set_gpioaen(true));
        bus.modify(RCC.apb1enr(), |w| w.set_usart2en(true));
        bus.modify(GPIOA.afr(0), |w| (2..4).for_each(|pin| w.set_afr(pin, 7)));
        bus.modify(GPIOA.pupdr(), |w| w.set_pupdr(3, Pupdr::PULL_UP));
        bus.modify(GPIOA.moder(), |w| (2..4).for_each(|pin| w.set_moder(pin, Moder::ALTERNATE)));
        bus.write(USART2.brr(), |w| w.set_brr(((apb1 + BAUD / 2) / BAUD) as u16));
        bus.write(USART2.cr1(), |w| {
            w.set_ue(true);
            w.set_te(true);
            w.set_re(true);
        });
        Ok(())
    }

    fn receive(bus: &mut impl Bus) -> Option<u8> {
        bus.read(USART2.sr()).rxne().then(|| bus.read(USART2.dr()).dr() as u8)
    }

    fn send(bus: &mut impl Bus, byte: u8) {
        while !bus.read(USART2.sr()).txe() {}
        bus.write(USART2.dr(), |w| w.set_dr(byte.into()));
    }
}
