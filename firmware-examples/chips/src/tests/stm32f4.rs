//! STM32F4: RM0390 (STM32F446) and RM0090 (STM32F407).

use stm32_metapac::rcc::vals::{Hpre, Pllsrc, Ppre, Sw};
use stm32_metapac::{FLASH, PWR, RCC, USART2};

use super::model::{Model, Modelled};
use crate::stm32f4::Stm32F4;
use crate::{Chip as _, Register as _};

const CR: u32 = 0x4002_3800;
const CFGR: u32 = 0x4002_3808;
const PWR_CSR: u32 = 0x4000_7004;
const ACR: u32 = 0x4002_3c00;
const SR: u32 = 0x4000_4400;

const F446: bool = cfg!(feature = "stm32f446re");

impl Modelled for Stm32F4 {
    const CLOCKS: &[u32] = &[CR];
    /// Four registers of RCC, the flash and the voltage.
    const STEPS: &[u32] = &[CR, 0x4002_3804, CFGR, 0x4002_3840, ACR, 0x4000_7000];
    const WAITS: bool = true;
    const MANUAL: &[(u32, u32)] = &[
        (0x4002_3804, if F446 { 0x2840_2d04 } else { 0x2740_2a04 }),
        (CFGR, 0x9402),
        (ACR, 0x705),
        (0x4000_7000, if F446 { 0x3_c000 } else { 0x4000 }),
        (0x4002_0000, 0xa0),
        (0x4002_0020, 0x7700),
        (0x4000_440c, 0x200c),
    ];

    fn reset(model: &mut Model<Self>) {
        model.set(USART2.sr(), stm32_metapac::usart::regs::Sr(0xc0));
    }

    fn value_at(model: &mut Model<Self>, address: u32) -> u32 {
        let value = model.word(address);
        match address {
            CR if model.settled(RCC.cr()) => value | (value & 0x0101_0000) << 1,
            CFGR => value & !12 | (value & 3) << 2,
            PWR_CSR if model.settled(PWR.csr1()) => model.word(0x4000_7000) & 3 << 16,
            SR => {
                // A read takes the byte.
                model.set(USART2.sr(), stm32_metapac::usart::regs::Sr(value & !0x20));
                value
            }
            _ => value,
        }
    }

    /// At 2.7 V and more the flash allows 30 MHz for each wait state. The core allows 168 MHz without
    /// over-drive and 180 MHz with it.
    fn wrote(model: &mut Model<Self>, written: u32) {
        if written == PWR.cr1().address() {
            model.unsettle(PWR.csr1());
        }
        let cfgr = model.get(RCC.cfgr());
        if cfgr.sw() != Sw::PLL1_P {
            return;
        }
        let (cr, pll) = (model.get(RCC.cr()), model.get(RCC.pllcfgr()));
        assert!(cr.hseon() && cr.pllon(), "PLL off");
        assert!(model.settled(RCC.cr()), "PLL not waited for");
        assert_eq!(pll.pllsrc(), Pllsrc::HSE);
        assert_ne!(written, RCC.pllcfgr().address(), "PLL changed while it runs");
        assert_eq!(cr.hsebyp(), F446);
        let input = 8_000_000 / u32::from(pll.pllm().to_bits());
        assert!((1_000_000..=2_000_000).contains(&input), "PLL input {input} Hz");
        let vco = input * u32::from(pll.plln().to_bits());
        assert!((100_000_000..=432_000_000).contains(&vco), "VCO {vco} Hz");
        let core = vco / (2 * (u32::from(pll.pllp().to_bits()) + 1));
        assert!(model.get(RCC.apb1enr()).pwren(), "power block without clock");
        let power = model.get(PWR.cr1());
        assert_eq!(power.vos().to_bits(), if F446 { 3 } else { 1 }, "voltage scale");
        let over_drive = power.oden() && power.odswen();
        if over_drive {
            assert!(model.settled(PWR.csr1()), "over-drive not waited for");
        }
        let limit = if over_drive { 180_000_000 } else { 168_000_000 };
        assert!(core <= limit && core == Self::BOARD.clock_hz(), "core {core} Hz");
        let acr = model.get(FLASH.acr());
        assert_eq!(u32::from(acr.latency().to_bits()), (core - 1) / 30_000_000, "wait states");
        assert!(acr.prften() && acr.icen() && acr.dcen(), "prefetch and caches");
        assert_eq!((cfgr.hpre(), cfgr.ppre1(), cfgr.ppre2()), (Hpre::DIV1, Ppre::DIV4, Ppre::DIV2));
        assert!(core / 4 <= 45_000_000 && core / 2 <= 90_000_000);
        model.core_hz = core;
    }

    fn rate(model: &Model<Self>) -> u32 {
        let apb1 = match model.get(RCC.cfgr()).ppre1() {
            Ppre::DIV4 => model.core_hz / 4,
            _ => model.core_hz,
        };
        apb1 / u32::from(model.get(USART2.brr()).brr())
    }

    fn arrives(model: &mut Model<Self>, byte: u8) {
        model.set(USART2.sr(), stm32_metapac::usart::regs::Sr(0xe0));
        model.set(USART2.dr(), stm32_metapac::usart::regs::Dr(byte.into()));
    }

    fn sent(model: &Model<Self>) -> u32 {
        u32::from(model.get(USART2.dr()).dr())
    }
}

suite!(Stm32F4);
